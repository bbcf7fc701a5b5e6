"""The rows of an ablation: ways of making one view of many signals, each one change away from another."""

from typing import Final, NamedTuple

from alphastrike.config.perception import PerceptionSettings
from alphastrike.ml.decay import ARTICLE_RULE, TrackerParams

BEST_SINGLE: Final = "best single signal"
EQUAL: Final = "equal weights"
ARTICLE: Final = "article's rule"
CONFIGURED: Final = "as configured"


class Variant(NamedTuple):
    """One row: how signals are weighed and retired; everything else is as configured."""

    name: str
    tracker: TrackerParams
    meaning: str


def equal_weights(configured: TrackerParams) -> TrackerParams:
    """Return rules under which every signal that does not abstain has the same vote, and none is ever retired."""
    return configured._replace(weigh_by_edge=False, count_payoff=False, by_regime=False, retire_below=0.0)


def variants(configured: TrackerParams) -> tuple[Variant, ...]:
    """Return the rows that weigh all signals; a prior is the configured one, over the configured window."""
    prior = ARTICLE_RULE._replace(
        window=configured.window,
        outcomes_min=configured.outcomes_min,
        prior_outcomes=configured.prior_outcomes,
        prior_mean=configured.prior_mean,
        regime_outcomes_min=configured.regime_outcomes_min,
    )
    over = f"{configured.prior_outcomes:g} outcomes at {configured.prior_mean:.0%} beside the last {configured.window}"
    return (
        Variant(EQUAL, equal_weights(configured), "every voting signal counts the same, none is retired"),
        Variant(
            ARTICLE,
            ARTICLE_RULE,
            f"raw hit rate of the last {ARTICLE_RULE.window} outcomes, weight (2 × edge)², retired below "
            f"{ARTICLE_RULE.retire_below:.0%}",
        ),
        Variant("rule with prior", prior, f"the article's rule on a hit rate with a prior: {over}"),
        Variant(
            "rule by payoff", prior._replace(count_payoff=True), "with prior; accuracy is the share of |return| won"
        ),
        Variant(
            "rule by regime",
            prior._replace(by_regime=True),
            f"with prior; in a regime with {configured.regime_outcomes_min} outcomes or more those alone decide, over "
            "the accuracy in all regimes as their prior",
        ),
        Variant(CONFIGURED, configured, "the tracker as configured"),
    )


def with_tracker(settings: PerceptionSettings, tracker: TrackerParams) -> PerceptionSettings:
    """Return the same perception under another tracker."""
    return settings.model_copy(update={"tracker": tracker})
