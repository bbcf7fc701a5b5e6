"""The rows of an ablation: ways of making one view of many signals, each one change away from another."""

from typing import Final, NamedTuple

from alphastrike.config.perception import TRACKER_RULES, PerceptionSettings
from alphastrike.ml.decay import TrackerParams

BEST_SINGLE: Final = "best single signal"
EQUAL: Final = "equal weights"
ARTICLE: Final = "article's rule"
CONFIGURED: Final = "as configured"

EQUAL_WEIGHTS: Final = TRACKER_RULES["equal"]._replace(retire_below=0.0)
"""Every signal that does not abstain has the same vote, and none is ever retired."""


class Variant(NamedTuple):
    """One row: how signals are weighed and retired; everything else is as configured."""

    name: str
    tracker: TrackerParams
    meaning: str


def variants(configured: TrackerParams) -> tuple[Variant, ...]:
    """Return the rows that weigh all signals: the tracker's named rules, and what is configured."""
    article, edge = TRACKER_RULES["article"], TRACKER_RULES["edge"]
    payoff, regime = TRACKER_RULES["payoff"], TRACKER_RULES["regime"]
    return (
        Variant(EQUAL, EQUAL_WEIGHTS, "every voting signal counts the same, none is retired"),
        Variant(
            ARTICLE,
            article,
            f"raw hit rate of the last {article.window} outcomes, weight (2 × edge)², retired below "
            f"{article.retire_below:.0%} (perception.tracker=article)",
        ),
        Variant(
            "rule with prior",
            edge,
            f"the same on the last {edge.window} outcomes beside a prior of {edge.prior_outcomes:g} at "
            f"{edge.prior_mean:.0%}; back above {edge.return_above:.0%} (perception.tracker=edge)",
        ),
        Variant(
            "rule by payoff",
            payoff,
            "with prior; accuracy is the share of absolute return won (perception.tracker=payoff)",
        ),
        Variant(
            "rule by regime",
            regime,
            f"with prior; in a regime with {regime.regime_outcomes_min} outcomes or more those alone decide, over the "
            "accuracy in all regimes as their prior (perception.tracker=regime)",
        ),
        Variant(CONFIGURED, configured, "the tracker as configured: what record would do"),
    )


def with_tracker(settings: PerceptionSettings, tracker: TrackerParams) -> PerceptionSettings:
    """Return the same perception under another tracker."""
    return settings.model_copy(update={"tracker": tracker})
