"""The interactive panel: equity and drawdown of every arm on one time axis, as a Bokeh document.

Bokeh numbers its models by a counter of the process; the numbers are given anew in order of appearance, so
that one comparison is one sequence of bytes. Colours of text and grid are set by the page's script, which
knows whether the reader's setting is light or dark.
"""

import json
from html import escape
from itertools import count
from typing import Any, Final

import numpy as np
from bokeh.document import Document
from bokeh.layouts import gridplot
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    DatetimeTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    TapTool,
    WheelZoomTool,
)
from bokeh.plotting import figure
from bokeh.resources import Resources
from markupsafe import Markup

from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_SECOND
from replay.answers import AnsweredSituation
from replay.arms import RECORDED
from replay.compare import Arm, Comparison
from replay.effect import drawdowns
from reports import numerals, words
from reports.decimate import decimated
from reports.palette import Ink

MICROS_PER_MILLI: Final = MICROS_PER_SECOND // 1_000
EQUITY_HEIGHT: Final = 340
DRAWDOWN_HEIGHT: Final = 190
LOG_DECADES_MAX: Final = 1e4
"""The log scale shows no more than this ratio: an account that is lost leaves it through the bottom."""
DOCUMENT: Final = "paths"
FONT: Final = "system-ui, sans-serif"


def library() -> Markup:
    """Return Bokeh's script from the installed package, to be inlined; only the part that draws figures."""
    source = Resources(mode="inline", components=["bokeh"]).js_raw[0]
    return Markup(source.replace("</script", r"<\/script"))


def paths(comparison: Comparison, inks: dict[str, Ink], *, against_no_llm: bool = True) -> Markup:
    """Return the panel as JSON for ``Bokeh.embed.embed_items``, safe inside a script element.

    Readings of situations tell effects when they are measured ``against_no_llm``.
    """
    linear = _figure("equity", EQUITY_HEIGHT, y_axis_type="linear")
    scale = {"x_range": linear.x_range, "y_range": _log_range(comparison)}
    log = _figure("equity-log", EQUITY_HEIGHT, y_axis_type="log", visible=False, **scale)
    below = _figure("drawdown", DRAWDOWN_HEIGHT, y_axis_type="linear", x_range=linear.x_range)
    for panel in (linear, log):
        panel.yaxis.formatter = NumeralTickFormatter(format="0,0")
        panel.xaxis.visible = False
    below.yaxis.formatter = NumeralTickFormatter(format="0 %")
    linear.yaxis.axis_label = "equity, USDT"
    log.yaxis.axis_label = "equity, USDT, log scale"
    below.yaxis.axis_label = "drawdown"
    _bands(comparison, inks, (linear, log, below))
    for place, arm in _upwards(comparison):
        _lines(place, arm, comparison.origin.start_equity, inks[arm.name], (linear, log), below)
    for place, arm in _upwards(comparison):
        is_shown = arm.name in marked(comparison)
        _marks(place, arm, comparison.answers[arm.name], inks[arm.name], (linear, log), is_shown, against_no_llm)
    document = Document()
    rows = [[linear], [log], [below]]
    document.add_root(gridplot(rows, sizing_mode="stretch_width", toolbar_options={"logo": None}))
    return Markup(_safe_json(_renumbered(document.to_json(deferred=False))))


def _figure(name: str, height: int, **settings: Any) -> Any:
    panel = figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        tools=[
            PanTool(dimensions="width"),
            BoxZoomTool(dimensions="width"),
            WheelZoomTool(dimensions="width"),
            ResetTool(),
            TapTool(mode="replace", visible=False),
        ],
        active_drag=None,
        active_scroll=None,
        active_tap="auto",
        toolbar_location="above",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        output_backend="canvas",
        min_border_left=74,
        min_border_right=8,
        **settings,
    )
    panel.toolbar.logo = None
    panel.xaxis.formatter = DatetimeTickFormatter(
        hours="%d %b %H:%M", days="%d %b %y", months="%b %Y", years="%Y", hourmin="%d %b %H:%M", minutes="%H:%M"
    )
    panel.xgrid.grid_line_color = None
    for axis in (*panel.xaxis, *panel.yaxis):
        axis.axis_line_color = None
        axis.minor_tick_line_color = None
        axis.major_tick_line_color = None
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "12px"
        axis.major_label_text_font_size = "12px"
        axis.axis_label_text_font = FONT
        axis.major_label_text_font = FONT
    return panel


def _upwards(comparison: Comparison) -> list[tuple[int, Arm]]:
    """Order arms from the bottom up: the factual one covers the others, but not its own dashed recording."""
    placed = list(enumerate(comparison.arms))
    return sorted(placed, key=lambda one: (one[1].name == RECORDED, one[1].is_factual, -one[0]))


def _log_range(comparison: Comparison) -> Range1d:
    """Bound the log scale by the data: a panel that is hidden at first cannot find its range by itself."""
    values = np.concatenate([np.asarray(arm.tables["equity"]["equity"]) for arm in comparison.arms])
    high = max(float(np.max(values)), 1.0)
    low = float(np.min(values, where=values > 0.0, initial=high))
    low = max(low, high / LOG_DECADES_MAX)
    air = (high / low) ** 0.05
    return Range1d(low / air, high * air)


def _lines(place: int, arm: Arm, start_equity: float, ink: Ink, equities: tuple[Any, Any], below: Any) -> None:
    table = arm.tables["equity"]
    equity = np.asarray(table["equity"], dtype=np.float64)
    fallen = -drawdowns(np.concatenate(([start_equity], equity)))[1:]
    source = _series(table, equity, fallen, decimated(equity))
    lows = _series(table, equity, fallen, decimated(fallen))
    width = 2.2 if arm.is_factual else 1.6
    style = {"line_color": ink.colour, "line_width": width, "line_dash": list(ink.dash), "line_join": "round"}
    for panel in equities:
        line = panel.line("time", "equity", source=source, name=f"arm-{place}", **style)
        panel.add_tools(_reading(arm.name, line))
    line = below.line("time", "drawdown", source=lows, name=f"arm-{place}", **style)
    below.add_tools(_reading(arm.name, line))


def _series(table: Records, equity: Any, fallen: Any, kept: Any) -> ColumnDataSource:
    return ColumnDataSource(
        {
            "time": table["event_time"][kept] / MICROS_PER_MILLI,
            "equity": equity[kept],
            "drawdown": fallen[kept].astype(np.float32),
        }
    )


def _reading(name: str, line: Any) -> HoverTool:
    return HoverTool(
        renderers=[line],
        mode="mouse",
        line_policy="nearest",
        attachment="below",
        description=f"readings of {name}",
        visible=False,
        tooltips=[
            ("arm", _literal(name)),
            ("time", "@time{%F %H:%M}"),
            ("equity", "@equity{0,0}"),
            ("drawdown", "@drawdown{0.0 %}"),
        ],
        formatters={"@time": "datetime"},
    )


def _literal(text: str) -> str:
    """Write a name into a tooltip's template, where ``@``, ``$`` and braces begin placeholders and markup is live."""
    return escape(text.replace("@", "(at)").replace("$", "(usd)").replace("{", "(").replace("}", ")"))


def _bands(comparison: Comparison, inks: dict[str, Ink], panels: tuple[Any, ...]) -> None:
    """Draw active times of the interventions of the arms whose situations are marked."""
    shown = marked(comparison)
    for place, arm in enumerate(comparison.arms):
        spells = _active(comparison.answers[arm.name])
        if arm.name not in shown or not spells:
            continue
        source = ColumnDataSource(
            {
                "begin": np.array([begin for begin, _ in spells]) / MICROS_PER_MILLI,
                "end": np.array([min(end, comparison.origin.end) for _, end in spells]) / MICROS_PER_MILLI,
            }
        )
        for panel in panels:
            panel.vstrip(
                x0="begin",
                x1="end",
                source=source,
                name=f"arm-{place}",
                fill_color=inks[arm.name].colour,
                fill_alpha=0.10,
                line_color=None,
                level="underlay",
            )


def marked(comparison: Comparison) -> list[str]:
    """Name the arms whose situations are marked at first: the factual one, or all when it never intervened."""
    factual = comparison.factual.name
    return [factual] if _active(comparison.answers[factual]) else [arm.name for arm in comparison.arms]


def _active(answers: list[AnsweredSituation]) -> list[tuple[int, int]]:
    return [
        (call.intervention.active.begin, call.intervention.active.end)
        for answer in answers
        for call in answer.calls
        if call.intervention is not None
    ]


def _marks(
    place: int,
    arm: Arm,
    answers: list[AnsweredSituation],
    ink: Ink,
    panels: tuple[Any, Any],
    is_shown: bool,
    against_no_llm: bool,
) -> None:
    if not answers:
        return
    table = arm.tables["equity"]
    asked = np.array([answer.asked for answer in answers], dtype=np.int64)
    rows = np.clip(np.searchsorted(table["event_time"], asked, side="right") - 1, 0, None)
    source = ColumnDataSource(
        {
            "time": asked / MICROS_PER_MILLI,
            "equity": np.asarray(table["equity"])[rows],
            "number": [f"{arm.name} #{answer.situation}" for answer in answers],
            "card": [f"a{place}-{answer.situation}" for answer in answers],
            "when": [numerals.time(answer.asked) for answer in answers],
            "seen": [words.seen(answer) for answer in answers],
            "called": [words.called(answer) for answer in answers],
            "effect": [words.effect(answer) for answer in answers],
        },
        name=f"marks-{place}",
    )
    for panel in panels:
        marks = panel.scatter(
            "time",
            "equity",
            source=source,
            name=f"situations-{place}",
            visible=is_shown,
            size=9 if arm.is_factual else 6,
            marker="triangle",
            fill_color=ink.colour,
            line_color="#ffffff",
            line_width=1,
            nonselection_fill_alpha=1.0,
            nonselection_line_alpha=1.0,
        )
        panel.add_tools(
            HoverTool(
                renderers=[marks],
                mode="mouse",
                visible=False,
                point_policy="snap_to_data",
                attachment="above",
                tooltips=[
                    ("", "@number"),
                    ("asked", "@when UTC"),
                    ("seen", "@seen"),
                    ("called", "@called"),
                    *([("until expiry", "@effect ‰ of equity against no-llm")] if against_no_llm else []),
                ],
            )
        )


def _renumbered(document: Any) -> dict[str, Any]:
    """Give Bokeh's models numbers in order of appearance and leave out what differs between processes."""
    numbers: dict[str, str] = {}
    fresh = count(1)

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            made = {}
            for key, inner in value.items():
                is_id = key == "id" and isinstance(inner, str)
                made[key] = numbers.setdefault(inner, f"m{next(fresh)}") if is_id else walk(inner)
            return made
        if isinstance(value, (list, tuple)):
            return [walk(inner) for inner in value]
        return value

    return {"docs": {DOCUMENT: walk(json.loads(_encoded(document)))}}


def _encoded(document: Any) -> str:
    from bokeh.core.json_encoder import serialize_json

    return serialize_json(document)


def _safe_json(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")
