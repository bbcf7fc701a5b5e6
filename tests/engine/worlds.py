"""Worlds in one call: a market from lists of prices, forecasts from lists of convictions, settings with overrides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from alphastrike.config.account import packed
from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine import account as engine
from alphastrike.engine.advice import Advisor, Answer, AskedPolicy
from alphastrike.engine.history import AccountInputs, AccountRun, Checkpoint, account_bars, run_account
from alphastrike.engine.outputs import FULL, Collected, new_out
from alphastrike.engine.state import ACCOUNT, canonical_bytes, new_buffer, views
from alphastrike.journal.kinds import KINDS
from alphastrike.market.market import Market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.forecast import FORECAST, PerceptionHalt
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_MINUTE
from alphastrike.policy.policies import NoLlm, Policy

NAMES: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
START: Final = 1_640_995_200_000_000 + MICROS_PER_HOUR
"""The close of the first hourly bar of 2022: tick 0 is at 01:00 UTC, tick 23 at midnight."""
LIQUID: Final = 5e6
"""Base units a day: an order of 500 then moves the price by a hundredth of the daily volatility."""
FRICTIONLESS: Final = ("account.venue.half_spread=0.0", "account.venue.impact=0.0")

Bar = float | tuple[float, ...] | None
"""A price at which nothing moves; (open, high, low, close) and perhaps the volume; or no candle at all."""


def instruments(count: int, **other: float) -> Records:
    """Instruments alike for all symbols: a cent, a thousandth, 5 bp taker, 2 bp maker, 1 % for a liquidation."""
    terms = {"tick": 0.01, "lot": 0.001, "notional_min": 5.0, "taker_fee": 5e-4, "maker_fee": 2e-4}
    terms |= {"liquidation_fee": 0.01, "leverage_max": 50.0} | other
    table = np.zeros(count, dtype=INSTRUMENT)
    for name, value in terms.items():
        table[name] = value
    return table


def margin_tiers(count: int, *tiers: tuple[float, float, float]) -> Records:
    """(floor, rate, deduction) alike for all symbols; 1 % to 50,000 and 2.5 % above when none is given."""
    table = np.zeros((count, TIERS_MAX), dtype=TIER)
    table["notional_floor"] = np.inf
    for k, tier in enumerate(tiers or ((0.0, 0.01, 0.0), (50_000.0, 0.025, 750.0))):
        table[:, k] = tier
    return table


@dataclass(frozen=True)
class World:
    """All that the account half reads."""

    market: Market
    inputs: AccountInputs
    settings: Settings

    def time(self, tick: int) -> int:
        """Event time of a tick."""
        return self.market.start + tick * self.market.interval

    def under(self, *overrides: str) -> "World":
        """The same market and forecasts under settings with overrides alone."""
        return replace(self, settings=resolve(None, overrides))

    def run(self, policy: Policy | None = None, *, answer: Answer | None = None, **options: Any) -> AccountRun:
        """Run the account half under a policy, nobody when none is given."""
        asked = AskedPolicy(policy or NoLlm(), self.settings.policy.latency_us)
        return run_account(self.market, self.inputs, self.settings, answer or asked, **options)


def world(
    prices: Sequence[Bar] | Mapping[str, Sequence[Any]],
    convictions: Sequence[float] | Mapping[str, Sequence[float]],
    *overrides: str,
    funding: Mapping[int, float] | None = None,
    assumed: bool = False,
    marks: Mapping[int, float] | None = None,
    rejected: Iterable[int] = (),
    halted: Mapping[int, PerceptionHalt] | None = None,
    decide_every: int = 1,
    interval: int = MICROS_PER_HOUR,
    volatility: float = 0.02,
    atr: float = 1.0,
    daily_volume: float = LIQUID,
    terms: Mapping[str, float] | None = None,
    tiers: Sequence[tuple[float, float, float]] = (),
) -> World:
    """Make a world.

    A conviction is signed by its direction: -90 is a short of conviction 90, 0 no opinion. There is one a decision;
    the last one stays. Decisions fall on every ``decide_every``-th tick, from tick 0 on. Funding, marks,
    rejections (tick: ...) and halts are the first symbol's.
    """
    by_symbol = prices if isinstance(prices, Mapping) else {NAMES[0]: prices}
    opinions = convictions if isinstance(convictions, Mapping) else dict.fromkeys(by_symbol, convictions)
    symbols = SymbolTable(by_symbol)
    ticks = len(next(iter(by_symbol.values())))
    bars = np.zeros((ticks, len(symbols)), dtype=BAR)
    for s, name in enumerate(symbols):
        for t, bar in enumerate(by_symbol[name]):
            if bar is not None:
                bars[t, s] = _bar(bar)
    for tick, rate in (funding or {}).items():
        bars["funding_rate"][tick, 0] = rate
        bars["flags"][tick, 0] |= int(BarFlag.FUNDING | (BarFlag.FUNDING_ASSUMED if assumed else 0))
    for tick, mark in (marks or {}).items():
        bars["mark"][tick, 0] = mark
        bars["flags"][tick, 0] |= int(BarFlag.MARK)
    refused = np.zeros(bars.shape, dtype=np.bool_)
    refused[list(rejected), 0] = True
    decisions = np.arange(0, ticks, decide_every)
    row = np.full(ticks, -1, dtype=np.int64)
    row[decisions] = np.arange(len(decisions))
    forecasts = np.zeros((len(decisions), len(symbols)), dtype=FORECAST)
    for s, name in enumerate(symbols):
        known = list(opinions[name])[: len(decisions)]
        signed = np.array(known + known[-1:] * (len(decisions) - len(known)), dtype=np.float64)
        forecasts["direction"][:, s] = np.sign(signed)
        forecasts["conviction"][:, s] = np.abs(signed)
    forecasts["volatility"], forecasts["atr"], forecasts["daily_volume"] = volatility, atr, daily_volume
    forecasts["health"] = 100.0
    for tick, halt in (halted or {}).items():
        forecasts["halt"][row[tick], 0] = halt
    market = Market(
        name="made",
        content_hash="0" * 32,
        symbols=symbols,
        start=START,
        interval=interval,
        bars=bars,
        other_events=np.zeros(ticks, dtype=np.int64),
        series={},
        instruments=instruments(len(symbols), **(terms or {})),
        tiers=margin_tiers(len(symbols), *tiers),
    )
    return World(market, AccountInputs(row, forecasts, refused), resolve(None, overrides))


def _bar(bar: float | tuple[float, ...]) -> tuple[Any, ...]:
    if not isinstance(bar, tuple):
        bar = (bar, bar, bar, bar)
    volume = bar[4] if len(bar) == 5 else 1e6
    return (*bar[:4], volume, 0.0, 0.0, int(BarFlag.CANDLE))


EVENTFUL: Final = (
    "account.triggers.losses=2",
    "account.triggers.win_rate_window=4",
    "account.triggers.drawdown_above=0.02",
    "account.triggers.drawdown_rearm=0.01",
    "account.triggers.cooldown_hours=1",
    "account.limits.daily_loss_max=0.04",
    "account.limits.drawdown_halt=0.08",
    "account.limits.halt_days=0.5",
    "account.limits.orders_per_hour_max=3",
    "account.exit.stop_atr=5",
    "account.exit.take_profit_atr=7",
    "account.exit.hold_max_hours=12",
    "account.leverage.kelly_trades_min=5",
    "account.sizing.exposure_per_trade=0.3",
    "account.limits.total_exposure_max=1.5",
    "account.entry.conviction_floor=80",
    "policy.ttl_hours=5",
)
"""Settings under which a few hundred bars hold everything that can happen to an account."""
VARIANTS: Final = (
    (),
    ("account.venue.isolated_margin=1", "account.leverage.normal=9", "account.limits.liquidation_distance_min=0.0"),
    ("account.venue.mark_on_marks=1", 'policy.on_open="close"', "account.triggers.refire_hours=4"),
    ("policy.latency_ms=1800000", "policy.deadline_s=7200"),
)


def eventful(seed: int, ticks: int = 320, symbols: int = 2) -> World:
    """A wild market of quarter-hour bars with gaps, dry bars, marks, funding, rejections and halts."""
    random = np.random.default_rng(seed)
    shape = (ticks, symbols)
    moves = random.standard_t(3, shape) * 0.006
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    open_ = np.concatenate([np.full((1, symbols), 100.0), close[:-1]]) * (1.0 + random.normal(0.0, 0.002, shape))
    bars = np.zeros(shape, dtype=BAR)
    bars["open"], bars["close"] = open_, close
    bars["high"] = np.maximum(open_, close) * (1.0 + np.abs(random.normal(0.0, 0.004, shape)))
    bars["low"] = np.minimum(open_, close) * (1.0 - np.abs(random.normal(0.0, 0.004, shape)))
    bars["volume"] = np.where(random.random(shape) < 0.05, 0.0, random.lognormal(8.5, 1.0, shape))
    bars["flags"] = int(BarFlag.CANDLE)
    bars[random.random(shape) < 0.03] = np.zeros(1, dtype=BAR)[0]
    marked = random.random(shape) < 0.2
    bars["mark"][marked] = close[marked] * (1.0 + random.normal(0.0, 0.002, int(marked.sum())))
    bars["flags"][marked] |= int(BarFlag.MARK)
    bars["funding_rate"][31::32] = random.normal(0.0, 3e-4, bars["funding_rate"][31::32].shape)
    bars["flags"][31::32] |= int(BarFlag.FUNDING)
    decisions = np.arange(3, ticks, 4)
    row = np.full(ticks, -1, dtype=np.int64)
    row[decisions] = np.arange(len(decisions))
    forecasts = np.zeros((len(decisions), symbols), dtype=FORECAST)
    opinion = np.sin(np.cumsum(random.normal(0.0, 0.8, forecasts.shape), axis=0))
    forecasts["direction"], forecasts["conviction"] = np.sign(opinion), 100.0 * np.abs(opinion)
    forecasts["volatility"] = random.uniform(0.01, 0.05, forecasts.shape)
    forecasts["atr"], forecasts["daily_volume"], forecasts["health"] = 1.0, 4e5, 100.0
    forecasts["halt"][random.random(forecasts.shape) < 0.05] = PerceptionHalt.BREAKER
    market = Market(
        name="eventful",
        content_hash="0" * 32,
        symbols=SymbolTable(NAMES[:symbols]),
        start=START,
        interval=15 * MICROS_PER_MINUTE,
        bars=bars,
        other_events=random.integers(0, 3, ticks),
        series={},
        instruments=instruments(symbols),
        tiers=margin_tiers(symbols),
    )
    settings = resolve(None, (*EVENTFUL, *VARIANTS[seed % len(VARIANTS)]))
    return World(market, AccountInputs(row, forecasts, random.random(shape) < 0.02), settings)


def stepped(world: World, policy: Policy) -> AccountRun:
    """Feed the world event by event through the single-event entries, with a market of one row, as live does."""
    market, inputs, symbols = world.market, world.inputs, world.market.symbols
    params = packed(world.settings.account_params())
    buffer = new_buffer(len(symbols))
    state, out = views(buffer, len(symbols)), new_out()
    collected = Collected(out)
    answer = AskedPolicy(policy, world.settings.policy.latency_us)
    advisor = Advisor(world.settings, symbols, answer, state, params, out, FULL)
    engine.begin(state, params)
    bars = account_bars(market, inputs.rejected)
    for t in range(market.ticks):
        now, row = world.time(t), bars[t : t + 1]
        flags = row["flags"][0]
        for s in np.flatnonzero(flags & BarFlag.CANDLE).tolist():
            engine.step_candle(state, params, market.instruments, market.tiers, row, s, now, out, FULL)
        for s in np.flatnonzero(flags & BarFlag.MARK).tolist():
            engine.step_mark(state, params, row, s, now)
        for s in np.flatnonzero(flags & BarFlag.FUNDING).tolist():
            engine.step_funding(state, params, market.tiers, row, s, now, out, FULL)
        why = engine.step_tick(
            state, params, market.instruments, market.tiers, inputs.forecasts, inputs.decision_row[t],
            market.other_events[t], now, out, FULL,
        )  # fmt: skip
        if why == engine.SITUATION:
            advisor.ask_all()
        advisor.apply_due(now)
        collected.drain()
    return AccountRun({**collected.tables(), **advisor.tables()}, [], canonical_bytes(buffer, len(symbols)))


def from_tick(run: AccountRun, tick: int) -> Checkpoint:
    """A checkpoint between two situations: the state with which a run ended before this tick."""
    account = np.frombuffer(run.state, dtype=ACCOUNT, count=1)[0]
    return Checkpoint(0, tick - 1, int(account["market_seq"]), run.state)


def same(tables: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether two passes wrote the same rows, bit for bit; asserts which kind differs first."""
    assert tables.keys() == others.keys()
    for name, rows in tables.items():
        other = others[name]
        plain = [column for column in KINDS[name].record.fields or () if rows.dtype[column].kind != "O"]
        assert len(rows) == len(other), f"{name}: {len(rows)} and {len(other)} rows"
        for column in plain:
            assert rows[column].tobytes() == other[column].tobytes(), f"{name}.{column}"
        assert rows.tolist() == other.tolist(), name
    return True
