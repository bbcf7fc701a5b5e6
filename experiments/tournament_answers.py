"""Everything that a tournament asks, what of it is recorded already, and the asking of the rest.

One question at a time, model after model, so that a server loads each once. Every answer is kept as it comes: whoever
interrupts loses nothing, and whoever goes on asks only what is missing.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from alphastrike.model.errors import TryAgainError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.llm.completion import Kind
from alphastrike.policy.llm.conversation import Attempt, Conversation
from alphastrike.policy.llm.failures import Failure
from alphastrike.policy.llm.policy import LlmPolicy
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.llm.request import CompletionRequest, Messages
from alphastrike.policy.llm.schema import Schema, answer_schema
from alphastrike.policy.settings import CacheMode
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import RejectedCall, ToolCall
from experiments.contestants import Contestant, NotRecordedError

OF_THE_QUESTION: Final = (Failure.DEADLINE, Failure.REFUSED)
"""Failures of a server that are about one question, too long or too hard; after any other nothing more is asked."""


class Moment(NamedTuple):
    """What is asked about."""

    situation: Situation
    is_control: bool
    """Nobody need have been asked."""


class Question(NamedTuple):
    """One answer that is wanted."""

    contestant: int
    moment: int
    order: int
    """0: as reported; from 1 the same rows in another order."""
    sample: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question."""

    advice: tuple[ToolCall | RejectedCall, ...]
    failed: str
    """Why there is no usable call; empty when there is one."""
    is_valid_at_once: bool
    """The first attempt could be used."""
    latency_us: int
    """Of all attempts together, as they were recorded."""
    prompt_tokens: int
    answer_tokens: int
    attempts: int
    made: tuple[Attempt, ...]
    """Those that were sent now, and not found."""
    begun: int = 0
    """When the first of those was sent, microseconds UTC; 0 where none was."""


@dataclass
class Sheet:
    """All questions of a tournament, with the answers so far."""

    contestants: Sequence[Contestant]
    moments: Sequence[Moment]
    samples: int
    orders: int
    """Other orders of a report's rows."""
    answers: dict[Question, Answer] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    """In the order of asking."""
    calls_made: int = 0
    """Requests that were sent."""

    def __post_init__(self) -> None:
        self._messages: dict[tuple[str, bool, int], tuple[Messages, ...]] = {}
        self._schemas: dict[tuple[bool, int], Schema] = {}
        by_model = sorted(range(len(self.contestants)), key=self._model)
        for contestant in by_model:
            for moment, (_, is_control) in enumerate(self.moments):
                self.questions += [Question(contestant, moment, 0, sample) for sample in range(self.samples)]
                if not is_control:
                    others = len(self._words(contestant, moment)) - 1
                    self.questions += [Question(contestant, moment, order, 0) for order in range(1, others + 1)]

    @property
    def missing(self) -> list[Question]:
        """Questions without an answer."""
        return [question for question in self.questions if question not in self.answers]

    def read(self, progress: Progress = silent) -> None:
        """Take what is recorded; nothing is sent.

        Raises:
            DataError: the store is damaged.
        """
        for done, question in enumerate(self.questions, start=1):
            own = self.contestants[question.contestant]
            if own.mode is not CacheMode.OFF:
                with suppress(NotRecordedError):
                    self.answers[question] = self._answer(question, own.reader)
            progress("look up answers", done, len(self.questions))

    def ask(self, progress: Progress = silent) -> None:
        """Ask what is missing.

        Raises:
            ConfigurationError: only recorded answers are wanted, and one is missing.
            TryAgainError: the server went away, or another model took the place of one that is asked.
        """
        missing = self.missing
        for done, question in enumerate(missing):
            progress("ask", done, len(missing))
            begun = time.time_ns() // 1_000
            answer = self._answer(question, self.contestants[question.contestant].asker)
            answer = replace(answer, begun=begun if answer.made else 0)
            self.calls_made += len(answer.made)
            self._check(question, answer, done, len(missing))
            self.answers[question] = answer
        if missing:
            progress("ask", len(missing), len(missing))

    def of(self, contestant: int, moment: int, order: int = 0) -> list[Answer]:
        """Return the answers of a contestant about a moment, in the order of the samples."""
        samples = range(self.samples if order == 0 else 1)
        found = (self.answers.get(Question(contestant, moment, order, sample)) for sample in samples)
        return [answer for answer in found if answer is not None]

    def _model(self, place: int) -> int:
        models = [contestant.settings.model for contestant in self.contestants]
        return models.index(models[place])

    def _words(self, contestant: int, moment: int) -> tuple[Messages, ...]:
        """Return the messages about a moment by order; the same for every model."""
        wording = self.contestants[contestant].asker.wording
        key = wording.prompt.sha256, wording.mask, moment
        if key not in self._messages:
            situation, is_control = self.moments[moment]
            self._messages[key] = wording.in_orders(situation, 0 if is_control else self.orders)
        return self._messages[key]

    def _schema(self, mask: bool, moment: int) -> Schema:
        if (mask, moment) not in self._schemas:
            self._schemas[mask, moment] = answer_schema(report_of(self.moments[moment].situation, mask=mask))
        return self._schemas[mask, moment]

    def _request(self, question: Question, policy: LlmPolicy) -> CompletionRequest:
        messages = self._words(question.contestant, question.moment)[question.order]
        return policy.request(messages, self._schema(policy.wording.mask, question.moment), question.sample)

    def _answer(self, question: Question, policy: LlmPolicy) -> Answer:
        situation = self.moments[question.moment].situation
        return _reduced(policy.answer_once(situation, self._request(question, policy)))

    def _check(self, question: Question, answer: Answer, done: int, total: int) -> None:
        """Stop where going on would only spend, or would mix two models."""
        model = self.contestants[question.contestant].settings.model
        kept = f"{done} of {total} questions were answered before."
        for attempt in answer.made:
            completion = attempt.completion
            label, _, told = completion.error.partition(": ")
            if completion.kind is Kind.UNAVAILABLE and label not in OF_THE_QUESTION:
                raise TryAgainError(f"model {model} could be asked no longer: {told} {kept}")
            if completion.digest != attempt.request.digest:
                raise TryAgainError(f"another model took the place of {model} while it was asked. {kept} Begin again.")


def _reduced(talk: Conversation) -> Answer:
    attempts = talk.attempts
    return Answer(
        advice=talk.answered.advice,
        failed=talk.answered.failed,
        is_valid_at_once=not attempts[0].fault,
        latency_us=sum(attempt.completion.latency_us for attempt in attempts),
        prompt_tokens=sum(attempt.completion.prompt_tokens for attempt in attempts),
        answer_tokens=sum(attempt.completion.answer_tokens for attempt in attempts),
        attempts=len(attempts),
        made=tuple(attempt for attempt in attempts if not attempt.from_cache),
    )
