"""Blocks: what the resampling draws, and how long blocks of known processes are."""

import numpy as np
import pytest

from replay.inference import Bootstrap, block_days, bootstrap_for, stationary_blocks
from tests.replay.inference.series import autoregression, returns


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


def test_the_block_length_of_an_autoregression_is_the_one_in_the_paper() -> None:
    # With R(k) = rho^|k| the sums are closed: G / g(0) = 2 rho / (1 - rho^2).
    rho, n = 0.5, 10_000
    exact = (2.0 * rho / (1.0 - rho**2)) ** (2.0 / 3.0) * n ** (1.0 / 3.0)
    # The median of five is taken inside.
    assert block_days([autoregression(seed, rho, n) for seed in range(5)], 1.0) == pytest.approx(exact, rel=0.2)


def test_independent_days_need_short_blocks() -> None:
    assert block_days([returns(seed) for seed in range(9)], 1.0) < 4.0


@pytest.mark.parametrize(
    ("days", "floor", "expected"),
    [
        (500, 10.0, 10.0),
        (500, 0.1, 1.0),
        # eight blocks must remain
        (64, 10.0, 8.0),
        (5, 10.0, 1.0),
        (0, 10.0, 1.0),
    ],
)  # fmt: skip
def test_blocks_are_as_long_as_the_median_intervention_and_leave_eight_of_them(
    days: int, floor: float, expected: float
) -> None:
    assert block_days([np.zeros(days)], floor) == expected


def test_a_series_that_never_moves_has_no_say_in_how_long_blocks_are() -> None:
    moving = autoregression(1, 0.7, 2_000)
    alone = block_days([moving], 1.0)
    assert alone > 5.0
    assert block_days([moving, np.zeros(2_000), np.ones(2_000)], 1.0) == alone
    assert bootstrap_for([moving], 1.0, draws=7, seed=9) == Bootstrap(7, alone, 9)
