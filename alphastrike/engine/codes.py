"""The journal's codes as the integers that compiled code reads."""

from typing import Final

from alphastrike.journal.codes import (
    Change,
    HaltCause,
    HaltChange,
    Liquidity,
    OrderChange,
    Reason,
    RiskAnswer,
    RiskRule,
    Rule,
    Tool,
)
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import code

YES: Final = code(1)
NO: Final = code(0)
NOBODY: Final = code(-1)
"""No symbol yet."""
HALT_ACCOUNT: Final = code(-1)
"""Stands in a plan where a tool does: the policy failed, and the account takes no new risk for a while."""

CANDLE: Final = code(BarFlag.CANDLE)
MARK: Final = code(BarFlag.MARK)
FUNDING: Final = code(BarFlag.FUNDING)
FUNDING_ASSUMED: Final = code(BarFlag.FUNDING_ASSUMED)
REJECTED: Final = code(BarFlag.REJECTED)

NOTHING: Final = code(0)
"""No reason: the position stays."""
ENTRY: Final = code(Reason.ENTRY)
REVERSAL: Final = code(Reason.REVERSAL)
EXIT_SIGNAL: Final = code(Reason.EXIT_SIGNAL)
STOP: Final = code(Reason.STOP)
TAKE_PROFIT: Final = code(Reason.TAKE_PROFIT)
SHRINK: Final = code(Reason.SHRINK)
RISK_REDUCE: Final = code(Reason.RISK_REDUCE)
LIQUIDATION: Final = code(Reason.LIQUIDATION)
DISABLED: Final = code(Reason.DISABLED)
FLATTEN: Final = code(Reason.FLATTEN)

SUBMITTED: Final = code(OrderChange.SUBMITTED)
FILLED: Final = code(OrderChange.FILLED)
CANCELLED: Final = code(OrderChange.CANCELLED)
TAKER: Final = code(Liquidity.TAKER)
MAKER: Final = code(Liquidity.MAKER)

APPROVED: Final = code(RiskAnswer.APPROVED)
REDUCED: Final = code(RiskAnswer.REDUCED)
REFUSED: Final = code(RiskAnswer.REFUSED)

NO_RULE: Final = code(RiskRule.NONE)
BANKRUPT: Final = code(RiskRule.BANKRUPT)
DRAWDOWN_HALT: Final = code(RiskRule.DRAWDOWN_HALT)
DAILY_LOSS: Final = code(RiskRule.DAILY_LOSS)
POLICY_HALT: Final = code(RiskRule.POLICY_HALT)
PERCEPTION_HALT: Final = code(RiskRule.PERCEPTION_HALT)
STALE_DATA: Final = code(RiskRule.STALE_DATA)
ORDER_RATE: Final = code(RiskRule.ORDER_RATE)
SYMBOL_EXPOSURE: Final = code(RiskRule.SYMBOL_EXPOSURE)
TOTAL_EXPOSURE: Final = code(RiskRule.TOTAL_EXPOSURE)
LEVERAGE: Final = code(RiskRule.LEVERAGE)
MARGIN: Final = code(RiskRule.MARGIN)
LIQUIDATION_DISTANCE: Final = code(RiskRule.LIQUIDATION_DISTANCE)
MINIMUM_NOTIONAL: Final = code(RiskRule.MINIMUM_NOTIONAL)
OPERATOR_HALT: Final = code(RiskRule.OPERATOR_HALT)
NO_STOP: Final = code(RiskRule.NO_STOP)
LIQUIDATION_HALT: Final = code(RiskRule.LIQUIDATION_HALT)

WIN_RATE: Final = code(Rule.WIN_RATE)
DRAWDOWN: Final = code(Rule.DRAWDOWN)
LOSS_STREAK: Final = code(Rule.LOSS_STREAK)

HALT_DAILY_LOSS: Final = code(HaltCause.DAILY_LOSS)
HALT_DRAWDOWN: Final = code(HaltCause.DRAWDOWN)
HALT_BANKRUPT: Final = code(HaltCause.BANKRUPT)
HALT_POLICY: Final = code(HaltCause.POLICY_FAILURE)
HALT_OPERATOR: Final = code(HaltCause.OPERATOR)
HALT_LIQUIDATION: Final = code(HaltCause.LIQUIDATION)
BEGUN: Final = code(HaltChange.BEGUN)
LIFTED: Final = code(HaltChange.LIFTED)

ADJUST_CONVICTION: Final = code(Tool.ADJUST_CONVICTION)
ADJUST_POSITION_SIZE: Final = code(Tool.ADJUST_POSITION_SIZE)
ADJUST_LEVERAGE: Final = code(Tool.ADJUST_LEVERAGE)
DISABLE_SHORTS: Final = code(Tool.DISABLE_SHORTS)
DISABLE_ASSET: Final = code(Tool.DISABLE_ASSET)
APPLIED: Final = code(Change.APPLIED)
EXPIRED: Final = code(Change.EXPIRED)
REVOKED: Final = code(Change.REVOKED)
