"""Dialling beyond this machine fails at once, and says from where to where."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class NetworkForbiddenError(AssertionError):
    """A test reached for the network. It is an assertion, so that no `except OSError` on the way swallows it."""


@contextmanager
def no_network() -> Iterator[None]:
    """Refuse name look-ups and connections to anything but the loopback while the block runs.

    Sockets of a Unix domain stay, and so does a server that listens on the loopback.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded_method(getattr(socket.socket, name)))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, name, _guarded_lookup(getattr(socket, name)))
        yield


def _guarded_method(original: Any) -> Any:
    def dial(self: socket.socket, *arguments: Any) -> Any:
        # The address comes last: sendto takes flags between data and address.
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _assert_loopback(arguments[-1][0])
        return original(self, *arguments)

    return dial


def _guarded_lookup(original: Any) -> Any:
    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        _assert_loopback(host)
        return original(host, *arguments, **options)

    return look_up


def _assert_loopback(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        inside = ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise NetworkForbiddenError(f"a test reached for the network: {name}")
