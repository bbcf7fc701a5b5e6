"""Shapley values: what each player of a game brings, on average over all orders in which they could have come.

Few players: every coalition is valued. Many: orders are drawn, each with its reverse, which cancels much of what an
order happens to favour (antithetic sampling, after Mitchell, Cooper, Frank and Holmes, 2022, "Sampling Permutations
for Shapley Value Estimation"). Within an order the contributions add up to the whole, so that the parts always do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import factorial, fsum
from typing import Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from alphastrike.model.progress import Progress, silent

EXACT_MAX: Final = 8
"""Most players whose 2^n coalitions are all valued: 256 of them cost less than the orders drawn for more players."""
PAIRS: Final = 12
"""Orders drawn, each with its reverse."""
SEED: Final = 1

_COMMON: Final = 3
"""First players whose coalitions are valued before the threads part: 2^3 tasks that need nothing of one another."""

Coalition = int
"""Who is in, as bits: bit j is player j."""

Reals = npt.NDArray[np.float64]
State = TypeVar("State")


@dataclass(frozen=True)
class Game(Generic[State]):
    """What coalitions are worth, with whatever it takes to let one more player in at little cost."""

    players: int
    nobody: State
    """Of the empty coalition."""
    onward: Callable[[State, Coalition], State]
    """From the state of a smaller coalition to that of one that holds it; leaves the smaller one's as it is."""
    value: Callable[[State], float]
    known: Mapping[Coalition, float] = field(default_factory=dict)
    """Values already computed."""

    @property
    def everybody(self) -> Coalition:
        """The coalition of all."""
        return (1 << self.players) - 1


@dataclass(frozen=True, slots=True)
class Shares:
    """What each of n players contributes to ``total``; the parts add up to it."""

    parts: Reals
    """(n,) in the unit of the game's value."""
    errors: Reals
    """(n,) standard errors of the parts, from drawing orders: zero when exact."""
    draws: Reals
    """(pairs, n) contributions, each the mean of an order and its reverse; one row, the parts, when exact."""
    total: float
    """Value of everybody - value of nobody."""
    is_exact: bool
    permutations: int
    """Orders drawn, reverses included; 0 when exact."""
    seed: int

    def of(self, players: Sequence[int]) -> tuple[float, float]:
        """Return the part of a group and its standard error.

        The players of one order were drawn together: errors are those of the group's sum in each draw, never a sum
        of the players' own.
        """
        members = list(players)
        return fsum(self.parts[members].tolist()), standard_error(self.draws[:, members].sum(axis=1))


def standard_error(draws: Reals) -> float:
    """Return the standard error of a mean of independent draws; zero for a single one, which was computed."""
    if len(draws) < 2:
        return 0.0
    return float(np.std(draws, ddof=1) / np.sqrt(len(draws)))


def shares(
    game: Game[State],
    *,
    pairs: int = PAIRS,
    exact_max: int = EXACT_MAX,
    seed: int = SEED,
    threads: int = 1,
    progress: Progress = silent,
) -> Shares:
    """Return every player's Shapley value (Shapley, 1953).

    The result is the same for any number of threads, as long as a coalition has one value however it is reached.

    Args:
        game: who plays, and what coalitions are worth.
        pairs: orders to draw, each with its reverse, when there are too many players to value all coalitions.
        exact_max: most players for which all coalitions are valued.
        seed: of the draws.
        threads: coalitions valued at the same time.
        progress: told how many orders are done.
    """
    values = {0: game.value(game.nobody), **game.known}
    if game.players <= exact_max:
        _value_all(game, values, threads)
        parts = _exact(game.players, values)
        total = values[game.everybody] - values[0]
        return Shares(parts, np.zeros_like(parts), parts[None], total, is_exact=True, permutations=0, seed=seed)
    orders = _orders(game.players, pairs, seed)
    found = np.zeros((len(orders), game.players))
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        walks = pool.map(lambda order: _walk(game, order, values), orders)
        for done, contributions in enumerate(walks):
            found[done] = contributions
            progress("shapley", done + 1, len(orders))
    draws = found.reshape(pairs, 2, game.players).mean(axis=1)
    return Shares(
        parts=draws.mean(axis=0),
        errors=np.array([standard_error(column) for column in draws.T]),
        draws=draws,
        total=values[game.everybody] - values[0],
        is_exact=False,
        permutations=len(orders),
        seed=seed,
    )


def _orders(players: int, pairs: int, seed: int) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    orders: list[list[int]] = []
    for _ in range(pairs):
        order = generator.permutation(players).tolist()
        orders += [order, order[::-1]]
    return orders


def _walk(game: Game[State], order: Sequence[int], values: dict[Coalition, float]) -> Reals:
    """Return what each player adds when he comes in this order; coalitions valued before are not valued again."""
    contributions = np.zeros(game.players)
    state, coalition, before = game.nobody, 0, values[0]
    for player in order:
        coalition |= 1 << player
        value = values.get(coalition)
        if value is None:
            state = game.onward(state, coalition)
            value = values.setdefault(coalition, game.value(state))
        contributions[player] = value - before
        before = value
    return contributions


def _value_all(game: Game[State], values: dict[Coalition, float], threads: int) -> None:
    """Value every coalition, each from the one without its last player.

    Of interventions in order of time, that is the one with which it shares most of its path.
    """
    common = min(_COMMON, game.players)
    states: dict[Coalition, State] = {0: game.nobody}
    for coalition in range(1, 1 << common):
        states[coalition] = game.onward(states[_without_last(coalition)], coalition)
        values.setdefault(coalition, game.value(states[coalition]))

    def grow(coalition: Coalition, state: State, first: int) -> Iterator[tuple[Coalition, float]]:
        for player in range(first, game.players):
            larger = coalition | 1 << player
            grown = game.onward(state, larger)
            yield larger, game.value(grown)
            yield from grow(larger, grown, player + 1)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for valued in pool.map(lambda of: list(grow(of[0], of[1], common)), states.items()):
            for coalition, value in valued:
                values.setdefault(coalition, value)


def _without_last(coalition: Coalition) -> Coalition:
    return coalition & ~(1 << (coalition.bit_length() - 1))


def _exact(players: int, values: Mapping[Coalition, float]) -> Reals:
    """Sum contributions over all coalitions S without the player, weighted |S|! (n - |S| - 1)! / n!."""
    parts = np.zeros(players)
    everybody = range(1 << players)
    for player in range(players):
        parts[player] = fsum(
            factorial(size := coalition.bit_count())
            * factorial(players - size - 1)
            * (values[coalition | 1 << player] - values[coalition])
            for coalition in everybody
            if not coalition >> player & 1
        ) / factorial(players)
    return parts
