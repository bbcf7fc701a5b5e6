"""The signals there are, what they need of a market, and how they stood at the end of a run."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from alphastrike.features.bars import Bars
from alphastrike.features.declare import across_features, external_features, features
from alphastrike.journal.reader import Run
from alphastrike.ml.declare import Category, signals
from alphastrike.model.forecast import RegimeScope

CATEGORIES: Final = len(Category)

_EVENTS: Final = {
    "taker_buy_volume": "taker_buy_volume",
    "trades": "trades",
    "open_interest": "open_interest",
    "funding": "funding",
    "mark": "marks",
    "long_short_ratio": "long_short_ratio",
    "bid": "book_tops",
    "bid_size": "book_tops",
    "ask": "book_tops",
    "ask_size": "book_tops",
    "long_liquidated": "liquidations",
    "short_liquidated": "liquidations",
}
"""What a market must hold for a column of a decision bar; candles for all that are not named."""


@dataclass(frozen=True)
class Listed:
    """A signal as its file declares it."""

    name: str
    category: str
    inputs: tuple[str, ...]
    """Names of its features."""
    needs: tuple[str, ...]
    """What it needs of a market: kinds of events, columns of candles, names of external series."""
    horizon_bars: int
    smooth_bars: int
    idea: str
    """First line of its docstring."""


@dataclass(frozen=True)
class Standing:
    """How a signal stood at the end of a run, in one regime or in all."""

    name: str
    category: str
    """Empty when this version has no such signal."""
    regime: str
    accuracy: float
    """0 to 1; NaN when the run does not know, as for the next two."""
    outcomes: float
    weight: float
    state: str
    scores: int
    """Of the run, that are no abstention."""


@dataclass(frozen=True)
class Standings:
    """How the signals of a run stood when the decay tracker last looked."""

    event_time: int | None
    """Of that day, microseconds UTC; ``None`` when there was none."""
    signals: tuple[Standing, ...]
    """By category, then name; regimes of a signal after one another."""
    voted: tuple[str, ...]
    """Categories of which a signal voted at least once."""


def listed() -> tuple[Listed, ...]:
    """Return every signal found, by category in their fixed order, then by name."""
    order = list(Category)
    needs = _needs()
    return tuple(
        Listed(
            made.name,
            made.category.value,
            made.inputs,
            _in_order({need for name in made.inputs for need in needs.get(name, ())}),
            made.horizon_bars,
            made.smooth_bars,
            made.doc.splitlines()[0],
        )
        for made in sorted(signals().values(), key=lambda made: (order.index(made.category), made.name))
    )


def standings(run: Run) -> Standings:
    """Return how the signals of a run stood when it ended, or where a live run stands now.

    Raises:
        DataError: a table of the run is damaged.
    """
    scored = _known_values(run, "signals")
    tracked = run.rows("accuracies")
    event_time = int(tracked["event_time"].max()) if len(tracked) else None
    last = tracked[tracked["event_time"] == event_time] if len(tracked) else tracked
    ever = set(tracked["name"][tracked["weight"] > 0.0].tolist()) if len(tracked) else set(scored)
    since = {(row["name"], int(row["regime"])): int(row["event_time"]) for row in run.rows("retirements")}
    now = {made.name: made for made in listed()}
    silent = {name for name, count in scored.items() if count == 0}
    absent = _absent(run, [now[name] for name in silent if name in now])
    found = []
    for name in sorted(scored, key=lambda each: (list(now).index(each) if each in now else len(now), each)):
        rows = last[last["name"] == name] if len(last) else ()
        category = now[name].category if name in now else ""
        if len(rows) == 0:
            state = f"abstains{absent.get(name, '')}" if name in silent else "votes"
            found.append(Standing(name, category, "all", np.nan, np.nan, np.nan, state, scored[name]))
        for row in rows:
            state = _state(row, since.get((name, int(row["regime"]))))
            if name in silent:
                state = f"abstains{absent.get(name, '')}"
            regime = RegimeScope(int(row["regime"])).name.lower()
            accuracy, outcomes, weight = float(row["accuracy"]), float(row["outcomes"]), float(row["weight"])
            found.append(Standing(name, category, regime, accuracy, outcomes, weight, state, scored[name]))
    voted = {now[name].category for name in ever - silent if name in now}
    return Standings(event_time, tuple(found), tuple(each.value for each in Category if each.value in voted))


def _state(row: Any, since: int | None) -> str:
    if row["retired"]:
        day = f" since {np.datetime64(since, 'us').astype('datetime64[D]')}" if since is not None else ""
        return f"on probation{day}"
    return "votes" if row["weight"] > 0.0 else "without a vote: no edge"


def _absent(run: Run, abstaining: list[Listed]) -> dict[str, str]:
    """Return of each signal that abstains what it needs and the run's market never had."""
    if not abstaining:
        return {}
    needs = _needs()
    inputs = {name for made in abstaining for name in made.inputs}
    wanted = {need for made in abstaining for need in made.needs}
    values: dict[str, int] = {}
    there: set[str] = set()
    # Nearly all features read candles, and the few read for another need tell of candles too: the rest waits.
    for unmet in (wanted - {"candles"}, wanted & {"candles"}):
        telling = {name for name, own in needs.items() if not (unmet - there).isdisjoint(own)}
        values |= _known_values(run, "features", (inputs | telling) - values.keys())
        there |= {need for name, count in values.items() if count for need in needs.get(name, ())}
    said = {}
    for made in abstaining:
        missing = [need for need in made.needs if need not in there]
        unknown = [name for name in made.inputs if not values.get(name)]
        if missing:
            said[made.name] = f": this market has no {' and no '.join(missing)}"
        elif unknown:
            said[made.name] = f": {' and '.join(unknown)} is never known"
    return said


def _known_values(run: Run, kind: str, names: Collection[str] | None = None) -> dict[str, int]:
    """Return how many values of each column of a wide kind, or of some, are no NaN."""
    facts = run.manifest.tables.get(kind)
    chosen = [name for name in (facts.columns if facts else ()) if names is None or name in names]
    table = run.table(kind, chosen)
    return {name: int((~np.isnan(table[name].to_numpy())).sum()) for name in chosen}


def _needs() -> Mapping[str, tuple[str, ...]]:
    """Return what each feature needs of a market, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for own in features().values():
        columns = _columns_read(own.compute, 0)
        found[own.name] = _in_order({_EVENTS.get(column, "candles") for column in columns})
    for outside in external_features().values():
        found[outside.name] = outside.series
    for over in across_features().values():
        found[over.name] = _in_order({need for name in over.inputs for need in found[name]})
    return found


def _columns_read(function: Callable[..., Any], place: int) -> set[str]:
    """Return which columns a function, and those it hands its bars to, read of the bars in one of its parameters.

    As its source says: nothing is called, and so nothing compiled.
    """
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(function)))
        bars = list(inspect.signature(function).parameters)[place]
    except (OSError, TypeError, IndexError, SyntaxError):
        return set()
    read: set[str] = set()
    for node in ast.walk(source):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=column) if owner == bars and column in Bars._fields:
                read.add(column)
            case ast.Call(func=ast.Name(id=called), args=handed):
                for at, argument in enumerate(handed):
                    inner = function.__globals__.get(called)
                    is_bars = isinstance(argument, ast.Name) and argument.id == bars
                    if is_bars and inspect.isfunction(inner) and inner is not function:
                        read |= _columns_read(inner, at)
    return read


def _in_order(needs: set[str]) -> tuple[str, ...]:
    """Return candles first, then the rest by name."""
    return tuple(sorted(needs, key=lambda need: (need != "candles", need)))
