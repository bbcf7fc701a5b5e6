"""Derived kinds, in the order of the stages that write them; all re-derivable from the inputs."""

from alphastrike.journal.codes import (
    CallVerdict,
    Change,
    Gate,
    GateVerdict,
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
from alphastrike.journal.kinds import Role, kind
from alphastrike.model.forecast import PerceptionHalt, Regime, RegimeScope
from alphastrike.model.units import (
    Base,
    Count,
    Flag,
    Fraction,
    Identity,
    Micros,
    Multiple,
    Points,
    Quote,
    QuotePerBase,
    SymbolId,
    Text,
)


@kind("gates", Role.DERIVED)
class GateEvent:
    """A gateway gate refused an event, or let it pass with a remark."""

    event_time: Micros
    symbol: SymbolId
    gate: Gate
    verdict: GateVerdict
    value: Fraction
    """The number the gate looked at, in the gate's own unit."""
    limit: Fraction


@kind("features", Role.DERIVED, wide=True)
class FeatureRow:
    """Features of one symbol at one decision: a column a feature, NaN while its window is not full."""

    event_time: Micros
    symbol: SymbolId


@kind("health", Role.DERIVED)
class Health:
    """The feature validator's daily verdict on one symbol."""

    event_time: Micros
    symbol: SymbolId
    health: Points
    """100 * (1 - (lost share of the features / 0.375)^2), see the page on validators."""
    completeness: Fraction
    """Share of decisions x watched features that are present and not stuck."""
    stuck: Fraction
    """Share of them whose value is the same, to the last bit, as those before it."""
    watched: Count
    """Features watched: those whose input the market has."""
    drifting: Count
    """Of them, by any test."""
    psi: Multiple
    """Largest over the features, as the three that follow; NaN while the reference is too short."""
    ks: Fraction
    cusum: Multiple
    """Without its sign."""
    outliers: Fraction
    worst: Text
    """The feature that lost most; empty when none lost anything."""
    halted: Flag


@kind("verdicts", Role.DERIVED)
class FeatureVerdict:
    """What the validator found of one watched feature of one symbol in a day."""

    event_time: Micros
    symbol: SymbolId
    feature: Text
    present: Fraction
    """Share of the day's decisions on which it has a value."""
    stuck: Fraction
    outliers: Fraction
    """Share of its values too far from the reference window."""
    outliers_limit: Fraction
    psi: Multiple
    """Population stability index, current window against reference; NaN abstains, as for the next two."""
    psi_limit: Multiple
    ks: Fraction
    """Kolmogorov-Smirnov distance on the bins."""
    ks_limit: Fraction
    cusum: Multiple
    """Cumulative sum of daily means in their standard deviations; negative when they fall."""
    cusum_limit: Multiple
    drifts: Flag
    """Any of the four exceeds its limit."""
    lost: Fraction
    """What health counts it for: 1 when it drifts, else the share stuck and half the share missing."""


@kind("signals", Role.DERIVED, wide=True)
class SignalRow:
    """Scores of one symbol at one decision: a column a signal, NaN abstains."""

    event_time: Micros
    symbol: SymbolId


@kind("weights", Role.DERIVED, wide=True)
class WeightRow:
    """The decay tracker's weights after an update: a column a signal."""

    event_time: Micros
    regime: RegimeScope
    """In which regime they count; ``all`` where a regime has no weights of its own."""


@kind("accuracies", Role.DERIVED)
class Accuracy:
    """What the decay tracker makes of one signal, once a day."""

    event_time: Micros
    name: Text
    regime: RegimeScope
    """In which regime; ``all`` alone unless signals are tracked by regime."""
    accuracy: Fraction
    """Share of its predictions that came true, or of |return| won, over the prior."""
    outcomes: Count
    """Of its predictions, the last that count."""
    weight: Multiple
    """Of its vote."""
    retired: Flag


@kind("retirements", Role.DERIVED)
class Retirement:
    """A signal was retired, or came back from probation."""

    event_time: Micros
    name: Text
    regime: RegimeScope
    """In which regime it no longer votes, or votes again."""
    returned: Flag
    accuracy: Fraction
    outcomes: Count


@kind("forecasts", Role.DERIVED)
class ForecastRow:
    """The combined view on one symbol at one decision."""

    event_time: Micros
    symbol: SymbolId
    direction: Count
    """-1 short, 0 none, 1 long."""
    conviction: Points
    volatility: Fraction
    """Standard deviation of daily returns."""
    atr: QuotePerBase
    daily_volume: Base
    regime: Regime
    health: Points
    halt: PerceptionHalt


@kind("leverage", Role.DERIVED)
class LeverageRow:
    """The account's leverage changed."""

    event_time: Micros
    leverage: Multiple
    """The dynamic leverage now applied, before the interventions' cap."""
    leverage_before: Multiple
    volatility: Fraction
    """Mean of the symbols' daily volatility."""
    volatility_factor: Multiple
    drawdown_factor: Multiple
    performance_factor: Multiple
    half_kelly: Fraction


@kind("targets", Role.DERIVED)
class Target:
    """The strategy wants a position other than the one held."""

    event_time: Micros
    symbol: SymbolId
    reason: Reason
    quantity_before: Base
    quantity_target: Base
    conviction: Points
    leverage: Multiple
    size_multiplier: Multiple


@kind("risk_verdicts", Role.DERIVED)
class RiskVerdict:
    """The risk layer's answer to a target: the rule that decided and the two numbers compared."""

    event_time: Micros
    symbol: SymbolId
    answer: RiskAnswer
    rule: RiskRule
    value: Quote
    """In the rule's own unit."""
    limit: Quote
    quantity: Base
    """The position change allowed, signed."""


@kind("orders", Role.DERIVED)
class Order:
    """A step in the life of an order."""

    event_time: Micros
    symbol: SymbolId
    order: Identity
    change: OrderChange
    reason: Reason
    quantity: Base
    """Signed; what is still to be filled at this step."""
    reduce_only: Flag


@kind("fills", Role.DERIVED)
class Fill:
    """The venue matched all or part of one of our orders."""

    event_time: Micros
    symbol: SymbolId
    order: Identity
    trade: Identity
    reason: Reason
    liquidity: Liquidity
    quantity: Base
    """This fill's own size, not the order's running total. Signed: a sell is negative."""
    price: QuotePerBase
    reference_price: QuotePerBase
    """The price without half spread and impact: the bar's open, the stop, the limit, or the mark."""
    fee: Quote
    """Paid when positive, earned (maker rebate) when negative."""
    liquidation_fee: Quote
    position: Base
    """Held after the fill."""


@kind("funding_payments", Role.DERIVED)
class FundingPayment:
    """Funding charged on an open position."""

    event_time: Micros
    symbol: SymbolId
    quantity: Base
    mark: QuotePerBase
    rate: Fraction
    assumed: Flag
    paid: Quote
    """notional x rate; positive when we pay."""


@kind("trades", Role.DERIVED)
class Trade:
    """A position's life from flat (or a reversal) to flat."""

    event_time: Micros
    symbol: SymbolId
    trade: Identity
    opened: Micros
    direction: Count
    quantity_max: Base
    entry_price: QuotePerBase
    exit_price: QuotePerBase
    reason: Reason
    """Why it was closed."""
    price_pnl: Quote
    """Before all costs: on reference prices."""
    fees: Quote
    slippage: Quote
    funding: Quote
    """Paid when positive."""
    liquidation: Quote
    net_pnl: Quote
    """price_pnl - fees - slippage - funding - liquidation."""


@kind("equity", Role.DERIVED)
class EquityRow:
    """The account after a tick."""

    event_time: Micros
    equity: Quote
    drawdown: Fraction
    """Below the equity peak, 0 to 1."""
    exposure: Quote
    """Sum of the positions' absolute notionals at mark."""
    price_pnl: Quote
    """Since the start, on reference prices; equity = start + price_pnl - fees - slippage - funding - liquidation."""
    fees: Quote
    slippage: Quote
    funding: Quote
    liquidation: Quote
    leverage: Multiple
    halted: Flag


@kind("triggers", Role.DERIVED)
class Trigger:
    """A rule on realised performance became true, or was re-armed."""

    event_time: Micros
    symbol: SymbolId
    rule: Rule
    fired: Flag
    """1 when it fired, 0 when it was re-armed."""
    value: Fraction
    threshold: Fraction
    situation: Identity
    """The situation asked about; 0 when nobody was asked: cooldown, or one is still unanswered."""


@kind("situations", Role.DERIVED)
class SituationRow:
    """What the policy was shown."""

    event_time: Micros
    situation: Identity
    symbol: SymbolId
    rule: Rule
    value: Fraction
    threshold: Fraction
    deadline: Micros
    equity: Quote
    drawdown: Fraction
    win_rate: Fraction
    win_loss_ratio: Multiple
    trades: Count
    loss_streak: Count
    leverage: Multiple
    exposure: Quote
    volatility: Fraction
    halted: Flag
    live_interventions: Count
    worst_symbol: SymbolId
    worst_symbol_pnl: Quote


@kind("situation_symbols", Role.DERIVED)
class SituationSymbol:
    """One symbol's line in the report of a situation."""

    event_time: Micros
    situation: Identity
    symbol: SymbolId
    quantity: Base
    notional: Quote
    unrealised_pnl: Quote
    recent_pnl: Quote
    """Net P&L of the symbol's trades in the trigger window."""
    win_rate: Fraction
    trades: Count
    loss_streak: Count
    drawdown: Fraction
    direction: Count
    conviction: Points
    volatility: Fraction
    regime: Regime
    conviction_floor: Points
    size_multiplier: Multiple
    shorts_allowed: Flag
    asset_enabled: Flag


@kind("advice", Role.DERIVED)
class AdviceRow:
    """The policy's answer to one situation, when it acts."""

    event_time: Micros
    situation: Identity
    policy: Text
    asked: Micros
    calls: Count
    late: Flag
    failed: Text
    """Why the policy could not answer; empty when it did."""


@kind("tool_calls", Role.DERIVED)
class ToolCall:
    """One call of an advice, judged alone."""

    event_time: Micros
    situation: Identity
    call: Count
    """Place in the advice, from 0."""
    tool: Tool
    symbol: SymbolId
    value: Multiple
    """The argument: threshold, multiplier, leverage, hours, or severity 1-3; 0 where the tool has none."""
    ttl_hours: Count
    verdict: CallVerdict
    rejection: Text
    reason: Text
    """The policy's own words; shown escaped, never sent back to a model."""
    intervention: Identity


@kind("interventions", Role.DERIVED)
class InterventionRow:
    """An intervention began or ended."""

    event_time: Micros
    intervention: Identity
    situation: Identity
    change: Change
    tool: Tool
    symbol: SymbolId
    value: Multiple
    before: Multiple
    """The effective control before this change."""
    after: Multiple
    expires: Micros


@kind("halts", Role.DERIVED)
class HaltRow:
    """No new risk is taken, or may be taken again."""

    event_time: Micros
    symbol: SymbolId
    cause: HaltCause
    change: HaltChange
    value: Fraction
    limit: Fraction
    until: Micros
    """When it lifts by itself; 0 when only a person lifts it."""


@kind("alerts", Role.DERIVED)
class Alert:
    """A message for the person in charge."""

    event_time: Micros
    situation: Identity
    severity: Text
    message: Text


@kind("shadow", Role.DERIVED)
class ShadowRow:
    """In a shadow run: the account that follows no advice beside one that follows all of it, at a decision."""

    event_time: Micros
    equity: Quote
    equity_followed: Quote
    worth: Quote
    """equity_followed - equity: positive when following would have earned more."""
