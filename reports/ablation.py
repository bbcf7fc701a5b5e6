"""An ablation as tables for a terminal, as JSON, and as one page."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from alphastrike.model.units import MICROS_PER_DAY
from experiments.ablate import Ablation, Row
from experiments.judgement import judged, verdict
from experiments.variants import BEST_SINGLE
from replay.inference import LABEL, Interval
from reports import numerals
from reports.figures import Panel, interval_bars, panel
from reports.page import page_path, render, write_page
from reports.palette import Ink
from reports.text_table import TextTable

INKS = ("#2f7dc0", "#7d8590", "#d9771f", "#12938a", "#b0527f", "#9a7b12", "#5a6fd6")
SILENT_TOLD_MAX = 6
"""More signals that abstained are told as their number; JSON and page name them."""


def tables(ablation: Ablation) -> list[TextTable]:
    """Return the tables to print, in order."""
    begin = numerals.day(_day_time(ablation, ablation.folds[0].begin))
    end = numerals.day(_day_time(ablation, ablation.folds[-1].end - 1))
    return [
        TextTable(
            f"Out of sample, {begin} to {end}: {ablation.days} days in {len(ablation.folds)} folds",
            ["", "Sharpe", "95 %", "growth", "drawdown", "won", "trades", "turnover", "fees", "slippage", "funding"],
            [_row(row) for row in ablation.rows],
        ),
        TextTable(
            "Minus equal weights, paired by day",
            ["", "Sharpe", "95 %", "95 %, all rows together", "growth", "95 % "],
            [_against(row) for row in ablation.rows if row.against is not None],
        ),
        TextTable(
            "Equal weights without one category, minus equal weights with all",
            ["", "signals", "Sharpe", "95 %", "growth", "95 % "],
            [_left_out(row) for row in ablation.without],
        ),
        TextTable(
            "The best single signal, chosen on all days before each fold",
            ["fold from", "days", "chosen", "Sharpe before", "Sharpe in it"],
            [
                [
                    numerals.day(_day_time(ablation, choice.fold.begin)),
                    str(choice.fold.days),
                    choice.name or "none has traded",
                    numerals.number(choice.before, 2),
                    numerals.number(choice.within, 2),
                ]
                for choice in ablation.choices
            ],
        ),
    ]


def fitted(made: TextTable, width: int) -> list[TextTable]:
    """Return the table as it is, or its columns dealt out to several that fit a terminal of that width."""
    if made.width <= width:
        return [made]
    kept = 2
    while kept < len(made.headers) - 1 and _columns(made, range(kept + 1)).width <= width:
        kept += 1
    first, rest = range(kept), [0, *range(kept, len(made.headers))]
    return [_columns(made, first), *(fitted(_columns(made, rest), width) if len(rest) < len(made.headers) else [])]


def _columns(made: TextTable, places: Iterable[int]) -> TextTable:
    chosen = list(places)
    headers = [made.headers[place] for place in chosen]
    return TextTable(made.title, headers, [[row[place] for place in chosen] for row in made.rows])


def notes(ablation: Ablation) -> list[str]:
    """Return what must stand beside the table, a sentence or two each."""
    voters, luck, how = ablation.voters, ablation.flattery, ablation.bootstrap
    few = f": {', '.join(voters.silent)}" if len(voters.silent) <= SILENT_TOLD_MAX else ""
    silent = f"; {len(voters.silent)} abstained throughout for want of their inputs{few}" if voters.silent else ""
    growth = (
        "Growth is of log equity a year; turnover (× equity), fees, slippage and funding (% of equity) are a year too; "
        "funding below zero was earned. Every row runs through the whole account under no-llm."
    )
    told = [growth, f"Voted: {len(voters.voting)} signals in {len(voters.categories)} of 12 categories{silent}."]
    single = next((row for row in ablation.rows if row.name == BEST_SINGLE), None)
    if single is not None:
        charged = 1e4 * (ablation.switch_cost.fee + ablation.switch_cost.slippage)
        trials = (
            f"Trials: {luck.trials} signals were looked at. The chosen ones had a Sharpe ratio of "
            f"{numerals.number(luck.chosen_before, 2)} before their folds on average, and "
            f"{numerals.number(single.sharpe, 2)} in them. With hindsight {luck.hindsight_name} was best there with "
            f"{numerals.number(luck.hindsight, 2)}; the best of {luck.trials} worthless ones would show "
            f"{numerals.number(luck.noise_mean, 2)} on average, and more than {numerals.number(luck.noise_high, 2)} "
            "in 1 of 20 histories."
        )
        switches = (
            f"The choice changed {ablation.switches} {'time' if ablation.switches == 1 else 'times'}; each time "
            f"{charged:g} bp is charged at the border on all that both books hold."
        )
        told += [trials, switches] if ablation.switches else [trials]
    if ablation.has_intervals:
        told.append(
            f"Intervals {LABEL}: stationary bootstrap, {how.draws:,} draws, blocks of {how.block_days:.3g} days, seed "
            f"{how.seed}."
        )
    told.append(
        f"Market {ablation.market} ({len(ablation.symbols)} symbols, {numerals.day(ablation.begin)} to "
        f"{numerals.day(ablation.end - 1)}, {ablation.market_hash[:12]}), settings {ablation.settings_digest[:12]}."
    )
    return told


def as_json(ablation: Ablation) -> dict[str, Any]:
    """Return everything for programs: fractions as fractions, times as microseconds UTC."""
    standings = {one.name: one for one in judged(ablation)}
    return {
        "market": ablation.market,
        "market_hash": ablation.market_hash,
        "symbols": list(ablation.symbols),
        "begin": ablation.begin,
        "end": ablation.end,
        "settings_digest": ablation.settings_digest,
        "days_out_of_sample": ablation.days,
        "first_trading_day": ablation.first,
        "folds": [
            {
                "begin": _day_time(ablation, choice.fold.begin),
                "end": _day_time(ablation, choice.fold.end),
                "chosen": choice.name or None,
                "sharpe_before": choice.before,
                "sharpe_within": choice.within,
            }
            for choice in ablation.choices
        ],
        "rows": [
            {
                **_row_json(row),
                "standing": standings[row.name].standing.value if row.name in standings else "baseline",
            }
            for row in ablation.rows
        ],
        "without": [_row_json(row) for row in ablation.without],
        "singles": [_row_json(row) for row in ablation.singles],
        "selection": asdict(ablation.flattery),
        "switches": ablation.switches,
        "switch_cost": ablation.switch_cost._asdict(),
        "voters": asdict(ablation.voters),
        "bootstrap": asdict(ablation.bootstrap),
        "verdict": verdict(ablation),
    }


def write_ablation(ablation: Ablation, out: Path, name: str | None = None) -> Path:
    """Write the page into a folder and return its path."""
    return write_page(page(ablation), page_path(out, name or f"ablate-{ablation.market}"))


def page(ablation: Ablation) -> str:
    """Render the page."""
    against = [(row.name, row.against) for row in ablation.rows if row.against is not None]
    names = [row.name for row in ablation.rows]
    ink = {name: Ink(colour, ()) for name, colour in zip(names, INKS[-len(names) :], strict=True)}
    return render(
        "ablation.html",
        it=ablation,
        summary=verdict(ablation),
        verdicts=judged(ablation),
        ink=ink,
        bars=interval_bars([(name, pair.sharpe, pair.sharpe_interval) for name, pair in against], 2),
        paths=_paths(ablation),
        tables=tables(ablation),
        singles=[[*_row(row), row.meaning] for row in sorted(ablation.singles, key=_by_sharpe)],
        notes=notes(ablation),
        numerals=numerals,
    )


def _paths(ablation: Ablation) -> Panel:
    first = _day_time(ablation, ablation.folds[0].begin)
    series = {}
    for book in ablation.books:
        times = first + MICROS_PER_DAY * np.arange(len(book.day_ends) + 1)
        series[book.name] = (times, book.equity[np.concatenate(([0], book.day_ends))])
    return panel("equity, the first fold's begin = 1", series, lambda value: numerals.number(value, 2))


def _by_sharpe(row: Row) -> float:
    return -row.sharpe if np.isfinite(row.sharpe) else np.inf


def _day_time(ablation: Ablation, day: int) -> int:
    """Return when a day of the market begins, microseconds UTC."""
    return (ablation.day_zero + day) * MICROS_PER_DAY


def _row(row: Row) -> list[str]:
    return [
        row.name,
        numerals.number(row.sharpe, 2),
        _interval(row.sharpe_interval, 2),
        numerals.number(row.growth, 3, signed=True),
        numerals.percent(-row.max_drawdown),
        numerals.percent(row.win_rate, 0),
        numerals.number(row.trades, 0),
        f"{numerals.number(row.turnover, 0)}×",
        *(numerals.percent(cost) for cost in (row.fees, row.slippage, row.funding)),
    ]


def _against(row: Row) -> list[str]:
    pair = row.against
    assert pair is not None, "the baseline is not compared with itself"
    band = Interval(row.band.low, row.band.high, 0, 0.0, 0, 0) if row.band else None
    return [
        row.name,
        numerals.number(pair.sharpe, 2, signed=True),
        _interval(pair.sharpe_interval, 2),
        _interval(band, 2),
        numerals.number(pair.growth, 3, signed=True),
        _interval(pair.growth_interval, 3),
    ]


def _left_out(row: Row) -> list[str]:
    name, sharpe, interval, _, *growth = _against(row)
    return [name, str(len(row.meaning.split(", "))), sharpe, interval, *growth]


def _row_json(row: Row) -> dict[str, Any]:
    told = asdict(row)
    if row.against is not None:
        intervals = {
            name: asdict(value) if isinstance(value, Interval) else value
            for name, value in row.against._asdict().items()
        }
        told["against"] = intervals
    if row.band is not None:
        told["band"] = row.band._asdict()
    return told


def _interval(interval: Any, digits: int) -> str:
    if interval is None:
        return numerals.ABSENT
    return f"[{numerals.number(interval.low, digits)}, {numerals.number(interval.high, digits)}]"
