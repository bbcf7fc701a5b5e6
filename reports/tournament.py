"""The page of a tournament: who answered how well, how surely one may say so, and what cannot be said."""

import math
from pathlib import Path
from typing import Final, NamedTuple

from experiments.tournament_result import GUARDIAN, NO_ACTION, PLACE, RECORDED, Row, Tournament
from replay.horizons import PRIMARY
from reports import numerals, words
from reports.forest import Estimate, Forest, Mark, forest
from reports.heat import Heat, heat
from reports.page import page_path, render, write_page
from reports.palette import FAMILIES
from reports.text_table import TextTable
from reports.tournament_text import (
    PER_MILLE,
    among,
    answers_table,
    between,
    cost_table,
    counted,
    did_table,
    headline,
    notes,
    per_mille,
    quiet_table,
    worth_table,
)

_INKS: Final = {NO_ACTION: "no-llm", GUARDIAN: "rules", RECORDED: "recorded"}


class Standing(NamedTuple):
    """One row of the forest."""

    name: str
    colour: str
    value: str
    interval: str
    among: str
    mark: Mark


class Quiet(NamedTuple):
    """How often nothing was done, in percent of the width; ``None`` where nobody can say."""

    name: str
    colour: str
    triggers: float | None
    controls: float | None
    told: str


class Line(NamedTuple):
    """One situation of the table behind the heat map."""

    name: str
    figures: list[str]


def write_tournament(it: Tournament, out: Path, name: str | None, command: str) -> Path:
    """Write the page into a folder and return its path; ``command`` holds the tournament again."""
    return write_page(page(it, command), page_path(out, name or f"{it.run}-tournament"))


def page(it: Tournament, command: str) -> str:
    """Render the page."""
    rows, drawn = _standings(it)
    drawn_map = _heat(it)
    return render(
        "tournament.html",
        it=it,
        headline=headline(it),
        counted=counted(it),
        primary=PRIMARY.label,
        rows=rows,
        forest=drawn,
        worth=_without(worth_table(it), ("95 %", "among the best")),
        answers=answers_table(it),
        quiet=quiet_table(it),
        shares=_quiet(it),
        did=did_table(it),
        cost=cost_table(it),
        map=drawn_map,
        edges=[f"{edge:g}" for edge in drawn_map.edges],
        means=[per_mille(row.mean[PLACE]) for row in it.rows],
        first=numerals.day(it.asked[0].asked),
        last=numerals.day(it.asked[-1].asked),
        span=f"{numerals.day(it.begin)} to {numerals.day(it.end)}",
        situations=_situations(it),
        notes=notes(it),
        command=command,
    )


def _standings(it: Tournament) -> tuple[list[Standing], Forest]:
    estimates = []
    for row in it.rows:
        interval = row.interval[PLACE]
        low, high = (math.nan, math.nan) if interval is None else (interval.low, interval.high)
        estimates.append(Estimate(PER_MILLE * row.mean[PLACE], PER_MILLE * low, PER_MILLE * high, math.nan))
    drawn = forest(estimates)
    rows = [
        Standing(
            row.name,
            _colour(row),
            per_mille(row.mean[PLACE]),
            between(row.interval[PLACE], row.mean[PLACE]),
            among(row),
            mark,
        )
        for row, mark in zip(it.rows, drawn.marks, strict=True)
    ]
    return rows, drawn


def _quiet(it: Tournament) -> list[Quiet]:
    def place(share: float) -> float | None:
        return None if math.isnan(share) else round(100.0 * share, 2)

    return [
        Quiet(
            row.name,
            _colour(row),
            place(row.quiet_at_triggers),
            place(row.quiet_at_controls),
            f"{numerals.percent(row.quiet_at_triggers, 0)} at triggers, "
            f"{numerals.percent(row.quiet_at_controls, 0)} at controls",
        )
        for row in it.rows
    ]


def _heat(it: Tournament) -> Heat:
    """Draw every row; that of no action is the line itself."""
    values = [(PER_MILLE * row.advantage[:, PLACE]).tolist() for row in it.rows]
    return heat(values, [None] * len(it.asked))


def _situations(it: Tournament) -> list[Line]:
    """Return the numbers of the heat map, a situation a line."""
    return [
        Line(
            f"{each.situation}: {numerals.time(each.asked)}, {words.symbol(each.scope)}, {words.label(each.rule)}",
            [per_mille(float(row.advantage[place, PLACE])) for row in it.rows],
        )
        for place, each in enumerate(it.asked)
    ]


def _without(made: TextTable, headers: tuple[str, ...]) -> TextTable:
    """Return a table without the columns that the verdict's own shows already."""
    kept = [place for place, header in enumerate(made.headers) if header not in headers]
    return TextTable(
        made.title, [made.headers[place] for place in kept], [[row[place] for place in kept] for row in made.rows]
    )


def _colour(row: Row) -> str:
    return FAMILIES[_INKS.get(row.kind, "llm")].colour
