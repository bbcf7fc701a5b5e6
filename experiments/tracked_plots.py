"""Figures of a study as PNG, for those who look at it in MLflow: history, what mattered, each knob, and the front."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from experiments.study import Done
from experiments.tuned import Tuned
from experiments.walking import admitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK: Final = "#2f7dc0"
BEST: Final = "#d9771f"
QUIET: Final = "#7d8590"
PALE: Final = "#b9c1c9"
_COLUMNS: Final = 4
_DPI: Final = 110


def plots(it: Tuned) -> Mapping[str, bytes]:
    """Return the figures of a study by name; none while no point has a value."""
    known = [done for done in it.evidence.trials if done.value is not None]
    if not known:
        return {}
    drawn: dict[str, Callable[[], Figure]] = {
        "plots/history.png": lambda: _history(it),
        "plots/slices.png": lambda: _slices(it, known),
    }
    if it.importance:
        drawn["plots/importance.png"] = lambda: _importance(it.importance)
    if it.facts.sampler == "nsga2":
        drawn["plots/front.png"] = lambda: _front(known)
    return {name: _png(draw()) for name, draw in drawn.items()}


def best_so_far(trials: Sequence[Done], calls_a_day_max: float) -> list[float]:
    """Return the greatest value of an admitted point up to each point, NaN before the first one."""
    known = {done.place for done in admitted(trials, calls_a_day_max)}
    values = [_value(done) if done.place in known else float("nan") for done in trials]
    return [float(value) for value in np.fmax.accumulate(values)]


def front(drawdowns: Sequence[float], values: Sequence[float]) -> list[int]:
    """Return which points no other one beats in both, the smallest drawdown first."""
    kept: list[int] = []
    for place in sorted(range(len(values)), key=lambda each: (drawdowns[each], -values[each])):
        if not kept or values[place] > values[kept[-1]]:
            kept.append(place)
    return kept


def _history(it: Tuned) -> "Figure":
    trials, limit = it.evidence.trials, it.facts.calls_a_day_max
    places, known = [done.place for done in trials], {done.place for done in admitted(trials, limit)}
    figure, axes = _figure(7.5, 4.0)
    axes.axhline(0.0, color=QUIET, linewidth=0.8)
    for kept, ink, told in ((True, INK, ""), (False, PALE, f"more than {limit:g} interventions a day: not admitted")):
        shown = [done for done in trials if done.value is not None and (done.place in known) is kept]
        if shown:
            values = [_value(done) for done in shown]
            axes.plot([done.place for done in shown], values, "o", color=ink, markersize=3.5, label=told or None)
    axes.step(places, best_so_far(trials, limit), where="post", color=BEST, label="best so far")
    axes.set(xlabel="point, in the order of asking", ylabel="log growth a year against no-llm")
    axes.legend(frameon=False)
    return figure


def _slices(it: Tuned, known: Sequence[Done]) -> "Figure":
    """Value against every knob, in a grid."""
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(it.knobs))
    rows = -(-len(it.knobs) // columns)
    figure = Figure(figsize=(0.8 + 2.5 * columns, 0.1 + 2.2 * rows))
    made = figure.subplots(rows, columns, sharey=True, squeeze=False)
    _margins(figure, left=0.8, hspace=0.35)
    values = [_value(done) for done in known]
    for axes, knob in zip(made.flat, it.knobs, strict=False):
        _calm(axes)
        axes.axhline(0.0, color=QUIET, linewidth=0.8)
        axes.plot([done.trial.values[knob.name] for done in known], values, "o", color=INK, markersize=2.5, alpha=0.6)
        if it.best is not None:
            axes.plot(it.best.trial.values[knob.name], _value(it.best), "o", color=BEST, markersize=5)
        axes.set_xlabel(knob.name, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in list(made.flat)[len(it.knobs) :]:
        axes.set_visible(False)
    figure.supylabel("log growth a year against no-llm", fontsize=8)
    return figure


def _importance(shares: Sequence[tuple[str, float]]) -> "Figure":
    figure, axes = _figure(7.5, 0.8 + 0.28 * len(shares), left=2.1)
    ordered = list(reversed(shares))
    axes.barh([name for name, _ in ordered], [100.0 * share for _, share in ordered], color=INK, height=0.6)
    axes.set(xlabel="share of what set the better points apart, percent (PED-ANOVA)")
    return figure


def _front(known: Sequence[Done]) -> "Figure":
    figure, axes = _figure(7.5, 4.5)
    drawdowns = [100.0 * done.trial.max_drawdown for done in known]
    values = [_value(done) for done in known]
    best = front(drawdowns, values)
    axes.axhline(0.0, color=QUIET, linewidth=0.8)
    axes.plot(drawdowns, values, "o", color=INK, markersize=3.5, alpha=0.6)
    axes.plot([drawdowns[each] for each in best], [values[each] for each in best], "o-", color=BEST, markersize=4.5,
              linewidth=1.0, label="beaten by no other in both")  # fmt: skip
    axes.set(xlabel="largest drawdown, percent", ylabel="log growth a year against no-llm")
    axes.legend(frameon=False)
    return figure


def _figure(width: float, height: float, left: float = 0.8) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    _margins(figure, left=left)
    _calm(axes)
    return figure, axes


def _margins(figure: "Figure", left: float, hspace: float = 0.0) -> None:
    """Leave room for labels, in inches; a layout that measures them draws every figure twice."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=left / width, right=1.0 - 0.1 / width, top=1.0 - 0.12 / height, bottom=0.55 / height, hspace=hspace,
        wspace=0.12,
    )  # fmt: skip


def _calm(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(color=QUIET)


def _png(figure: "Figure") -> bytes:
    into = io.BytesIO()
    # Without its version the same study gives the same bytes.
    figure.savefig(into, format="png", dpi=_DPI, metadata={"Software": None})
    return into.getvalue()


def _value(done: Done) -> float:
    return float("nan") if done.value is None else done.value
