"""The scorecard's part on tuning: how often noise is promoted, and how often what is planted is found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from experiments.scorecard_scores import Mean
from experiments.scorecard_text import shown_percent, shown_share, table
from experiments.scorecard_tuning_worlds import Spells

if TYPE_CHECKING:
    from experiments.scorecard_tuning import Grid, Tally, Tunings

GATES: Final = (
    "evidence", "walk-forward", "overfitting", "deflated Sharpe", "superior ability", "fill band", "hold-out",
)  # fmt: skip
FALSE_MAX: Final = 0.05
NEAR_MIN: Final = 0.8

OPENING: Final = """## Tuning: how often noise is promoted, and what is planted is found

    make scorecard ARGS='--only tuning'

Whole studies, a world each: {points} points by TPE as `alphastrike tune` asks them (default folds, at most one
intervention a day, `rules` answering), then every gate as `alphastrike promote` puts it, with the fill band, and the
hold-out where all others are passed. The worlds are {days} days of hourly bars, decided on every other hour. Prices and
opinions are made and nothing is perceived; triggers, guardian, risk, orders and fills are the engine's. *Truth* is the
mean growth against `no-llm` in {others} *other* worlds for each best point, a year, ± one standard error over studies.
"""

NOISE: Final = """### Pure noise

Two symbols. Prices are a random walk whose *price*, not its logarithm, is expected to stay where it is; opinions turn
by coin, their conviction is drawn from 80 to 100 points, and a twentieth of the equity is held of each symbol. Without
fees, spread and impact such an account is a fair game, and no rule of sizes that follows from the past can make it
better. The one thing that log growth gains by holding less is the drag of variance: at most the *drag* below, for
holding nothing at all. *Blind* is what the {startup} points a study draws before it knows anything come to on average:
the truth of points of the space. *Luck* is the root of their mean square: how far a point looks from its worth.
"""

NOISE_NOTE: Final = """
With ordinary costs (fees of 5 in 10,000, spread and impact as configured) there is something to be found, for whoever
holds less pays less: what is promoted there is not promoted falsely.
"""

GATES_NOTE: Final = """
Studies that each gate stopped, and in brackets those that it alone stopped. The hold-out is only opened for a point
that has passed the six before it.
"""

GRID: Final = """### A planted optimum

One symbol, a trade every {hours} hours. Calms of {calm} trades on average, {calm_wins} of them won, are followed by a
run of losses. {true} of the runs reach {warning} and go on: of {bad} more trades {sure} are lost. The others end after
{shortest} to {last} losses, each length alike often, and of {good} trades then {sure} are won. So who is asked after
fewer than {warning} losses gives up good trades, and who waits longer saves less. A trade moves {size}, and prices
stray by {noise} an hour beside it; fees are 1 in 10,000. *Harder* are worlds of {short} days in which they stray by
{blurred}, which turns one trade in twenty-five. As configured the guardian cuts to a tenth for a day, and is asked
about runs of losses alone. True growth a year against `no-llm` by the number of losses after which it is asked, all
else as configured, over {worlds} worlds that no study was made on:
"""

PLANTED_NOTE: Final = """
*Near* is within 10 % of the optimum's value, which is one step of the knob. *The whole space* is all thirteen knobs:
win rate and drawdown, their hysteresis, cooldown, sizes and hours are searched as well. *Shown* is the value in the
study: the best of {points}, hence too good. Points count: 40 instead of 50, on 100 other worlds, came near in
77.0 ± 4.3 % of studies of the whole space, and 44 were promoted; of 100 other studies without costs, again none.
"""


def tuning_part(card: "Tunings") -> str:
    """Return the part of the page in Markdown."""
    from experiments.asking import STARTUP
    from experiments.scorecard_tuning import OTHERS

    first = card.tallies[0].inquiry.kind
    noises = [tally for tally in card.tallies if not tally.is_planted]
    plants = [tally for tally in card.tallies if tally.is_planted]
    parts = [OPENING.format(points=card.points, days=first.days, others=OTHERS)]
    if noises:
        parts += [NOISE.format(startup=STARTUP), _noises(noises) + NOISE_NOTE]
    if plants:
        parts += [
            _design(card.grids[0]),
            _grids(card.grids),
            _plants(card, plants) + PLANTED_NOTE.format(points=card.points),
        ]
    parts += ["### What the gates stopped\n", _gates(card.tallies) + GATES_NOTE]
    return "\n".join(parts)


def _noises(tallies: Sequence["Tally"]) -> str:
    from experiments.scorecard_tuning import exactly

    rows = []
    for tally in tallies:
        promoted, studies = len(tally.promoted), len(tally.found)
        low, high = exactly(promoted, studies)
        rows.append(
            (
                tally.inquiry.name,
                str(studies),
                str(promoted),
                f"{shown_percent(low)} to {shown_percent(high)}",
                _kept(promoted <= FALSE_MAX * studies) if tally.inquiry.is_fair else "",
                _a_year(Mean.of([each.blind for each in tally.found])),
                _a_year(tally.truth),
                f"{float(np.mean([each.drag for each in tally.found])):.4f}",
                f"{float(np.sqrt(np.mean([each.luck**2 for each in tally.found]))):.4f}",
                f"{tally.shown:+.4f}",
                f"{max(each.shown for each in tally.found):+.4f}",
                _a_year(Mean.of([each.walked for each in tally.found])),
            )
        )
    headers = ("worlds", "studies", "promoted", "95 %", "at most 5 %", "blind", "truth of the best", "drag", "luck",
               "shown, median", "shown, highest", "headline, mean")  # fmt: skip
    return table(headers, rows, words=1)


def _design(grid: "Grid") -> str:
    from experiments.scorecard_tuning_worlds import BLOCK_HOURS, BLUR, HARDER

    spells = Spells()
    worlds = grid.worth[0].worlds
    told = spells._asdict() | {
        name: shown_percent(getattr(spells, name)) for name in ("true", "sure", "calm_wins", "size", "noise")
    }
    told |= {"blurred": shown_percent(BLUR), "short": HARDER.days}
    return GRID.format(**told, last=spells.warning - 1, hours=BLOCK_HOURS, worlds=worlds)


def _grids(grids: Sequence["Grid"]) -> str:
    rows = [
        (
            f"{value:g}",
            *(
                cell
                for grid in grids
                for cell in (
                    _a_year(grid.worth[place], 3) + (" **best**" if value == grid.optimum else ""),
                    str(grid.best_in[place]),
                )
            ),
        )
        for place, value in enumerate(grids[0].values)
    ]
    headers = ("losses", *(cell for grid in grids for cell in (grid.kind, "best in so many")))
    return table(headers, rows, words=0)


def _plants(card: "Tunings", tallies: Sequence["Tally"]) -> str:
    rows = []
    for tally in tallies:
        grid = card.grid_of(tally.inquiry.kind)
        near, promoted = tally.near(grid), tally.promoted
        rows.append(
            (
                tally.inquiry.kind.name,
                tally.inquiry.name,
                str(len(tally.found)),
                shown_share(near),
                _kept(near.value >= NEAR_MIN),
                shown_share(tally.exact(grid)),
                f"{len(promoted)}",
                f"{sum(grid.is_near(each.point['losses']) for each in promoted)}",
                f"{tally.shown:+.3f}",
                _a_year(tally.truth, 3),
                _a_year(Mean.of([each.truth for each in promoted]), 3),
            )
        )
    headers = ("worlds", "searched", "studies", "near", "at least 80 %", "the optimum itself", "promoted",
               "… of them near", "shown, median", "truth of the best", "truth of the promoted")  # fmt: skip
    return table(headers, rows, words=2)


def _gates(tallies: Sequence["Tally"]) -> str:
    rows = []
    for tally in tallies:
        stopped = [f"{tally.gates.get(name, 0)} ({tally.only.get(name, 0)})" for name in GATES]
        rows.append((tally.inquiry.kind.name, tally.inquiry.name, str(len(tally.found)), *stopped))
    return table(("worlds", "studies on", "studies", *GATES), rows, words=2)


def _kept(is_kept: bool) -> str:
    return "yes" if is_kept else "no"


def _a_year(mean: Mean, places: int = 4) -> str:
    return f"{mean.value:+.{places}f} ± {mean.error:.{places}f}" if mean.worlds > 1 else "–"
