"""Health from completeness, its floor and its recovery."""

import numpy as np
import pytest

from alphastrike.features.declare import feature_names
from alphastrike.validator.health import HEALTH_STATE, STATED, HealthParams, judge


def test_the_stated_features_exist_and_are_at_most_twelve() -> None:
    assert set(STATED) <= set(feature_names())
    assert len(set(STATED)) == len(STATED) <= 12


@pytest.mark.parametrize(
    ("present", "halted_before", "health", "halted"),
    [
        (12, 0, 100.0, 0),
        (6,  0,  50.0, 0),
        (4,  0,  100.0 * (4 / 12), 0),
        (3,  0,  25.0, 1),
        (6,  1,  50.0, 1),
        (8,  1,  100.0 * (8 / 12), 0),
        (0,  0,   0.0, 1),
    ],
)  # fmt: skip
def test_health_is_the_share_present_and_a_halt_needs_more_to_lift_than_to_begin(
    present: int, halted_before: int, health: float, halted: int
) -> None:
    state = np.zeros(1, dtype=HEALTH_STATE)[0]
    state.halted = halted_before
    judge(state, present, 12, HealthParams(floor=30.0, recovery=60.0))
    assert (state.health, state.halted, state.judged) == (health, halted, 1)
    assert state.completeness == present / 12
