"""Judging a tool call: accepted, redundant, or rejected with its reason, and never clamped into something else.

An intervention only lowers risk against the configured baseline. The controls in force are the strictest of
the baseline and all live interventions, so that no order of calls, and no expiry, can loosen a control
beyond what was configured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.model.controls import CALLS_MAX, INTERVENTION_HOURS_MAX, Controls
from alphastrike.model.units import ALL_SYMBOLS
from alphastrike.policy.faults import Fault, fault_text
from alphastrike.policy.situation import LiveIntervention, Situation
from alphastrike.policy.tools import RejectedCall, ToolCall, call_of


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one call, in the journal's terms."""

    verdict: CallVerdict
    rejection: str
    """``label: detail``, empty unless rejected."""
    tool: Tool
    symbol_id: int
    """-1 when the call is about the whole account, or about no symbol of this market."""
    value: float
    ttl_hours: int
    """How long its intervention lives, from the time it is applied; 0 when it makes none."""

    @property
    def makes_intervention(self) -> bool:
        """Whether an intervention follows: also from a redundant call, which may bind later or in a branch."""
        return self.ttl_hours > 0


def judge(
    call: ToolCall | RejectedCall,
    situation: Situation,
    controls: Mapping[str, Controls],
    ttl_default_hours: int,
    *,
    place: int = 0,
    leverage: float | None = None,
) -> Judged:
    """Judge one call alone.

    Args:
        call: what the policy said; checked once more against its tool's bounds, however it was made.
        situation: what was asked; names the market's symbols and the baseline.
        controls: effective controls of every symbol now, which may be later than the situation.
        ttl_default_hours: life of an intervention whose call names none, 1 to 168.
        place: number of calls of its sort (trading, or not) before it in the advice; from ``CALLS_MAX`` on it is one
            too many.
        leverage: the account's dynamic leverage now, before any cap; the situation's when not given.
    """
    assert 1 <= ttl_default_hours <= INTERVENTION_HOURS_MAX, f"an intervention cannot live {ttl_default_hours} hours"
    rejection = _fault(call, situation, place)
    if rejection or isinstance(call, RejectedCall):
        symbols = situation.symbols
        symbol_id = symbols.index(call.about) if call.about in symbols else ALL_SYMBOLS
        return Judged(CallVerdict.REJECTED, rejection, call.code, symbol_id, call.value, 0)
    symbol_id = ALL_SYMBOLS if call.about is None else situation.symbols.index(call.about)
    if not call.intervenes:
        return Judged(CallVerdict.ACCEPTED, "", call.code, symbol_id, call.value, 0)
    redundant = _changes_nothing(call, controls, situation.leverage if leverage is None else leverage)
    verdict = CallVerdict.REDUNDANT if redundant else CallVerdict.ACCEPTED
    return Judged(verdict, "", call.code, symbol_id, call.value, call.hours or ttl_default_hours)


def judge_advice(
    calls: Sequence[ToolCall | RejectedCall],
    situation: Situation,
    controls: Mapping[str, Controls],
    ttl_default_hours: int,
    *,
    leverage: float | None = None,
) -> tuple[Judged, ...]:
    """Judge the calls of one answer in their order; each sees the controls as the calls before it leave them.

    At most three calls may trade, and at most three more may be ``no_action`` or ``send_alert``.
    """
    now = dict(controls)
    places = {True: 0, False: 0}
    verdicts = []
    for call in calls:
        trades = isinstance(call, RejectedCall) or call.intervenes
        judged = judge(call, situation, now, ttl_default_hours, place=places[trades], leverage=leverage)
        places[trades] += 1
        if judged.makes_intervention:
            for symbol in now if call.about is None else (str(call.about),):
                now[symbol] = tightened(now[symbol], judged.tool, judged.value)
        verdicts.append(judged)
    return tuple(verdicts)


def tightened(controls: Controls, tool: Tool, value: float) -> Controls:
    """Return the controls under one more intervention: the stricter of both, knob by knob."""
    match tool:
        case Tool.ADJUST_CONVICTION:
            return controls._replace(conviction_floor=max(controls.conviction_floor, value))
        case Tool.ADJUST_POSITION_SIZE:
            return controls._replace(size_multiplier=min(controls.size_multiplier, value))
        case Tool.ADJUST_LEVERAGE:
            return controls._replace(leverage_cap=min(controls.leverage_cap, value))
        case Tool.DISABLE_SHORTS:
            return controls._replace(shorts_allowed=False)
        case Tool.DISABLE_ASSET:
            return controls._replace(asset_enabled=False)
        case _:
            return controls


def effective_controls(baseline: Controls, live: Iterable[LiveIntervention], symbol: str) -> Controls:
    """Return the symbol's controls in force: the strictest of the baseline and all live interventions on it.

    The rule in its readable form; the compiled account folds the same rule over its own state.
    """
    controls = baseline
    for intervention in live:
        if intervention.symbol in (None, symbol):
            controls = tightened(controls, intervention.tool, intervention.value)
    return controls


def _fault(call: ToolCall | RejectedCall, situation: Situation, place: int) -> str:
    """Return why the call is rejected; empty when it is not."""
    if isinstance(call, RejectedCall):
        return call.rejection
    try:
        call_of(call)
    except ValidationError as error:
        return fault_text(error)
    if place >= CALLS_MAX:
        return f"{Fault.TOO_MANY}: an advice may hold {CALLS_MAX}, this is call {place + 1}"
    if call.about is not None and call.about not in situation.symbols:
        return f"{Fault.UNKNOWN_SYMBOL}: {call.about} is not in this market"
    return _loosening(call, situation.baseline)


def _loosening(call: ToolCall, baseline: Controls) -> str:
    match call.code:
        case Tool.ADJUST_CONVICTION if call.value < baseline.conviction_floor:
            return f"{Fault.LOOSENS_RISK}: threshold {call.value:g} is below the floor {baseline.conviction_floor:g}"
        case Tool.ADJUST_POSITION_SIZE if call.value > baseline.size_multiplier:
            return f"{Fault.LOOSENS_RISK}: multiplier {call.value:g} is above {baseline.size_multiplier:g}"
        case Tool.ADJUST_LEVERAGE if call.value > baseline.leverage_cap:
            return f"{Fault.LOOSENS_RISK}: new_leverage {call.value:g} is above the cap {baseline.leverage_cap:g}"
        case _:
            return ""


def _changes_nothing(call: ToolCall, controls: Mapping[str, Controls], leverage: float) -> bool:
    if call.about is not None:
        now = controls[call.about]
        return tightened(now, call.code, call.value) == now
    cap = min(control.leverage_cap for control in controls.values())
    return call.value >= min(cap, leverage)
