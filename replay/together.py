"""All policies of a comparison at once against no-llm: the best of several looks better than it is."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from alphastrike.model.units import MICROS_PER_DAY
from replay.compare import NO_LLM, Comparison
from replay.effect import Reals, returns, sampled
from replay.inference import EPISODES_MIN, Several, several
from replay.inference.many import SIZE

NOT_POLICIES: Final = ("recorded", "oracle")
"""The factual arm over again, and hindsight: neither is a candidate."""


def together(comparison: Comparison) -> Several | None:
    """Compare all policies of a comparison with no-llm, or with the factual arm where no-llm is not among them.

    ``None`` with a single candidate, for which its interval says all; when no effect has the episodes for an interval;
    when the run is too short or nothing differs.
    """
    growth = daily_growth(comparison)
    benchmark = next((arm.name for arm in comparison.arms if arm.policy == NO_LLM), comparison.factual.name)
    if len(growth) < 3 or all(effect.episodes < EPISODES_MIN for effect in comparison.effects):
        return None
    found = several(growth, benchmark, comparison.bootstrap)
    return found if found is not None and len(found.arms) > 1 else None


def daily_growth(comparison: Comparison) -> Mapping[str, Reals]:
    """Return each policy's daily log returns (days,), minus infinity on the day on which its account was lost."""
    found = {}
    for arm in comparison.arms:
        if not arm.is_factual and arm.policy in NOT_POLICIES:
            continue
        _, equity = sampled(arm.tables["equity"], comparison.origin.start_equity, MICROS_PER_DAY)
        with np.errstate(divide="ignore"):
            found[arm.name] = np.log1p(returns(equity))
    return found


def told(found: Several) -> str:
    """Say in words what several policies at once come to."""
    counted = "Both counted" if len(found.arms) == 2 else f"All {len(found.arms)} counted"
    p = "p below 0.001" if found.p < 0.001 else f"p {found.p:.2g}"
    if found.better:
        is_are = "is" if len(found.better) == 1 else "are"
        first = (
            f"{counted}, {_listed(found.better)} {is_are} better than {found.benchmark} (StepM at {SIZE:.0%}; SPA {p})"
        )
    else:
        first = (
            f"{counted}, none is shown to be better than {found.benchmark}: the best of as many without any "
            f"worth would look as good (SPA {p})"
        )
    best = found.confidence_set
    if set(best) == set(found.best):
        second = "any of them may be the best"
    else:
        second = f"{_listed(best)} may be the best" if len(best) > 1 else f"{best[0]} is the best"
    return f"{first.replace('5%', '5 %')}; {second}."


def _listed(names: tuple[str, ...]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
