"""Intervals: what the resampling does, that it is reproducible, and what the verdict makes of it."""

import numpy as np
import pytest

from replay.compare import Arm, Comparison, Effect
from replay.effect import Parts
from replay.inference import (
    Bootstrap,
    Interval,
    episodes_needed,
    growth_interval,
    sharpe_interval,
    stationary_blocks,
)
from replay.origin import Origin
from replay.verdict import Standing, summary, verdict

YEAR = 365
ORIGIN = Origin(
    run="r",
    digest="",
    market="m",
    market_hash="",
    symbols=(),
    begin=0,
    end=0,
    interval=1,
    start_equity=1.0,
    funding_assumed=0.0,
    instruments_assumed=(),
    mark_source="candle closes",
)


def returns(seed: int, mean: float = 0.0, days: int = YEAR) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.02, days)


def test_blocks_go_on_day_by_day_and_have_the_mean_length_asked_for() -> None:
    drawn = stationary_blocks(400, Bootstrap(draws=500, block_days=7.0, seed=3))
    assert drawn.shape == (500, 400)
    assert (drawn.min(), drawn.max()) == (0, 399)
    goes_on = (drawn[:, 1:] - drawn[:, :-1]) % 400 == 1
    # A jump lands on the next day by chance once in 400 times.
    assert 1.0 / (1.0 - goes_on.mean()) == pytest.approx(7.0, rel=0.02)


def test_every_day_is_drawn_equally_often() -> None:
    drawn = stationary_blocks(50, Bootstrap(draws=4_000, block_days=5.0, seed=4))
    counts = np.bincount(drawn.ravel(), minlength=50)
    assert counts.std() / counts.mean() < 0.03


def test_one_seed_gives_one_interval_and_another_seed_another() -> None:
    own, factual = returns(1), returns(2)
    first = growth_interval(own, factual, Bootstrap(seed=5))
    assert first == growth_interval(own, factual, Bootstrap(seed=5))
    assert first != growth_interval(own, factual, Bootstrap(seed=6))


def test_the_growth_interval_holds_the_estimate_and_grows_like_the_standard_error() -> None:
    own, factual = returns(1, mean=0.001), returns(2)
    paired = np.log1p(own) - np.log1p(factual)
    interval = growth_interval(own, factual, Bootstrap(draws=4_000, block_days=1.0))
    assert interval is not None
    assert interval.low < paired.sum() < interval.high
    # Blocks of one day are the plain bootstrap: half the width is 1.96 standard errors of a sum.
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 * paired.std() * YEAR**0.5, rel=0.05)


def test_equal_arms_have_an_interval_of_nothing() -> None:
    own = returns(1)
    interval = growth_interval(own, own, Bootstrap())
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 0.0)
    assert not interval.excludes_zero


def test_the_sharpe_interval_does_not_depend_on_the_size_of_either_arm() -> None:
    own, factual = returns(1, mean=0.002), returns(2)
    once = sharpe_interval(own, factual, Bootstrap())
    halved = sharpe_interval(own / 2, factual, Bootstrap())
    assert once is not None
    assert halved is not None
    assert (once.low, once.high) == pytest.approx((halved.low, halved.high))


@pytest.mark.parametrize("lost", [np.append(returns(1), -1.0)])
def test_a_lost_account_has_no_growth_interval(lost: np.ndarray) -> None:
    assert growth_interval(lost, np.append(returns(2), 0.0), Bootstrap()) is None


def test_a_short_run_has_no_interval() -> None:
    assert growth_interval(returns(1, days=55), returns(2, days=55), Bootstrap(block_days=7.0)) is None
    assert growth_interval(returns(1, days=56), returns(2, days=56), Bootstrap(block_days=7.0)) is not None


def test_a_world_without_effect_is_called_one_in_about_one_of_twenty_times() -> None:
    # 200 worlds of exchangeable arms; the percentile interval runs slightly narrow, hence the upper bound.
    how = Bootstrap(draws=400, block_days=3.0)
    called = sum(
        interval.excludes_zero
        for seed in range(200)
        if (interval := growth_interval(returns(2 * seed, days=240), returns(2 * seed + 1, days=240), how))
    )
    assert 2 <= called <= 22


@pytest.mark.parametrize(
    ("estimate", "half_width", "episodes", "expected"),
    [
        # standard error 0.05: the effect is one error, so (2.80)^2 = 7.84 times the episodes
        (0.05, 0.098, 20, 157),
        # already three errors: fewer would have done
        (0.15, 0.098, 20, 18),
        (0.0, 0.098, 20, None),
    ],
)  # fmt: skip
def test_how_many_episodes_a_call_needs(
    estimate: float, half_width: float, episodes: int, expected: int | None
) -> None:
    interval = Interval(estimate - half_width, estimate + half_width, 2000, 7.0, 1, 365)
    assert episodes_needed(estimate, interval, episodes) == expected


def effect(
    growth: float, low: float | None, high: float | None, episodes: int, identical: bool = False, arm: str = "no-llm"
) -> Effect:
    interval = Interval(low, high, 2000, 7.0, 1, 365) if low is not None and high is not None else None
    return Effect(
        arm=arm,
        factual="rules",
        differences={"log_growth": growth},
        parts=Parts(0.0, 0.0, 0.0, 0.0, 0.0),
        episodes=episodes,
        growth=interval,
        sharpe=None,
        identical=identical,
    )


@pytest.mark.parametrize(
    ("judged", "standing", "said"),
    [
        # error 0.055 / 1.96 = 0.02806; 14 x (2.80 x 0.02806 / 0.02)^2 = 216.1, so 217 in all
        (effect(-0.02, -0.08, 0.03, 14), Standing.UNDECIDED, "14 episodes; about 203 more"),
        (effect(-0.10, -0.18, -0.02, 14), Standing.WORSE, "14 episodes."),
        (effect(+0.10, 0.02, 0.18, 14), Standing.BETTER, "14 episodes."),
        (effect(-0.10, None, None, 5), Standing.NOT_ENOUGH, "5 episodes; at least 5 more"),
        (effect(-0.10, None, None, 1), Standing.NOT_ENOUGH, "1 episode; at least 9 more"),
        (effect(-0.10, None, None, 40), Standing.NOT_ENOUGH, "no interval"),
        (effect(1e-9, -0.1, 0.1, 14), Standing.UNDECIDED, "a history no one has"),
        (effect(0.0, None, None, 0, identical=True), Standing.IDENTICAL, "0 episodes."),
    ],
)  # fmt: skip
def test_the_verdict_says_no_more_than_the_evidence(judged: Effect, standing: Standing, said: str) -> None:
    given = verdict(judged)
    assert given.standing is standing
    assert said in given.evidence


def several(*effects: Effect) -> Comparison:
    """A comparison of which only the effects are known."""
    factual = Arm("rules", "rules", {}, "", is_factual=True)
    return Comparison(ORIGIN, (factual,), (), tuple(effects), {}, Bootstrap())


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([effect(-0.1, -0.18, -0.02, 14)], "rules was worth having"),
        ([effect(-0.1, -0.18, -0.02, 14), effect(-0.1, -0.2, -0.02, 14, arm="b")], "grew more than all 2 other arms"),
        ([effect(-0.1, -0.1, 0.1, 14), effect(-0.1, -0.2, 0.1, 14, arm="b")], "Undecided: none of the 2 other arms"),
        ([effect(-0.1, None, None, 4), effect(-0.1, None, None, 5, arm="b")], "Not enough evidence"),
        (
            [effect(0.1, -0.1, 0.1, 14), effect(-0.1, -0.2, -0.1, 14, arm="b"), effect(-0.1, -0.2, -0.1, 14, arm="c")],
            "no-llm cannot be told from rules; b and c grew less than rules",
        ),
    ],
)  # fmt: skip
def test_several_arms_are_judged_in_one_sentence(effects: list[Effect], said: str) -> None:
    assert said in summary(several(*effects))
