"""A live run from its start or resumption to its stop: feed, writer, operator's port and state file together.

The order at the start: compile, recover, compare the state file, listen to the operator, and only then let the feed
begin. At the end: the feed stops, the instant that has begun is finished, the journal is sealed.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.engine.stepping import Stepper
from alphastrike.journal.inputs import Operator
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.reader import Run
from alphastrike.journal.wal import LiveJournal, RecoveredInput
from alphastrike.live.advise import Aside, Overheard, Resumed, Switch, answers_at_once
from alphastrike.live.feeds import Feed, Pace
from alphastrike.live.inbox import FeedEnded, FeedSilent, Inbox, OperatorCommand, Stop
from alphastrike.live.instants import Collector
from alphastrike.live.status import Latency, Status, account_status
from alphastrike.live.writer import CHECKPOINT_AFTER, Ending, Released, Writer
from alphastrike.model.errors import TryAgainError
from alphastrike.policy.policies import Answered, Policy
from alphastrike.policy.recorded_answers import answer_of, key_of
from alphastrike.policy.settings import is_model

SILENT_AFTER_S: Final = 60.0
"""Seconds without anything from a wall-clock feed after which it counts as lost."""
SWITCH_S: Final = 0.0005
"""How long a thread that seals may keep the interpreter from the writer; Python's own default is ten times that."""
THINKING_GRACE_S: Final = 10.0
"""Seconds that a policy still thinking is waited for at a stop; its instant is then taken back and done again later."""


@dataclass(frozen=True)
class Plan:
    """What a live run is made of."""

    feed: Feed
    policy: Policy
    settings: Settings
    shadow: bool = False
    duration_s: float | None = None
    """Seconds of the wall clock after which it stops; ``None`` for the feed's end."""
    silent_after_s: float = SILENT_AFTER_S
    checkpoint_after: int = CHECKPOINT_AFTER


@dataclass(frozen=True)
class Outcome:
    """How a live run ended for now."""

    is_complete: bool
    """The feed has come to its end; otherwise ``live`` goes on where this stopped."""
    reason: str
    has_failed: bool
    """Nobody ordered the end: the feed broke. What came before is sealed, and the run can go on."""
    digest: str
    """Empty when the end came in the middle of a thought: nothing of that instant was kept."""
    status: Status
    """At the end."""


class Session:
    """One live run in this process. Make it inside the event loop, with its journal opened.

    The operator's side uses ``status``, ``submit``, ``stop`` and ``on_release``.
    """

    def __init__(self, journal: LiveJournal, plan: Plan, pace: Pace | None = None) -> None:
        """Take a run up; ``pace`` is the played feed's."""
        self._journal = journal
        self._plan = plan
        feed = plan.feed
        self._inbox = Inbox()
        at_once = answers_at_once(plan.policy)
        waits = feed.waits or at_once
        self._switch = Switch()
        self._switch.watch(plan.policy)
        self._resumed = Resumed(plan.policy, plan.settings.policy.latency_us)
        # A model's answers are inputs of the run, waited for or not; any other policy answers the same again.
        is_asked = waits and is_model(plan.policy.name)
        self.stepper = new_stepper(plan, waits=waits, answer=self._resumed if is_asked else None)
        """The engine: between two awaits of another task it holds nothing that is not durable."""
        self._aside = None if waits else Aside(plan.policy, self._inbox, plan.settings.policy.deadline_s)
        self._collector = Collector(feed.symbols, feed.start, feed.interval)
        self._writer = Writer(
            self._inbox,
            journal,
            self.stepper,
            self._collector,
            waits=feed.waits,
            thinks_long=feed.waits and not at_once,
            held=pace.held if pace is not None else nullcontext,
            before_thinking=self._remember,
            ask_aside=self._aside.ask if self._aside is not None else None,
            checkpoint_after=plan.checkpoint_after,
            overheard=Overheard(plan.policy).take if is_asked else tuple,
            on_override=self._switch.take,
        )
        self._clock = asyncio.get_running_loop().time
        self._phase = "recovering"
        self._is_over = False
        self._is_abandoned = False
        self._last_status: Status | None = None
        self.on_release: list[Callable[[Released], None]] = self._writer.on_release
        """Called after every commit with what became durable."""

    def recover(self) -> int:
        """Bring the engine to the last input of the journal, and return how many inputs that took."""
        for row in Run.open(self._journal.folder).rows("operator"):
            self._switch.take(Operator(*(row[column.name] for column in KINDS["operator"].columns)))
        recovered = self._journal.recovery()
        self._resumed.given.extend(given_answers(recovered.inputs))
        self._writer.recover(recovered)
        self._resumed.given.clear()
        return len(recovered.inputs)

    async def run(self) -> Outcome:
        """Let the feed begin and write until it ends, or a stop is ordered.

        Raises:
            CommitFailed: the disk took no more; the run goes on from there another time.
        """
        with _promptness():
            return self._ended(await self._until_the_end())

    async def _until_the_end(self) -> Ending:
        self._phase = "running"
        writing = asyncio.create_task(self._writer.run())
        feeding = asyncio.create_task(self._feed())
        watching = asyncio.create_task(self._watch())
        try:
            return await self._wait(writing)
        finally:
            self._is_over = True
            self._phase = "stopping"
            for task in (feeding, watching, writing):
                task.cancel()
            await asyncio.gather(feeding, watching, writing, return_exceptions=True)
            if self._aside is not None:
                self._aside.close()
            self._writer.refuse_waiting(_over())
            for item in self._inbox.take_urgent():
                if isinstance(item, OperatorCommand):
                    item.refuse(_over())

    def stop(self, reason: str) -> None:
        """Order the end: the instant that has begun is finished, nothing new is begun."""
        self._phase = "stopping"
        self._inbox.send(Stop(reason))

    def submit(self, command: OperatorCommand) -> None:
        """Let a command be carried out; its reply is set once that is durable."""
        if self._is_over:
            command.refuse(_over())
            return
        self._inbox.send(command)

    def status(self) -> Status:
        """Return how things stand, all of it durable; while a policy thinks, how they stood before it began."""
        if self._writer.is_thinking or self._is_abandoned:
            assert self._last_status is not None, "a status is taken before a policy thinks"
            shell = {**self._shell(), "followed_equity": self._last_status["followed_equity"]}
            return {**self._last_status, **shell}  # type: ignore[typeddict-item] # its own keys once more
        return self._status()

    def listen_to_signals(self) -> None:
        """Let Ctrl-C and SIGTERM order the end; a second one ends the process at once, as a kill would."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._phase == "stopping":
            os._exit(130)
        self.stop("interrupted" if number is signal.SIGINT else "terminated")

    async def _wait(self, writing: "asyncio.Task[Ending]") -> Ending:
        loop = asyncio.get_running_loop()
        timer = None
        if self._plan.duration_s is not None:
            timer = loop.call_later(self._plan.duration_s, self.stop, f"ran for {self._plan.duration_s:g} s")
        try:
            while not writing.done():
                await asyncio.wait({writing}, timeout=1.0 if self._phase == "running" else THINKING_GRACE_S)
                if self._phase == "stopping" and not writing.done() and self._writer.is_thinking:
                    self._is_abandoned = True
                    return Ending(False, f"{self._plan.policy.name} still thought; its instant will be done again")
        finally:
            if timer is not None:
                timer.cancel()
        return writing.result()

    async def _feed(self) -> None:
        """Run the feed; whatever breaks it ends the run in order."""
        last = self._collector.next_tick - self._plan.feed.interval
        try:
            await self._plan.feed.run(self._inbox, last if last >= self._plan.feed.start else None)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything, and the run ends in order
            self._inbox.offer(FeedEnded(f"the feed broke: {type(error).__name__}: {error}"))

    async def _watch(self) -> None:
        """Notice a wall-clock feed that says nothing."""
        if self._plan.feed.waits:
            return
        told = -1.0
        while True:
            await asyncio.sleep(self._plan.silent_after_s / 4)
            last = self._inbox.last_from_feed
            silent_for = self._clock() - last
            if silent_for >= self._plan.silent_after_s and last != told:
                told = last
                self._inbox.send(FeedSilent(silent_for))

    def _ended(self, ending: Ending) -> Outcome:
        if self._is_abandoned:
            # The engine is in the middle of an instant that is not committed: the journal closes without it.
            return Outcome(False, ending.reason, False, "", self.status())
        account, perception = self.stepper.states()
        digest = self.stepper.digest()
        status = self._status()
        self._journal.finish(account, perception, digest, "complete" if ending.is_complete else "stopped")
        return Outcome(ending.is_complete, ending.reason, ending.has_failed, digest, status)

    def _remember(self) -> None:
        self._last_status = self._status()

    def _status(self) -> Status:
        plan = self._plan
        account = account_status(self.stepper.state, plan.feed.symbols, plan.settings)
        return {**self._shell(), **account}  # type: ignore[typeddict-item] # two typed halves

    def _shell(self) -> dict[str, Any]:
        manifest = self._journal.facts
        return {
            "run": manifest.name,
            "market": manifest.market.name,
            "policy": manifest.policy,
            "shadow": self._plan.shadow,
            "state": self._phase,
            "pid": os.getpid(),
            "journal": str(self._journal.folder),
            "durable_seq": self._journal.durable_seq,
            "feed_age_s": self._clock() - self._inbox.last_from_feed,
            "inbox": len(self._inbox),
            "incidents": self._writer.incidents,
            "latency_ms": {name: _latency(seconds) for name, seconds in self._writer.latencies.items() if seconds},
            "followed_equity": self.stepper.followed_equity,
        }


@contextmanager
def _promptness() -> Iterator[None]:
    """Keep what is there already out of the garbage collector's way, and other threads out of the writer's.

    A full collection looks at every object of every library, 80 ms in which no event is taken; what was made before
    the feed begins stays anyway.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


def _over() -> TryAgainError:
    return TryAgainError("the run has just stopped, and nothing was done. Start it again and repeat the command.")


def given_answers(inputs: Iterable[RecoveredInput]) -> Iterator[tuple[int, Answered]]:
    """Return the journaled answers among inputs, each with its situation's number."""
    for one in inputs:
        if one.kind == "llm_answers":
            _, key, answer, latency_us, *_ = one.row
            yield key_of(key)[0], answer_of(answer, latency_us)


def new_stepper(plan: Plan, *, waits: bool, answer: Answer | None = None) -> Stepper:
    """Return the engine of a run that has not begun; ``answer`` is its policy unless told otherwise."""
    feed = plan.feed
    return Stepper(
        feed.symbols,
        feed.interval,
        feed.instruments,
        feed.tiers,
        plan.settings,
        answer or AskedPolicy(plan.policy, plan.settings.policy.latency_us),
        shadow=plan.shadow,
        waits=waits,
    )


def _latency(seconds: Any) -> Latency:
    values = np.fromiter(seconds, dtype=np.float64) * 1e3
    return {"p50": float(np.percentile(values, 50)), "p99": float(np.percentile(values, 99)), "count": len(values)}
