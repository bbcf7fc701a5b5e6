"""Several policies of a comparison at once, and the words for it."""

import numpy as np
import pytest

from alphastrike.journal.kinds import KINDS
from alphastrike.model.units import MICROS_PER_DAY
from replay.compare import Arm, Comparison, Effect
from replay.effect import Parts
from replay.inference import Bootstrap, Several
from replay.together import daily_growth, together, told
from tests.replay.test_verdict import ORIGIN

DAYS = 400
HOW = Bootstrap(draws=400, block_days=7.0)


def arm(name: str, daily: np.ndarray, *, is_factual: bool = False) -> Arm:
    """An arm of which only the equity is known."""
    rows = np.zeros(DAYS, dtype=KINDS["equity"].record)
    rows["event_time"] = (np.arange(DAYS) + 1) * MICROS_PER_DAY
    rows["equity"] = np.cumprod(1.0 + daily)
    return Arm(name, name, {"equity": rows}, "", is_factual=is_factual)


def compared(episodes: int, **arms: np.ndarray) -> Comparison:
    made = [
        arm(name.replace("_", "-"), daily, is_factual=place == 0) for place, (name, daily) in enumerate(arms.items())
    ]
    effects = [
        Effect(each.name, made[0].name, {}, Parts(0, 0, 0, 0, 0), episodes, None, None, False) for each in made[1:]
    ]
    return Comparison(ORIGIN, tuple(made), (), tuple(effects), {}, HOW)


def daily(seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.01, DAYS)


def test_policies_are_compared_with_no_llm_wherever_it_stands_and_hindsight_is_no_candidate() -> None:
    market = daily(0)
    found = together(
        compared(
            20,
            rules=market + daily(1, 0.003) / 5,
            recorded=market,
            no_llm=market,
            oracle=market + 0.01,
            random=market + daily(2) / 5,
        )
    )
    assert found is not None
    assert (found.benchmark, found.arms, found.better) == ("no-llm", ("rules", "random"), ("rules",))
    assert found.confidence_set == ("rules",)
    text = told(found)
    assert text.startswith("Both counted, rules is better than no-llm (StepM at 5 %; SPA p ")
    assert text.endswith("; rules is the best.")


def test_without_no_llm_the_factual_arm_is_what_others_are_compared_with() -> None:
    found = together(compared(20, rules=daily(0), a=daily(1), b=daily(2)))
    assert found is not None
    assert (found.benchmark, found.arms) == ("rules", ("a", "b"))
    assert "none is shown to be better than rules" in told(found)
    assert told(found).endswith("any of them may be the best.")


def test_one_candidate_or_too_little_evidence_is_not_counted_together() -> None:
    assert together(compared(20, rules=daily(0), no_llm=daily(1))) is None
    assert together(compared(9, rules=daily(0), no_llm=daily(1), llm=daily(2))) is None
    assert together(compared(20, rules=daily(0), no_llm=daily(0), llm=daily(0))) is None


def test_daily_growth_adds_up_to_the_growth_of_the_arm() -> None:
    lost = daily(1)
    lost[200:] = -1.0
    comparison = compared(20, rules=daily(0), lost=lost)
    growth = daily_growth(comparison)
    assert growth["rules"].sum() == pytest.approx(np.log(comparison.arms[0].tables["equity"]["equity"][-1]))
    assert np.flatnonzero(np.isinf(growth["lost"])).tolist() == [200]


@pytest.mark.parametrize(
    ("p", "better", "best", "said"),
    [
        (0.0005, ("a", "b"), {"a": 1.0, "b": 0.2, "no-llm": 0.0},
            "a and b are better than no-llm (StepM at 5 %; SPA p below 0.001); a and b may be the best."),
        (0.43, (), {"a": 1.0, "b": 0.01, "no-llm": 0.7},
            "would look as good (SPA p 0.43); a and no-llm may be the best."),
    ],
)  # fmt: skip
def test_it_is_said_in_words(p: float, better: tuple[str, ...], best: dict[str, float], said: str) -> None:
    assert said in told(Several("no-llm", ("a", "b"), p, better, best, HOW))
    assert told(Several("no-llm", ("a", "b", "c"), p, better, best, HOW)).startswith("All 3 counted, ")
