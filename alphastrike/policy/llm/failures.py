"""Why a model's server gave no usable answer: a closed list of labels, each with one sentence of ours.

A server's own words are never repeated: they are text from outside. They stay in the recorded bytes.
"""

from enum import StrEnum
from typing import Final

from alphastrike.policy.llm.completion import Kind
from alphastrike.policy.llm.retry import TRUNCATED


class Failure(StrEnum):
    """Label of what went wrong; an error begins with it."""

    UNREACHABLE = "unreachable"
    DEADLINE = "deadline"
    DROPPED = "dropped"
    BUSY = "busy"
    MODEL_MISSING = "model_missing"
    NO_SUCH_PAGE = "no_such_page"
    UNAUTHORISED = "unauthorised"
    NO_KEY = "no_key"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    FAILED = "failed"
    GARBLED = "garbled"
    REMOTE = "remote"
    UNFINISHED = "unfinished"
    TRUNCATED = TRUNCATED
    STOPPED = "stopped"
    EMPTY = "empty"

    @property
    def kind(self) -> Kind:
        """Whether the model had its say (``INVALID``) or not (``UNAVAILABLE``)."""
        return Kind.INVALID if self in _INVALID else Kind.UNAVAILABLE


_INVALID: Final = (Failure.UNFINISHED, Failure.TRUNCATED, Failure.STOPPED, Failure.EMPTY)

SENTENCES: Final = {
    Failure.UNREACHABLE: "nothing answers at {url}. Start the server, or name another with llm.url.",
    Failure.DEADLINE: "no whole answer within {seconds:g} s. Try a smaller model, or a longer llm.deadline_s.",
    Failure.DROPPED: "the connection ended before the answer did.",
    Failure.BUSY: "the server has too much to do (HTTP {status}).",
    Failure.MODEL_MISSING: "{url} has no model {model}. {remedy}",
    Failure.NO_SUCH_PAGE: "{url} is not such a server (HTTP {status}). Name another with llm.url.",
    Failure.UNAUTHORISED: "the server did not accept the key (HTTP {status}). Check {key}.",
    Failure.NO_KEY: "{key} holds no key. Set it, or name another with llm.api_key_env.",
    Failure.REFUSED: "the server refused the request (HTTP {status}): too long for its context, or not of its kind.",
    Failure.REDIRECTED: "the server points elsewhere (HTTP {status}), which is not followed. Name that with llm.url.",
    Failure.FAILED: "the server failed (HTTP {status}). Its log says why.",
    Failure.GARBLED: "{url} did not answer as such a server does.",
    Failure.REMOTE: "model {model} would run on another machine. Set llm.allow_remote if a report may go there.",
    Failure.UNFINISHED: "the server gave up in the middle of the answer.",
    Failure.TRUNCATED: "the answer reached its limit of tokens and broke off.",
    Failure.STOPPED: "the model stopped for another reason than its answer's end.",
    Failure.EMPTY: "the answer was empty.",
}
"""What each label says, to be filled with values of ours."""


def failure_of_status(status: int, *, says_error: bool) -> Failure:
    """Return what an HTTP status means.

    Args:
        status: not a success.
        says_error: whether the body is JSON with an error in it, as such servers answer; anything may answer 404.
    """
    match status:
        case 401 | 403:
            return Failure.UNAUTHORISED
        case 404:
            return Failure.MODEL_MISSING if says_error else Failure.NO_SUCH_PAGE
        case 429 | 503:
            return Failure.BUSY
        case _ if 300 <= status < 400:
            return Failure.REDIRECTED
        case _ if 400 <= status < 500:
            return Failure.REFUSED
        case _ if 500 <= status < 600:
            return Failure.FAILED
    return Failure.GARBLED
