"""The page that takes a run's interventions apart: what each was worth, what else could have been done, how sure."""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from markupsafe import Markup

from alphastrike.journal.reader import Run
from replay.compare import FROZEN
from replay.decisions import Decision
from replay.explained import Explained
from replay.fills import FillBand
from replay.horizons import HORIZONS, PRIMARY, SUITE_HORIZONS
from replay.origin import Origin
from replay.participation import LIMIT
from replay.worth import Worth
from reports import (
    attribution_falls,
    choices,
    decision_cards,
    figures,
    fills,
    formulas,
    kinds,
    lasting,
    models,
    numerals,
    trail,
    triggers,
    wholes,
    words,
    worth_rows,
)
from reports.decision_cards import safe_json
from reports.effects import thousandths
from reports.page import page_path, render, write_page
from reports.palette import inks
from reports.recorded import Recorded, recorded
from reports.worth_rows import AT, AT_SUITE

if TYPE_CHECKING:
    from replay.worlds import Worlds

SHOWN_MOST: Final = 25
"""Rows of a long list that are shown at first."""


class Line(NamedTuple):
    """What a card says before it is opened."""

    situation: int
    when: str
    seen: str
    called: str
    effect: str
    sort: str
    best: str
    regret: str


def page(it: Explained, run: Recorded, worlds: "Worlds | None" = None, band: FillBand | None = None) -> str:
    """Return the page as HTML; the same explanation gives the same bytes.

    Args:
        it: what was computed.
        run: what the run itself says.
        worlds: other histories, when they were drawn.
        band: the whole-run effects under other fills, when they were computed.
    """
    decisions = it.suite.decisions
    worths = it.worths.interventions
    judged = it.frozen if it.judged == FROZEN else it.adaptive
    arms = {arm: (times, equity) for arm, times, equity in it.paths}
    ink = inks(list(dict.fromkeys([*arms, *(one.arm for one in it.whole), *(arm.name for arm in judged.arms)])))
    rows, forest = worth_rows.rows(_listed(worths), decisions, run.events)
    lines = list(_lines(it, run))
    drawn = _trail(it, arms, run, lines)
    return render(
        "explain.html",
        it=it,
        title=f"{it.origin.run}: what the interventions were worth",
        sections=_sections(it, has_worlds=worlds is not None),
        headline=it.headline,
        evidence=[each.replace(" %", "\u00a0%").replace(" ‰", "\u00a0‰") for each in it.evidence],
        bars=wholes.bars(it, ink),
        hindsight=wholes.bars(it, ink, of_hindsight=True),
        bars_told=wholes.told(it),
        facts=wholes.facts(it),
        measured=list(wholes.measured(judged)),
        compared=judged,
        models=models,
        model_rows=models.model_rows(judged),
        kinds=list(kinds.tables(it.groups)) if worths else [],
        kind_formulas=formulas.KINDS,
        trail=drawn,
        trail_json=safe_json(drawn.readings),
        names=list(arms),
        months=trail.by_month(arms, it.origin.start_equity),
        ink=ink,
        policy_ink=ink[it.policy],
        attribution_told=attribution_falls.told(it.worths, it.policy) if worths else "",
        falls=attribution_falls.waterfalls(it.worths),
        parts_fall=figures.waterfalls([(it.policy, it.parts)])[0] if it.parts else None,
        difference_formulas=formulas.ATTRIBUTION,
        rows=rows,
        forest=forest,
        forest_told=_forest_told(it, rows, forest.beyond),
        worth_formulas=formulas.WORTHS,
        flagged=sum(each.participation > LIMIT for each in worths),
        limit=LIMIT,
        primary=PRIMARY.label,
        horizons=HORIZONS,
        suite_horizons=[each.label for each in SUITE_HORIZONS],
        curves=lasting.drawn(worths, *it.curve) if worths else None,
        curve_rows=lasting.rows(worths, *it.curve) if worths else [],
        curves_told=lasting.TOLD,
        heats=choices.heats(it.suite) if decisions else [],
        heat_json=safe_json(choices.readings(it.suite, [_told(each) for each in decisions])) if decisions else None,
        heat_ends=_ends(decisions),
        situations=len(decisions),
        regrets=choices.regrets(it.suite),
        regret_formulas=formulas.REGRETS,
        choices_told=choices.TOLD,
        trigger_rows=list(triggers.rows(it.triggers)),
        trigger_base=triggers.base(it.triggers),
        triggers_told=triggers.told(it.triggers),
        trigger_formulas=formulas.triggers(it.triggers),
        worlds=None if worlds is None else _other_histories(worlds),
        band=None if band is None else fills.band_table(band),
        band_told="" if band is None else " ".join((fills.sentence(band), *fills.notes(band))),
        model=run.model,
        answers=lines,
        shown_most=SHOWN_MOST,
        commands=_commands(it.origin),
        cards=decision_cards.cards(run.answers, decisions, worths, run.messages, it.origin.symbols),
        numerals=numerals,
    )


def write_explained(
    it: Explained,
    out: Path,
    name: str | None,
    run: Run,
    worlds: "Worlds | None" = None,
    band: FillBand | None = None,
) -> Path:
    """Write the page into a folder under its own name and return its path; ``worlds`` and ``band`` as for ``page``."""
    return write_page(page(it, recorded(run), worlds, band), page_path(out, name or f"{it.origin.run}-explained"))


def _other_histories(worlds: "Worlds") -> Markup:
    from reports.worlds import rendered

    return rendered(worlds)


def _sections(it: Explained, *, has_worlds: bool) -> list[tuple[str, str]]:
    named = [
        ("paths", "Paths", True),
        ("difference", "Where it comes from", bool(it.worths.interventions)),
        ("interventions", "Interventions", True),
        ("choices", "Other tools", bool(it.suite.decisions)),
        ("triggers", "Triggers", bool(it.suite.decisions)),
        ("worlds", "Other histories", has_worlds),
        ("decisions", "Decisions", True),
        ("limits", "What this cannot say", True),
        ("again", "Again", True),
    ]
    return [(name, said) for name, said, is_there in named if is_there]


def _listed(worths: Sequence[Worth]) -> Sequence[Worth]:
    """Put the largest effects first where not all are shown at once."""
    if len(worths) <= SHOWN_MOST:
        return worths
    return sorted(worths, key=lambda each: -np.nan_to_num(abs(each.leave_one_out.effect[AT]), nan=-1.0))


def _commands(origin: Origin) -> list[str]:
    """Return how to come to this page: as to a replay's, whose last command it takes the place of."""
    *before, replay = origin.commands
    asked = shlex.split(replay)
    data = asked[asked.index("--data") :] if "--data" in asked else []
    return [*before, shlex.join(["alphastrike", "explain", origin.run, *data])]


def _lines(it: Explained, run: Recorded) -> Iterator[Line]:
    decisions = {each.situation: each for each in it.suite.decisions}
    effects: dict[int, list[float]] = {}
    for worth in it.worths.interventions:
        effects.setdefault(worth.situation, []).append(worth.leave_one_out.effect[AT])
    for answer in run.answers:
        best, regret = choices.best(decisions.get(answer.situation), AT_SUITE)
        own = effects.get(answer.situation, [])
        yield Line(
            situation=answer.situation,
            when=numerals.time(answer.asked),
            seen=words.seen(answer),
            called=words.called(answer),
            effect="; ".join(thousandths(each) for each in own) or numerals.ABSENT,
            sort=f"{own[0]:.6g}" if own and math.isfinite(own[0]) else "",
            best=best,
            regret=regret,
        )


def _told(decision: Decision) -> str:
    rule = f"{words.symbol(decision.scope)}: {words.label(decision.rule)}"
    return f"{numerals.time(decision.asked)}, {rule}; answered {choices.told(decision, decision.chosen)}"


def _trail(it: Explained, arms: Mapping[str, trail.Path], run: Recorded, lines: Sequence[Line]) -> trail.Trail:
    return trail.trail(
        arms,
        it.origin.start_equity,
        [(worth.applied, worth.expires) for worth in it.worths.interventions],
        [
            trail.Asked(
                answer.asked, answer.situation, f"{line.seen}; {line.called}; {line.effect} ‰ at {PRIMARY.label}"
            )
            for answer, line in zip(run.answers, lines, strict=True)
        ],
    )


def _forest_told(it: Explained, rows: Sequence[worth_rows.Row], beyond: int) -> str:
    defined = sum(row.sort != "" for row in rows)
    clear = sum(row.is_clear for row in rows)
    floors = np.abs([worth.placebo.effect[AT] for worth in it.worths.interventions])
    floors = floors[np.isfinite(floors)]
    told = (
        f"Effects over {PRIMARY.label}, fixed beforehand: with the intervention minus without it, all others standing. "
        f"Of {defined:,}, {clear:,} leave zero out of their interval and move more than a harmless one in their place "
        "(filled points); by luck alone one in twenty intervals leaves zero out."
    )
    if len(floors):
        told += f" A harmless one moves {numerals.number(1_000.0 * float(np.median(floors)), 2)} ‰ in the median."
    if len(rows) > defined:
        told += f" {len(rows) - defined:,} began too late for {PRIMARY.label}."
    if len(rows) > SHOWN_MOST:
        told += " The largest come first."
    if beyond:
        told += f" {beyond:,} reach out of the figure (arrowheads)."
    return told


def _ends(decisions: Sequence[Decision]) -> dict[str, object]:
    if not decisions:
        return {}
    return {"first": numerals.day(decisions[0].asked), "last": numerals.day(decisions[-1].asked), "primary": AT_SUITE}
