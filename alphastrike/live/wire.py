"""What is said over the operator's socket: one JSON object a line, a request and its reply in turn.

A request names what it wants and who asks. A reply is ``{"done": {...}}`` once the act is durable, or
``{"refused": "one line saying why"}``.
"""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from alphastrike.model.errors import DataError

REQUEST_MAX: Final = 4096
"""Bytes of a request's line."""
REPLY_MAX: Final = 1 << 22
"""Bytes of a reply's line: a status of a thousand symbols fits."""
AUTHOR_MAX: Final = 64
OVERRIDE_HOURS_MAX: Final = 8_760

Author = Annotated[str, StringConstraints(min_length=1, max_length=AUTHOR_MAX, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9]+$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    author: Author


class AskStatus(_Request):
    """How are things?"""

    request: Literal["status"] = "status"


class Halt(_Request):
    """Take no new risk until a person resumes; with ``flatten`` close what is open too."""

    request: Literal["halt"] = "halt"
    flatten: bool = False


class Flatten(_Request):
    """Close every position by reduce-only orders."""

    request: Literal["flatten"] = "flatten"


class Resume(_Request):
    """Lift what only a person lifts. Without a code nothing happens but that one is given."""

    request: Literal["resume"] = "resume"
    code: Code | None = None


class Revoke(_Request):
    """End a live intervention before its time, or all of them."""

    request: Literal["revoke"] = "revoke"
    number: Annotated[int, Field(ge=1, lt=1 << 53)] | None
    """``None`` for all."""


class Override(_Request):
    """Keep the model out for some hours, or let it in again: ``on_failure`` answers meanwhile."""

    request: Literal["override"] = "override"
    hours: Annotated[int, Field(ge=0, le=OVERRIDE_HOURS_MAX)]
    """0 lets it in again."""


class PinControl(_Request):
    """Hold a control for some hours, as one of the palette's tools would set it."""

    request: Literal["pin"] = "pin"
    tool: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z_]+$")]
    symbol: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None
    """``None`` for a tool of the whole account."""
    value: Annotated[float, Field(allow_inf_nan=False)] | None
    """The tool's number; ``None`` where it has none."""
    hours: Annotated[int, Field(ge=1, le=OVERRIDE_HOURS_MAX)]


Request = AskStatus | Halt | Flatten | Resume | Revoke | Override | PinControl

_REQUESTS: Final[TypeAdapter[Request]] = TypeAdapter(Annotated[Request, Field(discriminator="request")])


def encoded(value: Mapping[str, Any] | Request) -> bytes:
    """Return one line, with its end; NaN and the infinities become null."""
    plain = value.model_dump() if isinstance(value, BaseModel) else _finite(value)
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def request_of(line: bytes) -> Request:
    """Return the request that a line holds.

    Raises:
        DataError: it holds none; the text says what is wrong with it.
    """
    try:
        return _REQUESTS.validate_json(line)
    except ValidationError as trouble:
        first = trouble.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"not a request: {where + ': ' if where else ''}{first['msg']}") from None


def reply_of(line: bytes) -> dict[str, Any]:
    """Return the facts of a reply.

    Raises:
        DataError: it is none.
        RefusedError: the live run says no.
    """
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError):
        reply = None
    match reply:
        case {"done": dict(facts)}:
            return facts
        case {"refused": str(why)}:
            raise RefusedError(why)
    raise DataError(f"the live run answered what is no reply: {line[:80]!r}. Is it of this version?")


class RefusedError(DataError):
    """The live run did not do what was asked, and says why."""


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {key: _finite(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_finite(inner) for inner in value]
    return value
