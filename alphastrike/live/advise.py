"""Who waits for the policy: a played market stands still while it thinks, a wall-clock feed goes on.

What answers at once (the built-in policies) is asked inside the step, wherever the events come from. Another policy
thinks in a thread of its own, so that the run listens to its operator meanwhile; a thread that never returns does not
keep the process alive.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.journal.inputs import Operator, OperatorAct
from alphastrike.live.inbox import AdviceArrived, Inbox
from alphastrike.model.errors import AlphaStrikeError, HaltError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.guardian import Rules
from alphastrike.policy.policies import Always, Answered, NoLlm, Policy, Random, Swap, ask
from alphastrike.policy.settings import is_model
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import WORDS_MAX, plain

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation

T = TypeVar("T")

GIVEN_UP_AFTER: Final = 10
"""Deadlines after which a policy that still thinks is no longer listened to."""


def answers_at_once(policy: Policy) -> bool:
    """Return whether a policy is one of ours that computes its answer from the situation alone."""
    if isinstance(policy, Swap):
        return answers_at_once(policy.of)
    return isinstance(policy, NoLlm | Rules | Always | Random)


class Switch:
    """Whether a model is asked: a person may keep it out for a time, and ``on_failure`` answers meanwhile."""

    def __init__(self) -> None:
        self._until = 0
        self._author = ""

    def take(self, row: Operator) -> None:
        """Take a person's override: hours for which the model is kept out, 0 to let it in again."""
        if row.act == OperatorAct.OVERRIDE:
            self._until = row.event_time + row.number * MICROS_PER_HOUR
            self._author = row.author

    def why(self, situation: Situation) -> str:
        """Return who keeps the model out, and until when; empty when nobody does."""
        if situation.event_time >= self._until:
            return ""
        until = datetime.fromtimestamp(self._until / 1e6, tz=UTC)
        return f"disabled by {self._author} until {until:%Y-%m-%d %H:%M} UTC"

    def watch(self, policy: Policy) -> None:
        """Keep this model out from now on while the switch says so; any other policy is left alone."""
        if is_model(policy.name):
            from alphastrike.policy.llm.policy import LlmPolicy

            assert isinstance(policy, LlmPolicy), "nobody else is called so"
            policy.kept_out = self.why


class Overheard:
    """What a model was asked and said, until it is journaled; nothing of any other policy."""

    def __init__(self, policy: Policy) -> None:
        self._talks: list[Conversation] = []
        if is_model(policy.name):
            from alphastrike.policy.llm.policy import LlmPolicy

            assert isinstance(policy, LlmPolicy), "nobody else is called so"
            policy.on_conversation = self._talks.append

    def take(self) -> "tuple[Conversation, ...]":
        """Return what was said since the last time, in order, and forget it."""
        taken = tuple(self._talks)
        del self._talks[: len(taken)]
        return taken


class Resumed:
    """A policy that is waited for: what it answered before a restart is given once more, then it is asked."""

    def __init__(self, policy: Policy, latency_us: int) -> None:
        self._asked: Answer = AskedPolicy(policy, latency_us)
        self.given: deque[tuple[int, Answered]] = deque()
        """Journaled answers with their situations, in the order in which they were asked for."""

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._asked.name

    def answer(self, situation: Situation) -> Answered:
        """Give the next journaled answer, or ask.

        Raises:
            HaltError: the journaled one is to another situation.
        """
        if not self.given:
            return self._asked.answer(situation)
        number, answered = self.given.popleft()
        if number != situation.situation:
            raise HaltError(
                f"the journal holds an answer to situation {number}, and {situation.situation} is asked now. Code or "
                "settings are not those of the recording: go back to them, or begin a new run with --new."
            )
        return answered


async def aside(work: Callable[[], T], name: str) -> T:
    """Do work in a thread of its own and return what it returns, or raise what it raises."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, trouble: BaseException | None) -> None:
        if done.cancelled():
            return
        if trouble is not None:
            done.set_exception(trouble)
        else:
            done.set_result(result)  # type: ignore[arg-type] # T may be None

    def run() -> None:
        try:
            result, trouble = work(), None
        except BaseException as error:  # noqa: BLE001 - whoever waits for it decides
            result, trouble = None, error
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, result, trouble)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done


class Aside:
    """Asks a policy beside a market that goes on, one situation at a time; answers come back through the inbox."""

    def __init__(self, policy: Policy, inbox: Inbox, deadline_s: float) -> None:
        self._policy = policy
        self._inbox = inbox
        self._overheard = Overheard(policy)
        self._patience_s = GIVEN_UP_AFTER * deadline_s
        self._one_at_a_time = asyncio.Lock()
        self._asked: set[asyncio.Task[None]] = set()

    def ask(self, situation: Situation, *, is_followed: bool = False) -> None:
        """Begin to ask for an account, or for the one that follows; the answer arrives later, if only as a failure."""
        task = asyncio.create_task(self._ask(situation, is_followed))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    def close(self) -> None:
        """Listen to nobody any more."""
        for task in self._asked:
            task.cancel()

    async def _ask(self, situation: Situation, is_followed: bool) -> None:
        asked = time.monotonic()
        async with self._one_at_a_time:
            try:
                thinking = aside(lambda: ask(self._policy, situation), f"policy {situation.situation}")
                answered = await asyncio.wait_for(thinking, self._patience_s)
            except TimeoutError:
                answered = Answered((), 0, f"{self._policy.name} did not answer within {self._patience_s:g} s")
            except AlphaStrikeError as error:
                answered = Answered((), 0, plain(f"{self._policy.name} could not be asked: {error}")[:WORDS_MAX])
            # One that was given up on may have come since.
            talks = tuple(talk for talk in self._overheard.take() if talk.situation is situation)
        latency_us = round((time.monotonic() - asked) * 1e6)
        self._inbox.send(AdviceArrived(situation.situation, answered, latency_us, is_followed, talks))
