"""What providers over HTTP have in common: one request at a time, a total deadline, every failure by its label."""

import asyncio
import contextlib
import ipaddress
import os
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlsplit

import httpx

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.faults import shown
from alphastrike.policy.llm.completion import Completion, Identity, Kind
from alphastrike.policy.llm.failures import SENTENCES, Failure, failure_of_status
from alphastrike.policy.llm.request import CompletionRequest, unverified
from alphastrike.policy.llm.wire import Exchange, UnreadableError, client_settings, within

IDENTIFY_S: Final = 10.0
"""Seconds in which a server must say what it is."""

CONFIRM_S: Final = 1.0
"""Seconds in which it must say, after an answer, who gave it."""

_MODEL: Final = re.compile(r"[\w.:/@-]{1,200}", re.ASCII)
_WORD: Final = re.compile(r"[\w.:+-]{0,80}", re.ASCII)
_TOKENS_MAX: Final = 2**31 - 1

_ANSWERS: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    UnreadableError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)
"""What a server's answer, or none, can raise in the client and in reading it."""

_Result = TypeVar("_Result")


class FailureError(Exception):
    """A failure on its way to whoever words it."""

    def __init__(self, failure: Failure, status: int = 0) -> None:
        super().__init__(failure)
        self.failure = failure
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server's answer says, in its own words."""

    content: str = ""
    is_done: bool = False
    done_reason: str = ""
    prompt_tokens: object = 0
    answer_tokens: object = 0
    server: str = ""
    is_remote: bool = False

    @property
    def failure(self) -> Failure | None:
        """Why the reply cannot be used; ``None`` when it is a whole answer of the model that was asked."""
        if self.is_remote:
            return Failure.REMOTE
        if self.done_reason == "length":
            return Failure.TRUNCATED
        if not self.is_done:
            return Failure.UNFINISHED
        if self.done_reason != "stop":
            return Failure.STOPPED
        return None if self.content.strip() else Failure.EMPTY


class HttpProvider(ABC):
    """A model behind a server's address.

    Args:
        url: where the server is, as ``http://127.0.0.1:11434``.
        allow_remote: whether a report may leave this machine.
        api_key_env: name of the environment variable that holds the key; empty when the server wants none. It is read
            for each request and written nowhere.

    Raises:
        ConfigurationError: the address is none.
    """

    name: ClassVar[str]
    remedy: ClassVar[str]
    """What to do when the server has no such model."""
    forwards: ClassVar[bool] = False
    """Whether such a server may pass a request on to another machine: it is asked about the model first."""
    client_errors: ClassVar[tuple[type[Exception], ...]] = ()
    """What else the client raises when a server answers an error."""

    def __init__(self, url: str, *, allow_remote: bool = False, api_key_env: str = "") -> None:
        self.url = _checked(url)
        self._allow_remote = allow_remote
        self._key_env = api_key_env
        self._identities: dict[str, Identity] = {}
        self._turn = threading.Lock()

    @property
    def is_elsewhere(self) -> bool:
        """Whether the address is another machine's, as far as it shows."""
        return not _is_here(self.url)

    @abstractmethod
    async def _identity(self, model: str) -> Identity:
        """Return what the server says about the model."""

    @abstractmethod
    async def _ask(self, request: CompletionRequest, exchange: Exchange) -> Reply:
        """Put the request to the server."""

    def _refuse_elsewhere(self) -> None:
        if self.is_elsewhere and not self._allow_remote:
            raise FailureError(Failure.REMOTE)

    async def _admit(self, model: str) -> None:
        """Refuse a model to which nothing may be sent."""
        self._refuse_elsewhere()
        if self.forwards and model not in self._identities:
            await self._identified(model)

    async def _digest_now(self, request: CompletionRequest) -> str:
        """Return the digest of the model that has just answered."""
        return request.digest

    def identify(self, model: str) -> Identity:
        """Return what the server says about the model; ``error`` says why it cannot be asked."""
        try:
            return within(IDENTIFY_S, lambda: self._identified(model))
        except FailureError as error:
            remote = error.failure is Failure.REMOTE
            return Identity("", unverified(model), remote, self._worded(error.failure, model, error.status))
        except TimeoutError:
            return Identity("", unverified(model), False, self._worded(Failure.DEADLINE, model, seconds=IDENTIFY_S))

    def complete(self, request: CompletionRequest, deadline_s: float) -> Completion:
        """Ask, and return within the deadline; waiting until an earlier request is answered is part of the time."""
        began = time.monotonic()
        exchange = Exchange()
        reply = Reply()
        ended, digest, status = None, request.digest, 0
        failure: Failure | None
        try:
            with self._one_at_a_time(deadline_s):
                left = began + deadline_s - time.monotonic()
                reply, ended, digest = within(left, lambda: self._answered(request, exchange, began + deadline_s))
            failure = reply.failure
        except FailureError as error:
            failure, status = error.failure, error.status
        except TimeoutError:
            failure = Failure.DEADLINE
        known = self._identities.get(request.model)
        return Completion(
            request_bytes=exchange.sent,
            response_bytes=self._without_key(bytes(exchange.received)),
            status=exchange.status,
            content=reply.content.encode(errors="replace").decode(),
            done_reason=word(reply.done_reason),
            prompt_tokens=_tokens(reply.prompt_tokens),
            answer_tokens=_tokens(reply.answer_tokens),
            latency_us=round(((ended or time.monotonic()) - began) * 1e6),
            server=word(reply.server) or (known.server_version if known else ""),
            digest=digest,
            error=self._worded(failure, request.model, status or exchange.status, deadline_s) if failure else "",
            kind=failure.kind if failure else Kind.OK,
        )

    async def _answered(self, request: CompletionRequest, exchange: Exchange, until: float) -> tuple[Reply, float, str]:
        """Return the reply, when it was whole, and the digest of who gave it."""
        await self._admit(request.model)
        reply = await self._labelled(self._ask(request, exchange), exchange)
        ended = time.monotonic()
        digest = request.digest
        # The answer stands, whatever else the server cannot say.
        with contextlib.suppress(TimeoutError, FailureError):
            async with asyncio.timeout(min(CONFIRM_S, (until - ended) / 2)):
                digest = await self._labelled(self._digest_now(request), Exchange())
        return reply, ended, digest

    async def _identified(self, model: str) -> Identity:
        self._refuse_elsewhere()
        identity = await self._labelled(self._identity(model), Exchange())
        self._identities[model] = identity
        return identity

    async def _json(self, method: str, path: str, exchange: Exchange, body: object = None) -> Any:
        """Return the JSON that the server answers."""

        async def call() -> Any:
            async with httpx.AsyncClient(**client_settings(self.url, exchange, self._key())) as client:
                answer = await client.request(method, self.url + path, json=body)
                return answer.raise_for_status().json()

        return await self._labelled(call(), exchange)

    async def _labelled(self, work: Awaitable[_Result], exchange: Exchange) -> _Result:
        """Await the work; what a server can make of it becomes a :class:`FailureError`, or a lateness."""
        answers: tuple[type[Exception], ...] = (*_ANSWERS, *self.client_errors)
        try:
            return await work
        except answers as error:
            raise FailureError(_failure_of(error, exchange), exchange.status) from None

    def _key(self) -> str:
        if not self._key_env:
            return ""
        key = os.environ.get(self._key_env, "").strip()
        if not (key.isascii() and key.isprintable() and key):
            raise FailureError(Failure.NO_KEY)
        return key

    def _without_key(self, received: bytes) -> bytes:
        """Return the bytes without the key, should the server have repeated it."""
        key = os.environ.get(self._key_env, "").strip() if self._key_env else ""
        return received.replace(key.encode(errors="replace"), b"[key]") if key else received

    @contextlib.contextmanager
    def _one_at_a_time(self, seconds: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=max(seconds, 0.0)):
            raise TimeoutError
        try:
            yield
        finally:
            self._turn.release()

    def _worded(self, failure: Failure, model: str, status: int = 0, seconds: float = 0.0) -> str:
        named = model if _MODEL.fullmatch(model) else shown(model)
        said = SENTENCES[failure].format(
            url=self.url,
            model=named,
            status=status,
            seconds=seconds,
            key=f"the environment variable {self._key_env}" if self._key_env else "llm.api_key_env",
            remedy=self.remedy.format(model=named),
        )
        return f"{failure}: {said}"


def _failure_of(error: Exception, exchange: Exchange) -> Failure:
    """Return what it was, told by the kind of error, the status, and whether the server sent an error of its own."""
    if isinstance(error, httpx.ConnectError | ConnectionError):
        return Failure.UNREACHABLE
    if isinstance(error, httpx.TransportError):
        return Failure.DROPPED
    if not 200 <= exchange.status < 300:
        return failure_of_status(exchange.status, says_error=exchange.says_error)
    return Failure.FAILED if exchange.says_error else Failure.GARBLED


def _checked(url: str) -> str:
    """Return the address without a slash at its end."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        sound = sound and bool(httpx.URL(url).host) and not (parts.query or parts.fragment)
    except (ValueError, httpx.InvalidURL):
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError(f"llm.url {shown(url)} is no server's address. Write it as http://127.0.0.1:11434")
    if "@" in parts.netloc:
        raise ConfigurationError("llm.url may not hold a name and password. Put a key into llm.api_key_env instead.")
    return url.rstrip("/")


def _is_here(url: str) -> bool:
    """Return whether the address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def word(said: object) -> str:
    """Return a word of the wire if it is one: what else a server writes is shown nowhere."""
    return said if isinstance(said, str) and _WORD.fullmatch(said) else "other"


def _tokens(said: object) -> int:
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= _TOKENS_MAX else 0
