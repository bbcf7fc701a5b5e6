"""What a run and its model said to each other, one situation after the other."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphastrike.config.settings import Settings
from alphastrike.journal.calls import CallOutcome
from alphastrike.journal.codes import CallVerdict, Rule, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.policy.policies import Answered
from alphastrike.policy.recorded_answers import answer_of, key_of
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import RejectedCall
from alphastrike.runs.model_calls import ANSWERS, calls_of, situations_of
from alphastrike.runs.recorder import recorded_settings

if TYPE_CHECKING:
    from alphastrike.policy.llm.policy import LlmPolicy


@dataclass(frozen=True)
class Call:
    """One attempt of one sample."""

    sample: int
    attempt: int
    messages: tuple[tuple[str, str], ...]
    """(role, text) as they were sent; empty when nothing was."""
    content: str
    """The model's words: foreign text."""
    outcome: str
    fault: str
    """Why nothing in it was used; empty for an answer that counts."""
    model: str
    digest: str
    prompt: str
    prompt_sha256: str
    masked: bool
    status: int
    done_reason: str
    prompt_tokens: int
    answer_tokens: int
    latency_s: float
    from_cache: bool
    request_key: str


@dataclass(frozen=True)
class Verdict:
    """What became of one call of the answer."""

    tool: str
    symbol: str | None
    value: float
    verdict: str
    rejection: str
    reason: str
    """Partly the model's words: foreign text."""


@dataclass(frozen=True)
class Told:
    """All that was said about one situation, and what came of it."""

    situation: int
    event_time: int
    """Microseconds UTC."""
    symbol: str | None
    rule: str
    answered_by: str
    """Who answered in the end: the model, or ``on_failure``; empty when the run ended before."""
    failed: str
    late: bool
    latency_s: float
    tokens: int
    samples: int
    modal_share: float
    entropy: float
    drifts: dict[str, int]
    calls: tuple[Call, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Compared:
    """Answers with symbols by name beside answers with neutral labels."""

    situations: int
    """With a usable answer both ways."""
    agree: int
    """In which both make the same calls."""
    unusable: int
    """Without a usable answer one way or the other."""


def transcript(run: Run, only: int | None = None) -> list[Told]:
    """Return what was said about every situation of a run, or about one.

    Raises:
        ConfigurationError: the run has no such situation.
        DataError: a recorded answer cannot be read.
    """
    rows = [row for row in run.rows("situations") if only is None or int(row["situation"]) == only]
    if only is not None and not rows:
        raise ConfigurationError(_no_situation(run, only))
    calls: dict[int, list[Call]] = {}
    for one in calls_of(run):
        calls.setdefault(one.key.situation, []).append(_call(one.row))
    answers = {key_of(str(row["key"])): row for row in run.rows(ANSWERS)}
    acted = {int(row["situation"]): row for row in run.rows("advice") if not row["late"]}
    late = {int(row["situation"]) for row in run.rows("advice") if row["late"]}
    verdicts: dict[int, list[Verdict]] = {}
    for row in run.rows("tool_calls"):
        verdicts.setdefault(int(row["situation"]), []).append(_verdict(run, row))
    return [
        _told(run, row, answers.get((number, False)), acted.get(number), number in late, calls, verdicts)
        for row in rows
        for number in [int(row["situation"])]
    ]


def situation_named(run: Run, number: int) -> Situation:
    """Return one situation of a run, as its policy was shown it.

    Raises:
        ConfigurationError: the run has no such situation.
    """
    for situation in _situations(run, recorded_settings(run), number):
        return situation
    raise ConfigurationError(_no_situation(run, number))


def situations_shown(run: Run) -> list[Situation]:
    """Return every situation of a run in order of number, as its policy was shown it."""
    return _situations(run, recorded_settings(run))


def compare_masks(run: Run, other: "LlmPolicy") -> Compared:
    """Ask about every answered situation of a run with the other masking, and count where both say the same.

    Args:
        run: of a model.
        other: the same model with the other masking.
    """
    recorded = dict(_answers(run))
    agree = same_ground = unusable = 0
    for situation in _situations(run, recorded_settings(run)):
        if situation.situation not in recorded:
            continue
        one, two = recorded[situation.situation], other.answer(situation)
        if one.failed or two.failed:
            unusable += 1
            continue
        same_ground += 1
        agree += _said(one) == _said(two)
    return Compared(same_ground, agree, unusable)


def _situations(run: Run, settings: Settings, only: int | None = None) -> list[Situation]:
    kinds = ("situations", "situation_symbols", "interventions")
    return situations_of({kind: run.rows(kind) for kind in kinds}, run.symbols, settings, only)


def _answers(run: Run) -> Iterator[tuple[int, Answered]]:
    for row in run.rows(ANSWERS):
        number, is_followed = key_of(str(row["key"]))
        if not is_followed and row["samples"] > 0:
            yield number, answer_of(str(row["answer"]), int(row["latency"]))


def _said(answered: Answered) -> list[tuple[Tool, str, float]]:
    return sorted(
        (call.code, call.about or "", call.value) for call in answered.advice if not isinstance(call, RejectedCall)
    )


def _no_situation(run: Run, number: int) -> str:
    count = run.manifest.rows_of("situations")
    known = f"It has {count:,}, numbered from 1." if count else "Its triggers never fired."
    return f"run {run.name!r} has no situation {number}. {known}"


def _call(row: Any) -> Call:
    return Call(
        sample=int(row["sample"]),
        attempt=int(row["attempt"]),
        messages=sent_messages(str(row["request"])),
        content=str(row["content"]),
        outcome=CallOutcome(int(row["outcome"])).name.lower(),
        fault=str(row["fault"]),
        model=str(row["model"]),
        digest=str(row["answered_by"]),
        prompt=str(row["prompt"]),
        prompt_sha256=str(row["prompt_sha256"]),
        masked=bool(row["masked"]),
        status=int(row["status"]),
        done_reason=str(row["done_reason"]),
        prompt_tokens=int(row["prompt_tokens"]),
        answer_tokens=int(row["answer_tokens"]),
        latency_s=int(row["latency"]) / 1e6,
        from_cache=bool(row["from_cache"]),
        request_key=str(row["request_key"]),
    )


def sent_messages(request: str) -> tuple[tuple[str, str], ...]:
    """Return role and text of each message in a recorded request; none when nothing was sent."""
    try:
        body = json.loads(request) if request else {}
        return tuple((str(message["role"]), str(message["content"])) for message in body.get("messages", ()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"a recorded request cannot be read ({error}): {request[:60]!r}. Restore the journal."
        ) from None


def _verdict(run: Run, row: Any) -> Verdict:
    return Verdict(
        tool=Tool(int(row["tool"])).name.lower(),
        symbol=run.symbols.name_of(int(row["symbol"])),
        value=float(row["value"]),
        verdict=CallVerdict(int(row["verdict"])).name.lower(),
        rejection=str(row["rejection"]),
        reason=str(row["reason"]),
    )


def _told(
    run: Run,
    row: Any,
    answer: Any,
    acted: Any,
    is_late: bool,
    calls: Mapping[int, list[Call]],
    verdicts: Mapping[int, list[Verdict]],
) -> Told:
    number = int(row["situation"])
    drifts: dict[str, int] = {}
    if answer is not None:
        drifts = dict(answer_of(str(answer["answer"]), int(answer["latency"])).drifts)
    return Told(
        situation=number,
        event_time=int(row["event_time"]),
        symbol=run.symbols.name_of(int(row["symbol"])),
        rule=Rule(int(row["rule"])).name.lower(),
        answered_by="" if acted is None else str(acted["policy"]),
        failed="" if acted is None else str(acted["failed"]),
        late=is_late,
        latency_s=0.0 if answer is None else int(answer["latency"]) / 1e6,
        tokens=0 if answer is None else int(answer["tokens"]),
        samples=0 if answer is None else int(answer["samples"]),
        modal_share=0.0 if answer is None else float(answer["modal_share"]),
        entropy=0.0 if answer is None else float(answer["entropy"]),
        drifts=drifts,
        calls=tuple(calls.get(number, ())),
        verdicts=tuple(verdicts.get(number, ())),
    )
