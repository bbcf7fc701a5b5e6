"""Every time an arm's policy was asked: what it was shown, what it called, and what followed until expiry."""

from dataclasses import dataclass

import numpy as np

from alphastrike.journal.codes import CallVerdict, Change, Rule, Tool
from alphastrike.model.compiled import Records
from replay.effect import Spell, Tables, active_times


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of an advice with what became of it."""

    tool: Tool
    symbol: str | None
    """``None`` for the whole account."""
    value: float
    ttl_hours: int
    verdict: CallVerdict
    rejection: str
    reason: str
    """The policy's own words: text from outside."""
    intervention: "Intervention | None"


@dataclass(frozen=True, slots=True)
class Intervention:
    """One edit of the controls and what the arm earned against no-llm while it was active."""

    number: int
    active: Spell
    """From application to expiry or revocation, microseconds UTC."""
    ended: Change | None
    """``None`` when it outlives the run."""
    before: float
    after: float
    effect: float | None
    """Change of ln(arm equity / no-llm equity) over the active time. All interventions stand on one side and
    none on the other: it is not this intervention's own worth, which is leave-one-out. ``None`` without a
    no-llm arm, or when an account was lost."""
    censored: bool
    """The run ends before the intervention does."""


@dataclass(frozen=True, slots=True)
class AnsweredSituation:
    """One situation of an arm with its answer."""

    situation: int
    asked: int
    """Microseconds UTC."""
    symbol: str | None
    rule: Rule
    value: float
    threshold: float
    report: Records
    """One row of ``situations``."""
    lines: Records
    """Rows of ``situation_symbols``."""
    answered_by: str
    latency_s: float | None
    """``None`` when the run ends before the answer comes."""
    late: bool
    failed: str
    calls: tuple[Call, ...]


def answers(tables: Tables, symbols: tuple[str, ...], no_llm: Tables | None) -> list[AnsweredSituation]:
    """Return every situation of an arm in order of time; effects are against the ``no_llm`` arm if given."""
    interventions = _interventions(tables, no_llm)
    lines = tables["situation_symbols"]
    calls = tables["tool_calls"]
    advice = {int(row["situation"]): row for row in tables["advice"]}
    found = []
    for report in tables["situations"]:
        number = int(report["situation"])
        answer = advice.get(number)
        found.append(
            AnsweredSituation(
                situation=number,
                asked=int(report["event_time"]),
                symbol=_name(symbols, int(report["symbol"])),
                rule=Rule(int(report["rule"])),
                value=float(report["value"]),
                threshold=float(report["threshold"]),
                report=report,
                lines=lines[lines["situation"] == number],
                answered_by=str(answer["policy"]) if answer is not None else "",
                latency_s=(int(answer["event_time"]) - int(answer["asked"])) / 1e6 if answer is not None else None,
                late=bool(answer["late"]) if answer is not None else False,
                failed=str(answer["failed"]) if answer is not None else "",
                calls=tuple(_call(row, symbols, interventions) for row in calls[calls["situation"] == number]),
            )
        )
    return found


def effect_between(own: Records, no_llm: Records, spell: Spell) -> float | None:
    """Change of ln(own / no_llm) equity over [begin, end], from the last rows at or before either time.

    Takes ``equity`` tables. ``None`` when an equity is not positive or has no row yet.
    """
    logs = []
    for equity in (own, no_llm):
        rows = np.searchsorted(equity["event_time"], [spell.begin, spell.end], side="right") - 1
        if np.any(rows < 0):
            return None
        begin, end = equity["equity"][rows]
        if begin <= 0.0 or end <= 0.0:
            return None
        logs.append(float(np.log(end / begin)))
    return logs[0] - logs[1]


def _interventions(tables: Tables, no_llm: Tables | None) -> dict[int, Intervention]:
    rows = tables["interventions"]
    ended = {int(row["intervention"]): Change(int(row["change"])) for row in rows if row["change"] != Change.APPLIED}
    spells = active_times(tables)
    run_end = int(tables["equity"]["event_time"][-1]) if len(tables["equity"]) else 0
    made = {}
    for row in rows[rows["change"] == Change.APPLIED]:
        number = int(row["intervention"])
        spell = spells[number]
        effect = effect_between(tables["equity"], no_llm["equity"], spell) if no_llm is not None else None
        made[number] = Intervention(
            number=number,
            active=spell,
            ended=ended.get(number),
            before=float(row["before"]),
            after=float(row["after"]),
            effect=effect,
            censored=spell.end > run_end,
        )
    return made


def _call(row: Records, symbols: tuple[str, ...], interventions: dict[int, Intervention]) -> Call:
    return Call(
        tool=Tool(int(row["tool"])),
        symbol=_name(symbols, int(row["symbol"])),
        value=float(row["value"]),
        ttl_hours=int(row["ttl_hours"]),
        verdict=CallVerdict(int(row["verdict"])),
        rejection=str(row["rejection"]),
        reason=str(row["reason"]),
        intervention=interventions.get(int(row["intervention"])),
    )


def _name(symbols: tuple[str, ...], symbol: int) -> str | None:
    return None if symbol < 0 else symbols[symbol]
