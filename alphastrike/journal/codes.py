"""Codes that derived kinds state as small whole numbers: rules, tools, verdicts, causes. None is ever given anew."""

from enum import IntEnum


class Gate(IntEnum):
    """The gateway's checks, in the order in which they are made."""

    PASSED = 0
    COMPLETENESS = 1
    FINITE = 2
    POSITIVE = 3
    OHLC = 4
    MONOTONE = 5
    DUPLICATE = 6
    GAP = 7
    STALE = 8
    PRICE_JUMP = 9
    VOLUME_SPIKE = 10
    SPREAD = 11
    BREAKER_OPENED = 12
    BREAKER_CLOSED = 13


class GateVerdict(IntEnum):
    """What a gate made of an event."""

    REJECTED = 1
    FLAGGED = 2
    """Accepted, and worth knowing."""


class Rule(IntEnum):
    """A trigger's rule on realised performance."""

    WIN_RATE = 0
    DRAWDOWN = 1
    LOSS_STREAK = 2


class Tool(IntEnum):
    """The closed palette."""

    UNKNOWN = 0
    """What was called is no tool; such a call is always rejected."""
    ADJUST_CONVICTION = 1
    ADJUST_POSITION_SIZE = 2
    ADJUST_LEVERAGE = 3
    DISABLE_SHORTS = 4
    DISABLE_ASSET = 5
    NO_ACTION = 6
    SEND_ALERT = 7


class CallVerdict(IntEnum):
    """What became of a tool call."""

    ACCEPTED = 1
    REDUNDANT = 2
    """Accepted, though it changes nothing now; it may bind later or in a branch."""
    REJECTED = 3


class Change(IntEnum):
    """What happened to an intervention."""

    APPLIED = 1
    EXPIRED = 2
    REVOKED = 3


class Reason(IntEnum):
    """Why a target, and the order made for it, exists."""

    ENTRY = 1
    REVERSAL = 2
    EXIT_SIGNAL = 3
    """Conviction fell below the exit level or the direction turned."""
    EXIT_TIME = 4
    STOP = 5
    TAKE_PROFIT = 6
    SHRINK = 7
    """An intervention lowered the size multiplier or the leverage cap."""
    RISK_REDUCE = 8
    LIQUIDATION = 9
    DISABLED = 10
    """``disable_asset`` with ``on_open: close``."""
    FLATTEN = 11


class RiskRule(IntEnum):
    """The risk layer's rules, in the order in which they are asked."""

    NONE = 0
    BANKRUPT = 1
    DRAWDOWN_HALT = 2
    DAILY_LOSS = 3
    POLICY_HALT = 4
    PERCEPTION_HALT = 5
    STALE_DATA = 6
    ORDER_RATE = 7
    SYMBOL_EXPOSURE = 8
    TOTAL_EXPOSURE = 9
    LEVERAGE = 10
    MARGIN = 11
    LIQUIDATION_DISTANCE = 12
    MINIMUM_NOTIONAL = 13
    OPERATOR_HALT = 14
    NO_STOP = 15
    """The strategy cannot place the stop it wants: no ATR, or a stop below zero."""
    LIQUIDATION_HALT = 16


class RiskAnswer(IntEnum):
    """The risk layer's answer to a target."""

    APPROVED = 1
    REDUCED = 2
    """Approved at a smaller size: the cap of a shared budget."""
    REFUSED = 3


class OrderChange(IntEnum):
    """A step in an order's life."""

    SUBMITTED = 1
    FILLED = 2
    CANCELLED = 3
    """The next decision no longer wants the rest, or another order took its place."""


class HaltCause(IntEnum):
    """Why no new risk is taken on the account or a symbol."""

    DAILY_LOSS = 1
    DRAWDOWN = 2
    BANKRUPT = 3
    POLICY_FAILURE = 4
    OPERATOR = 5
    LIQUIDATION = 6
    """The venue liquidated a position: something is wrong that sizes and stops did not prevent."""


class HaltChange(IntEnum):
    """A halt begins or is lifted."""

    BEGUN = 1
    LIFTED = 2


class Liquidity(IntEnum):
    """Whether a fill took liquidity or gave it."""

    TAKER = 1
    MAKER = 2


class FailureMode(IntEnum):
    """Who answers when the policy's advice is missing, late or invalid."""

    RULES = 1
    HALT = 2
    NO_ACTION = 3
