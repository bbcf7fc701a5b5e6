"""Attribution: what every intervention contributed to the whole, so that the parts add up to it.

Leaving one out asks what it was worth as things went, adding it alone what it is worth by itself; where interventions
overlap, and through what equity compounds, neither adds up. Shapley values do. All is frozen: a trigger is journaled
and nobody is asked, whatever coalition stands. What the operator pinned stands in every coalition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.engine.plans import Plan, Planned
from alphastrike.model.progress import Progress, silent
from replay.branch import Path, first_path, path_after
from replay.effect import CENT
from replay.ground import Ground
from replay.shapley import PAIRS, SEED, Coalition, Game, Shares, shares

Reals = npt.NDArray[np.float64]


def log_equity(equity: npt.ArrayLike, start: float) -> Reals:
    """Return ln(equity ÷ start).

    A lost account counts as a cent: the logarithm of nothing is no number, and what is lost must add up with the rest.
    """
    return np.asarray(np.log(np.maximum(np.asarray(equity, dtype=np.float64), CENT) / start))


@dataclass(frozen=True, slots=True)
class Attribution(Shares):
    """What each player contributes to log growth at the end of the run: recorded plan - nothing but pins."""

    players: Plan
    """Whatever the policy let stand: its interventions, and halts that stood in for failed answers (number 0)."""


class Share(NamedTuple):
    """What a group of interventions contributed together."""

    label: str
    interventions: int
    part: float
    error: float


def players_of(plan: Plan) -> Plan:
    """Return what a policy let stand: all but the pins of the operator."""
    return tuple(entry for entry in plan if entry.situation != 0)


def pins_of(plan: Plan) -> Plan:
    """Return what stands in every coalition."""
    return tuple(entry for entry in plan if entry.situation == 0)


def ticks_of(plan: Plan) -> tuple[int, ...]:
    """Return the ticks at which something of a plan comes to stand, ascending."""
    return tuple(sorted({entry.tick for entry in plan}))


def shapley(
    ground: Ground,
    *,
    pairs: int = PAIRS,
    seed: int = SEED,
    known: Mapping[Coalition, float] | None = None,
    threads: int = 1,
    progress: Progress = silent,
) -> Attribution:
    """Attribute what the recorded plan made of log growth to its interventions.

    Args:
        ground: the recorded run.
        pairs: orders to draw, each with its reverse, where there are too many interventions for all coalitions.
        seed: of the draws.
        known: log growth of coalitions that were computed already; bit j stands for the plan's player j.
        threads: coalitions run at the same time; they change no bit.
        progress: told how many orders are done.
    """
    players = players_of(ground.plan)
    numbered = _numbered(ground.plan)
    last = ground.market.ticks - 1

    def plan_of(coalition: Coalition) -> Plan:
        return tuple(entry for entry, player in numbered if player is None or coalition >> player & 1)

    def onward(earlier: Path, coalition: Coalition) -> Path:
        return path_after(ground, earlier, plan_of(coalition))

    def growth(path: Path) -> float:
        return float(log_equity(path.samples[-1]["equity"], ground.start_equity))

    nobody = first_path(ground, plan_of(0), [last], ticks_of(players))
    game = Game(len(players), nobody, onward, growth, known or {})
    found = shares(game, pairs=pairs, seed=seed, threads=threads, progress=progress)
    return Attribution(**{part.name: getattr(found, part.name) for part in fields(Shares)}, players=players)


def grouped(attribution: Attribution, labels: Sequence[str]) -> tuple[Share, ...]:
    """Add up the parts of the players that share a label, labels in order of their first player.

    Args:
        attribution: of n players.
        labels: (n,) one a player.
    """
    members: dict[str, list[int]] = {}
    for player, label in enumerate(labels):
        members.setdefault(label, []).append(player)
    assert len(labels) == len(attribution.players), "a label a player"
    return tuple(Share(label, len(group), *attribution.of(group)) for label, group in members.items())


def _numbered(plan: Plan) -> list[tuple[Planned, int | None]]:
    """Return every entry of a plan with its number among the players; pins have none."""
    players = 0
    found: list[tuple[Planned, int | None]] = []
    for entry in plan:
        found.append((entry, None if entry.situation == 0 else players))
        players += entry.situation != 0
    return found
