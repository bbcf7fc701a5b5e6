"""A live run on the screen: a pure picture of its status, whole for a terminal, in one line for a file.

The status decides everything that is shown; the picture reads no clock and no terminal.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from alphastrike.live.status import ACCOUNT, HaltStatus, InterventionStatus, Status, SymbolStatus, TriggerStatus

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

ABSENT: Final = "–"
_SIDES: Final = {-1: "short", 0: "none", 1: "long"}


def line(status: Status) -> str:
    """Return the status in one line, for an output that is no terminal."""
    equity = status["equity"]
    held = sum(symbol["quantity"] != 0.0 for symbol in status["symbols"])
    halts = _account_halts(status)
    age = status["feed_age_s"]
    parts = [
        moment(status["event_time"]),
        f"seq {status['durable_seq']:,}",
        f"equity {number(equity['equity'])}",
        f"drawdown {percent(-equity['drawdown'])}",
        f"leverage {number(status['leverage']['leverage'])}×",
        f"positions {held}",
        f"interventions {len(status['interventions'])}",
        f"halted: {', '.join(halt['cause'] for halt in halts)}" if halts else "not halted",
        f"feed {number(age, 1)} s ago" if age is not None else "no feed yet",
    ]
    return "  ".join(parts)


def picture(status: Status) -> "RenderableType":
    """Return the whole screen."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(_title(status), style="bold"), *_halted(status)]
    parts += [Text(text) for text in (_worth(status), _levered(status), *_shadowed(status))]
    parts.append(_table(("symbol", "position", "mark", "unrealised", "forecast", "regime", "controls"),
                        map(_symbol_row, status["symbols"]), right=range(1, 4)))  # fmt: skip
    parts.append(_table(("triggers", *(_RULES[rule](status["triggers"]) for rule in _RULES)),
                        _trigger_rows(status["triggers"])))  # fmt: skip
    if status["interventions"]:
        parts.append(_table(("intervention", "tool", "on", "value", "left"),
                            map(_intervention_row, status["interventions"]), right=(0, 3, 4)))  # fmt: skip
    else:
        parts.append(Text("no live intervention"))
    parts.append(Text(_machinery(status), style="dim"))
    return Group(*parts)


def moment(time: int) -> str:
    """Return a time in UTC to the minute; a dash before the first tick."""
    if time <= 0:
        return ABSENT
    return datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Return a number with thousands separated and a true minus sign; a dash when there is none."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0.,"):
        return text
    return f"−{text}" if value < 0 else f"+{text}" if signed else text


def percent(fraction: float, digits: int = 1, *, signed: bool = False) -> str:
    """Return a fraction in per cent."""
    return f"{number(100.0 * fraction, digits, signed=signed)} %"


def halt_words(halt: HaltStatus) -> str:
    """Return a halt with its scope, its cause and what clears it."""
    until = f" (by {moment(halt['until'])} UTC)" if halt["until"] is not None else ""
    clears = "for good" if halt["lifted_by"] == "nobody" else f"until {halt['clears']}{until}"
    return f"{halt['scope']}: {halt['cause'].replace('_', ' ')}, {clears}"


def orders_words(orders: int) -> str:
    """Return what flattening came to."""
    return f"{orders:,} closing order{'' if orders == 1 else 's'} sent" if orders else "nothing left to close"


def _account_halts(status: Status) -> list[HaltStatus]:
    return [halt for halt in status["halts"] if halt["scope"] == ACCOUNT]


def _title(status: Status) -> str:
    shadow = " in shadow" if status["shadow"] else ""
    return (
        f"{_plain(status['run'])}  {_plain(status['policy'])}{shadow} on {_plain(status['market'])}  "
        f"{status['state']}  {moment(status['event_time'])} UTC  seq {status['durable_seq']:,}"
    )


def _halted(status: Status) -> Iterable["RenderableType"]:
    from rich.text import Text

    for halt in status["halts"]:
        style = "bold red" if halt["scope"] == ACCOUNT else "yellow"
        yield Text(f"HALTED {halt_words(halt)}", style=style)


def _worth(status: Status) -> str:
    equity = status["equity"]
    worth = equity["equity"]
    gain = worth / equity["start"] - 1.0
    multiple = f"{number(equity['exposure'] / worth)}×" if worth > 0.0 else ABSENT
    return (
        f"equity {number(worth)} ({percent(gain, 2, signed=True)})   drawdown {percent(-equity['drawdown'])} from "
        f"{number(equity['peak'])}   today {percent(-equity['day_loss'])}   exposure {multiple}   "
        f"trades {equity['trades']:,}"
    )


def _levered(status: Status) -> str:
    leverage = status["leverage"]
    factors = " × ".join(
        f"{name} {number(leverage[f'{name}_factor'])}"  # type: ignore[literal-required]
        for name in ("volatility", "drawdown", "performance")
    )
    cap = f"   capped at {number(leverage['cap'])}×" if leverage["cap"] < leverage["leverage"] else ""
    return (
        f"leverage {number(leverage['leverage'])}× from base {number(leverage['base'])} × {factors}   "
        f"daily volatility {percent(leverage['volatility'], 2)}{cap}"
    )


def _shadowed(status: Status) -> Iterable[str]:
    followed = status["followed_equity"]
    if followed is not None:
        difference = followed - status["equity"]["equity"]
        yield f"had all advice been followed: {number(followed)} ({number(difference, signed=True)})"


def _symbol_row(symbol: SymbolStatus) -> tuple[str, ...]:
    held = symbol["quantity"] != 0.0
    controls = []
    if not symbol["asset_enabled"]:
        controls.append("disabled")
    if not symbol["shorts_allowed"]:
        controls.append("no shorts")
    if symbol["size_multiplier"] < 1.0:
        controls.append(f"size × {number(symbol['size_multiplier'], 1)}")
    order = f" {number(symbol['order'], 4, signed=True)} ordered" if symbol["order"] else ""
    return (
        symbol["symbol"],
        (number(symbol["quantity"], 4, signed=True) if held else "flat") + order,
        number(symbol["mark"], 4) if symbol["mark"] < 100.0 else number(symbol["mark"]),
        number(symbol["unrealised"], signed=True) if held else ABSENT,
        f"{_SIDES[symbol['direction']]} {number(symbol['conviction'], 0)} of {number(symbol['floor'], 0)}",
        symbol["regime"].replace("_", " "),
        ", ".join(controls) or "as configured",
    )


def _threshold(rule: str, triggers: Sequence[TriggerStatus]) -> float:
    return next(trigger["threshold"] for trigger in triggers if trigger["rule"] == rule)


_RULES: Final = {
    "win_rate": lambda triggers: f"win rate < {percent(_threshold('win_rate', triggers), 0)}",
    "drawdown": lambda triggers: f"drawdown > {percent(_threshold('drawdown', triggers), 0)}",
    "loss_streak": lambda triggers: f"losses in a row ≥ {number(_threshold('loss_streak', triggers), 0)}",
}
"""What heads each column of the triggers."""


def _trigger_rows(triggers: Sequence[TriggerStatus]) -> Iterable[tuple[str, ...]]:
    scopes = list(dict.fromkeys(trigger["scope"] for trigger in triggers))
    cells = {(trigger["scope"], trigger["rule"]): _trigger_cell(trigger) for trigger in triggers}
    for scope in (*scopes[-1:], *scopes[:-1]):
        yield (scope, *(cells[scope, rule] for rule in _RULES))


def _trigger_cell(trigger: TriggerStatus) -> str:
    value, left = trigger["value"], trigger["left"]
    if value is None or left is None:
        return "too few trades"
    if trigger["rule"] == "loss_streak":
        far = f"{number(value, 0)}, {number(max(left, 0.0), 0)} to go"
    else:
        far = f"{percent(value)}, {number(100.0 * max(left, 0.0), 1)} pp to go"
    if trigger["waiting"]:
        return f"{far}, asked"
    return far if trigger["armed"] else f"{far}, fired"


def _intervention_row(live: InterventionStatus) -> tuple[str, ...]:
    value = number(live["value"], 2) if live["value"] else ABSENT
    return (
        str(live["number"]),
        live["tool"].replace("_", " "),
        live["scope"],
        value,
        f"{number(max(live['hours_left'], 0.0), 1)} h",
    )


def _machinery(status: Status) -> str:
    age = status["feed_age_s"]
    parts = [f"feed {number(age, 1)} s ago" if age is not None else "no feed yet"]
    parts.append(f"{status['inbox']:,} waiting")
    parts += [
        f"{name.replace('_', ' ')} p50 {number(found['p50'])} ms, p99 {number(found['p99'])} ms"
        for name, found in status["latency_ms"].items()
        if found["count"]
    ]
    parts.append(f"incidents {status['incidents']:,}")
    return "   ".join(parts)


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    rightward = set(right)
    for place, header in enumerate(headers):
        made.add_column(Text(header), justify="right" if place in rightward else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(Text(_plain(cell)) for cell in row))
    return made


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)
