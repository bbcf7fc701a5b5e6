"""Choosing by the past: the best one before the fold, whatever comes in it, and how much that flatters."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.book import Book, Costs
from experiments.choosing import choices, flattery
from experiments.folds import Fold
from replay.effect import sharpe
from replay.inference import Bootstrap

DAYS = 400
FOLDS = (Fold(100, 200), Fold(200, 300), Fold(300, 400))
HOW = Bootstrap(draws=1_000, block_days=5.0)


def book(name: str, returns: np.ndarray) -> Book:
    none = np.zeros(len(returns))
    equity = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    costs = Costs(none, none, none, none)
    return Book(name, np.arange(1, len(returns) + 1), returns, equity, costs, none, none, none, none)


def noise(seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.02, DAYS)


def test_the_best_before_a_fold_is_chosen_for_it() -> None:
    good_early = np.where(np.arange(DAYS) < 150, noise(1, 0.01), noise(1, -0.01))
    good_late = np.where(np.arange(DAYS) < 100, noise(2, -0.01), noise(2, 0.01))
    made = choices([book("early", good_early), book("late", good_late)], FOLDS, first=20)
    assert [choice.name for choice in made] == ["early", "early", "late"]
    assert made[0].before == sharpe(good_early[20:100])
    assert made[0].within == sharpe(good_early[100:200])


def test_the_days_before_anything_could_trade_do_not_count() -> None:
    lucky = noise(1)
    lucky[:50] = 0.02 + 0.001 * noise(3)[:50]
    plain = noise(2, 0.002)
    assert choices([book("lucky", lucky), book("plain", plain)], FOLDS[:1], first=0)[0].name == "lucky"
    assert choices([book("lucky", lucky), book("plain", plain)], FOLDS[:1], first=50)[0].name == "plain"


@pytest.mark.parametrize("fold", range(len(FOLDS)))
def test_what_comes_in_a_fold_and_after_moves_no_choice_up_to_it(fold: int) -> None:
    books = [book(str(seed), noise(seed)) for seed in range(5)]
    begin = FOLDS[fold].begin
    shuffled = [
        replace(each, returns=np.append(each.returns[:begin], noise(99 + n)[begin:])) for n, each in enumerate(books)
    ]
    before, after = choices(books, FOLDS, 0), choices(shuffled, FOLDS, 0)
    assert [c.name for c in before[: fold + 1]] == [c.name for c in after[: fold + 1]]
    assert [c.before for c in before[: fold + 1]] == [c.before for c in after[: fold + 1]]


def test_who_never_traded_is_not_chosen_and_nobody_when_none_did() -> None:
    idle, loser = book("idle", np.zeros(DAYS)), book("loser", noise(1, -0.01))
    assert choices([idle, loser], FOLDS[:1], 0)[0].name == "loser"
    none = choices([idle], FOLDS[:1], 0)[0]
    assert none.place is None
    assert np.isnan(none.before)
    assert choices([], FOLDS[:1], 0)[0].place is None


def test_the_best_of_worthless_ones_shines_as_much_as_counting_says() -> None:
    # The largest of 20 independent normal values is 1.87 standard deviations on average; a Sharpe ratio over 300 days
    # has one of sqrt(365 / 300).
    books = [book(str(seed), noise(seed)) for seed in range(20)]
    told = flattery(books, choices(books, FOLDS, 0), HOW)
    assert told.trials == 20
    assert told.noise_mean == pytest.approx(1.87 * (365 / 300) ** 0.5, rel=0.12)
    assert told.noise_high > told.noise_mean
    within = [sharpe(each.returns[100:]) for each in books]
    assert told.hindsight == max(within)
    assert told.hindsight_name == str(int(np.argmax(within)))
