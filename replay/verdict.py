"""What a careful colleague would sign: one sentence a comparison, and no more than the evidence carries."""

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from replay.compare import NO_LLM, Comparison, Effect
from replay.inference import EPISODES_MIN, episodes_needed

if TYPE_CHECKING:
    from replay.fills import FillBand

EPISODES_TOLD_MAX = 9_999
"""A larger number of episodes still needed is said in words: it would be false precision."""


class Standing(Enum):
    """What the evidence amounts to, from the counterfactual arm's side."""

    IDENTICAL = "identical"
    NOT_ENOUGH = "not enough evidence"
    UNDECIDED = "undecided"
    NOT_BETTER = "not better"
    """It grew no more, and the interval does not say that it is worse either: nothing speaks for it."""
    NOT_WORSE = "not worse"
    """Of no-llm alone: it grew no less, so nothing speaks for what it is compared with."""
    BETTER = "better"
    WORSE = "worse"


class Verdict(NamedTuple):
    """A standing with its sentences."""

    arm: str
    standing: Standing
    headline: str
    evidence: str


def verdict(effect: Effect, fills: "FillBand | None" = None) -> Verdict:
    """Judge one effect by the interval of its log growth and its number of episodes.

    With a fill band, what does not hold under all of its fills is undecided, and the verdict says under which.
    """
    standing = _standing(effect)
    evidence = _evidence(effect, standing)
    if fills is None:
        return Verdict(effect.arm, standing, _headline(effect, standing), evidence)
    under = {model.name: _standing(each) for model, each in zip(fills.models, fills.effects[effect.arm], strict=True)}
    fails = [name for name, other in under.items() if not _holds(standing, other)]
    if not fails:
        held = f"{evidence} It holds under {_listed(list(under))} fills." if standing in _CLAIMS else evidence
        return Verdict(effect.arm, standing, _headline(effect, standing), held)
    otherwise = " and ".join(f"{under[name].value} under {name} ones" for name in fails)
    headline = (
        f"Undecided: {effect.arm} is {standing.value} than {effect.factual} under the fills assumed, but {otherwise}; "
        "nobody has seen these fills."
    )
    return Verdict(effect.arm, Standing.UNDECIDED, headline, f"{_counted(effect.episodes)}; it flips with the fills.")


def verdicts(comparison: Comparison, fills: "FillBand | None" = None) -> list[Verdict]:
    """Judge every arm of a comparison, in its order."""
    return [verdict(effect, fills) for effect in comparison.effects]


def summary(comparison: Comparison, fills: "FillBand | None" = None) -> str:
    """Say in one sentence how all arms stand against the factual one."""
    judged = verdicts(comparison, fills)
    if len(judged) == 1:
        return judged[0].headline
    factual = comparison.factual.name
    by_standing = {
        standing: [each.arm for each in judged if each.standing is standing]
        for standing in Standing
        if any(each.standing is standing for each in judged)
    }
    if len(by_standing) == 1:
        return _ALL_ALIKE[judged[0].standing].format(factual=factual, count=len(judged))
    told = (_ONE_GROUP[standing].format(arms=_listed(arms), factual=factual) for standing, arms in by_standing.items())
    text = "; ".join(told)
    return f"On this history {text}."


_CLAIMS: Final = (Standing.BETTER, Standing.WORSE, Standing.NOT_BETTER, Standing.NOT_WORSE)


def _holds(standing: Standing, other: Standing) -> bool:
    """Tell whether a standing is not gainsaid by the one under other fills."""
    if standing in (Standing.BETTER, Standing.WORSE):
        return other is standing
    contrary = {Standing.NOT_BETTER: Standing.BETTER, Standing.NOT_WORSE: Standing.WORSE}
    return other is not contrary.get(standing)


_ALL_ALIKE: Final = {
    Standing.IDENTICAL: "All {count} other arms end as {factual} did: on this market the choice changed nothing.",
    Standing.NOT_ENOUGH: (
        "Not enough evidence: too little happened to tell {factual} from any of the {count} other arms."
    ),
    Standing.UNDECIDED: (
        "Undecided: none of the {count} other arms can be told from {factual}; "
        "days drawn from this history again could have turned out either way."
    ),
    Standing.NOT_BETTER: (
        "Not better: none of the {count} other arms grew more than {factual}, and none is shown to be worse."
    ),
    Standing.NOT_WORSE: "Not better: {factual} grew no more than any of the {count} other arms.",
    Standing.BETTER: "On this history all {count} other arms grew more than {factual}; no interval holds zero.",
    Standing.WORSE: "On this history {factual} grew more than all {count} other arms; no interval holds zero.",
}
_ONE_GROUP: Final = {
    Standing.IDENTICAL: "{arms} gives {factual} again, tick for tick",
    Standing.NOT_ENOUGH: "there is not enough evidence on {arms}",
    Standing.UNDECIDED: "{arms} cannot be told from {factual}",
    Standing.NOT_BETTER: "{arms} did no better than {factual}",
    Standing.NOT_WORSE: "{factual} did no better than {arms}",
    Standing.BETTER: "{arms} grew more than {factual}",
    Standing.WORSE: "{arms} grew less than {factual}",
}


def _listed(arms: list[str]) -> str:
    *most, last = arms
    return f"{', '.join(most)} and {last}" if most else last


def _standing(effect: Effect) -> Standing:
    if effect.identical:
        return Standing.IDENTICAL
    if effect.episodes < EPISODES_MIN or effect.growth is None:
        return Standing.NOT_ENOUGH
    if not effect.growth.excludes_zero:
        return _open(effect)
    return Standing.BETTER if effect.growth.low > 0.0 else Standing.WORSE


def _open(effect: Effect) -> Standing:
    """Return the standing where the interval holds zero: whoever is to prove something has to have grown more."""
    growth = effect.differences["log_growth"]
    if effect.arm == NO_LLM:
        return Standing.NOT_WORSE if growth >= 0.0 else Standing.UNDECIDED
    return Standing.NOT_BETTER if growth <= 0.0 else Standing.UNDECIDED


def _headline(effect: Effect, standing: Standing) -> str:
    factual, arm = effect.factual, effect.arm
    growth = effect.differences["log_growth"]
    more_less = "less" if growth < 0.0 else "more"
    match standing:
        case Standing.IDENTICAL:
            if arm == "recorded":
                return f"Replaying the recorded answers gives the run {factual} again, tick for tick."
            return f"{arm} and {factual} end alike: on this market the choice between them changed nothing."
        case Standing.NOT_ENOUGH:
            return (
                f"Not enough evidence: on this one history {arm} grew {more_less} than {factual}, "
                "but too little happened to tell skill from luck."
            )
        case Standing.UNDECIDED:
            return (
                f"Undecided: {arm} grew {more_less} than {factual} on this history, "
                "but days drawn from it again could have turned out either way."
            )
        case Standing.NOT_BETTER:
            return (
                f"Not better: {arm} grew no more than {factual} on this history, "
                "and whether it is worse cannot be said either."
            )
        case Standing.NOT_WORSE:
            return (
                f"Not better: {factual} grew no more than {arm} on this history, "
                "and whether it cost growth cannot be said either."
            )
        case Standing.BETTER:
            if arm == NO_LLM:
                return f"On this history {factual} cost growth: it is higher without, and the interval leaves out zero."
            return f"On this history {arm} grew more than {factual}, and the interval leaves out zero."
        case Standing.WORSE:
            if arm == NO_LLM:
                return (
                    f"On this history {factual} was worth having: without it growth is lower, "
                    "and the interval leaves out zero."
                )
            return f"On this history {arm} grew less than {factual}, and the interval leaves out zero."


def _evidence(effect: Effect, standing: Standing) -> str:
    count = _counted(effect.episodes)
    if standing is Standing.IDENTICAL:
        return f"{count}."
    if effect.episodes < EPISODES_MIN:
        missing = EPISODES_MIN - effect.episodes
        return f"{count}; at least {missing} more before an interval is worth printing."
    if effect.growth is None:
        return f"{count}; no interval: the run is too short for its blocks, or an account was lost."
    if effect.growth.excludes_zero:
        return f"{count}."
    needed = episodes_needed(effect.differences["log_growth"], effect.growth, effect.episodes)
    if needed is None or needed > EPISODES_TOLD_MAX:
        return f"{count}; an effect this small would need a history no one has."
    more = max(needed - effect.episodes, 1)
    return f"{count}; about {more:,} more for an 80 % chance to call an effect of this size."


def _counted(episodes: int) -> str:
    return f"{episodes} episode" + ("" if episodes == 1 else "s")
