"""What came of asking a model, and the interface of whoever asks it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from alphastrike.policy.llm.request import CompletionRequest


class Kind(IntEnum):
    """What can be done with a completion."""

    OK = 0
    """The model ended its answer; whether it is a usable one, its reader says."""
    UNAVAILABLE = 1
    """There is no answer of the model: no server, an error, or too late. Asking again at once would not help."""
    INVALID = 2
    """The model answered, but not to the end, or nothing. It may be asked once more."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One attempt to get an answer, as it went over the wire."""

    request_bytes: bytes
    """Body as sent, empty when nothing was; headers are left out, so that no key is ever recorded."""
    response_bytes: bytes
    """Body as received, as far as it came."""
    status: int
    """HTTP status; 0 when there was no response."""
    content: str
    """The model's words: foreign text, for a parser and, escaped, for a person. Empty when there are none."""
    done_reason: str
    """Why the model stopped: ``stop``, ``length``, another of the wire's words, or empty when it was not said."""
    prompt_tokens: int
    """Tokens of the messages as the server counted them; 0 when not said."""
    answer_tokens: int
    """Tokens of the answer; 0 when not said."""
    latency_us: int
    """From before the first byte was sent until the end was known, microseconds."""
    server: str
    """Version of the server; empty when not known."""
    digest: str
    """Of the model that answered, as far as the server says so; otherwise the request's."""
    error: str
    """``label: sentence`` in fixed words of ours, one line; empty when the answer is usable."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model stands behind a name, on which server."""

    server_version: str
    """Empty when not known."""
    digest: str
    """As in :class:`CompletionRequest`."""
    is_remote: bool
    """Whether a report sent to it would leave this machine."""
    error: str = ""
    """Why the model could not be asked now, worded as in :class:`Completion`; empty when it can."""


class Provider(Protocol):
    """Whoever brings a request to a server and its answer back."""

    @property
    def name(self) -> str:
        """The provider's name, as in :class:`CompletionRequest`."""
        ...

    def identify(self, model: str) -> Identity:
        """Return what the server says about the model; never raises for anything that a server can do."""
        ...

    def complete(self, request: CompletionRequest, deadline_s: float) -> Completion:
        """Ask, and return within the deadline; never raises for anything that a server can do.

        Args:
            request: what is asked.
            deadline_s: total time, seconds, from this call to its return.
        """
        ...
