"""Leaving each week out."""

from datetime import date

import numpy as np
import pytest

from replay.inference import jackknife

MONDAY = (date(2024, 1, 1) - date(1970, 1, 1)).days


def test_three_weeks_worked_by_hand() -> None:
    days = MONDAY + np.arange(21)
    differences = np.repeat([0.01, -0.05, 0.02], 7)
    found = jackknife(days, differences, np.array([0.03, -0.05, 0.02]))
    assert found.total == pytest.approx(-0.14)
    assert (found.worst_week, found.weeks) == (MONDAY + 7, 3)
    assert found.without_it == pytest.approx(0.21)
    assert (found.low, found.high) == pytest.approx((-0.28, 0.21))
    assert found.changes_sign
    assert found.largest_episode_share == pytest.approx(0.5)


def test_weeks_begin_on_monday() -> None:
    # A Sunday and the Monday after it are two weeks; 2023-12-31 was a Sunday.
    found = jackknife(np.array([MONDAY - 1, MONDAY]), np.array([0.1, 0.2]), np.empty(0))
    assert (found.weeks, found.worst_week) == (2, MONDAY)
    assert np.isnan(found.largest_episode_share)
    assert not found.changes_sign


def test_of_a_single_week_nothing_remains() -> None:
    found = jackknife(np.array([MONDAY, MONDAY + 6]), np.array([0.1, 0.2]), np.array([0.3]))
    assert (found.weeks, found.low, found.high, found.largest_episode_share) == (1, 0.0, 0.0, 1.0)
    assert found.changes_sign


def test_what_every_week_shows_hangs_on_none() -> None:
    chance = np.random.default_rng(1)
    found = jackknife(MONDAY + np.arange(700), chance.normal(0.01, 0.005, 700), chance.normal(0.0, 1.0, 50))
    assert not found.changes_sign
    assert found.low <= found.without_it <= found.high
