"""How each whole-run metric is called, written and explained: one table for terminal, page and JSON."""

from enum import Enum
from typing import Final, NamedTuple


class Shape(Enum):
    """How a number is written."""

    LOG = "log growth"
    QUOTE = "USDT"
    RATIO = "ratio"
    PERCENT = "percent"
    COUNT = "count"
    MULTIPLE = "multiple"


class Measure(NamedTuple):
    """One metric: the field of ``Metrics`` it reads, its name in print, and its formula in words."""

    field: str
    label: str
    shape: Shape
    formula: str
    sign: int = 1
    """-1 where the number is printed negative because it is a loss."""
    in_terminal: bool = True


MEASURES: Final = (
    Measure("log_growth", "log growth", Shape.LOG, "ln(final equity ÷ start equity)"),
    Measure("net_pnl", "net P&L", Shape.QUOTE, "final equity − start equity"),
    Measure("sharpe", "Sharpe", Shape.RATIO, "mean ÷ standard deviation of daily returns × √365, no risk-free rate"),
    Measure(
        "sortino",
        "Sortino",
        Shape.RATIO,
        "mean daily return ÷ root mean square of daily losses × √365",
        in_terminal=False,
    ),
    Measure(
        "calmar",
        "Calmar",
        Shape.RATIO,
        "compound yearly growth (365 days, daily returns) ÷ maximum drawdown",
        in_terminal=False,
    ),
    Measure("max_drawdown", "max drawdown", Shape.PERCENT, "deepest fall of equity below its running peak", sign=-1),
    Measure(
        "cvar_95",
        "CVaR 95 % (hourly)",
        Shape.PERCENT,
        "mean of the worst 5 % of hourly returns",
        in_terminal=False,
    ),
    Measure("win_rate", "win rate", Shape.PERCENT, "share of trades with positive net P&L"),
    Measure("trades", "trades", Shape.COUNT, "from flat, or a reversal, to flat"),
    Measure("turnover", "turnover", Shape.MULTIPLE, "notional of all fills ÷ mean equity", in_terminal=False),
    Measure("liquidations", "liquidations", Shape.COUNT, "positions liquidated by the venue"),
    Measure(
        "time_under_water",
        "time under water",
        Shape.PERCENT,
        "share of time with equity below its running peak",
        in_terminal=False,
    ),
    Measure("time_halted", "time halted", Shape.PERCENT, "share of time in which the account took no new risk"),
    Measure("situations", "situations", Shape.COUNT, "times the policy was asked", in_terminal=False),
    Measure("interventions", "interventions", Shape.COUNT, "accepted edits of the controls"),
    Measure("episodes", "episodes", Shape.COUNT, "interventions that overlap in time, counted as one"),
)

PARTS: Final = ("price", "fees", "slippage", "funding", "liquidation")
"""Fields of ``Parts`` in the order in which they are printed."""
