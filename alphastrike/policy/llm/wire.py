"""Talking HTTP to a model's server: what is sent and received is kept as bytes, and a deadline ends everything."""

import asyncio
import functools
import json
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import httpx

RESPONSE_MAX: Final = 4 * 1024 * 1024
"""Bytes of a response that are read; an answer has some hundreds, a list of models some thousands."""

_Result = TypeVar("_Result")


class UnreadableError(Exception):
    """The response is too large, or packed although that was not asked for."""


@dataclass(slots=True)
class Exchange:
    """One request and its response, as far as they came."""

    sent: bytes = b""
    status: int = 0
    received: bytearray = field(default_factory=bytearray)

    @property
    def says_error(self) -> bool:
        """Whether the last line of the response is JSON with an error in it."""
        lines = bytes(self.received).strip().splitlines() or [b""]
        return any("error" in (json_object(text) or {}) for text in (bytes(self.received), lines[-1]))


class Recording(httpx.AsyncBaseTransport):
    """Carries requests to one server and keeps the bytes of the last one, both ways.

    Args:
        carrier: does the carrying.
        exchange: where the bytes are kept.
        key: the server's key, or empty. No other is sent, wherever a client may have found one.
        added: fields that a posted JSON object gets beside its own; ``None`` takes a field away.
    """

    def __init__(
        self, carrier: httpx.AsyncBaseTransport, exchange: Exchange, key: str, added: Mapping[str, object]
    ) -> None:
        self._carrier = carrier
        self._exchange = exchange
        self._key = key
        self._added = added

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request; its response is read, and kept, as it comes."""
        body = await request.aread()
        if body and self._added:
            fields = {**json.loads(body), **self._added}
            body = json_bytes({name: value for name, value in fields.items() if value is not None})
        headers = request.headers.copy()
        headers["accept-encoding"] = "identity"
        headers["content-length"] = str(len(body))
        headers.pop("authorization", None)
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        self._exchange.sent = body
        response = await self._carrier.handle_async_request(
            httpx.Request(request.method, request.url, headers=headers, content=body, extensions=request.extensions)
        )
        self._exchange.status = response.status_code
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise UnreadableError
        stream = _Kept(cast("httpx.AsyncByteStream", response.stream), self._exchange)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._carrier.aclose()


class _Kept(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._exchange.received += chunk
            if len(self._exchange.received) > RESPONSE_MAX:
                raise UnreadableError
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def client_settings(url: str, exchange: Exchange, key: str = "", **added: object) -> dict[str, Any]:
    """Return how a client is made that records: no proxies, no redirects, no time limit but the deadline's.

    Args:
        url: where the server is.
        exchange: where the bytes are kept.
        key: as in :class:`Recording`.
        added: as in :class:`Recording`.
    """
    carrier = httpx.AsyncHTTPTransport(verify=_tls(trusts=url.startswith("https:")), trust_env=False)
    transport = Recording(carrier, exchange, key, added)
    return {"transport": transport, "trust_env": False, "follow_redirects": False, "timeout": None}


def within(seconds: float, work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """Return what the work returns, from a thread of its own, so that a caller's event loop is none of its concern.

    Args:
        seconds: after these the work is cancelled; what cannot be, as the look-up of a name, is left to itself.
        work: makes the coroutine to run.

    Raises:
        TimeoutError: the time is over.
    """
    future = asyncio.run_coroutine_threadsafe(work(), _loop(os.getpid()))
    try:
        return future.result(seconds)
    finally:
        future.cancel()


def json_bytes(value: object) -> bytes:
    """Return the value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def json_object(text: bytes | bytearray) -> dict[str, Any] | None:
    """Return the JSON object that the text is; ``None`` if it is something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@functools.cache
def _tls(*, trusts: bool) -> ssl.SSLContext:
    """Return the usual authorities, or none: reading them takes longer than asking a server without TLS."""
    return httpx.create_ssl_context(trust_env=False) if trusts else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """Return the event loop of all waiting in a process; a forked one needs its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=f"models of {process}", daemon=True).start()
    return loop
