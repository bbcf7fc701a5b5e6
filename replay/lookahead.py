"""Proof of no lookahead: five ways of asking whether a value knew what it could not have known.

Each computes perception of a market once more, changed so that nothing may move, and compares bit for bit:

* ``future``: everything after some moments is replaced; nothing at or before them may move.
* ``past``: the market starts later; whatever has its declared window behind it may not move.
* ``live``: one market bar at a time must say what history said.
* ``again``: the same market once more; what draws chances or remembers its last call moves.
* ``symbols``: each symbol alone, and all in another order; a value belongs to its symbol.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import Perceived, Perception, decision_bars, instants_of
from alphastrike.market.market import Market
from alphastrike.model.errors import ConfigurationError, HaltError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_DAY
from replay.altered import later, other_future, picked
from replay.moved import FORECAST, Finding, Subject, Tally, every_subject, same_bits

PROOFS: Final = ("future", "past", "live", "again", "symbols")
CUTS: Final = 12
"""Moments after which the future is replaced."""
STARTS: Final = 4
"""Later beginnings."""
LIVE_DECISIONS: Final = 96
"""Last decisions, made one market bar at a time."""
NEARLY: Final = 1e-9
"""Sums over symbols differ by less, as a share, when the symbols stand in another order."""

Step = Callable[[], None]


@dataclass(frozen=True)
class Proven:
    """What was looked at, and what was found."""

    market: str
    symbols: tuple[str, ...]
    begin: int
    end: int
    """Event times of the first and the last tick looked at, microseconds UTC."""
    decisions: int
    subjects: tuple[Subject, ...]
    compared: dict[str, dict[str, int]]
    """By proof and name: values compared; 0 proves nothing."""
    findings: tuple[Finding, ...]
    """In order of the proofs, causes before what inherits them."""

    @property
    def unproven(self) -> dict[str, tuple[str, ...]]:
        """By name, the proofs that had no value of it to compare: never known, or its window is longer than the market.

        The forecast, which not every proof is about, is left out, and so is the order of symbols where there is one.
        """
        asked = [proof for proof in PROOFS if proof != "symbols" or len(self.symbols) > 1]
        empty = {
            each.name: tuple(proof for proof in asked if not self.compared[proof].get(each.name))
            for each in self.subjects
            if each.kind != FORECAST
        }
        return {name: proofs for name, proofs in empty.items() if proofs}


def prove(
    market: Market,
    settings: PerceptionSettings,
    *,
    days: int,
    signals: Sequence[str] = (),
    features: Sequence[str] = (),
    seed: int = 1,
    threads: int = 1,
    progress: Progress = silent,
) -> Proven:
    """Put features, signals and forecasts to every proof on the last days of a market.

    Args:
        market: to look at.
        settings: of perception.
        days: the last so many are looked at; the whole market when it is shorter.
        signals: names of those to look at, with all they are made of. With ``features`` empty too: everything.
        features: names of those to look at, with all they are made of.
        seed: of the moments, the beginnings and the other futures.
        threads: to use; what is found is the same with any.
        progress: told how many of the computations are done.

    Raises:
        ConfigurationError: no such signal or feature, or a market too short to prove anything.
        HaltError: a feature or a signal raised, or returned what it must not.
    """
    subjects = _chosen(every_subject(), signals, features)
    is_all = not signals and not features
    # One that is asked about alone does not wait until the others are mended.
    voters = None if is_all else tuple(each.name for each in subjects if each.kind == "signal")
    view = _View(_last_days(market, settings, days), settings, voters, threads)
    whole = view.of(view.market)
    _check_length(whole, subjects)
    tally = Tally(subjects, view.market, PROOFS)
    steps = list(_steps(view, whole, tally, np.random.default_rng(seed)))
    for done, step in enumerate(steps):
        progress("prove", done, len(steps))
        step()
    progress("prove", len(steps), len(steps))
    times = view.market.tick_times
    return Proven(
        market.name,
        tuple(market.symbols),
        int(times[0]),
        int(times[-1]),
        len(whole.decision_ticks),
        subjects,
        tally.compared,
        tally.findings(),
    )


@dataclass(frozen=True)
class _View:
    """The market, and how it and its changed likes are looked at."""

    market: Market
    settings: PerceptionSettings
    voters: tuple[str, ...] | None
    threads: int

    def begun(self, market: Market) -> Perception:
        return Perception(market.symbols, market.interval, self.settings, self.voters)

    def of(self, market: Market) -> Perceived:
        return self.begun(market).feed(instants_of(market), threads=self.threads)


def _steps(view: _View, whole: Perceived, tally: Tally, random: np.random.Generator) -> Iterator[Step]:
    """Yield every computation; all chances are drawn before the first of them is made."""
    ticks, decisions = view.market.ticks, len(whole.decision_ticks)
    # Where the longest window is full, if the market is that long: before, many a value is missing anyway.
    warm = min(view.begun(view.market).window_bars, decisions // 2)
    for cut in sorted(random.integers(whole.decision_ticks[warm], ticks - 1, CUTS).tolist()):
        yield _future(view, whole, tally, cut, int(random.integers(1 << 62)))
    bars = decision_bars(view.market, view.settings)
    starts = whole.decision_ticks[random.integers(0, max(decisions // 2, 1), STARTS)] + 1
    for start in sorted(set(starts.tolist())):
        yield _past(view, whole, tally, start, bars)
    yield _live(view, whole, tally)
    yield lambda: tally.compare("again", whole, view.of(view.market))
    for symbol in range(len(view.market.symbols)):
        yield _alone(view, whole, tally, symbol)
    yield _reordered(view, whole, tally)


def _future(view: _View, whole: Perceived, tally: Tally, cut: int, seed: int) -> Step:
    def compare() -> None:
        try:
            changed = view.of(other_future(view.market, cut, seed))
        except HaltError as error:
            raise HaltError(f"in a market whose future was replaced, {error}") from error
        known = whole.decision_ticks <= cut
        tally.compare("future", whole, changed, allowed=lambda _: known)

    return compare


def _past(view: _View, whole: Perceived, tally: Tally, start: int, bars: tuple[npt.NDArray[np.float64], ...]) -> Step:
    """Compare from a later beginning on, wherever a whole window of decision bars is the same in both.

    It is not at once: what funding, liquidations and external series last said, and the gateway's memory of prices,
    lie before the beginning.
    """

    def compare() -> None:
        market = later(view.market, start)
        changed = view.of(market)
        decisions = len(changed.decision_ticks)
        offset = len(whole.decision_ticks) - decisions
        is_same = np.ones(decisions, dtype=np.bool_)
        for here, there in zip(bars, decision_bars(market, view.settings), strict=True):
            equal = same_bits(here[..., offset:], there)
            is_same &= equal.reshape(-1, decisions).all(axis=0)
        place = np.arange(1, decisions + 1)
        run = place - np.maximum.accumulate(np.where(is_same, 0, place))
        tally.compare(
            "past",
            whole,
            changed,
            allowed=lambda subject: run >= subject.window,
            offset=offset,
            # Tracker and conviction remember more than a window, and say so.
            without=lambda subject: subject.name == FORECAST,
        )

    return compare


def _live(view: _View, whole: Perceived, tally: Tally) -> Step:
    def compare() -> None:
        market, decisions = view.market, len(whole.decision_ticks)
        offset = max(decisions - LIVE_DECISIONS, 1)
        split = int(whole.decision_ticks[offset - 1]) + 1
        perception = view.begun(market)
        perception.feed(instants_of(market, 0, split), threads=view.threads)
        said = [perception.feed(instants_of(market, tick, tick + 1)) for tick in range(split, market.ticks)]
        joined = replace(
            whole,
            features=np.concatenate([each.features for each in said], axis=1),
            scores=np.concatenate([each.scores for each in said], axis=1),
            forecasts=np.concatenate([each.forecasts for each in said]),
        )
        tally.compare("live", whole, joined, offset=offset)

    return compare


def _alone(view: _View, whole: Perceived, tally: Tally, symbol: int) -> Step:
    def compare() -> None:
        alone = view.of(picked(view.market, (symbol,)))
        tally.compare("symbols", whole, alone, symbols=(symbol,), without=lambda subject: not subject.is_own)

    return compare


def _reordered(view: _View, whole: Perceived, tally: Tally) -> Step:
    def compare() -> None:
        order = tuple(reversed(range(len(view.market.symbols))))
        changed = view.of(picked(view.market, order))
        tally.compare(
            "symbols",
            whole,
            changed,
            symbols=order,
            without=lambda subject: subject.is_own or subject.name == FORECAST,
            nearly=NEARLY,
        )

    return compare


def _chosen(every: tuple[Subject, ...], signals: Sequence[str], features: Sequence[str]) -> tuple[Subject, ...]:
    """Return the named subjects and all they are made of; every one when none is named."""
    if not signals and not features:
        return every
    by_name = {subject.name: subject for subject in every}
    for kind, names in (("signal", signals), ("feature", features)):
        there = [subject.name for subject in every if subject.kind == kind]
        for name in names:
            if name not in there:
                raise ConfigurationError(f"there is no {kind} {name!r}. {_hint(name, there, by_name)}")
    wanted: set[str] = set()
    waiting = [*signals, *features]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += by_name[name].inputs if name in by_name else ()
    return tuple(subject for subject in every if subject.name in wanted)


def _hint(name: str, there: list[str], every: Mapping[str, Subject]) -> str:
    if name in every:
        return f"It is a {every[name].kind}."
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    return f"Nearest: {', '.join(near)}." if near else "`alphastrike signals` lists the signals and their features."


def _last_days(market: Market, settings: PerceptionSettings, days: int) -> Market:
    """Return the market's last days, from the tick behind a decision on."""
    first = market.ticks - days * MICROS_PER_DAY // market.interval
    if first <= 0:
        return market
    decisions = np.flatnonzero(market.tick_times[:first] % settings.decision_interval == 0)
    return later(market, int(decisions[-1]) + 1) if len(decisions) else market


def _check_length(whole: Perceived, subjects: tuple[Subject, ...]) -> None:
    least = min(subject.window for subject in subjects) + 2
    decisions = len(whole.decision_ticks)
    if decisions < max(least, 4):
        raise ConfigurationError(
            f"{decisions} decisions prove nothing, {max(least, 4)} are needed at least. Choose a longer market or more "
            "--days."
        )
