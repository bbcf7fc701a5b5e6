"""The closed palette: what a policy may say, one model a tool.

A model is the tool's only definition: its schema, its validation, its line in the docs and in a report
follow from it, and its docstring is what a language model reads. Bounds are those of ``model.controls``;
a call outside them cannot be made, and is never moved inside.
"""

import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from alphastrike.journal.codes import Tool
from alphastrike.model.controls import (
    CONVICTION_FLOOR_MAX,
    CONVICTION_FLOOR_MIN,
    DISABLE_HOURS_MAX,
    INTERVENTION_HOURS_MAX,
    LEVERAGE_MAX,
    LEVERAGE_MIN,
    SIZE_MULTIPLIER_MAX,
    SIZE_MULTIPLIER_MIN,
)

WORDS_MAX: Final = 500
"""Characters of a reason or a message."""

_UNPRINTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


def plain(text: str) -> str:
    """Return the text on one line: control, format, surrogate and separator characters become spaces."""
    kept = (" " if unicodedata.category(mark) in _UNPRINTED else mark for mark in text)
    return " ".join("".join(kept).split())


def _plain_if_text(value: object) -> object:
    return plain(value) if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_plain_if_text), Field(min_length=1, max_length=WORDS_MAX)]
Reason = Annotated[Words, Field(description="Why, in one short sentence.")]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,20}$", description="One of the report's symbols, such as BTCUSDT.")]
LifeHours = Annotated[int | None, Field(ge=1, le=INTERVENTION_HOURS_MAX), SkipJsonSchema()]
Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")


class PaletteTool(BaseModel):
    """What every tool call can be asked, whichever tool it is."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        revalidate_instances="always",
        json_schema_serialization_defaults_required=True,
    )

    code: ClassVar[Tool]
    argument: ClassVar[str] = ""
    """Name of the tool's one number; empty when it has none."""
    intervenes: ClassVar[bool] = True
    """Whether an accepted call becomes an intervention."""

    @property
    def value(self) -> float:
        """The number that the journal keeps: threshold, multiplier, leverage or hours; 0 where there is none."""
        return float(getattr(self, self.argument)) if self.argument else 0.0

    @property
    def about(self) -> str | None:
        """The symbol called upon; ``None`` when the call is about the whole account."""
        return getattr(self, "symbol", None)

    @property
    def words(self) -> str:
        """The policy's own words: the reason, or an alert's message."""
        return str(getattr(self, "reason", ""))

    @property
    def hours(self) -> int | None:
        """How long the intervention asks to live; ``None`` leaves it to the configured time."""
        hours: int | None = getattr(self, "ttl_hours", None)
        return hours


class AdjustConviction(PaletteTool):
    """Raise the conviction a symbol needs for new entries. 80 to 95; higher means fewer, stronger trades.

    Use when a symbol loses often but small: a low win rate without a deep drawdown. Open positions stay.
    """

    code = Tool.ADJUST_CONVICTION
    argument = "threshold"

    tool: Literal["adjust_conviction"] = "adjust_conviction"
    symbol: Symbol
    threshold: int = Field(
        ge=CONVICTION_FLOOR_MIN,
        le=CONVICTION_FLOOR_MAX,
        description="Lowest conviction for an entry, whole points 80-95. Must not be below the configured floor.",
    )
    reason: Reason
    ttl_hours: LifeHours = None


class AdjustPositionSize(PaletteTool):
    """Scale a symbol's position size down. 0.1 to 1.0; 0.5 halves it, and 1.0 changes nothing.

    Use on a drawdown or a losing streak in one symbol. A larger open position shrinks at the next decision.
    """

    code = Tool.ADJUST_POSITION_SIZE
    argument = "multiplier"

    tool: Literal["adjust_position_size"] = "adjust_position_size"
    symbol: Symbol
    multiplier: float = Field(
        ge=SIZE_MULTIPLIER_MIN,
        le=SIZE_MULTIPLIER_MAX,
        description="Factor on the symbol's size, 0.1-1.0. The smallest live multiplier counts; they do not multiply.",
    )
    reason: Reason
    ttl_hours: LifeHours = None


class AdjustLeverage(PaletteTool):
    """Cap the leverage of the whole account. 1 to 10, below the present leverage; it cannot raise leverage.

    Use when several symbols lose together or the account's drawdown is deep. Open positions shrink to fit.
    """

    code = Tool.ADJUST_LEVERAGE
    argument = "new_leverage"

    tool: Literal["adjust_leverage"] = "adjust_leverage"
    new_leverage: float = Field(
        ge=LEVERAGE_MIN,
        le=LEVERAGE_MAX,
        description="Highest leverage of the account, 1-10. Must not be above the configured cap.",
    )
    reason: Reason
    ttl_hours: LifeHours = None


class DisableShorts(PaletteTool):
    """Stop new short positions in one symbol. Longs go on; an open short runs to its own exit.

    Use when the losses come from shorts, for instance in a market that keeps rising.
    """

    code = Tool.DISABLE_SHORTS

    tool: Literal["disable_shorts"] = "disable_shorts"
    symbol: Symbol
    reason: Reason
    ttl_hours: LifeHours = None


class DisableAsset(PaletteTool):
    """Stop all new positions in one symbol for 1 to 168 hours. The strongest tool: use it last.

    Use when a symbol's losses are severe and a smaller size would not be enough. Exits are never blocked.
    """

    code = Tool.DISABLE_ASSET
    argument = "duration_hours"

    tool: Literal["disable_asset"] = "disable_asset"
    symbol: Symbol
    duration_hours: int = Field(
        ge=1, le=DISABLE_HOURS_MAX, description="Whole hours without new positions, 1-168. Then it ends by itself."
    )
    reason: Reason

    @property
    def hours(self) -> int | None:
        """The hours asked for: they are the intervention's life."""
        return self.duration_hours


class NoAction(PaletteTool):
    """Change nothing. Right when losses are within the ordinary, few, or already answered by a live intervention."""

    code = Tool.NO_ACTION
    intervenes = False

    tool: Literal["no_action"] = "no_action"
    reason: Reason


class SendAlert(PaletteTool):
    """Tell the person in charge. Changes nothing in trading; may stand beside other calls."""

    code = Tool.SEND_ALERT
    intervenes = False

    tool: Literal["send_alert"] = "send_alert"
    severity: Severity = Field(description="info, warning or critical.")
    message: Words = Field(description="What the person should know, in one or two sentences.")

    @property
    def value(self) -> float:
        """1 info, 2 warning, 3 critical."""
        return float(SEVERITIES.index(self.severity) + 1)

    @property
    def words(self) -> str:
        """The message."""
        return self.message


ToolCall: TypeAlias = (
    AdjustConviction | AdjustPositionSize | AdjustLeverage | DisableShorts | DisableAsset | NoAction | SendAlert
)
Advice: TypeAlias = tuple[ToolCall, ...]
"""A policy's answer to one situation."""

PALETTE: Final[dict[Tool, type[ToolCall]]] = {
    Tool.ADJUST_CONVICTION: AdjustConviction,
    Tool.ADJUST_POSITION_SIZE: AdjustPositionSize,
    Tool.ADJUST_LEVERAGE: AdjustLeverage,
    Tool.DISABLE_SHORTS: DisableShorts,
    Tool.DISABLE_ASSET: DisableAsset,
    Tool.NO_ACTION: NoAction,
    Tool.SEND_ALERT: SendAlert,
}
TOOL_NAMES: Final[dict[str, Tool]] = {tool.name.lower(): tool for tool in PALETTE}
"""Every tool by the name that a policy writes."""

_ANY_CALL: Final[TypeAdapter[ToolCall]] = TypeAdapter(Annotated[ToolCall, Field(discriminator="tool")])


@dataclass(frozen=True, slots=True)
class RejectedCall:
    """What stood where a tool call was expected, and why it is none. It has no effect, and is journaled."""

    rejection: str
    """``label: detail``; the labels are those of ``policy.faults``."""
    code: Tool = Tool.UNKNOWN
    about: str | None = None
    value: float = 0.0
    words: str = ""


def call_of(fields: object) -> ToolCall:
    """Return the tool call that the fields (a mapping with ``tool``, or a call) are.

    Raises:
        pydantic.ValidationError: an unknown tool, a missing, extra or ill-typed argument, a value out of bounds.
    """
    return _ANY_CALL.validate_python(fields)


def call_from(tool: Tool, symbol: str | None, value: float, words: str, ttl_hours: int | None = None) -> ToolCall:
    """Return the call that a row of ``tool_calls`` records; the inverse of ``code``, ``about``, ``value``, ``words``.

    Args:
        tool: one of the palette.
        symbol: the symbol called upon; ignored by tools that take none.
        value: the recorded number, see :attr:`PaletteTool.value`.
        words: the recorded reason or message.
        ttl_hours: the recorded life; ``disable_asset`` has its own, and calls that do not intervene have none.

    Raises:
        pydantic.ValidationError: the row was a rejected call, and no call of the palette says it.
    """
    model = PALETTE[tool]
    fields: dict[str, Any] = {"tool": tool.name.lower()}
    if "symbol" in model.model_fields:
        fields["symbol"] = symbol
    if model.argument:
        whole = model.model_fields[model.argument].annotation is int and value == int(value)
        fields[model.argument] = int(value) if whole else value
    if "ttl_hours" in model.model_fields:
        fields["ttl_hours"] = ttl_hours
    if tool is Tool.SEND_ALERT:
        fields |= {"severity": SEVERITIES[int(value) - 1], "message": words}
    else:
        fields["reason"] = words
    return call_of(fields)


def palette_schema() -> dict[str, Any]:
    """Return the JSON schema of one tool call: every tool with its description, ranges and required arguments."""
    return _ANY_CALL.json_schema(mode="serialization")
