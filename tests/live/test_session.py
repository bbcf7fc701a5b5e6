"""A live run against the world: feeds gone wild, policies that think long, people, disks, and every way to stop."""

import asyncio
import gc
import math
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from alphastrike.journal.codes import Gate, HaltCause, OrderChange, Reason
from alphastrike.journal.inputs import IncidentKind, OperatorAct
from alphastrike.journal.reader import Run
from alphastrike.journal.wal import LiveJournal
from alphastrike.live.feeds import PlayedFeed
from alphastrike.live.inbox import Done, Inbox, Item, MarketEvent, OperatorCommand, TickEvent
from alphastrike.live.session import Plan, Session
from alphastrike.live.writer import Released
from alphastrike.market.simulate import simulation
from alphastrike.market.store import open_tables
from alphastrike.model.errors import HaltError, TryAgainError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.guardian import Rules
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import Advice
from alphastrike.runs.registry import open_run
from alphastrike.runs.verify import verify
from tests.live.conftest import LIVELY, Played, assert_same_rows, last_tick, stops_at
from tests.live.feeds import ScriptedFeed, candle, instant, sends
from tests.live.playing import journal_of, play, run_feed

HOUR = MICROS_PER_HOUR
TABLES = simulation(("BTCUSDT", "ETHUSDT"), 2, HOUR, seed=1).tables
START = TABLES.start
BOTH = tuple(TABLES.symbols)


def incidents(run: Run) -> Counter[IncidentKind]:
    return Counter(IncidentKind(int(kind)) for kind in run.rows("incidents")["incident"])


def told(run: Run, kind: IncidentKind) -> str:
    rows = run.rows("incidents")
    return str(rows["detail"][rows["incident"] == int(kind)][0])


def assert_verifies(root: Path, run: Run) -> None:
    """History derives the same from the run's own inputs, acts and answers."""
    found = verify(root, run)
    assert found.is_identical, [finding.text for finding in found.findings]


# ----- feeds


def test_a_feed_gone_wild_is_journaled_and_does_not_stop_the_run(tmp_path: Path) -> None:
    wild: list[Item] = [
        *instant(BOTH, START),
        candle("DOGEUSDT", START + HOUR),
        candle("BTCUSDT", START),
        candle("BTCUSDT", START + HOUR, math.nan),
        candle("ETHUSDT", START + HOUR, -5.0),
        candle("ETHUSDT", START + HOUR, -5.0),
        candle("ETHUSDT", START + HOUR, 7.0),
        MarketEvent("funding", START + HOUR, "ETHUSDT", (math.inf, 0)),
        MarketEvent("marks", START + HOUR, "ETHUSDT", (-1.0,)),
        TickEvent(START - 99 * HOUR),
        TickEvent(START + HOUR),
        TickEvent(START + HOUR),
        *instant(BOTH, START + 4 * HOUR),
    ]
    outcome = run_feed(tmp_path, "wild", ScriptedFeed(TABLES, sends(*wild)))
    run = open_run(tmp_path, "wild")

    assert outcome.is_complete
    assert [int(tick) for tick in run.rows("ticks")["event_time"]] == [START + k * HOUR for k in range(5)]
    found = incidents(run)
    for kind in (
        IncidentKind.UNKNOWN_SYMBOL,
        IncidentKind.LATE,
        IncidentKind.REPEATED,
        IncidentKind.CONFLICTING,
        IncidentKind.IMPOSSIBLE,
        IncidentKind.MISSING_TICK,
    ):
        assert found[kind] >= 1, kind
    gates = run.rows("gates")
    rejected = gates[gates["event_time"] == START + HOUR]
    assert set(rejected["gate"].tolist()) >= {int(Gate.COMPLETENESS), int(Gate.POSITIVE)}
    assert outcome.status["equity"]["equity"] == LIVELY.account.start_equity
    assert_verifies(tmp_path, run)


def test_ten_thousand_events_at_once_all_arrive_or_are_counted(tmp_path: Path) -> None:
    marks = [MarketEvent("marks", START - HOUR + 1 + k, "BTCUSDT", (100.0 + k,)) for k in range(10_000)]

    async def burst(inbox: Inbox) -> None:
        for item in (*marks, *instant(BOTH, START)):
            inbox.offer(item)
        await sends(*instant(BOTH, START + HOUR))(inbox)

    outcome = run_feed(tmp_path, "burst", ScriptedFeed(TABLES, burst))
    run = open_run(tmp_path, "burst")

    kept = len(run.sql("select price from marks").rows)
    lost = int(told(run, IncidentKind.OVERFLOW).split()[0])
    assert kept + lost == 10_000
    assert run.sql("select price from marks order by event_time desc limit 1").rows == [(10_099.0,)]
    assert len(run.sql("select * from candles").rows) == 4
    assert outcome.is_complete


def test_a_feed_that_goes_silent_is_told_and_so_is_its_return(tmp_path: Path) -> None:
    async def stutters(inbox: Inbox) -> None:
        for item in instant(BOTH, START):
            inbox.offer(item)
        await asyncio.sleep(0.5)
        await sends(*instant(BOTH, START + HOUR))(inbox)

    outcome = run_feed(tmp_path, "silent", ScriptedFeed(TABLES, stutters), silent_after_s=0.2)
    found = incidents(open_run(tmp_path, "silent"))

    assert outcome.is_complete
    assert (found[IncidentKind.FEED_LOST], found[IncidentKind.FEED_BACK]) == (1, 1)


def test_a_feed_that_breaks_ends_the_run_in_order(tmp_path: Path) -> None:
    async def breaks(inbox: Inbox) -> None:
        for item in instant(BOTH, START):
            inbox.offer(item)
        raise OSError("connection reset")

    outcome = run_feed(tmp_path, "broken", ScriptedFeed(TABLES, breaks))
    run = open_run(tmp_path, "broken")

    assert outcome.has_failed
    assert [int(tick) for tick in run.rows("ticks")["event_time"]] == [START], "what had come is not lost"
    assert "connection reset" in outcome.reason
    assert "connection reset" in told(run, IncidentKind.FEED_LOST)
    assert run.manifest.state == "stopped"


def test_a_feed_that_resumes_in_the_middle_of_an_instant_is_not_said_to_repeat_itself(tmp_path: Path) -> None:
    first = ScriptedFeed(TABLES, sends(*instant(BOTH, START), candle("BTCUSDT", START + HOUR, 5.0), ends=False))
    run_feed(tmp_path, "halved", first, duration_s=0.2)
    again = ScriptedFeed(TABLES, sends(*instant(BOTH, START + HOUR, 5.0)))
    outcome = run_feed(tmp_path, "halved", again)
    run = open_run(tmp_path, "halved")

    assert again.resumed_after == START
    assert outcome.is_complete
    assert incidents(run)[IncidentKind.REPEATED] == 0
    assert len(run.sql("select * from candles").rows) == 4
    assert len(run.rows("ticks")) == 2


# ----- policies


@dataclass
class Slow:
    """The guardian, who takes his time."""

    seconds: float
    name: ClassVar[str] = "slow"
    asked: int = 0
    thinks: bool = False

    def decide(self, situation: Situation) -> Advice:
        self.asked += 1
        self.thinks = True
        time.sleep(self.seconds)
        self.thinks = False
        return Rules(LIVELY.policy.guardian).decide(situation)


def test_a_played_market_stands_still_while_the_policy_thinks(played: Played, warm_root: Path) -> None:
    policy = Slow(0.25)
    seen: list[tuple[int, int, float]] = []
    thinking: list[tuple[int, int]] = []

    async def looks_on(session: Session) -> None:
        while policy.asked < 4:
            began = time.monotonic()
            status = session.status()
            seen.append((policy.asked, status["event_time"], time.monotonic() - began))
            if policy.thinks:
                thinking.append((policy.asked, status["durable_seq"]))
            await asyncio.sleep(0.01)
        session.stop("seen enough")

    outcome = play(warm_root, "live1", policy=policy, settings=LIVELY, during=looks_on)
    run = open_run(warm_root, "live1")
    first = played.run("first")

    assert not outcome.is_complete
    # Whoever looks is answered at once, and the market has not moved between question and answer.
    assert max(took for _, _, took in seen) < 0.2
    for number in (1, 2, 3):
        assert len({seq for asked, seq in thinking if asked == number}) == 1
    assert sum(asked == 1 for asked, _ in thinking) > 5
    # The advice acts at the tick of its question, as if the policy had taken no time.
    for name in ("situations", "equity"):
        held = run.rows(name)
        assert held["event_time"].tobytes() == first.rows(name)["event_time"][: len(held)].tobytes()
    assert run.rows("equity")["equity"].tobytes() == first.rows("equity")["equity"][: len(run.rows("equity"))].tobytes()


def market_by_wall_clock(root: Path, each_s: float) -> tuple[ScriptedFeed, list[float]]:
    """The market's events, one instant after another by the wall clock; and when each was sent."""
    _, tables = open_tables(root, "small")
    feed = PlayedFeed(tables, None)  # type: ignore[arg-type] # only its events are taken
    sent: list[float] = []

    async def script(inbox: Inbox) -> None:
        began = time.monotonic()
        first = 0 if made.resumed_after is None else (made.resumed_after - tables.start) // tables.interval + 1
        for place, (_, items) in enumerate(feed.stretch(first, tables.ticks)):
            await asyncio.sleep(began + place * each_s - time.monotonic())
            sent.append(time.monotonic() - began)
            for item in items:
                inbox.offer(item)
        await sends()(inbox)

    made = ScriptedFeed(tables, script)
    return made, sent


def test_a_wall_clock_feed_never_waits_for_the_policy(warm_root: Path) -> None:
    policy = Slow(0.3)
    feed, sent = market_by_wall_clock(warm_root, 0.008)
    ticks_while_thinking: Counter[int] = Counter()

    def counts(session: Session) -> None:
        def released(now: Released) -> None:
            if "ticks" in now.kinds and policy.thinks:
                ticks_while_thinking[policy.asked] += 1

        session.on_release.append(released)

    outcome = run_feed(warm_root, "live1", feed, policy=policy, settings=LIVELY, during=counts)
    run = open_run(warm_root, "live1")
    answers = run.rows("llm_answers")

    assert outcome.is_complete
    assert len(sent) > 450
    assert policy.asked >= 3
    assert max(ticks_while_thinking.values()) >= 5, "the market went on while the policy thought"
    assert len(answers) == policy.asked
    assert (answers["latency"] >= 250_000).all()
    # What came within the deadline acts later than it was asked, never in between.
    situations = {int(row["situation"]): int(row["event_time"]) for row in run.rows("situations")}
    assert all(int(row["event_time"]) > situations[int(row["situation"])] for row in run.rows("advice"))


def test_answers_that_came_beside_the_market_are_inputs_of_a_resumption(warm_root: Path) -> None:
    policy = Slow(0.05)
    feed, _ = market_by_wall_clock(warm_root, 0.004)

    def killed(session: Session) -> None:
        answers = 0

        def dies(released: Released) -> None:
            nonlocal answers
            answers += "llm_answers" in released.kinds
            if answers >= 3:
                raise KeyboardInterrupt

        session.on_release.append(dies)

    with pytest.raises(KeyboardInterrupt):
        run_feed(warm_root, "live1", feed, policy=policy, settings=LIVELY, during=killed)
    asked = policy.asked
    equity = open_run(warm_root, "live1").rows("equity")["equity"][-1]

    async def recovers() -> tuple[float, int]:
        with journal_of(warm_root, "live1", Plan(feed, policy, LIVELY)) as journal:
            session = Session(journal, Plan(feed, policy, LIVELY))
            recovered = session.recover()
            return session.status()["equity"]["equity"], recovered

    recovered_equity, recovered = asyncio.run(recovers())
    assert recovered > 3
    assert policy.asked == asked, "recorded answers are taken, nobody is asked again"
    assert recovered_equity == equity


# ----- people


def test_a_halt_is_durable_before_it_is_confirmed_and_outlives_the_restart(warm_root: Path) -> None:
    replies: list[Done] = []

    async def halts(session: Session) -> None:
        while session.status()["event_time"] < last_tick(warm_root) - 300 * HOUR:
            await asyncio.sleep(0.002)
        command = OperatorCommand(OperatorAct.HALT, "ada", detail="just in case")
        session.submit(command)
        done = await command.reply
        assert session.status()["durable_seq"] >= done.seq
        again = OperatorCommand(OperatorAct.HALT, "bob")
        session.submit(again)
        replies.extend((done, await again.reply))
        await asyncio.sleep(0.05)
        session.stop("that was it")

    play(warm_root, "live1", settings=LIVELY, during=halts)
    at = replies[0].event_time
    run = open_run(warm_root, "live1")
    operator = run.rows("operator")
    assert [(str(row["author"]), int(row["act"]), int(row["event_time"])) for row in operator] == [
        ("ada", OperatorAct.HALT, at),
        ("bob", OperatorAct.HALT, replies[1].event_time),
    ]
    assert (replies[0].changed > 0, replies[1].changed) == (True, 0)

    resumed = play(warm_root, "live1", settings=LIVELY)
    run = open_run(warm_root, "live1")
    assert resumed.is_complete
    assert [halt["cause"] for halt in resumed.status["halts"]] == ["operator"]
    after = run.rows("orders")[run.rows("orders")["event_time"] > at]
    sent = after[after["change"] == OrderChange.SUBMITTED]
    assert not set(sent["reason"].tolist()) & {int(Reason.ENTRY), int(Reason.REVERSAL)}
    assert run.rows("equity")["halted"][-1] == 1
    assert_verifies(warm_root, run)


def test_a_command_before_the_first_tick_waits_for_it(tmp_path: Path) -> None:
    async def late(inbox: Inbox) -> None:
        await asyncio.sleep(0.1)
        await sends(*instant(BOTH, START), *instant(BOTH, START + HOUR))(inbox)

    done: list[Done] = []

    async def halts(session: Session) -> None:
        command = OperatorCommand(OperatorAct.HALT, "ada")
        session.submit(command)
        done.append(await command.reply)

    run_feed(tmp_path, "early", ScriptedFeed(TABLES, late), during=halts)

    assert done[0].event_time == START
    halts_rows = open_run(tmp_path, "early").rows("halts")
    assert [int(row["cause"]) for row in halts_rows] == [HaltCause.OPERATOR]


def test_who_commands_a_run_that_has_stopped_is_told(tmp_path: Path) -> None:
    kept: list[Session] = []
    replies: list[BaseException | None] = []

    async def late(session: Session) -> None:
        kept.append(session)
        session.stop("at once")
        while not session._is_over:
            await asyncio.sleep(0.001)
        command = OperatorCommand(OperatorAct.HALT, "ada")
        session.submit(command)
        replies.append(command.reply.exception())

    run_feed(tmp_path, "over", ScriptedFeed(TABLES, sends(*instant(BOTH, START), ends=False)), during=late)

    assert isinstance(replies[0], TryAgainError)


def test_who_waits_for_the_first_tick_when_the_run_ends_is_told(tmp_path: Path) -> None:
    refused: list[BaseException | None] = []

    async def waits(session: Session) -> None:
        command = OperatorCommand(OperatorAct.HALT, "ada")
        session.submit(command)
        await asyncio.sleep(0.05)
        session.stop("before anything happened")
        await asyncio.wait({command.reply})
        refused.append(command.reply.exception())

    run_feed(tmp_path, "none", ScriptedFeed(TABLES, sends(ends=False)), during=waits)

    assert isinstance(refused[0], TryAgainError)


# ----- disks


def test_below_the_floor_the_run_halts_itself_and_journals_why(warm_root: Path) -> None:
    def fills(session: Session) -> None:
        journal = session._journal  # the disk of this machine has room, so the floor rises to meet it

        def rises(released: Released) -> None:
            if released.event_time > last_tick(warm_root) - 300 * HOUR:
                journal.floor = 1 << 62

        session.on_release.append(rises)

    outcome = play(warm_root, "live1", settings=LIVELY, during=fills)
    run = open_run(warm_root, "live1")

    assert [halt["cause"] for halt in outcome.status["halts"]] == ["operator"]
    assert "MB free" in told(run, IncidentKind.LOW_DISK)
    (act,) = run.rows("operator")
    assert (str(act["author"]), int(act["act"])) == ("alphastrike", OperatorAct.HALT)


# ----- stopping and resuming


def test_a_stop_finishes_the_instant_that_has_begun(warm_root: Path) -> None:
    play(warm_root, "live1", settings=LIVELY, during=stops_at(last_tick(warm_root) - 300 * HOUR))
    run = open_run(warm_root, "live1")
    last = int(run.rows("ticks")["event_time"][-1])

    assert run.sql("select max(event_time) from candles").rows[0][0].timestamp() * 1e6 == last
    assert told(run, IncidentKind.STOP) == "the test has seen enough"
    assert len(run.rows("equity")) == len(run.rows("ticks"))


def test_a_duration_ends_a_run_that_can_go_on(warm_root: Path) -> None:
    began = time.monotonic()
    outcome = play(warm_root, "live1", settings=LIVELY, duration_s=0.5)

    assert time.monotonic() - began < 20.0
    assert (outcome.is_complete, outcome.has_failed, outcome.reason) == (False, False, "ran for 0.5 s")


def test_a_policy_that_never_answers_does_not_hold_up_the_stop(
    played: Played, warm_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alphastrike.live.session.THINKING_GRACE_S", 0.2)
    forever, thinks = threading.Event(), threading.Event()

    class Stuck:
        name = "rules"

        def decide(self, situation: Situation) -> Advice:
            assert situation.situation == 1
            thinks.set()
            forever.wait()
            raise AssertionError("nobody hears this")

    async def stops(session: Session) -> None:
        while not thinks.is_set():
            await asyncio.sleep(0.005)
        session.stop("enough")

    outcome = play(warm_root, "live1", policy=Stuck(), settings=LIVELY, during=stops)
    assert (outcome.is_complete, outcome.has_failed, outcome.digest) == (False, False, "")
    forever.set()

    resumed = play(warm_root, "live1", settings=LIVELY)
    assert resumed.digest == played.outcome.digest
    assert_same_rows(played.run("first"), open_run(warm_root, "live1"))


def test_a_second_writer_of_a_run_is_refused(warm_root: Path) -> None:
    refused: list[str] = []

    def tries(session: Session) -> None:
        with pytest.raises(TryAgainError, match="is being recorded by process") as told_so:
            LiveJournal.open(warm_root / "runs" / "live1")
        refused.append(str(told_so.value))

    play(warm_root, "live1", settings=LIVELY, duration_s=0.2, during=tries)

    assert len(refused) == 1


def test_a_run_does_not_go_on_with_a_policy_that_answers_otherwise(warm_root: Path) -> None:
    def killed(session: Session) -> None:
        def dies(released: Released) -> None:
            if released.event_time > last_tick(warm_root) - 300 * HOUR:
                raise KeyboardInterrupt

        session.on_release.append(dies)

    with pytest.raises(KeyboardInterrupt):
        play(warm_root, "live1", settings=LIVELY, during=killed)
    with pytest.raises(HaltError, match="cannot go on"):
        play(warm_root, "live1", policy="no-llm", settings=LIVELY)


def test_a_run_keeps_the_collector_and_other_threads_out_of_the_writers_way_and_no_longer(tmp_path: Path) -> None:
    before = sys.getswitchinterval(), gc.get_freeze_count()
    seen: list[tuple[float, int]] = []

    def looks(session: Session) -> None:
        session.on_release.append(lambda _: seen.append((sys.getswitchinterval(), gc.get_freeze_count())))

    run_feed(tmp_path, "prompt", ScriptedFeed(TABLES, sends(*instant(BOTH, START))), during=looks)

    assert seen
    assert all(switch <= 0.001 and frozen > 10_000 for switch, frozen in seen)
    assert (sys.getswitchinterval(), gc.get_freeze_count()) == before


def test_what_is_released_is_durable_and_never_more_than_a_commit_late(warm_root: Path) -> None:
    gaps: list[int] = []

    def follows(session: Session) -> None:
        journal = session._journal

        def released(now: Released) -> None:
            assert now.seq == journal.durable_seq
            assert now.market_seq == session.stepper.market_seq
            gaps.append(now.seq)

        session.on_release.append(released)

    play(warm_root, "live1", settings=LIVELY, duration_s=2.0, during=follows)

    assert np.diff(gaps).max() <= 256 + 50
    assert gaps == sorted(gaps)
