"""The one writer of a live run: journal an input, step the engine, journal what follows, commit, release.

Nothing leaves before the events that caused it are durable: replies to the operator and ``on_release`` are called after
the commit, and never otherwise. The writer gives way to other tasks only right after a commit, so whoever looks at the
engine from another task sees what is durable.

A step that may think for long runs in a thread, with everything before it committed; ``is_thinking`` says so.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from alphastrike.engine.acts import act_of
from alphastrike.engine.stepping import Stepped, Stepper
from alphastrike.journal.inputs import IncidentKind, Operator, OperatorAct
from alphastrike.journal.tables import row_count
from alphastrike.journal.wal import LiveJournal, Recovered
from alphastrike.live.advise import aside
from alphastrike.live.events import DATA_KINDS
from alphastrike.live.inbox import (
    AdviceArrived,
    Done,
    FeedEnded,
    FeedSilent,
    Inbox,
    Item,
    MarketEvent,
    OperatorCommand,
    Stop,
    TickEvent,
)
from alphastrike.live.instants import Collector
from alphastrike.model.errors import AlphaStrikeError
from alphastrike.policy.recorded_answers import answer_key, answer_of, answer_text, key_of
from alphastrike.policy.situation import Situation

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation

COMMIT_AFTER_S: Final = 0.020
COMMIT_AFTER: Final = 256
"""Inputs."""
CHECKPOINT_AFTER: Final = 50_000
"""Inputs after which a checkpoint is taken at the next tick: it bounds recovery, and ends a stretch of the journal."""
LATENCIES_KEPT: Final = 8192
DISK_CHECK_S: Final = 1.0
SELF: Final = "alphastrike"
"""The author of what the process itself orders."""


@dataclass(frozen=True, slots=True)
class Released:
    """What has become durable with one commit."""

    seq: int
    """The last input that is on the disk with all that follows from it."""
    market_seq: int
    """Of the last closed tick."""
    event_time: int
    """Of that tick, microseconds UTC."""
    kinds: frozenset[str]
    """Kinds of the rows that became durable, inputs and derived."""


class AskAside(Protocol):
    """Begins to ask a policy that nobody waits for."""

    def __call__(self, situation: Situation, *, is_followed: bool = False) -> None:
        """Ask about a situation of the account, or of the one that follows beside a shadow run."""


class Ending(NamedTuple):
    """How a run came to its end for now."""

    is_complete: bool
    """The feed has no more."""
    reason: str
    has_failed: bool = False
    """Nobody ordered it: the feed broke."""


class Writer:
    """Reads the inbox until the feed ends or a stop is ordered."""

    def __init__(
        self,
        inbox: Inbox,
        journal: LiveJournal,
        stepper: Stepper,
        collector: Collector,
        *,
        waits: bool = True,
        thinks_long: bool = False,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
        before_thinking: Callable[[], None] = lambda: None,
        ask_aside: AskAside | None = None,
        checkpoint_after: int = CHECKPOINT_AFTER,
        overheard: "Callable[[], tuple[Conversation, ...]]" = tuple,
        on_override: Callable[[Operator], None] = lambda _: None,
    ) -> None:
        """Take over a run.

        Args:
            inbox: what comes in.
            journal: of the run, opened and recovered.
            stepper: the engine, at the last input of the journal.
            collector: the instants, at the last input of the journal.
            waits: the feed waits for the writer, so that an event comes in when it is taken, not when it is put in.
            thinks_long: the policy inside the stepper may take long to answer.
            held: holds the feed's time while it does.
            before_thinking: called when the engine may be looked at for the last time before it does.
            ask_aside: begins to ask a policy that nobody waits for.
            checkpoint_after: inputs between two checkpoints.
            on_override: told of a person's override, which is about who is asked and not about the account.
            overheard: returns what a model inside the stepper was asked since the last time.
        """
        self._inbox = inbox
        self._journal = journal
        self._stepper = stepper
        self._collector = collector
        self._waits = waits
        self._thinks_long = thinks_long
        self._held = held
        self._before_thinking = before_thinking
        self._ask_aside = ask_aside
        self._checkpoint_after = checkpoint_after
        self._overheard = overheard
        self._on_override = on_override
        self._clock = asyncio.get_running_loop().time
        self._uncommitted: list[float] = []
        self._kinds: set[str] = set()
        self._replies: list[tuple[OperatorCommand, Done]] = []
        self._early_commands: list[OperatorCommand] = []
        self._oldest = 0.0
        self._since_checkpoint = 0
        self._next_disk_check = 0.0
        self._disk_is_low = False
        self._ending: Ending | None = None
        self._feed_is_silent = False
        self.unanswered: dict[tuple[int, bool], Situation] = {}
        """Situations that were asked and not answered yet, by number and whether the account that follows is in it."""
        self.is_thinking = False
        """A step runs in a thread at this moment: the engine is not to be looked at."""
        self.incidents = 0
        self.latencies: dict[str, deque[float]] = {
            name: deque(maxlen=LATENCIES_KEPT) for name in ("event to durable", "instant", "commit")
        }
        """Seconds, over the recent past."""
        self.on_release: list[Callable[[Released], None]] = []
        """Called after every commit."""

    def recover(self, recovered: Recovered) -> None:
        """Bring engine and collector to the last input of the journal; nothing is written.

        Raises:
            HaltError: what follows from an input is not what was recorded: another code, or another policy.
        """
        if recovered.checkpoint is not None:
            self._stepper.restore(recovered.checkpoint)
            self._collector.go_on_after(recovered.checkpoint_time)
        for one in recovered.inputs:
            self._since_checkpoint += 1
            stepped = self._again(one.kind, one.row, one.seq)
            if stepped is not None:
                self._journal.check_again(stepped.rows)
                self._note_asked(stepped)

    def _again(self, kind: str, row: tuple[Any, ...], seq: int) -> Stepped | None:
        """Take a journaled input once more and return what followed from it."""
        if kind in DATA_KINDS:
            self._collector.put_back(kind, row, seq)
            return None
        match kind, row:
            case "ticks", (event_time,):
                return self._stepper.step(self._collector.close(event_time, self._stepper.market_seq).instant)
            case "operator", (_, act, symbol, number, author, detail) if act != OperatorAct.OVERRIDE:
                return self._stepper.operate(act_of(act, symbol, number, author, detail))
            case "llm_answers", (_, key, answer, latency_us, *_) if self._ask_aside is not None:
                situation, is_followed = key_of(key)
                self.unanswered.pop((situation, is_followed), None)
                return self._stepper.take_answer(situation, answer_of(answer, latency_us), is_followed=is_followed)
        return None

    async def run(self) -> Ending:
        """Write until the end; afterwards everything that was done is durable.

        Raises:
            CommitFailed: the disk took no more; what was not committed has left no trace.
            HaltError: a signal is broken; the instant was not committed.
        """
        self._incident(IncidentKind.BOOT, "")
        self._commit()
        if self._ask_aside is not None:
            for (_, is_followed), situation in self.unanswered.items():
                self._ask_aside(situation, is_followed=is_followed)
        while True:
            stamped = self._inbox.pop()
            if stamped is None:
                self._commit()
                if self._ending is not None:
                    return self._end()
                await self._inbox.wait()
                continue
            item = stamped.item
            taken = self._clock()
            if not self._uncommitted:
                self._oldest = taken
            self._uncommitted.append(taken if self._waits else stamped.at)
            if isinstance(item, MarketEvent):
                self._take(item)
            elif isinstance(item, TickEvent):
                await self._tick(item.event_time)
                if self._ending is not None:
                    self._serve_urgent()
                    return self._end()
            else:
                self._other(item)
                if self._ending is not None and not self._collector.open_events:
                    self._serve_urgent()
                    return self._end()
            if len(self._uncommitted) >= COMMIT_AFTER or self._clock() - self._oldest >= COMMIT_AFTER_S:
                self._commit()
                await asyncio.sleep(0)

    def refuse_waiting(self, why: AlphaStrikeError) -> None:
        """Tell whoever still waits for a reply that nothing came of it."""
        for command in (*self._early_commands, *(command for command, _ in self._replies)):
            command.refuse(why)

    def _serve_urgent(self) -> None:
        """Answer whoever ordered something before the end."""
        for item in self._inbox.take_urgent():
            self._other(item)

    def _end(self) -> Ending:
        assert self._ending is not None
        self._incident(IncidentKind.STOP, self._ending.reason)
        if self._stepper.can_checkpoint and self._stepper.now:
            self._checkpoint()
        self._commit()
        return self._ending

    def _take(self, event: MarketEvent) -> None:
        accepted = self._collector.take(event)
        if accepted is not None:
            accepted.seq = self._append(accepted.kind, accepted.row)
        self._journal_troubles()

    async def _tick(self, event_time: int) -> None:
        for tick in self._collector.ticks_to(event_time):
            began = self._clock()
            if self._thinks_long:
                # Others may run meanwhile, and they see what is durable.
                self._commit()
                self._before_thinking()
            self._append("ticks", (tick,))
            closed = self._collector.close(tick, self._stepper.market_seq)
            self._journal.close_instant(closed.numbers, closed.market_seq)
            if self._thinks_long:
                with self._held(), self._thinking():
                    stepped = await aside(lambda closed=closed: self._stepper.step(closed.instant), "step")  # type: ignore[misc] # bound at once
            else:
                stepped = self._stepper.step(closed.instant)
            self._journal_derived(stepped)
            for talk in self._overheard():
                # An answer takes time, so that nothing of it has acted yet.
                is_followed = any(talk.situation is situation for situation in stepped.followed)
                self._journal_talk(talk, is_followed=is_followed)
            self._note_asked(stepped)
            if self._ask_aside is not None:
                for situation in stepped.asked:
                    self._ask_aside(situation)
                for situation in stepped.followed:
                    self._ask_aside(situation, is_followed=True)
            self.latencies["instant"].append(self._clock() - began)
            self._journal_troubles()
            self._after_instant()
            if len(self._uncommitted) >= COMMIT_AFTER or self._clock() - self._oldest >= COMMIT_AFTER_S:
                self._commit()
                await asyncio.sleep(0)
        for event in self._collector.take_ahead():
            self._take(event)
        self._journal_troubles()

    def _after_instant(self) -> None:
        early, self._early_commands = self._early_commands, []
        for command in early:
            self._operate(command)
        if self._clock() >= self._next_disk_check:
            self._next_disk_check = self._clock() + DISK_CHECK_S
            self._check_disk()
        if self._since_checkpoint >= self._checkpoint_after and self._stepper.can_checkpoint:
            self._checkpoint()

    def _other(self, item: Item) -> None:
        match item:
            case OperatorCommand():
                if self._stepper.now:
                    self._operate(item)
                else:
                    # An act follows a tick, and before the first one nothing can be at risk.
                    self._early_commands.append(item)
            case AdviceArrived():
                self._answered(item)
            case FeedSilent(seconds):
                self._feed_is_silent = True
                self._incident(IncidentKind.FEED_LOST, f"silent for {seconds:.1f} s")
            case FeedEnded(""):
                self._ending = Ending(True, "the feed came to its end")
            case FeedEnded(reason):
                self._incident(IncidentKind.FEED_LOST, reason)
                self._ending = Ending(False, reason, has_failed=True)
            case Stop(reason):
                self._ending = self._ending or Ending(False, reason)

    def _operate(self, command: OperatorCommand) -> None:
        if command.act is OperatorAct.OVERRIDE:
            self._override(command)
            return
        act = act_of(int(command.act), command.symbol, command.number, command.author, command.detail)
        try:
            stepped = self._stepper.operate(act)
        except AlphaStrikeError as refusal:
            command.refuse(refusal)
            return
        # The act is refused, or it is journaled before anything of it is.
        seq = self._append(
            "operator",
            (self._stepper.now, int(command.act), command.symbol, command.number, command.author, command.detail),
        )
        self._journal_derived(stepped)
        changed = sum(row_count(rows) for _, rows in stepped.rows.values())
        done = Done(seq, self._stepper.market_seq, self._stepper.now, changed, stepped.touched)
        self._replies.append((command, done))

    def _override(self, command: OperatorCommand) -> None:
        row = (self._stepper.now, int(command.act), command.symbol, command.number, command.author, command.detail)
        seq = self._append("operator", row)
        self._on_override(Operator(*row))  # type: ignore[arg-type] # the act by its number, as in the journal
        self._replies.append((command, Done(seq, self._stepper.market_seq, self._stepper.now, 0)))

    def _answered(self, arrived: AdviceArrived) -> None:
        situation = self.unanswered.pop((arrived.situation, arrived.is_followed))
        # It acts when it came: after the last tick, however short a time it took.
        latency_us = max(arrived.latency_us, self._stepper.now - situation.event_time + 1)
        answered = replace(arrived.answered, latency_us=latency_us)
        key = answer_key(arrived.situation, is_followed=arrived.is_followed)
        tokens, agreement = 0, (1, 1.0, 0.0)
        for talk in arrived.talks:
            *_, tokens, _, samples, modal_share, entropy = self._journal_calls(talk, key)
            agreement = (samples, modal_share, entropy)
        said = (answer_text(answered), latency_us, tokens, arrived.answered.failed, *agreement)
        self._append("llm_answers", (self._stepper.now, key, *said))
        self._journal_derived(self._stepper.take_answer(arrived.situation, answered, is_followed=arrived.is_followed))

    def _journal_talk(self, talk: "Conversation", *, is_followed: bool) -> None:
        """Journal what a model was asked that the market waited for, and its answer."""
        row = self._journal_calls(talk, answer_key(talk.situation.situation, is_followed=is_followed))
        self._append("llm_answers", row)

    def _journal_calls(self, talk: "Conversation", key: str) -> tuple[Any, ...]:
        """Journal every call of a model, and return the row of its answer."""
        from alphastrike.policy.llm.rows import answer_row, call_rows

        for row in call_rows(talk, key):
            self._append("llm_calls", row)
        return answer_row(talk, key)

    def _note_asked(self, stepped: Stepped) -> None:
        if self._ask_aside is not None:
            self.unanswered.update(((situation.situation, False), situation) for situation in stepped.asked)
            self.unanswered.update(((situation.situation, True), situation) for situation in stepped.followed)

    def _check_disk(self) -> None:
        free = self._journal.free_bytes()
        if free >= self._journal.floor:
            self._disk_is_low = False
        elif not self._disk_is_low:
            self._disk_is_low = True
            said = f"{free / 1e6:,.0f} MB free, the floor is {self._journal.floor / 1e6:,.0f} MB"
            self._incident(IncidentKind.LOW_DISK, said)
            self._operate(OperatorCommand(OperatorAct.HALT, SELF, detail=f"low disk: {said}"))

    def _checkpoint(self) -> None:
        self._journal.checkpoint(self._stepper.checkpoint(), self._stepper.now, self._stepper.market_seq)
        self._since_checkpoint = 0

    def _append(self, kind: str, row: tuple[Any, ...]) -> int:
        if self._feed_is_silent and kind in (*DATA_KINDS, "ticks"):
            self._feed_is_silent = False
            self._incident(IncidentKind.FEED_BACK, "")
        self._kinds.add(kind)
        self._since_checkpoint += 1
        return self._journal.append_input(kind, row, time_ns() // 1000)

    def _incident(self, incident: IncidentKind, detail: str) -> None:
        self.incidents += 1
        self._append("incidents", (self._stepper.now, int(incident), detail))

    def _journal_troubles(self) -> None:
        for trouble in self._collector.take_troubles():
            self._incident(trouble.incident, trouble.detail)

    def _journal_derived(self, stepped: Stepped) -> None:
        if stepped.rows:
            self._journal.append_derived(stepped.rows)
            self._kinds.update(stepped.rows)
        if stepped.checkpoints:
            self._journal.append_situations(stepped.checkpoints)

    def _commit(self) -> None:
        if dropped := self._inbox.take_dropped():
            self._incident(IncidentKind.OVERFLOW, f"{dropped} market events of a feed that does not wait")
        if not self._kinds:
            self._uncommitted.clear()
            return
        began = self._clock()
        seq = self._journal.commit()
        now = self._clock()
        self.latencies["commit"].append(now - began)
        self.latencies["event to durable"].extend(now - at for at in self._uncommitted)
        self._uncommitted.clear()
        kinds, self._kinds = frozenset(self._kinds), set()
        replies, self._replies = self._replies, []
        for command, done in replies:
            command.answer(done)
        released = Released(seq, self._stepper.market_seq, self._stepper.now, kinds)
        for callback in self.on_release:
            callback(released)

    @contextmanager
    def _thinking(self) -> Iterator[None]:
        self.is_thinking = True
        try:
            yield
        finally:
            self.is_thinking = False
