"""The comparison as tables of text for a terminal of 100 columns: arms as columns while they fit, else as rows."""

from collections.abc import Iterator
from typing import Final

from replay.compare import Comparison, Effect
from replay.inference import Interval
from replay.measures import MEASURES, PARTS, Measure
from reports import numerals
from reports.models import HEADERS, model_rows
from reports.text_table import Cells, TextTable

WIDTH: Final = 100
NAME_MAX: Final = 28
"""Longer names of arms lose their middle when arms are rows; the page has them whole."""


def tables(comparison: Comparison) -> list[TextTable]:
    """Return the tables to print, in order."""
    if len(comparison.effects) == 1:
        wide = [_one_against_one(comparison)]
    else:
        wide = [_arms_as_columns(comparison), _differences_as_columns(comparison)]
    if not all(table.width <= WIDTH for table in wide):
        wide = [_arms_as_rows(comparison), _activity_as_rows(comparison), _parts_as_rows(comparison)]
    models = [[_short(name), *cells] for name, *cells in model_rows(comparison)]
    return [*wide, *([TextTable("", list(HEADERS), models)] if models else [])]


def _measured() -> Iterator[Measure]:
    return (measure for measure in MEASURES if measure.in_terminal and measure.field != "net_pnl")


def _one_against_one(comparison: Comparison) -> TextTable:
    (effect,) = comparison.effects
    told = {"log_growth": _interval(effect.growth, 3), "sharpe": _interval(effect.sharpe, 2)}
    rows = [
        [measure.label, *_values(comparison, measure), _difference(effect, measure), told.get(measure.field, "")]
        for measure in _measured()
    ]
    own, changed = _part_rows(comparison), _changed_part_rows(comparison)
    rows += [[*parts, *change[1:], ""] for parts, change in zip(own, changed, strict=True)]
    names = [arm.name for arm in comparison.arms]
    return TextTable("", ["", *names, f"{effect.arm} − {effect.factual}", "95 %"], rows)


def _arms_as_columns(comparison: Comparison) -> TextTable:
    rows = [[measure.label, *_values(comparison, measure)] for measure in _measured()]
    return TextTable("", ["", *(arm.name for arm in comparison.arms)], [*rows, *_part_rows(comparison)])


def _differences_as_columns(comparison: Comparison) -> TextTable:
    effects = comparison.effects
    rows = []
    for measure in _measured():
        rows.append([measure.label, *(_difference(effect, measure) for effect in effects)])
        if measure.field == "log_growth":
            rows.append(["… 95 %", *(_interval(effect.growth, 3) for effect in effects)])
        if measure.field == "sharpe":
            rows.append(["… 95 %", *(_interval(effect.sharpe, 2) for effect in effects)])
    title = f"Differences: arm − {comparison.factual.name}"
    return TextTable(title, ["", *(effect.arm for effect in effects)], [*rows, *_changed_part_rows(comparison)])


def _part_rows(comparison: Comparison) -> list[Cells]:
    parts = [own.parts for own in comparison.metrics]
    rows = [[f"{name}, USDT", *(numerals.number(getattr(each, name), 0) for each in parts)] for name in PARTS]
    return [*rows, ["= net P&L, USDT", *(numerals.number(each.total, 0) for each in parts)]]


def _changed_part_rows(comparison: Comparison) -> list[Cells]:
    parts = [effect.parts for effect in comparison.effects]
    rows = [
        [f"{name}, USDT", *(numerals.number(getattr(each, name), 0, signed=True) for each in parts)] for name in PARTS
    ]
    return [*rows, ["= net P&L, USDT", *(numerals.number(each.total, 0, signed=True) for each in parts)]]


def _arms_as_rows(comparison: Comparison) -> TextTable:
    rows = []
    effects = [None, *comparison.effects]
    for arm, own, effect in zip(comparison.arms, comparison.metrics, effects, strict=True):
        rows.append(
            [
                _short(arm.name),
                numerals.number(own.log_growth, 3),
                numerals.number(effect.differences["log_growth"], 3, signed=True) if effect else "",
                _interval(effect.growth, 3) if effect else "",
                numerals.number(own.sharpe, 2),
                numerals.percent(-own.max_drawdown),
            ]
        )
    return TextTable("", ["arm", "log growth", "difference", "95 %", "Sharpe", "max drawdown"], rows)


def _activity_as_rows(comparison: Comparison) -> TextTable:
    rows = [
        [
            _short(arm.name),
            numerals.percent(own.win_rate),
            numerals.number(own.trades, 0),
            numerals.number(own.liquidations, 0),
            numerals.number(own.interventions, 0),
            numerals.number(own.episodes, 0),
            numerals.percent(own.time_halted),
        ]
        for arm, own in zip(comparison.arms, comparison.metrics, strict=True)
    ]
    headers = ["arm", "win rate", "trades", "liquidated", "interventions", "episodes", "halted"]
    return TextTable("", headers, rows)


def _parts_as_rows(comparison: Comparison) -> TextTable:
    rows = [
        [_short(arm.name), *(numerals.number(part, 0) for part in own.parts), numerals.number(own.parts.total, 0)]
        for arm, own in zip(comparison.arms, comparison.metrics, strict=True)
    ]
    return TextTable("P&L in USDT", ["arm", *PARTS, "= net P&L"], rows)


def _values(comparison: Comparison, measure: Measure) -> Cells:
    return [
        numerals.write(float(getattr(own, measure.field)), measure.shape, measure.sign) for own in comparison.metrics
    ]


def _short(name: str) -> str:
    tail = NAME_MAX // 3
    return name if len(name) <= NAME_MAX else f"{name[: NAME_MAX - tail - 1]}…{name[-tail:]}"


def _difference(effect: Effect, measure: Measure) -> str:
    return numerals.write_difference(effect.differences[measure.field], measure.shape, measure.sign)


def _interval(interval: Interval | None, digits: int) -> str:
    if interval is None:
        return numerals.ABSENT
    low, high = (numerals.number(edge, digits, signed=True) for edge in (interval.low, interval.high))
    return f"[{low}, {high}]"
