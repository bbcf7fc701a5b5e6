"""Runs whose market did not wait for the policy: what came late is an input, and history makes the same of it."""

import asyncio
import time
from pathlib import Path
from typing import ClassVar

from alphastrike.journal.inputs import OperatorAct
from alphastrike.live.feeds import PlayedFeed
from alphastrike.live.inbox import Inbox, OperatorCommand
from alphastrike.live.session import Session
from alphastrike.live.writer import Released
from alphastrike.market.store import open_tables
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import AdjustLeverage, Advice
from alphastrike.runs.registry import open_run
from alphastrike.runs.verify import verify
from replay.rerun import compare
from tests.live.conftest import LIVELY
from tests.live.feeds import ScriptedFeed, sends
from tests.live.playing import During, run_feed

HOUR = MICROS_PER_HOUR
END = 1150
"""Ticks after which there have been some situations."""


def ticks_that(situation: int) -> int:
    """Ticks that pass before a situation is answered: the deadline of a minute is over with the first."""
    return (2, 0, 1)[situation % 3]


class Held:
    """Caps leverage at 1×, and holds each answer back for some ticks of a market that goes on."""

    name: ClassVar[str] = "rules"

    def __init__(self) -> None:
        self.now = 0
        self.thinks_about: Situation | None = None
        self.asked: list[Situation] = []

    def decide(self, situation: Situation) -> Advice:
        self.asked.append(situation)
        self.thinks_about = situation
        until = time.monotonic() + 30.0
        while self.now < situation.event_time + ticks_that(situation.situation) * HOUR and time.monotonic() < until:
            time.sleep(0.0005)
        self.thinks_about = None
        return (AdjustLeverage(new_leverage=1.0, reason="held back"),)

    def is_due(self, session: Session) -> bool:
        """Whether the answer that is being thought of belongs before the next tick."""
        if not session._writer.unanswered:
            return False
        about = self.thinks_about
        return about is None or about.event_time + ticks_that(about.situation) * HOUR <= self.now


class WallClock:
    """A feed of the market's instants that waits for nobody's thoughts, but lets the answers come when they should."""

    def __init__(self, root: Path, policy: Held, end: int = 1 << 60) -> None:
        _, tables = open_tables(root, "small")
        played = PlayedFeed(tables, None)  # type: ignore[arg-type] # only its events are taken
        self.session: Session | None = None

        async def script(inbox: Inbox) -> None:
            after = self.feed.resumed_after
            first = 0 if after is None else (after - tables.start) // tables.interval + 1
            for at, items in played.stretch(first, min(end, tables.ticks)):
                for item in items:
                    inbox.offer(item)
                while len(inbox):
                    await asyncio.sleep(0)
                policy.now = at
                while self.session is not None and policy.is_due(self.session):
                    await asyncio.sleep(0.0005)
            await sends()(inbox)

        self.feed = ScriptedFeed(tables, script)

    def watched(self, also: During | None = None) -> During:
        def during(session: Session) -> None:
            self.session = session
            if also is not None:
                also(session)

        return during


def commands_after_answers(session: Session) -> None:
    """An operator flattens after an answer, halts after another, and lets risk be taken again some ticks later."""
    answers = halted_for = 0

    def look(released: Released) -> None:
        nonlocal answers, halted_for
        if "llm_answers" in released.kinds:
            answers += 1
            if answers in {2, 3}:
                act = OperatorAct.FLATTEN if answers == 2 else OperatorAct.HALT
                session.submit(OperatorCommand(act, "ada"))
        elif answers >= 3:
            halted_for += 1
            if halted_for == 12:
                session.submit(OperatorCommand(OperatorAct.RESUME, "ada"))

    session.on_release.append(look)


def test_history_makes_the_same_of_answers_that_came_in_time_or_late(warm_root: Path) -> None:
    policy = Held()
    market = WallClock(warm_root, policy)
    outcome = run_feed(
        warm_root, "live1", market.feed, policy=policy, settings=LIVELY, during=market.watched(commands_after_answers)
    )
    run = open_run(warm_root, "live1")
    answers, advice = run.rows("llm_answers"), run.rows("advice")

    assert outcome.is_complete
    assert len(answers) == len(policy.asked) >= 6
    assert [int(key) for key in answers["key"]] == [situation.situation for situation in policy.asked]
    assert len(run.rows("operator")) == 3
    assert len(set(advice["late"].tolist())) == 2, "some came in time and some late"
    assert (advice["event_time"] > advice["asked"]).all(), "none acts before it came"
    assert len(run.rows("interventions")) > 0

    found = verify(warm_root, run)
    assert found.is_identical, [finding.text for finding in found.findings]
    assert found.digest == outcome.digest

    compared = {effect.arm: effect for effect in compare(warm_root, run, ["no-llm", "recorded"]).effects}
    assert compared["recorded"].identical
    assert not compared["no-llm"].identical


def test_a_run_that_is_stopped_while_somebody_thinks_is_verified_and_goes_on(warm_root: Path) -> None:
    policy = Held()
    market = WallClock(warm_root, policy)

    def stops_while_thinking(session: Session) -> None:
        def look(released: Released) -> None:
            if session._writer.unanswered and len(policy.asked) >= 2:
                session.stop("in the middle of a thought")

        session.on_release.append(look)

    during = market.watched(stops_while_thinking)
    stopped = run_feed(warm_root, "live1", market.feed, policy=policy, settings=LIVELY, during=during)
    run = open_run(warm_root, "live1")
    assert not stopped.is_complete
    assert len(run.rows("llm_answers")) < len(run.rows("situations")), "a question is open"
    assert verify(warm_root, run).is_identical, [finding.text for finding in verify(warm_root, run).findings]

    rest = WallClock(warm_root, policy)
    outcome = run_feed(warm_root, "live1", rest.feed, policy=policy, settings=LIVELY, during=rest.watched())
    run = open_run(warm_root, "live1")
    assert outcome.is_complete
    assert len(run.rows("llm_answers")) == len(run.rows("situations"))
    assert verify(warm_root, run).is_identical, [finding.text for finding in verify(warm_root, run).findings]


def test_in_shadow_late_answers_reach_the_account_that_follows_and_only_that(live_root: Path) -> None:
    policy = Held()
    market = WallClock(live_root, policy, END)
    outcome = run_feed(
        live_root, "shadow", market.feed, policy=policy, settings=LIVELY, shadow=True, during=market.watched()
    )
    run = open_run(live_root, "shadow")
    assert len(run.rows("interventions")) == 0
    assert len(set(run.rows("advice")["late"].tolist())) == 2

    keys = [str(key) for key in run.rows("llm_answers")["key"]]
    following = [key for key in keys if key.startswith("followed ")]
    assert 3 <= len(following) < len(keys), "each account is asked its own situations"
    assert outcome.status["followed_equity"] != outcome.status["equity"]["equity"], "one followed, the other did not"
    assert run.rows("shadow")["equity_followed"][-1] != run.rows("shadow")["equity"][-1]

    found = verify(live_root, run)
    assert found.is_identical, [finding.text for finding in found.findings]
