"""What the simulated venue missed of the real one, and whether an arm was small enough to have moved nothing."""

import math
from collections.abc import Mapping
from typing import Any

from replay.fidelity import Fidelity
from replay.participation import LIMIT, Participation
from reports import numerals


def sentence(told: Fidelity) -> str:
    """Say how near recording and control arm are."""
    if told.is_simulated and told.is_exact:
        return (
            f"Fidelity: exact. The run's venue was the simulated one, so that its {told.recorded:,} fills and its "
            "equity are the control arm's, bit for bit."
        )
    return (
        f"Fidelity: {told.matched:,} of {told.recorded:,} recorded fills have a partner among {told.simulated:,} "
        f"simulated ones. They were {numerals.number(told.price_bp.median, 1, signed=True)} bp worse in the median "
        f"(9 of 10 between {numerals.number(told.price_bp.low, 1, signed=True)} and "
        f"{numerals.number(told.price_bp.high, 1, signed=True)}), and differ in "
        f"{numerals.percent(told.quantity_missed)} of their quantity. "
        f"Recorded equity ends at {numerals.number(told.equity_end, 4, signed=True)} in log against "
        f"the control arm's, at most {numerals.number(told.equity_largest, 4)} apart. No effect here holds any of it."
    )


def as_json(told: Fidelity) -> dict[str, Any]:
    """Return it for machines."""
    return {
        "is_simulated": told.is_simulated,
        "is_exact": told.is_exact,
        "fills": {"recorded": told.recorded, "simulated": told.simulated, "matched": told.matched},
        "price_bp": {name: _finite(value) for name, value in told.price_bp._asdict().items()},
        "quantity_missed": _finite(told.quantity_missed),
        "equity_log_difference": {
            "end": _finite(told.equity_end),
            "largest": _finite(told.equity_largest),
            "days": told.days.tolist(),
            "by_day": [_finite(value) for value in told.equity.tolist()],
        },
    }


def taker_sentence(found: Mapping[str, Participation]) -> str:
    """Say how much of the market the arms were, and name those that cannot pass for price-takers."""
    if not any(one.fills for one in found.values()):
        return "Price-takers: no arm traded."
    flagged = [
        f"{arm} ({one.beyond:,} of {one.fills:,} fills beyond it)" for arm, one in found.items() if one.is_flagged
    ]
    most = max(found, key=lambda arm: found[arm].largest)
    largest = f"the largest order was {numerals.percent(found[most].largest, 2)} of the bar that filled it ({most})"
    if flagged:
        return (
            f"Beyond the limit of {numerals.percent(LIMIT, 0)} of a bar's volume in more than one fill of a hundred: "
            f"{', '.join(flagged)}. The market would not have been the same with them, and by how much nobody knows; "
            f"{largest}."
        )
    return f"Price-takers: every arm keeps to {numerals.percent(LIMIT, 0)} of a bar's volume; {largest}."


def takers_json(found: Mapping[str, Participation]) -> list[dict[str, Any]]:
    """Return it for machines."""
    return [
        {
            "arm": arm,
            "fills": one.fills,
            "largest": _finite(one.largest),
            "high": _finite(one.high),
            "beyond": one.beyond,
            "limit": LIMIT,
            "is_flagged": one.is_flagged,
        }
        for arm, one in found.items()
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
