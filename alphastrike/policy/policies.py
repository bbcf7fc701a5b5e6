"""Who answers a situation: nobody, the guardian, one fixed tool, another policy with a tool swapped, or chance.

A policy is one method, ``decide``, and a name that :func:`alphastrike.policy.naming.policy_named` reads back
into the same policy. It is pure: the same situation gives the same advice.
"""

import hashlib
import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final, Protocol

from alphastrike.journal.codes import Tool
from alphastrike.policy.actions import action_grid
from alphastrike.policy.guardian import Rules
from alphastrike.policy.normalise import read_items
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import (
    PALETTE,
    WORDS_MAX,
    Advice,
    NoAction,
    PaletteTool,
    RejectedCall,
    ToolCall,
    call_of,
    plain,
)


class Policy(Protocol):
    """Whoever answers a situation with tool calls."""

    @property
    def name(self) -> str:
        """The policy with its options, as written on the command line."""
        ...

    def decide(self, situation: Situation, /) -> Advice:
        """Return at least one tool call: ``NoAction`` to leave everything as it is."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A policy's answer as the engine takes it."""

    advice: tuple[ToolCall | RejectedCall, ...]
    """Calls in the order given; what was no call stands in its place with its reason, to be journaled."""
    latency_us: int
    """Market time from the question to the answer, microseconds."""
    failed: str = ""
    """Why there is no usable call, one line; ``on_failure`` answers then. Empty when there is one."""
    drifts: tuple[tuple[str, int], ...] = ()
    """Normalisations made, by the name of their rule, with their counts."""
    policy: str = ""
    """Set by a recording, which speaks for another: who answered.

    Its calls then stand as recorded, ``failed`` or not.
    """


class Answering(ABC):
    """A policy that takes time of its own to answer, and says itself why it failed."""

    @abstractmethod
    def answer(self, situation: Situation, /) -> Answered:
        """Return the answer with the market time that it took."""


@dataclass(frozen=True, slots=True)
class NoLlm:
    """Nobody: the bot without its circuit breaker."""

    @property
    def name(self) -> str:
        """``no-llm``."""
        return "no-llm"

    def decide(self, situation: Situation) -> Advice:  # noqa: ARG002
        """Change nothing."""
        return (NoAction(reason="no policy"),)


DEFAULT_ARGUMENTS: Final[Mapping[Tool, Mapping[str, Any]]] = {
    Tool.ADJUST_CONVICTION: {"threshold": 90},
    Tool.ADJUST_POSITION_SIZE: {"multiplier": 0.5},
    Tool.ADJUST_LEVERAGE: {"new_leverage": 2.0},
    Tool.DISABLE_SHORTS: {},
    Tool.DISABLE_ASSET: {"duration_hours": 24},
    Tool.NO_ACTION: {},
    Tool.SEND_ALERT: {"severity": "warning", "message": "a trigger fired"},
}
"""What a tool named without arguments is called with."""

Arguments = tuple[tuple[str, Any], ...]
"""Arguments given by the user, sorted by name: those not given take ``DEFAULT_ARGUMENTS``."""


def build_call(tool: Tool, arguments: Mapping[str, Any], symbol: str, reason: str) -> ToolCall:
    """Return the tool's call on the symbol, its arguments over the defaults.

    Raises:
        pydantic.ValidationError: an argument that the tool does not take, or outside its bounds.
    """
    fields: dict[str, Any] = {"tool": tool.name.lower(), **DEFAULT_ARGUMENTS[tool], **arguments}
    if "symbol" in PALETTE[tool].model_fields:
        fields["symbol"] = symbol
    if "reason" in PALETTE[tool].model_fields:
        fields["reason"] = reason
    return call_of(fields)


def shown_options(options: Arguments) -> str:
    """Return options as typed on the command line: ``multiplier=0.25,ttl_hours=48``."""
    return ",".join(f"{key}={_exact(value)}" for key, value in options)


def _exact(value: Any) -> str:
    """Return the shortest text that reads back as the same value."""
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


@dataclass(frozen=True, slots=True)
class Always:
    """Answers every situation with the same tool call, on the situation's symbol."""

    tool: Tool
    arguments: Arguments = ()

    @property
    def name(self) -> str:
        """``always:tool=TOOL`` with the arguments given."""
        return f"always:{shown_options((('tool', self.tool.name.lower()), *self.arguments))}"

    def decide(self, situation: Situation) -> Advice:
        """Return the one call."""
        return (build_call(self.tool, dict(self.arguments), situation.focus, "always this tool"),)


@dataclass(frozen=True, slots=True)
class Swap:
    """Answers as another policy does, with one tool in place of another.

    The new call keeps the replaced call's symbol and its life, so that only the tool differs.
    """

    replaced: Tool
    tool: Tool
    of: Policy
    arguments: Arguments = ()

    @property
    def name(self) -> str:
        """``swap:from=TOOL,to=TOOL,of=POLICY`` with the arguments given for the new tool."""
        ends = (("from", self.replaced.name.lower()), ("to", self.tool.name.lower()), ("of", self.of.name))
        return f"swap:{shown_options((*ends, *self.arguments))}"

    def decide(self, situation: Situation) -> Advice:
        """Return the other policy's calls, swapped."""
        return tuple(self._swapped(call, situation) for call in self.of.decide(situation))

    def _swapped(self, call: ToolCall, situation: Situation) -> ToolCall:
        if type(call) is not PALETTE[self.replaced]:
            return call
        life = "duration_hours" if self.tool is Tool.DISABLE_ASSET else "ttl_hours"
        kept = {life: call.hours} if call.hours is not None and life in PALETTE[self.tool].model_fields else {}
        reason = f"instead of {self.replaced.name.lower()}"
        return build_call(self.tool, kept | dict(self.arguments), call.about or situation.focus, reason)


@dataclass(frozen=True, slots=True)
class Random:
    """Draws one action of the stated grid, each alike likely; a function of the seed and the situation alone."""

    seed: int = 0

    @property
    def name(self) -> str:
        """``random:seed=N``."""
        return f"random:seed={self.seed}"

    def decide(self, situation: Situation) -> Advice:
        """Return the drawn call.

        The draw is keyed by seed, purpose, ``market_seq``, rule and symbol, and keeps no state: an arm draws the
        same at the same moment, whatever happened before.
        """
        grid = action_grid(situation, "drawn at random")
        key = f"{self.seed}/policy/{situation.market_seq}/{situation.rule.name}/{situation.symbol or ''}"
        drawn = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
        return (grid[drawn * len(grid) >> 64],)


@dataclass(frozen=True, slots=True)
class UserPolicy:
    """A class of the user's own under the name by which it was called."""

    name: str
    inner: Any = field(repr=False)

    def decide(self, situation: Situation) -> Advice:
        """Ask the user's class."""
        advice: Advice = self.inner.decide(situation)
        return advice


_OURS: Final = (NoLlm, Rules, Always, Random)


def ask(policy: Policy, situation: Situation, latency_us: int = 0) -> Answered:
    """Ask a policy; what it raises, or answers that is no tool call, becomes a failure with its name.

    Dictionaries are read as a model's calls are, with the same stated normalisations. A call that its tool
    does not allow is kept as rejected beside the others; without a single usable call the answer has failed.

    Args:
        policy: a built-in one, or the user's.
        situation: what it is shown.
        latency_us: configured latency of a built-in policy, microseconds of market time; a model's is its own.
    """
    if isinstance(policy, _OURS):
        return Answered(policy.decide(situation), latency_us)
    if isinstance(policy, Answering):
        return policy.answer(situation)
    try:
        given: object = policy.decide(situation)
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything, and the run goes on
        return Answered((), latency_us, _one_line(f"{policy.name} raised {_named(error)}"))
    items = [given] if isinstance(given, PaletteTool | RejectedCall | dict) else given
    if not isinstance(items, tuple | list):
        return Answered((), latency_us, f"{policy.name} answered with {type(given).__name__}, not with tool calls")
    parsed = read_items(items, situation.symbols)
    failed = ""
    if not items:
        failed = f"{policy.name} gave no call; a policy that changes nothing says NoAction"
    elif not parsed.calls:
        failed = _one_line(f"{policy.name} gave no usable call: {parsed.rejections[0].rejection}")
    return Answered(parsed.entries, latency_us, failed, parsed.drifts)


def _named(error: Exception) -> str:
    """Return the exception with the innermost place in which it was raised."""
    place = ""
    if frames := traceback.extract_tb(error.__traceback__):
        place = f" ({PurePath(frames[-1].filename).name}, line {frames[-1].lineno})"
    return f"{type(error).__name__}: {error}{place}"


def _one_line(text: str) -> str:
    return plain(text)[:WORDS_MAX]
