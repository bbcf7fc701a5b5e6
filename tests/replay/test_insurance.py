"""The insurance view: a known premium and a known cover come out as what they are."""

import numpy as np
import pytest

from replay.insurance import insurance

MONDAY = 4
"""1970-01-05."""


def days(weeks: int) -> np.ndarray:
    return np.arange(MONDAY, MONDAY + 7 * weeks)


def test_a_policy_that_pays_a_little_and_saves_in_the_worst_weeks() -> None:
    control = np.full(7 * 40, 0.001)
    control[7 * 3 : 7 * 4] = -0.02
    control[7 * 20 : 7 * 21] = -0.03
    own = control.copy()
    own[control > 0] -= 0.0001
    own[control < 0] *= 0.5
    found = insurance(days(40), own, control)
    assert found is not None
    assert (found.worst_weeks, found.other_weeks) == (4, 36)
    saved = 7 * (np.log1p(-0.01) - np.log1p(-0.02) + np.log1p(-0.015) - np.log1p(-0.03))
    paid = 7 * (np.log1p(0.0009) - np.log1p(0.001))
    assert found.in_worst == pytest.approx((saved + 2 * paid) / 4)
    assert found.in_others == pytest.approx(paid)
    assert found.in_worst_interval is None, "four weeks are no evidence"
    assert found.in_others_interval is not None
    assert "in the other 36 −0.70 ‰" in found.told()


def test_weeks_run_from_monday() -> None:
    control = np.zeros(14)
    control[:3] = -0.01
    found = insurance(np.arange(MONDAY + 4, MONDAY + 18), control, control)
    assert found is not None
    assert (found.worst_weeks, found.other_weeks) == (1, 2), "Friday to Sunday, a week, Monday to Thursday"
    assert found.control_in_worst == pytest.approx(3 * np.log1p(-0.01))


def test_the_same_arm_twice_moves_nothing() -> None:
    random = np.random.default_rng(1).normal(0.0, 0.01, 7 * 30)
    found = insurance(days(30), random, random)
    assert found is not None
    assert (found.in_worst, found.in_others) == (0.0, 0.0)


def test_a_lost_account_and_no_days_have_no_view() -> None:
    lost = np.array([-1.0, 0.0])
    assert insurance(np.arange(2), lost, np.zeros(2)) is None
    assert insurance(np.arange(0), np.zeros(0), np.zeros(0)) is None
