"""The table of how often the interval holds the truth: counted, and the same every time."""

import numpy as np
import pytest

from experiments.coverage import KINDS, Kind, coverage, episodes, tied


def test_an_autoregression_is_one() -> None:
    drawn = tied(0.6)(np.random.default_rng(1), 20_000)
    assert np.corrcoef(drawn[1:], drawn[:-1])[0, 1] == pytest.approx(0.6, abs=0.02)
    assert drawn.std() == pytest.approx(0.01 / 0.8, rel=0.03)


def test_episodes_are_zero_but_for_bursts_of_the_length_and_distance_asked_for() -> None:
    drawn = episodes(20, 3, 0.5)(np.random.default_rng(2), 200_000)
    assert np.mean(drawn != 0.0) == pytest.approx(3.0 / (3.0 + 19.5), rel=0.03)
    assert drawn[drawn != 0.0].mean() == pytest.approx(0.005, rel=0.05)


def test_what_is_counted_adds_up_and_repeats() -> None:
    kind = Kind("bursts", 200, episodes(10, 3, 0.0), 0.0)
    found = coverage(kind, 40)
    assert found == coverage(kind, 40)
    assert found.silent + found.share.worlds == 40
    assert found.share.value + found.above + found.below == pytest.approx(1.0)
    assert found.share.value > 0.8


def test_every_kind_has_its_truth_by_construction_or_by_drawing() -> None:
    assert {kind.days for kind in KINDS} == {60, 365, 1_300}
    assert all(kind.truth in (0.0, None) for kind in KINDS)
