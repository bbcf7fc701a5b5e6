"""What every recorded intervention was worth: left out, added alone, beside a harmless one, hour by hour to the end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import fsum, nan
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.engine.history import AccountInputs, Checkpoint, run_account
from alphastrike.engine.plans import Plan, Planned
from alphastrike.journal.codes import Change, Rule, Tool
from alphastrike.journal.reader import Run
from alphastrike.market.market import Market
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay.attribution import Attribution, Share, grouped, log_equity, pins_of, players_of, shapley, ticks_of
from replay.branch import NEVER, Branches, Path, first_path, path_after, run_branches
from replay.effect import CENT, Parts, Spell, Tables, active_times, episodes
from replay.ground import Ground
from replay.horizons import HORIZONS, PRIMARY, ticks_ahead
from replay.inference import Interval, window_interval
from replay.participation import shares_of_volume
from replay.pool import Pool, There, Threads, ground_there
from replay.shapley import PAIRS, SEED, Coalition

Reals = npt.NDArray[np.float64]

PLACEBO: Final = 0.9
"""Size multiplier of the harmless intervention."""
PLACEBO_MICROS: Final = MICROS_PER_DAY

_PRIMARY: Final = HORIZONS.index(PRIMARY)
_TABLES: Final = ("orders", "fills")


class Curve(NamedTuple):
    """An effect on log equity over ``HORIZONS``; NaN where the run ends before the horizon."""

    effect: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Worth:
    """One recorded intervention and what it was worth, in log equity unless money is said; frozen."""

    number: int
    situation: int
    episode: int
    """Of the recorded run, from 0."""
    asked: int
    """Microseconds UTC, as all times here."""
    applied: int
    expires: int
    """Or when it was revoked."""
    rule: Rule
    scope: str | None
    """Symbol whose trigger fired; ``None`` for the account's."""
    tool: Tool
    symbol: str | None
    value: float
    ttl_hours: int
    is_redundant: bool
    """It changed nothing when it was applied."""
    leave_one_out: Curve
    """Recorded plan - the plan without it."""
    add_one_in: Curve
    """It alone - nothing."""
    placebo: Curve
    """The plan with a harmless intervention in its place - the plan without it: what hardly anything moves."""
    interval: Interval | None
    """Of ``leave_one_out`` at the primary horizon; ``None`` where that is censored."""
    parts: Parts
    """Of ``leave_one_out`` at the primary horizon, quote; they add up to the difference of equity."""
    shapley: float
    """NaN when it was not asked for."""
    shapley_error: float
    reconverged_at: int | None
    """First time from which on both paths had the same sides and controls, and exposure ÷ equity within 0.01; ``None``
    when they did not meet again before the run ended."""
    same_from: int | None
    """From when on the accounts were the same in everything that can matter; ``None`` for never."""
    participation: float
    """Largest order ÷ volume of the bar that filled it, in the primary horizon's time, with it or without."""

    @property
    def is_censored(self) -> bool:
        """Whether the run ended before the primary horizon."""
        return bool(np.isnan(self.leave_one_out.effect[_PRIMARY]))


@dataclass(frozen=True, slots=True)
class Worths:
    """Every intervention of a run, and how their worths add up."""

    interventions: tuple[Worth, ...]
    attribution: Attribution
    by_trigger: tuple[Share, ...]
    by_tool: tuple[Share, ...]
    by_symbol: tuple[Share, ...]
    left_out: float
    """Sum of ``leave_one_out`` at the end of the run, halts for failed answers included."""
    added: float
    """Sum of ``add_one_in`` at the end of the run, halts included."""

    @property
    def left_out_remainder(self) -> float:
        """What leaving one out counts twice, or not at all, because interventions act on one another."""
        return self.left_out - self.attribution.total

    @property
    def added_remainder(self) -> float:
        """The same for adding one alone."""
        return self.added - self.attribution.total


def worths(
    ground: Ground,
    run: Run,
    *,
    pairs: int = PAIRS,
    seed: int = SEED,
    threads: int = 1,
    progress: Progress = silent,
    pool: Pool | None = None,
) -> Worths:
    """Value every intervention of a run, and attribute the whole to them.

    Args:
        ground: what the run's branches stand on.
        run: the recorded run.
        pairs: orders drawn for Shapley values, each with its reverse.
        seed: of those draws.
        threads: branches run at the same time; they change no bit.
        progress: told of each stage.
        pool: where each intervention's own branches are run, instead of threads; it changes no bit either.
    """
    players = players_of(ground.plan)
    valued = _value(ground, run, players, pool or Threads(threads), progress)
    everybody = (1 << len(players)) - 1
    known: dict[Coalition, float] = {}
    for player, each in enumerate(valued):
        known[everybody & ~(1 << player)] = each.end_without
        known[1 << player] = each.end_alone
    attribution = shapley(ground, pairs=pairs, seed=seed, known=known, threads=threads, progress=progress)
    told = _Told.of(run)
    return Worths(
        interventions=tuple(
            replace(
                told.worth(each),
                shapley=float(attribution.parts[player]),
                shapley_error=float(attribution.errors[player]),
            )
            for player, each in enumerate(valued)
            if each.entry.number != 0
        ),
        attribution=attribution,
        by_trigger=grouped(attribution, [told.trigger_of(entry) for entry in players]),
        by_tool=grouped(attribution, [_tool_of(entry) for entry in players]),
        by_symbol=grouped(attribution, [told.symbol_of(entry) for entry in players]),
        left_out=fsum(each.left_out.effect[-1] for each in valued),
        added=fsum(each.added.effect[-1] for each in valued),
    )


def worths_of(
    ground: Ground, run: Run, numbers: Collection[int], *, threads: int = 1, progress: Progress = silent
) -> tuple[Worth, ...]:
    """Value some interventions, without Shapley values: those depend on all the others.

    Raises:
        ConfigurationError: the run has no intervention of that number, or a person pinned it.
    """
    players = {entry.number: entry for entry in players_of(ground.plan) if entry.number != 0}
    for number in numbers:
        if number not in players:
            raise ConfigurationError(f"run {run.name!r} has no intervention {number} of its policy.")
    told = _Told.of(run)
    valued = _value(ground, run, [players[number] for number in numbers], Threads(threads), progress)
    return tuple(told.worth(each) for each in valued)


@dataclass(frozen=True, slots=True)
class _Valued:
    """One player's own branches."""

    entry: Planned
    left_out: Curve
    added: Curve
    placebo: Curve
    interval: Interval | None
    parts: Parts
    reconverged_at: int | None
    same_from: int | None
    participation: float
    end_without: float
    """Log growth of the run without it."""
    end_alone: float
    """Log growth of a run with nothing else."""


def _value(ground: Ground, run: Run, players: Sequence[Planned], pool: Pool, progress: Progress) -> tuple[_Valued, ...]:
    if not players:
        return ()
    valuer = _Valuer(ground, run, players)
    found = []
    for each in pool.map(lambda number: valuer.value(players[number]), _value_there, len(players)):
        found.append(each)
        progress("interventions", len(found), len(players))
    return tuple(found)


def _value_there(there: There, number: int) -> "_Valued":
    return _valuer_there(there).value(players_of(ground_there(there)[1].plan)[number])


@lru_cache(maxsize=1)
def _valuer_there(there: There) -> "_Valuer":
    run, ground = ground_there(there)
    return _Valuer(ground, run, players_of(ground.plan))


class _Valuer:
    """What the branches of all interventions share: the run as recorded, and the one in which nothing stands."""

    def __init__(self, ground: Ground, run: Run, players: Sequence[Planned]) -> None:
        self._ground = ground
        market = ground.market
        keep = ticks_of(tuple(players))
        last = market.ticks - 1
        read = {tick for entry in players for tick in self._horizon_ticks(entry) if tick is not None}
        self._recorded = first_path(ground, ground.plan, [last], keep)
        self._nothing = first_path(ground, pins_of(ground.plan), sorted(read), keep)
        self._tables: Tables = {name: run.rows(name) for name in _TABLES}
        # The gateway's refusals are in the ground's bars already: a short branch need not mark all bars again.
        self._market: Market = replace(market, bars=ground.bars)
        self._inputs: AccountInputs = replace(ground.inputs, rejected=np.zeros((0, 0), dtype=np.bool_))

    def value(self, entry: Planned) -> _Valued:
        """Run the branches of one intervention."""
        ground = self._ground
        without = _without(ground.plan, entry)
        harmless = entry._replace(
            tool=int(Tool.ADJUST_POSITION_SIZE),
            value=PLACEBO,
            expires=ground.time_of(entry.tick) + PLACEBO_MICROS,
            number=0,
        )
        placebo = tuple(harmless if other is entry else other for other in ground.plan)
        horizons = self._horizon_ticks(entry)
        hours = self._window_ticks(entry, horizons[_PRIMARY])
        at = sorted({tick for tick in horizons if tick is not None} | set(hours))
        found = run_branches(ground, self._recorded.fork(entry.tick), [without, ground.plan, placebo], at)
        logs = log_equity(found.samples["equity"], ground.start_equity)
        places = [None if tick is None else at.index(tick) for tick in horizons]
        window = [at.index(tick) for tick in hours]
        alone = path_after(ground, self._nothing, (*pins_of(ground.plan), entry))
        added, end_alone = self._added(alone, horizons)
        return _Valued(
            entry=entry,
            left_out=_curve(logs[1] - logs[0], places),
            added=added,
            placebo=_curve(logs[2] - logs[0], places),
            interval=window_interval(np.diff((logs[1] - logs[0])[window], prepend=0.0)) if window else None,
            parts=_parts(found, places[_PRIMARY]),
            reconverged_at=self._time(int(found.met[1])),
            same_from=self._time(int(found.same[1])),
            participation=self._participation(entry, without, horizons[_PRIMARY]),
            end_without=float(logs[0, -1]),
            end_alone=end_alone,
        )

    def _horizon_ticks(self, entry: Planned) -> tuple[int | None, ...]:
        market = self._ground.market
        return ticks_ahead(HORIZONS, entry.tick, market.interval, market.ticks)

    def _window_ticks(self, entry: Planned, primary: int | None) -> Sequence[int]:
        """Return the ticks of the primary horizon, hour by hour; none when it is censored."""
        hour = max(1, MICROS_PER_HOUR // self._ground.market.interval)
        return () if primary is None else range(entry.tick + hour, primary + 1, hour)

    def _added(self, alone: Path, horizons: Sequence[int | None]) -> tuple[Curve, float]:
        start = self._ground.start_equity
        logs = log_equity(alone.samples["equity"], start)
        places = [None if tick is None else alone.at.index(tick) for tick in horizons]
        return _curve(logs - log_equity(self._nothing.samples["equity"], start), places), float(logs[-1])

    def _participation(self, entry: Planned, without: Plan, primary: int | None) -> float:
        """Return the largest share that an order had of its bar's volume until the primary horizon, on either path."""
        ground = self._ground
        stop = ground.market.ticks if primary is None else primary + 1
        fork = self._recorded.fork(entry.tick)
        branch = run_account(
            self._market, self._inputs, ground.settings, None, start=Checkpoint(0, fork.tick, 0, fork.state),
            until_tick=stop, acts=ground.acts, standing=without,
        )  # fmt: skip
        begun, ended = ground.time_of(entry.tick), ground.time_of(stop - 1)
        recorded = {
            name: rows[(rows["event_time"] > begun) & (rows["event_time"] <= ended)]
            for name, rows in self._tables.items()
        }
        both = [shares_of_volume(tables, ground.market) for tables in (branch.tables, recorded)]
        return float(np.max(np.concatenate(both), initial=0.0))

    def _time(self, tick: int) -> int | None:
        return None if tick == NEVER else self._ground.time_of(tick)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the run's tables say of its interventions."""

    symbols: Sequence[str]
    situations: dict[int, Records]
    applied: dict[int, Records]
    ttl_hours: dict[int, int]
    spells: dict[int, Spell]
    episodes: Sequence[Spell]

    @classmethod
    def of(cls, run: Run) -> "_Told":
        rows = run.rows("interventions")
        tables = {"interventions": rows}
        return cls(
            symbols=tuple(run.symbols),
            situations={int(row["situation"]): row for row in run.rows("situations")},
            applied={int(row["intervention"]): row for row in rows[rows["change"] == Change.APPLIED]},
            ttl_hours={int(row["intervention"]): int(row["ttl_hours"]) for row in run.rows("tool_calls")},
            spells=active_times(tables),
            episodes=episodes([tables]),
        )

    def worth(self, valued: _Valued) -> Worth:
        entry = valued.entry
        situation, applied = self.situations[entry.situation], self.applied[entry.number]
        spell = self.spells[entry.number]
        return Worth(
            number=entry.number,
            situation=entry.situation,
            episode=next(place for place, each in enumerate(self.episodes) if each.begin <= spell.begin < each.end),
            asked=int(situation["event_time"]),
            applied=spell.begin,
            expires=spell.end,
            rule=Rule(int(situation["rule"])),
            scope=self._name(int(situation["symbol"])),
            tool=Tool(entry.tool),
            symbol=self._name(entry.symbol),
            value=entry.value,
            ttl_hours=self.ttl_hours[entry.number],
            is_redundant=bool(applied["before"] == applied["after"]),
            leave_one_out=valued.left_out,
            add_one_in=valued.added,
            placebo=valued.placebo,
            interval=valued.interval,
            parts=valued.parts,
            shapley=nan,
            shapley_error=nan,
            reconverged_at=valued.reconverged_at,
            same_from=valued.same_from,
            participation=valued.participation,
        )

    def trigger_of(self, entry: Planned) -> str:
        """Return the rule that fired, in words."""
        return Rule(int(self.situations[entry.situation]["rule"])).name.lower()

    def symbol_of(self, entry: Planned) -> str:
        """Return what an intervention was about."""
        return self._name(entry.symbol) or "account"

    def _name(self, symbol: int) -> str | None:
        return None if symbol < 0 else self.symbols[symbol]


def _tool_of(entry: Planned) -> str:
    return Tool(entry.tool).name.lower() if entry.number != 0 else "halt"


def _without(plan: Plan, entry: Planned) -> Plan:
    return tuple(other for other in plan if other is not entry)


def _curve(difference: Reals, places: Sequence[int | None]) -> Curve:
    return Curve(tuple(nan if place is None else float(difference[place]) for place in places))


def _parts(found: Branches, place: int | None) -> Parts:
    """Return the parts of recorded - without, quote; that they account for equity to the cent is an invariant."""
    if place is None:
        return Parts(nan, nan, nan, nan, nan)
    without, recorded = found.samples[0, place], found.samples[1, place]
    parts = Parts(*(float(recorded[name] - without[name]) for name in Parts._fields))
    difference = float(recorded["equity"] - without["equity"])
    assert abs(parts.total - difference) < CENT / 2, f"parts add up to {parts.total}, equity differs by {difference}"
    return parts
