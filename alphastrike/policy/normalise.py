"""Reading tool calls out of a model's text: the known drifts of small models are mended by stated rules.

Every rule in :data:`DRIFTS` is about spelling or packing and is counted each time it is used. No rule guesses
which tool was meant, moves a number into its bounds, or chooses between two answers: whatever a rule does not
cover is rejected with its reason and has no effect. Numbers that are too large, names that do not exist and
broken JSON are such cases.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from alphastrike.journal.codes import Tool
from alphastrike.model.errors import DataError
from alphastrike.model.symbols import normalise_symbol
from alphastrike.policy.faults import Fault, fault_text, shown
from alphastrike.policy.tools import PALETTE, TOOL_NAMES, WORDS_MAX, PaletteTool, RejectedCall, ToolCall, call_of, plain

TEXT_MAX: Final = 20_000
"""Characters of an answer that is read at all; the longest sensible one has a few hundred."""

NO_REASON: Final = "no reason given"

DRIFTS: Final[Mapping[str, str]] = {
    "fence": "the calls stand in a fenced code block",
    "prose": "there is text before or after the calls",
    "wrapped": "the list stands under interventions, actions, calls or tool_calls",
    "single": "one call stands without a list around it",
    "tool_key": "the tool's name stands under name or action, not under tool",
    "nested": "the arguments stand under params, parameters, arguments or args",
    "argument_name": "an argument has a near name, as new_threshold for threshold",
    "symbol_spelling": "a symbol is written as elsewhere, as sol/usdt for SOLUSDT",
    "symbol_base": "a symbol is named by its base asset, as SOL for SOLUSDT",
    "whole_number": "a whole number is written with a fraction of zero, as 85.0",
    "missing_reason": f'a call has no reason; it gets "{NO_REASON}"',
    "reason_code": "a reason code that was not offered is kept as words",
    "long_words": f"a reason or message has more than {WORDS_MAX} characters and is cut there",
}
"""Every rule by name, with what it accepts."""

_WRAPPERS: Final = ("interventions", "actions", "calls", "tool_calls")
_TOOL_KEYS: Final = ("tool", "name", "action")
_NESTS: Final = ("params", "parameters", "arguments", "args")
_NEAR_NAMES: Final[Mapping[Tool, Mapping[str, str]]] = {
    Tool.ADJUST_CONVICTION: {"new_threshold": "threshold", "conviction_threshold": "threshold"},
    Tool.ADJUST_POSITION_SIZE: {"new_multiplier": "multiplier", "size_multiplier": "multiplier"},
    Tool.ADJUST_LEVERAGE: {"leverage": "new_leverage"},
    Tool.DISABLE_ASSET: {"hours": "duration_hours"},
    Tool.SEND_ALERT: {"reason": "message"},
}
_QUOTES: Final = ("USDT", "USDC", "USD", "BUSD")
_ONE_SYMBOL: Final = re.compile(r"(cmt_)?[a-z0-9]+([-_/:](usdt|usdc|usd|busd|perp|swap|umcbl))*", re.IGNORECASE)
"""A base asset and at most its quote and kind of contract: two symbols in one text are not for us to choose from."""
_OPENING: Final = re.compile(r"\[\s*[{\]]|\{\s*[\"}]")
_FENCE: Final = re.compile(r"```\w*")


Mending = Callable[[Tool, dict[str, Any], Counter[str]], None]
"""Changes a call's fields in place and counts the rules it uses; raises :class:`Unusable`."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How calls were asked to be written: what is spelled so is no drift, and is not counted as one."""

    wrapper: str = ""
    """Key under which the list of calls stands; empty for a bare list."""
    tool_key: str = "tool"
    mend: Mending | None = None
    """Puts the arguments that were asked for into those of the palette, once the tool is known."""


PALETTE_SPELLING: Final = Spelling()


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read: calls and rejected calls in their order, and how often each rule was used."""

    entries: tuple[ToolCall | RejectedCall, ...] = ()
    drifts: tuple[tuple[str, int], ...] = ()
    """(rule, count), sorted by rule."""
    unreadable: str = ""
    """Why the answer as a whole holds no list of calls; empty when it does."""
    analysis: str = ""
    """What the answer says beside its calls, on one line: to be shown escaped, and to no model."""

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls alone."""
        return tuple(entry for entry in self.entries if not isinstance(entry, RejectedCall))

    @property
    def rejections(self) -> tuple[RejectedCall, ...]:
        """The rejected calls alone."""
        return tuple(entry for entry in self.entries if isinstance(entry, RejectedCall))


def read_text(text: str, symbols: Sequence[str], spelling: Spelling = PALETTE_SPELLING) -> Parsed:
    """Read the tool calls of a model's answer.

    Args:
        text: the answer as it came: JSON, or JSON in prose or a fence. Two separate lists are ambiguous: unreadable.
        symbols: the market's symbols, against which short names are completed.
        spelling: how the model was asked to write them.
    """
    drifts: Counter[str] = Counter()
    if len(text) > TEXT_MAX:
        return Parsed(
            unreadable=f"{Fault.MALFORMED}: the answer has {len(text):,} characters, at most {TEXT_MAX:,} are read"
        )
    opening = _OPENING.search(text)
    if opening is None:
        return Parsed(unreadable=f"{Fault.MALFORMED}: the answer holds no JSON")
    try:
        value, end = _DECODER.raw_decode(text, opening.start())
    except (ValueError, RecursionError):
        return Parsed(unreadable=f"{Fault.MALFORMED}: the answer's JSON is broken, breaks off or repeats a key")
    before, after = text[: opening.start()], text[end:]
    if _OPENING.search(after):
        return Parsed(unreadable=f"{Fault.MALFORMED}: the answer holds more than one piece of JSON")
    if "```" in before + after:
        drifts["fence"] += 1
    if _FENCE.sub("", before).strip() or _FENCE.sub("", after).strip():
        drifts["prose"] += 1
    items = _listed(value, drifts, spelling)
    if items is None:
        return Parsed(unreadable=f"{Fault.MALFORMED}: the answer's JSON is no list of calls")
    read = _Reader(tuple(symbols), drifts, may_set_life=False, spelling=spelling).read(items)
    analysis = value.get("analysis") if isinstance(value, dict) else None
    return replace(read, analysis=plain(analysis)[:WORDS_MAX].rstrip()) if isinstance(analysis, str) else read


def read_items(items: Sequence[object], symbols: Sequence[str]) -> Parsed:
    """Read tool calls that came as Python values: calls stay, dictionaries are read as a model's are.

    Unlike a model, they may set ``ttl_hours``.
    """
    return _Reader(tuple(symbols), Counter(), may_set_life=True).read(items)


class Unusable(Exception):  # noqa: N818 - it never leaves a reader
    """This item is no call; the text is the rejection."""


@dataclass(slots=True)
class _Reader:
    symbols: tuple[str, ...]
    drifts: Counter[str]
    may_set_life: bool
    spelling: Spelling = PALETTE_SPELLING

    def read(self, items: Sequence[object]) -> Parsed:
        entries = tuple(self._entry(item) for item in items)
        return Parsed(entries, tuple(sorted(self.drifts.items())))

    def _entry(self, item: object) -> ToolCall | RejectedCall:
        if isinstance(item, RejectedCall):
            return item
        fields: dict[str, Any] = {}
        tool = Tool.UNKNOWN
        used: Counter[str] = Counter()
        try:
            if isinstance(item, PaletteTool):
                tool = item.code
                return call_of(item)
            if not isinstance(item, dict):
                raise Unusable(f"{Fault.MALFORMED}: {shown(item)} is no call")
            fields = dict(_flat(item, used))
            tool = _tool_of(fields, used, self.spelling.tool_key)
            self._mend(tool, fields, used)
            call = call_of(fields)
        except ValidationError as error:
            return _rejected(fault_text(error), tool, fields)
        except Unusable as error:
            return _rejected(str(error), tool, fields)
        self.drifts.update(used)
        return call

    def _mend(self, tool: Tool, fields: dict[str, Any], used: Counter[str]) -> None:
        model = PALETTE[tool]
        if self.spelling.mend is not None:
            self.spelling.mend(tool, fields, used)
        if "ttl_hours" in fields and not self.may_set_life:
            raise Unusable(f"{Fault.MALFORMED}: ttl_hours is no argument of this tool")
        for near, name in _NEAR_NAMES.get(tool, {}).items():
            if near in fields:
                if name in fields:
                    raise Unusable(f"{Fault.MALFORMED}: {near} and {name} are both given")
                fields[name] = fields.pop(near)
                used["argument_name"] += 1
        if isinstance(fields.get("symbol"), str):
            fields["symbol"] = self._symbol(fields["symbol"], used)
        number = fields.get(model.argument)
        if isinstance(number, float) and model.model_fields[model.argument].annotation is int and number.is_integer():
            fields[model.argument] = int(number)
            used["whole_number"] += 1
        if "reason" in model.model_fields and _is_empty(fields.get("reason")):
            fields["reason"] = NO_REASON
            used["missing_reason"] += 1
        for name in ("reason", "message"):
            words = fields.get(name)
            if isinstance(words, str) and len(plain(words)) > WORDS_MAX:
                fields[name] = plain(words)[:WORDS_MAX].rstrip()
                used["long_words"] += 1

    def _symbol(self, written: str, used: Counter[str]) -> str:
        if written in self.symbols:
            return written
        if not _ONE_SYMBOL.fullmatch(written.strip()):
            return written
        try:
            name = normalise_symbol(written)
        except DataError:
            return written
        if name in self.symbols:
            used["symbol_spelling"] += 1
            return name
        named = [symbol for symbol in self.symbols if symbol in {name + quote for quote in _QUOTES}]
        if len(named) == 1:
            used["symbol_base"] += 1
            return named[0]
        return name


def _listed(value: object, drifts: Counter[str], spelling: Spelling) -> list[object] | None:
    """Return the list of calls in decoded JSON; ``None`` when it is none."""
    if isinstance(value, dict):
        wrappers = [key for key in _WRAPPERS if isinstance(value.get(key), list)]
        if len(wrappers) == 1 and not any(key in value for key in _TOOL_KEYS):
            if wrappers[0] != spelling.wrapper:
                drifts["wrapped"] += 1
            value = value[wrappers[0]]
        elif not wrappers and any(key in value for key in _TOOL_KEYS):
            drifts["single"] += 1
            value = [value]
    return value if isinstance(value, list) and value else None


def _flat(item: dict[Any, Any], used: Counter[str]) -> Iterator[tuple[str, Any]]:
    """Yield the call's fields with nested arguments lifted; a name given twice is contradictory."""
    nests = [key for key in _NESTS if isinstance(item.get(key), dict)]
    outer = {key: value for key, value in item.items() if key not in nests}
    for nest in nests:
        used["nested"] += 1
        for key, value in item[nest].items():
            if key in outer:
                raise Unusable(f"{Fault.MALFORMED}: {shown(key)} is given twice")
            outer[key] = value
    for key, value in outer.items():
        if not isinstance(key, str):
            raise Unusable(f"{Fault.MALFORMED}: {shown(key)} is no argument's name")
        yield key, value


def _tool_of(fields: dict[str, Any], used: Counter[str], asked: str) -> Tool:
    """Settle which tool is called, exactly as written; put its name under ``tool``."""
    keys = [key for key in _TOOL_KEYS if key in fields]
    if not keys:
        raise Unusable(f"{Fault.UNKNOWN_TOOL}: no tool is named")
    if len(keys) > 1:
        raise Unusable(f"{Fault.MALFORMED}: {' and '.join(keys)} are both given")
    name = fields.pop(keys[0])
    tool = TOOL_NAMES.get(name) if isinstance(name, str) else None
    if tool is None:
        raise Unusable(f"{Fault.UNKNOWN_TOOL}: {shown(name)} is no tool")
    if keys[0] not in {"tool", asked}:
        used["tool_key"] += 1
    fields["tool"] = name
    return tool


def _is_empty(words: object) -> bool:
    return words is None or (isinstance(words, str) and not plain(words))


def _rejected(rejection: str, tool: Tool, fields: Mapping[str, Any]) -> RejectedCall:
    """Keep of a rejected call what fits the journal."""
    argument = PALETTE[tool].argument if tool is not Tool.UNKNOWN else ""
    number = fields.get(argument)
    value = float(number) if isinstance(number, int | float) and abs(number) < 1e15 and math.isfinite(number) else 0.0
    symbol = fields.get("symbol")
    words = fields.get("reason", fields.get("message"))
    return RejectedCall(
        rejection=rejection,
        code=tool,
        about=symbol if isinstance(symbol, str) else None,
        value=value,
        words=plain(words)[:WORDS_MAX] if isinstance(words, str) else "",
    )


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is repeated")
    return fields


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_repeats, parse_constant=_no_constant)
