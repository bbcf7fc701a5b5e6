"""Prompts and models on the situation suite: who answers better than doing nothing, and can they be told apart?

Every contestant answers every situation of a run. An answer goes the way that it goes in the engine, failures to
``on_failure`` included, and its plan is valued from the fork at which the situation was asked, beside the suite's own
actions. The guardian and no action stand in the same table, valued in the same way.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alphastrike.config.settings import Settings
from alphastrike.engine.plans import Plan
from alphastrike.journal.reader import Run
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.llm.conversation import agreement, modal
from experiments.tournament_answers import Answer, Moment, Sheet
from experiments.tournament_plans import Act, Acts, guardian, on_failure, planned, recorded_plan, said, worths
from experiments.tournament_result import GUARDIAN, MODEL, NO_ACTION, RECORDED, Answers, Asked, Row, Tournament
from experiments.tournament_scores import Scores
from replay.cases import Case
from replay.controls import Control
from replay.ground import Ground
from replay.inference import Several
from replay.pool import Pool


def moments_of(cases: Sequence[Case], controls: Sequence[Control]) -> list[Moment]:
    """Return what contestants are asked about: situations in their order, then controls."""
    return [
        *(Moment(case.situation, is_control=False) for case in cases),
        *(Moment(control.situation, is_control=True) for control in controls),
    ]


def judged(
    run: Run,
    ground: Ground,
    cases: Sequence[Case],
    controls: Sequence[Control],
    sheet: Sheet,
    pool: Pool,
    progress: Progress = silent,
) -> Tournament:
    """Value all answers and compare who gave them; the same bits with any pool.

    Args:
        run: the recorded run.
        ground: what its branches stand on.
        cases: its situations.
        controls: moments at which nobody need have been asked.
        sheet: questions about both, all answered.
        pool: where branches are run.
        progress: told of every situation valued.
    """
    assert not sheet.missing, "every question is answered before answers are judged"
    settings = ground.settings
    acts = [_acts(settings, sheet, place) for place in range(len(sheet.contestants))]
    rules = [guardian(case.situation, settings) for case in cases]
    plans = [
        (
            (),
            planned(ground, case, rules[number]),
            recorded_plan(case),
            *(planned(ground, case, each) for own in acts for each in own[number].did),
        )
        for number, case in enumerate(cases)
    ]
    found = worths(ground, cases, plans, pool, progress)
    always = [(NO_ACTION, NO_ACTION), (GUARDIAN, GUARDIAN)]
    always += [] if run.manifest.policy in ("no-llm", "rules") else [(f"recorded: {run.manifest.policy}", RECORDED)]
    scores = Scores(cases, found)
    guarded = scores.advantage([(1,)] * len(cases))
    at_controls = [guardian(control.situation, settings) for control in controls]
    rows = []
    for place, (name, kind) in enumerate(always):
        did = _share_by_tool([[_of_plan(plan[place])] for plan in plans])
        quiet = float(np.mean([not plan[place] for plan in plans]))
        there = {NO_ACTION: 1.0, GUARDIAN: _mean([not one for one in at_controls])}.get(kind, np.nan)
        rows.append(scores.row(name, kind, [(place,)] * len(cases), guarded, (quiet, there), did, None))
    for place, contestant in enumerate(sheet.contestants):
        first = 3 + sheet.samples * place
        columns = [tuple(range(first, first + sheet.samples))] * len(cases)
        own, of_controls = acts[place][: len(cases)], acts[place][len(cases) :]
        rows.append(
            scores.row(
                contestant.name,
                MODEL,
                columns,
                guarded,
                (_quiet(own), _quiet(of_controls)),
                _share_by_tool([[tuple(act.label for act in each) for each in one.did] for one in own]),
                contestant,
                _answers(settings, sheet, place, own),
            )
        )
    together = scores.together(rows)
    begin = ground.market.start - ground.market.interval
    return Tournament(
        run=run.name,
        head=run.sealed.chain_head,
        policy=run.manifest.policy,
        market=ground.market.name,
        market_hash=ground.market.content_hash,
        begin=begin,
        end=ground.time_of(ground.market.ticks - 1),
        asked=tuple(
            Asked(each.situation, each.event_time, each.rule, each.symbol, case.cluster)
            for case in cases
            for each in (case.situation,)
        ),
        valued=scores.valued,
        clusters=scores.clusters,
        controls=len(controls),
        quiet_controls=sum(not control.still_met for control in controls),
        samples=sheet.samples,
        can_differ=all(contestant.settings.can_differ for contestant in sheet.contestants),
        orders=sheet.orders,
        on_failure=settings.policy.on_failure,
        rows=tuple(_placed(row, together) for row in rows),
        several=together,
        calls_made=sheet.calls_made,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What a contestant's samples about one moment said, and what followed."""

    said: tuple[Acts | None, ...]
    """``None`` for a failure."""
    did: tuple[Acts, ...]


def _acts(settings: Settings, sheet: Sheet, contestant: int) -> list[_Told]:
    found = []
    for place, (situation, _) in enumerate(sheet.moments):
        heard = tuple(_said(answer, sheet.moments[place], settings) for answer in sheet.of(contestant, place))
        found.append(_Told(heard, tuple(on_failure(situation, settings) if one is None else one for one in heard)))
    return found


def _said(answer: Answer, moment: Moment, settings: Settings) -> Acts | None:
    return None if answer.failed else said(answer.advice, moment.situation, settings)


def _answers(settings: Settings, sheet: Sheet, contestant: int, at_triggers: Sequence[_Told]) -> Answers:
    mine = [answer for question, answer in sheet.answers.items() if question.contestant == contestant]
    asked = [answer for place in range(len(at_triggers)) for answer in sheet.of(contestant, place)]
    seconds = np.array([answer.latency_us / 1e6 for answer in mine])
    agreed, others = _over_orders(settings, sheet, contestant, at_triggers)
    return Answers(
        valid_at_once=_mean([answer.is_valid_at_once for answer in asked]),
        valid=_mean([heard is not None for told in at_triggers for heard in told.said]),
        samples_agree=_over_samples(at_triggers),
        orders_agree=agreed / others if others else np.nan,
        orders=others,
        latency_p50_s=float(np.quantile(seconds, 0.50)) if len(seconds) else np.nan,
        latency_p95_s=float(np.quantile(seconds, 0.95)) if len(seconds) else np.nan,
        prompt_tokens=sum(answer.prompt_tokens for answer in mine),
        answer_tokens=sum(answer.answer_tokens for answer in mine),
        calls=sum(answer.attempts for answer in mine),
    )


def _over_samples(at_triggers: Sequence[_Told]) -> float:
    shares = []
    for told in at_triggers:
        usable = [heard is not None for heard in told.said]
        if len(usable) > 1 and any(usable):
            shares.append(agreement(told.said, modal(told.said, usable)).modal_share)
    return _mean(shares)


def _over_orders(settings: Settings, sheet: Sheet, contestant: int, at_triggers: Sequence[_Told]) -> tuple[int, int]:
    """Return how many reports in another order got the same answer, of how many; two failures are no agreement."""
    same = others = 0
    for place, told in enumerate(at_triggers):
        for order in range(1, sheet.orders + 1):
            for answer in sheet.of(contestant, place, order):
                other = _said(answer, sheet.moments[place], settings)
                if other is not None or told.said[0] is not None:
                    others += 1
                    same += other == told.said[0]
    return same, others


def _quiet(told: Sequence[_Told]) -> float:
    """Return the share of usable answers that change nothing."""
    return _mean([not heard for one in told for heard in one.said if heard is not None])


def _share_by_tool(did: Sequence[Sequence[tuple[str, ...]]]) -> dict[str, float]:
    """Return the share of answers that led to each tool: by situation, by answer, the tools."""
    every = [tools for own in did for tools in own]
    counted = Counter(tool for tools in every for tool in set(tools or (NO_ACTION,)))
    return {tool: count / len(every) for tool, count in sorted(counted.items())}


def _of_plan(plan: Plan) -> tuple[str, ...]:
    return tuple(Act(entry.tool, entry.symbol, entry.value, 0).label for entry in plan)


def _mean(values: Sequence[float] | Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _placed(row: Row, together: Several | None) -> Row:
    return row if together is None else replace(row, among_best=together.best[row.name])
