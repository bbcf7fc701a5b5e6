"""Situations of every kind, and answers that a schema allows, for property tests."""

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.controls import Controls
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.interventions import effective_controls
from alphastrike.policy.situation import LiveIntervention, Situation, SymbolReport

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "1000PEPEUSDT", "A1", "A2", "BNBUSDT", "ADAUSDT", "DOGEUSDC")
FEW = settings(max_examples=40)
"""A situation takes a hundred draws."""
NOW = 1_668_000_000_000_000

reals = st.floats(-1e9, 1e9) | st.sampled_from([0.0, -0.0, 1e-300, 1e300, math.inf, -math.inf, math.nan])
fractions = st.floats(0, 1) | reals
counts = st.integers(0, 60) | st.integers(0, 10**18)
_VALUES = {
    Tool.ADJUST_CONVICTION: st.integers(80, 95).map(float),
    Tool.ADJUST_POSITION_SIZE: st.floats(0.1, 1.0),
    Tool.ADJUST_LEVERAGE: st.floats(1.0, 10.0),
    Tool.DISABLE_SHORTS: st.just(0.0),
    Tool.DISABLE_ASSET: st.integers(1, 168).map(float),
}


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """A situation with any numbers; its controls are those that baseline and live interventions leave."""
    symbols = tuple(draw(st.lists(st.sampled_from(SYMBOLS), min_size=1, unique=True)))
    baseline = Controls(
        draw(st.floats(60.0, 100.0)), draw(st.floats(0.05, 1.0)), draw(st.floats(1.0, 10.0)), True, draw(st.booleans())
    )
    live = tuple(draw(_live(symbols, number)) for number in range(1, draw(st.integers(0, 16)) + 1))
    maybe = st.none() | st.sampled_from(symbols)
    reports = tuple(draw(_report(name, place, baseline, live)) for place, name in enumerate(symbols))
    return Situation(
        market_seq=draw(st.integers(1, 10**6)), event_time=NOW, situation=draw(counts), symbol=draw(maybe),
        rule=draw(st.sampled_from(Rule)), value=draw(reals), threshold=draw(reals), deadline=NOW + 60_000_000,
        equity=draw(reals), drawdown=draw(fractions), win_rate=draw(fractions), win_loss_ratio=draw(reals),
        trades=draw(counts), loss_streak=draw(counts), leverage=draw(st.floats(0.0, 10.0)), exposure=draw(reals),
        volatility=draw(fractions), halted=draw(st.booleans()), live_interventions=len(live),
        worst_symbol=draw(maybe), worst_symbol_pnl=draw(reals), reports=reports, live=live, baseline=baseline,
    )  # fmt: skip


@st.composite
def _live(draw: st.DrawFn, symbols: tuple[str, ...], number: int) -> LiveIntervention:
    tool = draw(st.sampled_from(list(_VALUES)))
    symbol = None if tool is Tool.ADJUST_LEVERAGE else draw(st.sampled_from(symbols))
    applied, expires = NOW - draw(st.integers(0, 10**12)), NOW + draw(st.integers(0, 168 * MICROS_PER_HOUR))
    return LiveIntervention(number, tool, symbol, draw(_VALUES[tool]), applied, expires)


@st.composite
def _report(
    draw: st.DrawFn, symbol: str, place: int, baseline: Controls, live: tuple[LiveIntervention, ...]
) -> SymbolReport:
    now = effective_controls(baseline, live, symbol)
    return SymbolReport(
        symbol=symbol, symbol_id=place, quantity=draw(st.floats(-1e9, 1e9)), notional=draw(reals),
        unrealised_pnl=draw(st.floats(-1e9, 1e9)), recent_pnl=draw(st.floats(-1e9, 1e9)), win_rate=draw(fractions),
        trades=draw(counts), loss_streak=draw(counts), drawdown=draw(fractions),
        direction=draw(st.sampled_from([-1, 0, 1])), conviction=draw(reals), volatility=draw(fractions),
        regime=draw(st.sampled_from(Regime)), conviction_floor=now.conviction_floor,
        size_multiplier=now.size_multiplier, shorts_allowed=now.shorts_allowed, asset_enabled=now.asset_enabled,
    )  # fmt: skip


def valid_answers(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the schema allows. A keyword that is not understood here is an error, not ignored."""
    match schema:
        case {"oneOf": list(options), **rest} if not rest:
            return st.one_of(*map(valid_answers, options))
        case {"type": "object", "properties": dict(properties), "required": required, **rest}:
            assert rest == {"additionalProperties": False}
            assert required == list(properties)
            return st.fixed_dictionaries({name: valid_answers(one) for name, one in properties.items()})
        case {"type": "array", "items": items, "minItems": int(least), "maxItems": int(most), **rest} if not rest:
            return st.lists(valid_answers(items), min_size=least, max_size=most)
        case {"type": "string", "const": str(only), **rest} if not rest:
            return st.just(only)
        case {"type": "string" | "integer", "enum": list(choices), **rest} if not rest:
            return st.sampled_from(choices)
        case {"type": "integer", "minimum": int(least), "maximum": int(most), **rest} if not rest:
            return st.integers(least, most)
        case {"type": "string", "pattern": str(pattern), **rest} if not rest:
            return st.from_regex(pattern.replace("$", r"\Z"))
    raise AssertionError(f"the schema holds {schema}")
