"""How a live run stands, as plain values: what the socket sends, the screen draws and the state file keeps.

Times are microseconds UTC, fractions are fractions, money is in the quote currency. Nothing here is NaN: what does not
exist is ``None``.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, TypedDict

from alphastrike.config.settings import Settings
from alphastrike.engine.state import OUTCOMES, State
from alphastrike.journal.codes import HaltCause, Rule, Tool
from alphastrike.model.forecast import PerceptionHalt, Regime
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_DAY

ACCOUNT: Final = "account"
"""The scope of what holds for all symbols."""


class Equity(TypedDict):
    """What the account is worth."""

    equity: float
    start: float
    peak: float
    drawdown: float
    exposure: float
    """Sum of the positions' absolute notionals at mark."""
    day_loss: float
    """Below the equity with which the UTC day began, 0 when above."""
    trades: int


class Leverage(TypedDict):
    """The dynamic leverage now applied, and what made it."""

    leverage: float
    base: float
    cap: float
    """The most that live interventions allow."""
    volatility: float
    volatility_factor: float
    drawdown_factor: float
    performance_factor: float


class SymbolStatus(TypedDict):
    """One symbol: position, resting order, last forecast, controls."""

    symbol: str
    quantity: float
    mark: float
    notional: float
    entry_price: float | None
    unrealised: float
    stop: float | None
    order: float
    """Still to be filled, signed."""
    direction: int
    conviction: float
    floor: float
    """Conviction an entry needs."""
    volatility: float
    regime: str
    size_multiplier: float
    shorts_allowed: bool
    asset_enabled: bool


class TriggerStatus(TypedDict):
    """One trigger: where it stands and where it fires."""

    scope: str
    rule: str
    value: float | None
    """``None`` while the rule is silent: too few trades."""
    threshold: float
    left: float | None
    """How far the value may still worsen before it fires; not positive when the rule holds."""
    armed: bool
    waiting: bool
    """A situation of it is unanswered."""


class InterventionStatus(TypedDict):
    """One live intervention."""

    number: int
    tool: str
    scope: str
    value: float
    expires: int
    hours_left: float


class HaltStatus(TypedDict):
    """One reason why no new risk is taken."""

    scope: str
    cause: str
    since: int | None
    until: int | None
    lifted_by: Literal["person", "itself", "nobody"]
    clears: str
    """What lifts it, for a person to read."""


class AccountStatus(TypedDict):
    """The account after its last tick."""

    event_time: int
    market_seq: int
    equity: Equity
    leverage: Leverage
    symbols: list[SymbolStatus]
    triggers: list[TriggerStatus]
    interventions: list[InterventionStatus]
    halts: list[HaltStatus]


class Latency(TypedDict):
    """Milliseconds over the recent past."""

    p50: float
    p99: float
    count: int


class ShellStatus(TypedDict):
    """The process around the account."""

    run: str
    market: str
    policy: str
    shadow: bool
    state: str
    """What the run is doing: recovering, running, stopping."""
    pid: int
    journal: str
    """The run's folder."""
    durable_seq: int
    """The last input that is on the disk with all that follows from it."""
    feed_age_s: float | None
    """Since the feed last sent anything."""
    inbox: int
    """Items waiting."""
    incidents: int
    latency_ms: dict[str, Latency]
    """By what is measured."""
    followed_equity: float | None
    """In a shadow run: what the equity would be, had all advice been followed."""


class Status(ShellStatus, AccountStatus):
    """Everything."""


def account_status(state: State, symbols: SymbolTable, settings: Settings) -> AccountStatus:
    """Return how an account stands after its last tick."""
    account = state.account[0]
    now = int(account.now)
    day_start = float(account.day_start_equity)
    return {
        "event_time": now,
        "market_seq": int(account.market_seq),
        "equity": {
            "equity": float(account.equity),
            "start": settings.account.start_equity,
            "peak": float(account.equity_peak),
            "drawdown": float(account.drawdown),
            "exposure": float(account.exposure),
            "day_loss": max(1.0 - float(account.equity) / day_start, 0.0) if day_start > 0.0 else 0.0,
            "trades": int(account.trades),
        },
        "leverage": {
            "leverage": float(account.leverage),
            "base": settings.account.leverage.normal,
            "cap": float(account.leverage_cap),
            "volatility": float(account.volatility),
            "volatility_factor": float(account.volatility_factor),
            "drawdown_factor": float(account.drawdown_factor),
            "performance_factor": float(account.performance_factor),
        },
        "symbols": [_symbol(name, symbol) for name, symbol in zip(symbols, state.symbols, strict=True)],
        "triggers": list(_triggers(state, symbols, settings)),
        "interventions": [
            {
                "number": int(live.intervention),
                "tool": Tool(live.tool).name.lower(),
                "scope": symbols.name_of(int(live.symbol)) or ACCOUNT,
                "value": float(live.value),
                "expires": int(live.expires),
                "hours_left": (int(live.expires) - now) / 3.6e9,
            }
            for live in state.interventions
            if live.intervention != 0
        ],
        "halts": [*_account_halts(state, settings), *_symbol_halts(state, symbols)],
    }


def _symbol(name: str, symbol: Any) -> SymbolStatus:
    quantity = float(symbol.quantity)
    mark = float(symbol.mark)
    is_open = quantity != 0.0
    return {
        "symbol": name,
        "quantity": quantity,
        "mark": mark,
        "notional": quantity * mark,
        "entry_price": float(symbol.entry_price) if is_open else None,
        "unrealised": quantity * (mark - float(symbol.entry_price)) if is_open else 0.0,
        "stop": float(symbol.stop_price) if is_open and symbol.stop_price > 0.0 else None,
        "order": float(symbol.order_quantity),
        "direction": int(symbol.forecast_direction),
        "conviction": float(symbol.conviction),
        "floor": float(symbol.conviction_floor),
        "volatility": float(symbol.volatility),
        "regime": Regime(int(symbol.regime)).name.lower(),
        "size_multiplier": float(symbol.size_multiplier),
        "shorts_allowed": bool(symbol.shorts_allowed),
        "asset_enabled": bool(symbol.asset_enabled),
    }


def _triggers(state: State, symbols: SymbolTable, settings: Settings) -> Iterable[TriggerStatus]:
    rules = settings.account.triggers
    for scope, name in enumerate((*symbols, ACCOUNT)):
        holder = state.account[0] if name == ACCOUNT else state.symbols[scope]
        trades = int(holder.trades)
        rate = _win_rate(state, scope, trades, rules.win_rate_window) if trades >= rules.win_rate_window else None
        drawdown, losses = float(holder.drawdown), float(holder.loss_streak)
        yield _trigger(
            state, scope, name, Rule.WIN_RATE, rate, rules.win_rate_below,
            None if rate is None else rate - rules.win_rate_below,
        )  # fmt: skip
        yield _trigger(
            state, scope, name, Rule.DRAWDOWN, drawdown, rules.drawdown_above, rules.drawdown_above - drawdown
        )
        yield _trigger(state, scope, name, Rule.LOSS_STREAK, losses, float(rules.losses), rules.losses - losses)


def _trigger(
    state: State, scope: int, name: str, rule: Rule, value: float | None, threshold: float, left: float | None
) -> TriggerStatus:
    trigger = state.triggers[scope, int(rule)]
    return {
        "scope": name,
        "rule": rule.name.lower(),
        "value": value,
        "threshold": threshold,
        "left": left,
        "armed": bool(trigger.armed),
        "waiting": bool(trigger.situation != 0),
    }


def _win_rate(state: State, scope: int, trades: int, window: int) -> float:
    seen = min(trades, window)
    return sum(float(state.outcomes[scope, (trades - 1 - k) % OUTCOMES]) > 0.0 for k in range(seen)) / seen


def _account_halts(state: State, settings: Settings) -> Iterable[HaltStatus]:
    account = state.account[0]
    now = int(account.now)
    if account.operator_halt:
        yield _halt(HaltCause.OPERATOR, "person", "a person resumes")
    days = settings.account.limits.halt_days
    clears = "a person resumes" + (f", or {days:g} days pass" if days > 0 else "")
    for cause, since, also in (
        (HaltCause.DRAWDOWN, int(account.drawdown_halt_since), "; the peak is then reset"),
        (HaltCause.LIQUIDATION, int(account.liquidation_halt_since), ""),
    ):
        if since:
            until = since + int(days * MICROS_PER_DAY) if days > 0 else None
            yield _halt(cause, "person", f"{clears}{also}", since, until)
    if account.daily_halt:
        yield _halt(HaltCause.DAILY_LOSS, "itself", "the next UTC day", until=(int(account.day) + 1) * MICROS_PER_DAY)
    if now < account.policy_halt_until:
        yield _halt(HaltCause.POLICY_FAILURE, "itself", "its time passes", until=int(account.policy_halt_until))
    if account.bankrupt:
        yield _halt(HaltCause.BANKRUPT, "nobody", "nothing: the account is worth nothing any more")


_CLEARS: Final = {
    PerceptionHalt.WARM_UP: "its windows are full",
    PerceptionHalt.STALE: "the next accepted candle",
    PerceptionHalt.BREAKER: "the breaker's cool-off passes",
    PerceptionHalt.HEALTH: "feature health recovers",
    PerceptionHalt.SILENT: "a signal votes",
}


def _symbol_halts(state: State, symbols: SymbolTable) -> Iterable[HaltStatus]:
    for name, symbol in zip(symbols, state.symbols, strict=True):
        cause = PerceptionHalt(int(symbol.halt))
        if cause is not PerceptionHalt.NONE:
            yield {
                "scope": name,
                "cause": cause.name.lower(),
                "since": None,
                "until": None,
                "lifted_by": "itself",
                "clears": _CLEARS[cause],
            }


def _halt(
    cause: HaltCause,
    lifted_by: Literal["person", "itself", "nobody"],
    clears: str,
    since: int | None = None,
    until: int | None = None,
) -> HaltStatus:
    return {
        "scope": ACCOUNT,
        "cause": cause.name.lower(),
        "since": since,
        "until": until,
        "lifted_by": lifted_by,
        "clears": clears,
    }
