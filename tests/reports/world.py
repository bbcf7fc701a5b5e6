"""A comparison made by hand, large enough to look at: correlated arms, crashes, situations with answers.

Its paths are drawn, not traded: what it is for is the page. What the engine makes is tested end to end.
"""

from typing import Any

import numpy as np

from alphastrike.journal.codes import CallVerdict, Change, Rule, Tool
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay.compare import Arm, Comparison, comparison
from replay.origin import Origin
from tests.replay.tables import DAY_ZERO, arm_tables, rows

START = 100_000.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
RULES = (Rule.LOSS_STREAK, Rule.DRAWDOWN, Rule.WIN_RATE)
SHOWN = {Rule.LOSS_STREAK: (5.0, 5.0), Rule.DRAWDOWN: (0.163, 0.15), Rule.WIN_RATE: (0.35, 0.40)}


def equity_table(log_returns: np.ndarray, seed: int) -> Any:
    """Hourly equity whose parts add up: costs drawn, price P&L the rest."""
    generator = np.random.default_rng(seed)
    hours = len(log_returns)
    equity = START * np.exp(np.cumsum(log_returns))
    table = np.zeros(hours, dtype=rows("equity").dtype).view(np.recarray)
    table.event_time = DAY_ZERO + MICROS_PER_HOUR * np.arange(1, hours + 1)
    table.equity = equity
    table.fees = np.cumsum(generator.exponential(1.1, hours))
    table.slippage = np.cumsum(generator.exponential(0.4, hours))
    table.funding = np.cumsum(generator.normal(0.05, 1.0, hours))
    table.price_pnl = equity - START + table.fees + table.slippage + table.funding
    table.drawdown = 1.0 - equity / np.maximum.accumulate(equity)
    table.leverage = np.clip(5.0 + np.cumsum(generator.normal(0, 0.03, hours)), 1.0, 10.0)
    table.exposure = equity * 1.2
    return table


def situation_tables(hours: list[int], policy: str, reason: str, equity: Any) -> dict[str, Any]:
    reports, lines, advice, calls, changes = [], [], [], [], []
    for number, hour in enumerate(hours, start=1):
        time = DAY_ZERO + hour * MICROS_PER_HOUR
        rule, symbol = RULES[number % 3], number % 4 - 1
        value, threshold = SHOWN[rule]
        at = equity[hour - 1]
        common = {"event_time": time, "situation": number, "market_seq": hour * 10}
        reports.append(
            {
                **common,
                "symbol": symbol,
                "rule": rule,
                "value": value,
                "threshold": threshold,
                "equity": at.equity,
                "drawdown": at.drawdown,
                "win_rate": 0.42,
                "win_loss_ratio": 1.31,
                "trades": 20 + number,
                "loss_streak": 5,
                "leverage": at.leverage,
                "exposure": at.exposure,
                "volatility": 0.031,
                "worst_symbol": number % 3,
                "worst_symbol_pnl": -812.4,
            }
        )
        lines += [
            {
                **common,
                "symbol": each,
                "notional": 21_000.0 * (-1) ** each,
                "unrealised_pnl": -310.5,
                "recent_pnl": -812.4,
            }
            | {"win_rate": 0.4, "trades": 12, "loss_streak": 2, "direction": 1 - each, "conviction": 83.0, "regime": 1}
            | {"conviction_floor": 80.0, "size_multiplier": 1.0, "shorts_allowed": 1, "asset_enabled": 1}
            for each in range(len(SYMBOLS))
        ]
        refused = number % 7 == 0
        advice.append({**common, "policy": policy, "asked": time, "calls": 1})
        calls.append(
            {
                **common,
                "tool": Tool.ADJUST_POSITION_SIZE,
                "symbol": symbol,
                "value": 0.5,
                "ttl_hours": 72,
                "verdict": CallVerdict.REJECTED if refused else CallVerdict.ACCEPTED,
                "rejection": "the multiplier must lie below the one that stands" if refused else "",
                "reason": reason,
                "intervention": 0 if refused else number,
            }
        )
        if not refused:
            expires = time + 72 * MICROS_PER_HOUR
            edit: dict[str, Any] = {
                "value": 0.5,
                "intervention": number,
                "situation": number,
                "tool": Tool.ADJUST_POSITION_SIZE,
                "symbol": symbol,
            }
            edit |= {"expires": expires}
            changes.append({**edit, "event_time": time, "change": Change.APPLIED, "before": 1.0, "after": 0.5})
            if hour + 72 <= len(equity):
                changes.append({**edit, "event_time": expires, "change": Change.EXPIRED, "before": 0.5, "after": 1.0})
    return {
        "situations": rows("situations", *reports),
        "situation_symbols": rows("situation_symbols", *lines),
        "advice": rows("advice", *advice),
        "tool_calls": rows("tool_calls", *calls),
        "interventions": rows("interventions", *sorted(changes, key=lambda row: row["event_time"])),
    }


def leverage_table(seed: int, hours: int) -> Any:
    generator = np.random.default_rng(seed)
    times = np.sort(generator.integers(1, hours, 120))
    return rows(
        "leverage",
        *(
            {
                "event_time": DAY_ZERO + int(hour) * MICROS_PER_HOUR,
                "leverage": 4.0,
                "volatility_factor": float(generator.uniform(0.4, 1.5)),
                "drawdown_factor": float(generator.choice([1.0, 0.7, 0.5])),
                "performance_factor": float(generator.choice([0.6, 1.0, 1.2])),
            }
            for hour in times
        ),
    )


def trades_table(seed: int, count: int) -> Any:
    generator = np.random.default_rng(seed)
    return rows("trades", *({"net_pnl": float(value)} for value in generator.normal(20.0, 300.0, count)))


def made_comparison(
    policies: tuple[str, ...] = ("no-llm",),
    days: int = 500,
    situations: int = 27,
    symbols: tuple[str, ...] = SYMBOLS,
    reason: str = "five losses in a row: half the size",
    gap: float = 0.00003,
) -> Comparison:
    """The rules as recorded against the given policies; ``gap`` is what an arm loses an hour against them."""
    hours = days * 24
    generator = np.random.default_rng(11)
    common = 0.00002 + 0.0035 * generator.standard_t(4, hours) / 1.4
    common[int(hours * 0.45) : int(hours * 0.45) + 60] -= 0.002
    asked = sorted(int(hour) for hour in generator.choice(np.arange(200, hours - 24), situations, replace=False))
    arms = []
    for place, name in enumerate(("rules", *policies)):
        own = common if place == 0 else common * (1 + 0.15 * place) - gap * place + generator.normal(0, 0.0006, hours)
        equity = equity_table(own, seed=place)
        answered = situation_tables(asked, name, reason, equity) if name != "no-llm" else {}
        fills = rows("fills", *({"quantity": 1.0, "price": 30_000.0, "trade": each} for each in range(300)))
        tables = arm_tables(
            equity=equity,
            trades=trades_table(place, 300 + 10 * place),
            fills=fills,
            leverage=leverage_table(place, hours),
            **answered,
        )
        arms.append(Arm(name, name, tables, f"{place:x}" * 32, is_factual=place == 0))
    origin = Origin(
        run="majors-rules",
        digest="4e99e494f5b8d91519818fe4d75d9785",
        market="majors",
        market_hash="5f0c9a11" * 4,
        symbols=symbols,
        begin=DAY_ZERO,
        end=DAY_ZERO + days * MICROS_PER_DAY,
        interval=MICROS_PER_HOUR,
        start_equity=START,
        funding_assumed=0.31,
        instruments_assumed=symbols[:1],
        mark_source="candle closes",
        settings_changed=(("account.exposure_per_trade", "0.08", "0.10"),),
        versions=(("alphastrike", "0.1.0"), ("python", "3.11.7")),
        commands=("alphastrike replay majors-rules " + " ".join(f"--policy {name}" for name in policies),),
    )
    return comparison(origin, arms)
