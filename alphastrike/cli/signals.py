"""``alphastrike signals``: the signals there are, and how they stood in a run."""

from typing import TYPE_CHECKING, Annotated

import typer

from alphastrike.cli.options import DATA, Data, Json

if TYPE_CHECKING:
    from alphastrike.runs.signals import Listed, Standings


def signals(
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="How they stood at the end of this run.", show_default=False),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """List the signals by category: their inputs, what they need of a market, horizon, smoothing and idea.

    With --run, each one's accuracy, outcomes counted, weight and state at the end of that run, and how many categories
    voted. A signal is one file in alphastrike/ml/signals/CATEGORY; docs/perception.md says how to add one.
    """
    from alphastrike.runs.signals import listed

    found = listed()
    if run is None:
        _print_listed(found, as_json=as_json)
        return
    from alphastrike.runs.registry import open_run
    from alphastrike.runs.signals import standings

    opened = open_run(data, run)
    _print_standings(opened.name, standings(opened), as_json=as_json)


def _print_listed(found: "tuple[Listed, ...]", *, as_json: bool) -> None:
    from alphastrike.cli.console import out, print_json, say, table
    from alphastrike.runs.signals import CATEGORIES

    categories = {each.category for each in found}
    if as_json:
        print_json({"signals": found, "categories": len(categories), "of": CATEGORIES})
        return
    headers = ("category", "signal", "features", "needs", "horizon", "smoothing", "idea")
    rows = [
        (
            _words(each.category),
            each.name,
            ", ".join(each.inputs),
            ", ".join(each.needs),
            f"{each.horizon_bars} bars",
            f"{each.smooth_bars} bars" if each.smooth_bars > 1 else None,
            each.idea,
        )
        for each in found
    ]
    made = table(headers, rows, right=("horizon", "smoothing"))
    for column in made.columns:
        # On a terminal the long texts share what the names leave.
        column.no_wrap = str(column.header) not in {"features", "needs", "idea"}
    out().print(made)
    say(f"{len(found)} signals in {len(categories)} of {CATEGORIES} categories")


def _print_standings(run: str, found: "Standings", *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from alphastrike.cli.console import figure, out, print_json, say, table
    from alphastrike.model.units import MICROS_PER_SECOND
    from alphastrike.runs.signals import CATEGORIES

    moment = None
    if found.event_time is not None:
        moment = datetime.fromtimestamp(found.event_time / MICROS_PER_SECOND, tz=UTC)
    if as_json:
        print_json({"run": run, "as_of": moment, "signals": found.signals, "voted": found.voted, "of": CATEGORIES})
        return
    by_regime = any(each.regime != "all" for each in found.signals)
    headers = ("category", "signal", *(("regime",) if by_regime else ()), "accuracy", "outcomes", "weight", "state")
    rows = [
        (
            _words(each.category),
            each.name,
            *((_words(each.regime),) if by_regime else ()),
            f"{figure(100.0 * each.accuracy, 1)} %" if each.outcomes > 0 else None,
            figure(each.outcomes, 0) if each.scores else None,
            figure(each.weight, 3) if each.scores else None,
            each.state,
        )
        for each in found.signals
    ]
    made = table(headers, rows, right=("accuracy", "outcomes", "weight"))
    made.columns[-1].no_wrap = False
    out().print(made)
    if moment is None:
        say(f"run {run} has no day yet on which the decay tracker looked at its signals")
    else:
        say(f"run {run}, as of {moment:%Y-%m-%d %H:%M} UTC")
    say(f"{len(found.voted)} of {CATEGORIES} categories voted")


def _words(name: str) -> str:
    return name.replace("_", " ")
