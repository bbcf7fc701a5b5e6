"""What choosing the best of many is worth by itself: known answers, and worlds in which there is nothing to find."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, rankdata, skew

from experiments.overfit import cscv, deflated_sharpe, effective_trials, sharpes

YEAR = 365**0.5


def noise(seed: int, trials: int, days: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (days, trials))


def test_one_trial_is_judged_by_its_own_error() -> None:
    series = noise(1, 1) + 0.001
    found = deflated_sharpe(series)
    ratio = series.mean() / series.std(ddof=1)
    # Mertens (2002): variance of a Sharpe ratio with skew and kurtosis.
    error = ((1.0 - skew(series[:, 0]) * ratio + (kurtosis(series[:, 0]) + 2.0) / 4.0 * ratio**2) / 399.0) ** 0.5
    assert (found.effective, found.expected) == (1, 0.0)
    assert found.sharpe == pytest.approx(ratio * YEAR)
    assert found.probability == pytest.approx(norm.cdf(ratio / error))


def test_the_best_of_so_many_is_expected_to_show_what_drawing_them_shows() -> None:
    trials, days = 30, 400
    expected = deflated_sharpe(noise(2, trials, days)).expected
    drawn = [sharpes(noise(seed, trials, days)).max() * YEAR for seed in range(300)]
    assert np.mean(drawn) == pytest.approx(expected, rel=0.08)


def test_trials_that_go_alike_are_one() -> None:
    groups = np.repeat(noise(3, 4), 5, axis=1) + 0.2 * noise(4, 20)
    found = effective_trials(groups)
    assert len(np.unique(found)) == 4
    assert all(len(np.unique(found[5 * group : 5 * group + 5])) == 1 for group in range(4))
    assert len(np.unique(effective_trials(noise(5, 20)))) == 20
    still = np.column_stack([noise(6, 2), np.zeros(400), np.full(400, 0.01)])
    assert effective_trials(still)[2] == effective_trials(still)[3]
    assert len(np.unique(effective_trials(still))) == 3


def test_the_same_trial_twenty_times_over_has_not_been_chosen_among_twenty() -> None:
    one = noise(7, 1) + 0.001
    assert deflated_sharpe(np.repeat(one, 20, axis=1)).probability == pytest.approx(deflated_sharpe(one).probability)


def test_pruned_trials_count() -> None:
    series = noise(8, 10)
    whole, pruned = deflated_sharpe(series), deflated_sharpe(series, looked_at=100)
    assert (pruned.trials, pruned.effective) == (100, 100)
    assert pruned.expected > whole.expected
    assert pruned.probability < whole.probability


def test_the_best_of_many_without_skill_is_promised_in_at_most_one_world_of_twenty_and_skill_is_found() -> None:
    worlds = 100
    promised = sum(deflated_sharpe(noise(seed, 10, 300)).probability > 0.95 for seed in range(worlds))
    assert promised <= 5
    skilled = noise(9, 10)
    skilled[:, 4] += 0.0025
    found = deflated_sharpe(skilled)
    assert (found.trial, found.probability > 0.95) == (4, True)


def test_splits_are_those_of_the_paper_worked_by_loops() -> None:
    series = noise(10, 5, 40)
    series[:, 2] += 0.004
    below, slow_inside, slow_outside = [], [], []
    blocks = np.arange(40).reshape(4, 10)
    for half in combinations(range(4), 2):
        own = sharpes(series[blocks[list(half)].ravel()])
        other = sharpes(series[blocks[[b for b in range(4) if b not in half]].ravel()])
        best = int(np.argmax(own))
        place = rankdata(other)[best] / 6.0
        below.append(np.log(place / (1.0 - place)) <= 0.0)
        slow_inside.append(own[best])
        slow_outside.append(other[best])
    found = cscv(series, blocks=4)
    assert found is not None
    assert (found.blocks, found.splits, found.trials) == (4, 6, 5)
    assert found.probability == pytest.approx(np.mean(below))
    assert found.loss == pytest.approx(np.mean(np.array(slow_outside) < 0.0))
    assert found.slope == pytest.approx(np.polyfit(slow_inside, slow_outside, 1)[0])


def test_choosing_among_noise_overfits_half_of_the_time_and_choosing_skill_never() -> None:
    found = [cscv(noise(seed, 11, 200), blocks=8) for seed in range(60)]
    assert np.mean([each.probability for each in found if each]) == pytest.approx(0.5, abs=0.1)
    skilled = noise(11, 11)
    skilled[:, 3] += 0.004
    sure = cscv(skilled)
    assert sure is not None
    assert (sure.blocks, sure.splits) == (16, 12_870)
    assert (sure.probability, sure.loss) == (0.0, 0.0)


def test_trials_that_are_all_the_same_say_nothing_for_the_chosen_one() -> None:
    alike = cscv(np.repeat(noise(12, 1), 3, axis=1), blocks=6)
    assert alike is not None
    assert alike.probability == 1.0
    still = cscv(np.zeros((400, 3)), blocks=6)
    assert still is not None
    assert (still.probability, still.loss) == (1.0, 0.0)
    assert np.isnan(still.slope)


@pytest.mark.parametrize(("days", "trials", "blocks"), [(400, 1, None), (19, 5, None), (20, 5, 4), (59, 5, 10)])
def test_few_days_are_cut_into_fewer_blocks_or_not_at_all(days: int, trials: int, blocks: int | None) -> None:
    found = cscv(noise(13, trials, days))
    assert (found.blocks if found else None) == blocks
