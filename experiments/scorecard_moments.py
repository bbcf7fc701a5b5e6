"""What a run's situations and triggers say of themselves, in worlds whose truth is known.

In each world nobody acts, and at every asking and once a day beside them half the size is tried for a day, alone, as
``explain`` tries it. In a fair game acting is worth nothing at any time; where losses warn, its worth is a number of
the worlds. Counted is how often the interval of the mean over situations, its clusters taken as the observations, holds
that number; and how often triggers are said to be better timed than no trigger at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from alphastrike.config.account import packed
from alphastrike.engine.account import begin
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import account_bars, run_account
from alphastrike.engine.plans import Planned
from alphastrike.engine.situations import report
from alphastrike.engine.state import new_buffer, restored, views
from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.policies import NoLlm
from experiments.scorecard_scores import NULL, Mean, Share
from experiments.scorecard_tuning import each_seed
from experiments.scorecard_tuning_worlds import LOSSES, NOISE, WARNED, Kind, basis_in
from replay.branch import Fork, first_path, run_branches
from replay.decisions import log_advantage
from replay.ground import Ground
from replay.horizons import PRIMARY, ticks_ahead
from replay.inference import cluster_interval
from replay.trigger_quality import ACTION_HOURS, GRID_HOURS, MULTIPLIER, PLACEBO_MULTIPLIER, Asking, Moment, qualities

SEEDS: Final = 200
"""Worlds judged of each kind, and as many others for the truth where it is not known."""
FIRST_SEED: Final = 700_000
"""Nothing was chosen by looking at these or later ones."""
FIRST_OTHER: Final = 800_000


@dataclass(frozen=True, slots=True)
class Watch:
    """Worlds of one kind, and when is asked in them."""

    name: str
    kind: Kind
    is_fair: bool = False
    """Whether the truth is zero."""


def _asked_after(losses: int) -> Kind:
    return replace(LOSSES, overrides=(*WARNED, f"account.triggers.losses={losses}"))


WATCHES: Final = (Watch("noise", NOISE, is_fair=True), Watch("losses, asked after 8", _asked_after(8)))


class Seen(NamedTuple):
    """What one world says; NaN for what is not defined in it."""

    total: float
    """Sum of the advantages of acting at its askings, log equity."""
    situations: int
    clusters: int
    low: float
    """Of the 95 % interval of their mean."""
    high: float
    precision: float
    """Share of askings at which acting gained more than the floor."""
    precision_low: float
    precision_high: float
    base: float
    """The same share of the moments of the grid, at which nothing need have fired."""


class Watched(NamedTuple):
    """All worlds of one watch."""

    name: str
    truth: Mean
    """Worth of acting at an asking, log equity."""
    situations: float
    """Of the median world."""
    clusters: float
    covered: Share
    """Worlds whose interval of the mean holds the truth."""
    better: Share
    """Worlds whose interval lies above zero."""
    worse: Share
    precision: Mean
    base: Mean
    above: Share
    """Worlds in which the interval of the precision lies above the share at any time."""
    below: Share


def watched(
    watches: Sequence[Watch] = WATCHES, *, seeds: int = SEEDS, processes: int = 1, progress: Progress = silent
) -> tuple[Watched, ...]:
    """Look at all worlds of all watches; the result does not depend on ``processes``."""
    found = []
    for watch in watches:
        look = partial(seen, watch.kind)
        own = each_seed(look, range(FIRST_SEED, FIRST_SEED + seeds), processes, f"moments: {watch.name}", progress)
        truth = NULL
        if not watch.is_fair:
            others = range(FIRST_OTHER, FIRST_OTHER + seeds)
            truth = pooled(each_seed(look, others, processes, f"moments: {watch.name}, truth", progress))
        found.append(counted(watch.name, own, truth))
    return tuple(found)


def pooled(worlds: Sequence[Seen]) -> Mean:
    """Return the mean of a situation over many worlds; its error is that of a ratio, worlds the observations."""
    totals, sizes = (
        np.array([float(value) for value in column]) for column in zip(*(w[:2] for w in worlds), strict=True)
    )
    mean = float(np.sum(totals) / np.sum(sizes))
    spread = float(np.sqrt(np.sum((totals - mean * sizes) ** 2)) / np.sum(sizes))
    return Mean(mean, spread, len(worlds))


def counted(name: str, worlds: Sequence[Seen], truth: Mean) -> Watched:
    """Hold what worlds say against the truth."""
    told = [each for each in worlds if not np.isnan(each.low)]
    timed = [each for each in worlds if not np.isnan(each.precision_low) and not np.isnan(each.base)]
    return Watched(
        name=name,
        truth=truth,
        situations=float(np.median([each.situations for each in worlds])),
        clusters=float(np.median([each.clusters for each in worlds])),
        covered=Share.of(sum(each.low <= truth.value <= each.high for each in told), len(told)),
        better=Share.of(sum(each.low > 0.0 for each in told), len(told)),
        worse=Share.of(sum(each.high < 0.0 for each in told), len(told)),
        precision=Mean.of([each.precision for each in timed]),
        base=Mean.of([each.base for each in timed]),
        above=Share.of(sum(each.precision_low > each.base for each in timed), len(timed)),
        below=Share.of(sum(each.precision_high < each.base for each in timed), len(timed)),
    )


def seen(kind: Kind, seed: int) -> Seen:
    """Run one world, try acting at its moments, and ask what a run's page would say."""
    basis = basis_in(kind, seed)
    run = run_account(basis.market, basis.inputs, basis.settings, AskedPolicy(NoLlm()))
    params = packed(basis.settings.account_params())
    buffer = new_buffer(len(basis.market.symbols))
    begin(views(buffer, len(basis.market.symbols)), params)
    ground = Ground(
        run="", market=basis.market, inputs=basis.inputs, bars=account_bars(basis.market, basis.inputs.rejected),
        settings=basis.settings, params=params, acts=(), plan=(), forks={}, beginning=Fork(-1, buffer.tobytes()),
    )  # fmt: skip
    asked = run.tables["situations"]
    clusters = _clusters(asked["event_time"].tolist())
    askings = []
    for row, cluster, point in zip(asked, clusters, run.checkpoints, strict=True):
        symbol = int(row["symbol"]) if row["symbol"] >= 0 else int(row["worst_symbol"])
        moment = _moment(ground, Fork(point.tick, point.state), symbol)
        askings.append(Asking(Rule(int(row["rule"])), cluster, int(row["event_time"]), moment))
    triggers = run.tables["triggers"]
    fired = [Rule(int(rule)) for rule in triggers["rule"][triggers["fired"] != 0]]
    quality = qualities(fired, askings, _grid(ground))
    valued = [(each.moment.action, each.cluster) for each in askings if each.moment is not None]
    effects = np.array([effect for effect, _ in valued], dtype=np.float64)
    numbers = np.array([cluster for _, cluster in valued], dtype=np.int64)
    found = cluster_interval(effects, numbers)
    nothing = float("nan")
    return Seen(
        total=float(np.sum(effects)),
        situations=len(valued),
        clusters=len(np.unique(numbers)),
        low=nothing if found is None else found.low,
        high=nothing if found is None else found.high,
        precision=quality.overall.precision,
        precision_low=quality.overall.precision_low,
        precision_high=quality.overall.precision_high,
        base=quality.base_rate,
    )


def _clusters(asked: Sequence[int]) -> list[int]:
    """Number askings so that those at which what was tried before could still stand share a number."""
    numbers: list[int] = []
    for place, time in enumerate(asked):
        is_apart = place > 0 and time >= asked[place - 1] + ACTION_HOURS * MICROS_PER_HOUR
        numbers.append(numbers[-1] + is_apart if numbers else 0)
    return numbers


def _grid(ground: Ground) -> list[Moment]:
    """Try acting once a day, on the symbol that lost most, wherever a position is open."""
    hours = GRID_HOURS * MICROS_PER_HOUR // ground.market.interval
    decisions = np.flatnonzero(ground.inputs.decision_row >= 0)
    ticks = [int(tick) for tick in decisions[np.diff(decisions // hours, prepend=-1) > 0]]
    path = first_path(ground, (), (), ticks)
    symbols = ground.market.symbols
    found = []
    for place, tick in enumerate(ticks):
        state = path.kept[place].tobytes()
        account = views(restored(state, len(symbols)), len(symbols))
        if (account.symbols["quantity"] != 0.0).any():
            told, _, _ = report(account, ground.settings, len(symbols), int(Rule.DRAWDOWN), symbols)
            found.append(_moment(ground, Fork(tick, state), symbols.index(told.focus)))
    return [moment for moment in found if moment is not None]


def _moment(ground: Ground, fork: Fork, symbol: int) -> Moment | None:
    """Try action and placebo; ``None`` when the horizon lies beyond the market's end."""
    at = ticks_ahead((PRIMARY,), fork.tick, ground.market.interval, ground.market.ticks)[0]
    if at is None:
        return None
    now = ground.time_of(fork.tick)
    tool, expires = int(Tool.ADJUST_POSITION_SIZE), now + ACTION_HOURS * MICROS_PER_HOUR
    smaller = [(Planned(fork.tick, tool, symbol, size, expires),) for size in (MULTIPLIER, PLACEBO_MULTIPLIER)]
    equity = run_branches(ground, fork, [(), *smaller], [at]).samples["equity"][:, 0].tolist()
    nothing, action, placebo = equity
    return Moment(now, log_advantage(action, nothing), action - nothing, log_advantage(placebo, nothing))


def figures_of(card: Sequence[Watched]) -> list[dict[str, Any]]:
    """Return everything as plain numbers, for the JSON file."""
    return [
        {name: part._asdict() if isinstance(part, Mean | Share) else part for name, part in each._asdict().items()}
        for each in card
    ]
