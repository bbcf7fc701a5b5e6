"""The guard around every test: loopback is open, everything else is shut."""

import contextlib
import socket
import urllib.request

import pytest

from tests.network import NetworkForbiddenError

# An address and a name set aside for documentation: neither belongs to anybody.
ADDRESS = "192.0.2.1"
NAME = "exchange.example"


@pytest.mark.parametrize("host", [NAME, ADDRESS, "2001:db8::1", b"exchange.example"])
def test_looking_up_a_name_outside_fails(host: str | bytes) -> None:
    with pytest.raises(NetworkForbiddenError, match="reached for the network"):
        socket.getaddrinfo(host, 443)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_connecting_outside_fails(method: str) -> None:
    with socket.socket() as dialled, pytest.raises(NetworkForbiddenError):
        getattr(dialled, method)((ADDRESS, 443))


def test_sending_a_datagram_outside_fails() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dialled, pytest.raises(NetworkForbiddenError):
        dialled.sendto(b"ping", (ADDRESS, 53))


def test_a_client_that_forgives_connection_errors_fails_all_the_same() -> None:
    def forgiving() -> None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://{ADDRESS}/", timeout=1)

    with pytest.raises(NetworkForbiddenError):
        forgiving()


def test_a_server_on_the_loopback_can_be_dialled() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as dialled,
    ):
        accepted, _ = server.accept()
        with accepted:
            accepted.sendall(b"here")
        assert dialled.recv(4) == b"here"
