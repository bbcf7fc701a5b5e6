"""Shapley values of games whose answer is known, and what they must keep whatever the game."""

from dataclasses import replace
from itertools import permutations
from math import fsum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.shapley import EXACT_MAX, Coalition, Game, Shares, shares, standard_error


def game_of(players: int, worth: "list[float] | None" = None, **functions: object) -> Game[Coalition]:
    """A game whose state is the coalition itself; ``worth`` lists the value of every coalition."""
    value = functions.get("value") or (lambda coalition: (worth or [])[coalition])
    return Game(players, 0, lambda _smaller, larger: larger, value)  # type: ignore[arg-type]


def members(coalition: Coalition, players: int) -> list[int]:
    return [player for player in range(players) if coalition >> player & 1]


def additive(coalition: Coalition) -> float:
    return fsum(0.5 * player - 1.0 for player in members(coalition, 64))


def gloves(coalition: Coalition) -> float:
    """Players 0 and 1 have a left glove, player 2 the only right one; a pair is worth 1."""
    return float(min((coalition & 3).bit_count(), coalition >> 2 & 1))


def runway(coalition: Coalition) -> float:
    """The airport game: a runway costs what its longest user needs (Littlechild and Owen, 1973)."""
    return float(max((1 + player for player in members(coalition, 64)), default=0))


def runway_share(player: int, players: int) -> float:
    return fsum(1.0 / (players - stretch) for stretch in range(player + 1))


@pytest.mark.parametrize("players", [1, 5, EXACT_MAX, EXACT_MAX + 4])
def test_where_nobody_needs_another_everyone_gets_what_he_brings(players: int) -> None:
    found = shares(game_of(players, value=additive))
    assert found.parts == pytest.approx([0.5 * player - 1.0 for player in range(players)], abs=1e-12)
    assert found.errors == pytest.approx(0.0, abs=1e-12)
    assert found.is_exact == (players <= EXACT_MAX)


def test_the_glove_game() -> None:
    assert shares(game_of(3, value=gloves)).parts == pytest.approx([1 / 6, 1 / 6, 4 / 6])


@pytest.mark.parametrize("players", [4, EXACT_MAX])
def test_the_airport_game(players: int) -> None:
    exact = [runway_share(player, players) for player in range(players)]
    assert shares(game_of(players, value=runway)).parts == pytest.approx(exact)


def test_the_error_that_is_stated_is_the_one_that_is_made() -> None:
    players = EXACT_MAX
    game = game_of(players, np.random.default_rng(3).normal(size=1 << players).tolist())
    exact = shares(game).parts
    drawn = [shares(game, pairs=32, exact_max=0, seed=seed) for seed in range(60)]
    scores = np.array([(each.parts - exact) / each.errors for each in drawn])
    assert abs(float(np.mean(scores))) < 0.15
    assert 0.8 < float(np.mean(np.square(scores))) < 1.25


def test_a_reversed_order_is_drawn_with_every_order() -> None:
    """In a game of pairs, an order and its reverse together are exact."""
    pairs_present = game_of(10, value=lambda coalition: float(coalition.bit_count() * (coalition.bit_count() - 1) / 2))
    found = shares(pairs_present, pairs=2)
    assert found.permutations == 4
    assert found.parts == pytest.approx(4.5)
    assert found.errors == pytest.approx(0.0, abs=1e-12)


@given(players=st.integers(0, 6), data=st.data())
def test_the_parts_add_up_and_are_those_of_every_order(players: int, data: st.DataObject) -> None:
    value = st.floats(-2.0, 2.0)
    worth = data.draw(st.lists(value, min_size=1 << players, max_size=1 << players))
    found = shares(game_of(players, worth))
    assert found.total == worth[-1] - worth[0]
    assert fsum(found.parts) == pytest.approx(found.total, abs=1e-12)
    assert found.parts == pytest.approx(over_all_orders(players, worth), abs=1e-12)


def over_all_orders(players: int, worth: list[float]) -> list[float]:
    """The definition."""
    brought = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        coalition = 0
        for player in order:
            brought[player] += worth[coalition | 1 << player] - worth[coalition]
            coalition |= 1 << player
    return (brought / len(orders)).tolist()  # type: ignore[no-any-return]


@given(players=st.integers(2, 10), seed=st.integers(0, 2**32), data=st.data())
def test_sampled_parts_add_up_too(players: int, seed: int, data: st.DataObject) -> None:
    worth = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=1 << players).tolist()
    found = shares(game_of(players, worth), pairs=3, exact_max=0, seed=seed)
    assert not found.is_exact
    assert fsum(found.parts) == pytest.approx(found.total, abs=1e-12)
    assert np.allclose(found.draws.sum(axis=1), found.total)


@pytest.mark.parametrize("exact_max", [0, 8])
def test_who_never_matters_gets_exactly_nothing(exact_max: int) -> None:
    found = shares(game_of(6, value=lambda coalition: runway(coalition & ~0b100)), exact_max=exact_max)
    assert found.parts[2] == 0.0
    assert found.errors[2] == 0.0


def test_players_who_do_the_same_get_the_same() -> None:
    worth = [float(np.sin(3 * (mask & 3).bit_count() + (mask >> 2))) for mask in range(1 << 5)]
    parts = shares(game_of(5, worth)).parts
    assert parts[0] == pytest.approx(parts[1], abs=1e-15)
    assert parts[2] != pytest.approx(parts[3])


@pytest.mark.parametrize("exact_max", [0, 10])
def test_threads_change_no_bit_and_no_coalition_is_valued_for_nothing(exact_max: int) -> None:
    worth = np.random.default_rng(5).normal(size=1 << 10).tolist()
    asked: list[Coalition] = []

    def onward(smaller: Coalition, larger: Coalition) -> Coalition:
        assert smaller & larger == smaller
        assert smaller != larger
        asked.append(larger)
        return larger

    game = replace(game_of(10, worth), onward=onward)
    one = shares(game, exact_max=exact_max)
    assert len(asked) == len(set(asked))
    for threads in (2, 5):
        many = shares(game, exact_max=exact_max, threads=threads)
        assert np.array_equal(one.draws, many.draws)
        assert np.array_equal(one.parts, many.parts)


def test_values_already_known_are_not_computed_again() -> None:
    players = 12
    everybody = (1 << players) - 1
    known = {everybody & ~(1 << player): runway(everybody & ~(1 << player)) for player in range(players)}
    game = game_of(players, value=runway)
    asked: list[Coalition] = []

    def onward(_smaller: Coalition, larger: Coalition) -> Coalition:
        asked.append(larger)
        return larger

    found = shares(replace(game, onward=onward, known=known))
    assert not set(asked) & set(known)
    assert np.array_equal(found.parts, shares(game).parts)


def test_the_error_of_a_group_is_not_that_of_independent_players() -> None:
    """Who splits a fixed prize by coming first: the two errors are equal, that of both together is zero."""
    first = Shares(
        parts=np.array([0.5, 0.5]),
        errors=np.array([0.5, 0.5]),
        draws=np.array([[0.0, 1.0], [1.0, 0.0]]),
        total=1.0,
        is_exact=False,
        permutations=4,
        seed=1,
    )
    assert first.of([0]) == (0.5, 0.5)
    assert first.of([0, 1]) == (1.0, 0.0)
    assert first.of([]) == (0.0, 0.0)


def test_the_error_of_a_mean() -> None:
    assert standard_error(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx((5 / 3) ** 0.5 / 2)
    assert standard_error(np.array([7.0])) == 0.0
