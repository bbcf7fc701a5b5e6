"""The language model as a policy: render, ask, read, ask once more, and answer with what most samples say."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from alphastrike.journal.codes import CallVerdict
from alphastrike.policy.interventions import judge_advice
from alphastrike.policy.llm.completion import Completion, Identity, Kind
from alphastrike.policy.llm.conversation import NOTHING_ASKED, Attempt, Conversation, agreement, modal
from alphastrike.policy.llm.orders import orders_of
from alphastrike.policy.llm.prompt import Prompt, render
from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.llm.request import CompletionRequest, Messages
from alphastrike.policy.llm.retry import retry_messages
from alphastrike.policy.llm.schema import answer_schema
from alphastrike.policy.normalise import Parsed
from alphastrike.policy.policies import Answered, Answering
from alphastrike.policy.settings import LlmSettings
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import WORDS_MAX, Advice, RejectedCall, plain


class Fetched(NamedTuple):
    """A completion, and whether it had been recorded before."""

    completion: Completion
    from_cache: bool


class Source(Protocol):
    """Where completions come from: a server, a store before it, or the journal of a run."""

    def fetch(self, situation: Situation, request: CompletionRequest, deadline_s: float) -> Fetched:
        """Return what came of the request; a server's failure is a completion too.

        Raises:
            ConfigurationError: it was to be found, and is not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Wording:
    """How a situation is put to a model."""

    prompt: Prompt
    mask: bool

    def messages(self, situation: Situation) -> tuple[Messages, dict[str, object]]:
        """Return the messages about a situation and the schema of the answer."""
        report = report_of(situation, mask=self.mask)
        return render(self.prompt, report), answer_schema(report)

    def in_orders(self, situation: Situation, others: int) -> tuple[Messages, ...]:
        """Return the messages about a situation as they are, then with its rows in other orders, if there are any."""
        report = report_of(situation, mask=self.mask)
        return tuple(render(self.prompt, shown, examples_of=report) for shown in (report, *orders_of(report, others)))


@dataclass(frozen=True, slots=True)
class _Sample:
    attempts: tuple[Attempt, ...]

    @property
    def last(self) -> Attempt:
        return self.attempts[-1]

    @property
    def parsed(self) -> Parsed:
        """What the last answer that could be read held."""
        read = [attempt.parsed for attempt in self.attempts if attempt.parsed is not None]
        return read[-1] if read else Parsed()

    @property
    def said(self) -> Hashable:
        """What the sample comes down to: equal for equal calls, whatever their reasons; ``None`` for a failure."""
        if self.last.fault:
            return None
        return tuple((call.code, call.about, call.value) for call in self.parsed.calls)


class LlmPolicy(Answering):
    """A model that answers situations, through a source of completions."""

    def __init__(
        self,
        name: str,
        settings: LlmSettings,
        prompt: Prompt,
        identity: Identity,
        source: Source,
        *,
        ttl_hours: int = 24,
        identify: Callable[[], Identity] | None = None,
        on_conversation: Callable[[Conversation], None] = lambda _: None,
    ) -> None:
        """Make the policy.

        Args:
            name: as on the command line.
            settings: which model is asked, and how.
            prompt: the words.
            identity: who the model is; while it has an ``error`` nothing is asked.
            source: who is asked.
            ttl_hours: life of a call that names none, for judging whether a call could stand.
            identify: asks again who the model is, before a situation, while that is not known.
            on_conversation: told of every situation that was answered.
        """
        self.name = name
        self.settings = settings
        self.wording = Wording(prompt, settings.mask)
        self.identity = identity
        self._source = source
        self._ttl_hours = ttl_hours
        self._identify = identify
        self.on_conversation = on_conversation
        self.kept_out: Callable[[Situation], str] = lambda _: ""
        """Says why the model is not to be asked about a situation; empty when it is."""

    def decide(self, situation: Situation) -> Advice:
        """Return the calls of the answer that were none to be rejected."""
        return tuple(call for call in self.answer(situation).advice if not isinstance(call, RejectedCall))

    def answer(self, situation: Situation) -> Answered:
        """Ask about a situation.

        The latency is that of all calls together, as they were made one after the other; one that is stated replaces
        it. Without a usable call the answer has failed, and says why.

        Raises:
            ConfigurationError: the source was to hold the answer, and does not.
            DataError: the market has a symbol that may not be shown.
        """
        why = self.kept_out(situation)
        if not why and self.identity.error and self._identify is not None:
            self.identity = self._identify()
        why = why or self.identity.error
        if why:
            failed = plain(f"{self.name} could not be asked: {why}")[:WORDS_MAX]
            talk = Conversation(
                situation, self.wording.prompt, self.wording.mask, (), Answered((), 0, failed), NOTHING_ASKED
            )
        else:
            talk = self._converse(situation)
        self.on_conversation(talk)
        return talk.answered

    def request_for(self, situation: Situation, sample: int = 0) -> CompletionRequest:
        """Return the first request about a situation, as it would be sent."""
        return self.request(*self.wording.messages(situation), sample)

    def request(self, messages: Messages, schema: Mapping[str, object], sample: int = 0) -> CompletionRequest:
        """Return a first request with these messages."""
        settings = self.settings
        return CompletionRequest(
            provider=settings.provider,
            model=settings.model,
            digest=self.identity.digest,
            messages=messages,
            schema=schema,
            options={**settings.options, "seed": settings.seed + sample},
            keep_alive=settings.keep_alive,
            sample=sample,
        )

    def nth(self, request: CompletionRequest, sample: int) -> CompletionRequest:
        """Return a first request as it is sent for another sample."""
        return replace(request, sample=sample, options={**request.options, "seed": self.settings.seed + sample})

    def answer_once(self, situation: Situation, request: CompletionRequest) -> Conversation:
        """Ask for one answer alone, whatever ``samples`` is, and once more while it is unusable.

        Args:
            situation: what is asked about.
            request: its first request, or one that tells the same in another order.

        Raises:
            ConfigurationError: as in :meth:`answer`.
        """
        sample, spent_us = self._sample(situation, request, 0)
        assert sample is not None, "the deadline leaves time for one question"
        return self._conversation(situation, [sample], spent_us)

    def _converse(self, situation: Situation) -> Conversation:
        samples: list[_Sample] = []
        spent_us = 0
        first = self.request_for(situation)
        for number in range(self.settings.samples):
            sample, spent_us = self._sample(situation, self.nth(first, number), spent_us)
            if sample is None:
                break
            samples.append(sample)
            if sample.last.completion.kind is Kind.UNAVAILABLE:
                break
        assert samples, "the deadline leaves time for one question"
        return self._conversation(situation, samples, spent_us)

    def _conversation(self, situation: Situation, samples: list[_Sample], spent_us: int) -> Conversation:
        """Return what came of all samples: of the usable ones, what most said."""
        said = [sample.said for sample in samples]
        taken = modal(said, [not sample.last.fault for sample in samples])
        chosen = samples[taken]
        stated = self.settings.latency_ms
        fault = chosen.last.fault
        answered = Answered(
            chosen.parsed.entries,
            spent_us if stated is None else stated * 1_000,
            plain(f"{self.name} gave no usable call: {fault}")[:WORDS_MAX] if fault else "",
            chosen.parsed.drifts,
        )
        return Conversation(
            situation,
            self.wording.prompt,
            self.wording.mask,
            tuple(attempt for sample in samples for attempt in sample.attempts),
            answered,
            agreement(said, taken),
        )

    def _sample(self, situation: Situation, request: CompletionRequest, spent_us: int) -> tuple[_Sample | None, int]:
        """Ask for one answer, once more while it is unusable; return it with the time that all took so far."""
        attempts: list[Attempt] = []
        for number in range(1 + self.settings.retries):
            left_s = self.settings.deadline_s - spent_us / 1e6
            if left_s <= 0.0:
                break
            completion, from_cache = self._source.fetch(situation, request, left_s)
            spent_us += completion.latency_us
            # A model replaced meanwhile is known by its own digest from the next situation on.
            self.identity = replace(self.identity, digest=completion.digest)
            attempt = self._read(situation, request, completion, from_cache=from_cache)
            attempts.append(attempt)
            if not attempt.fault or completion.kind is Kind.UNAVAILABLE:
                break
            request = replace(
                request,
                attempt=number + 1,
                messages=retry_messages(request.messages, completion.content, attempt.fault),
            )
        return _Sample(tuple(attempts)) if attempts else None, spent_us

    def _read(
        self, situation: Situation, request: CompletionRequest, completion: Completion, *, from_cache: bool
    ) -> Attempt:
        if completion.kind is not Kind.OK:
            return Attempt(request, completion, from_cache, completion.error, None)
        parsed = read_answer(completion.content, situation, mask=self.wording.mask)
        return Attempt(request, completion, from_cache, self._fault(situation, parsed), parsed)

    def _fault(self, situation: Situation, parsed: Parsed) -> str:
        """Return why no call of an answer can stand; empty when one can."""
        if parsed.unreadable:
            return parsed.unreadable
        if not parsed.entries:
            return "malformed: the answer holds no call"
        judged = judge_advice(parsed.entries, situation, situation.controls, self._ttl_hours)
        if all(one.verdict is CallVerdict.REJECTED for one in judged):
            return judged[0].rejection
        return ""
