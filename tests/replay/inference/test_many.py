"""Several policies at once: known answers, that luck among many is not called skill, and q-values by hand."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from replay.inference import Bootstrap, benjamini_hochberg, confidence_set, several, spa, stepm
from tests.replay.inference.series import returns

HOW = Bootstrap(draws=500, block_days=3.0, seed=2)


def test_the_one_that_is_better_is_found_and_the_noisy_ones_are_not() -> None:
    base = returns(0)
    growth = {
        "no-llm": base,
        "better": base + np.random.default_rng(1).normal(0.002, 0.005, 365),
        "worse": base - np.random.default_rng(2).normal(0.002, 0.005, 365),
        "loud": base + np.random.default_rng(3).normal(0.0, 0.05, 365),
        "the same": base.copy(),
        "lost": np.append(base[:-1], -np.inf),
    }
    found = several(growth, "no-llm", HOW)
    assert found is not None
    assert found.arms == ("better", "worse", "loud", "lost")
    assert found.p < 0.01
    assert found.better == ("better",)
    assert "better" in found.confidence_set
    assert not {"no-llm", "the same", "worse", "lost"} & set(found.confidence_set)
    assert found.best["no-llm"] == found.best["the same"]
    assert found == several(growth, "no-llm", HOW)


def test_each_arm_counts_in_its_own_error_so_that_the_loudest_does_not_drown_the_others() -> None:
    sure = np.random.default_rng(1).normal(0.001, 0.005, 365)
    loud = np.random.default_rng(6).normal(0.0, 0.05, 365)
    alone = spa({"sure": sure}, HOW)
    assert alone < 0.02
    # With two arms a p-value may double and no more.
    assert spa({"sure": sure, "loud": loud}, HOW) <= 2.0 * alone + 0.01
    assert stepm({"loud": loud, "sure": sure}, HOW) == ("sure",)


def test_the_p_value_of_one_arm_is_that_of_a_one_sided_test() -> None:
    from scipy.stats import norm

    series = returns(7, mean=0.0015)
    exact = norm.sf(series.mean() / series.std() * 365**0.5)
    assert spa({"one": series}, Bootstrap(draws=4_000, block_days=1.0)) == pytest.approx(exact, abs=0.015)


def test_among_many_without_skill_some_is_called_better_in_about_one_world_of_twenty() -> None:
    worlds = 40
    called = {"spa": 0, "stepm": 0, "alone": 0}
    for seed in range(worlds):
        chance = np.random.default_rng(seed)
        arms = {str(k): chance.normal(0.0, 0.01 * (k + 1), 250) for k in range(6)}
        how = Bootstrap(draws=200, block_days=2.0, seed=seed)
        called["spa"] += spa(arms, how) <= 0.05
        called["stepm"] += bool(stepm(arms, how))
        called["alone"] += any(series.mean() / series.std() * 250**0.5 > 1.645 for series in arms.values())
    # Of 40, at one in twenty, at most 6 in 997 of 1,000 cases; each arm by itself would call one world in four.
    assert called["spa"] <= 6
    assert called["stepm"] <= 6
    assert called["alone"] >= 7


def test_the_best_is_rarely_left_out_of_the_set_of_the_best() -> None:
    kept = 0
    for seed in range(40):
        chance = np.random.default_rng(seed)
        arms = {str(k): chance.normal(0.001 * k, 0.02, 250) for k in range(4)}
        kept += confidence_set(arms, Bootstrap(draws=200, block_days=2.0, seed=seed))["3"] > 0.05
    assert kept >= 34


def test_nothing_to_compare_is_said_so() -> None:
    base = returns(0)
    assert several({"no-llm": base, "same": base.copy()}, "no-llm", HOW) is None
    assert several({"no-llm": np.append(base, -np.inf), "x": np.append(base, 0.0)}, "no-llm", HOW) is None
    assert several({"no-llm": base[:23], "x": returns(1)[:23]}, "no-llm", HOW) is None
    lost = several({"no-llm": base, "lost": np.append(base[:-1], -np.inf)}, "no-llm", HOW)
    assert lost is not None
    assert (lost.p, lost.better, lost.confidence_set) == (1.0, (), ("no-llm",))
    assert confidence_set({"a": base, "b": base.copy()}, HOW) == {"a": 1.0, "b": 1.0}
    assert spa({"still": np.zeros(365)}, HOW) == 1.0
    assert stepm({"still": np.zeros(365)}, HOW) == ()


def test_q_values_by_hand_and_by_scipy() -> None:
    # p n / rank: 0.04, 0.06, 0.0533, 0.5; the running minimum from below.
    q = benjamini_hochberg(np.array([0.04, np.nan, 0.5, 0.01, 0.03]))
    assert q == pytest.approx([0.16 / 3, np.nan, 0.5, 0.04, 0.16 / 3], nan_ok=True)
    p = np.random.default_rng(1).uniform(0.0, 1.0, 40) ** 2
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))
    assert benjamini_hochberg(np.empty(0)).shape == (0,)


def test_the_set_of_the_best_is_that_of_arch_where_no_two_pairs_tie() -> None:
    from arch.bootstrap import MCS

    for seed in range(3):
        chance = np.random.default_rng(seed)
        arms = {str(place): chance.normal(0.1 * place, 1.0, 60) for place in range(4)}
        theirs = MCS(-np.column_stack(list(arms.values())), 0.05, 300, 2, method="R", seed=seed)
        theirs.compute()
        expected = {str(place): float(p) for place, p in theirs.pvalues["Pvalue"].items()}
        assert confidence_set(arms, Bootstrap(draws=300, block_days=2.0, seed=seed)) == expected


def test_where_pairs_tie_only_the_worse_of_a_pair_leaves_the_set() -> None:
    base = np.random.default_rng(1).normal(1.0, 1.0, 50)
    found = confidence_set(
        {"nothing": 0.0 * base, "half": 0.5 * base, "all": base}, Bootstrap(draws=300, block_days=1.0)
    )
    assert found["all"] == 1.0
    assert found["nothing"] <= found["half"] < 0.05
    shifted = confidence_set({"low": base - 0.5, "high": base}, Bootstrap(draws=300, block_days=1.0))
    assert shifted == {"low": 0.0, "high": 1.0}, "the same difference every day leaves nothing to chance"
