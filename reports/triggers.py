"""Was the policy asked at the right time: the triggers as a table, precision drawn against asking at any time."""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from replay.trigger_quality import TriggerQualities, TriggerQuality
from reports import numerals, words
from reports.effects import thousandths


class Row(NamedTuple):
    """One rule, or all of them."""

    name: str
    is_total: bool
    counts: list[str]
    """Fired, asked, valued, needed."""
    precision: str
    interval: str
    mark: tuple[float | None, float | None, float | None]
    """Estimate, low and high, percent of the width; ``None`` where undefined."""
    rest: list[str]
    """Recall, lead time, cost of a false alarm."""


def rows(found: TriggerQualities) -> Iterator[Row]:
    """Yield a row a rule, then all together."""
    for each in (*found.by_rule, found.overall):
        yield Row(
            name="all" if each.rule is None else words.label(each.rule),
            is_total=each.rule is None,
            counts=[numerals.number(count, 0) for count in (each.fired, each.asked, each.valued, each.needed)],
            precision=numerals.percent(each.precision, 0),
            interval=_interval(each),
            mark=(_place(each.precision), _place(each.precision_low), _place(each.precision_high)),
            rest=[
                numerals.percent(each.recall, 0),
                _hours(each.lead_hours),
                f"{thousandths(each.false_alarm_cost)} ({numerals.quote(each.false_alarm_cost_quote, signed=True)})"
                if math.isfinite(each.false_alarm_cost)
                else numerals.ABSENT,
            ],
        )


def told(found: TriggerQualities) -> str:
    """Say what was tried at which moments."""
    floor = thousandths(found.floor).lstrip("+")
    all_of = found.overall
    return (
        f"Acting means one stated action, {found.action}, at the moment a trigger asked and at {found.moments:,} "
        f"moments of a grid {found.grid_hours} h apart at which a position was open. It was needed where it would have "
        f"gained more over {found.horizon} than the floor of {floor} ‰ that {found.placebo} moves. At any moment of "
        f"the grid it was needed in {numerals.percent(found.base_rate, 0)}: a trigger is worth having where its "
        f"precision is higher. At {all_of.flat:,} of {all_of.valued:,} askings, and at {found.moments_flat:,} of those "
        "moments, the symbol acted on held no position, so that there was little to make smaller."
    )


def base(found: TriggerQualities) -> float | None:
    """Return where the line of the base rate stands, percent of the width."""
    return _place(found.base_rate)


HEADS: Final = ("fired", "asked", "valued", "needed")


def _interval(each: TriggerQuality) -> str:
    if not math.isfinite(each.precision_low):
        return ""
    return f"[{numerals.percent(each.precision_low, 0)}, {numerals.percent(each.precision_high, 0)}]"


def _place(share: float) -> float | None:
    return round(100.0 * share, 1) if math.isfinite(share) else None


def _hours(value: float) -> str:
    return f"{numerals.number(value, 0, signed=True)} h" if math.isfinite(value) else numerals.ABSENT
