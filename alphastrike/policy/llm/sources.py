"""Where answers come from: a server, what was recorded before it, or the journal of a run alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.llm.completion import Completion, Identity, Kind, Provider
from alphastrike.policy.llm.policy import Fetched
from alphastrike.policy.llm.request import CompletionRequest, unverified
from alphastrike.policy.llm.store import CallStore
from alphastrike.policy.settings import CacheMode
from alphastrike.policy.situation import Situation


class Asking:
    """A server behind a store of what it said before."""

    def __init__(self, provider: Provider, store: CallStore, mode: CacheMode = CacheMode.USE) -> None:
        self._provider = provider
        self._store = store
        self._mode = mode

    def identify(self, model: str) -> Identity:
        """Return who the model is; where nothing is to be asked, who it was when it answered last."""
        if self._mode is not CacheMode.ONLY:
            return self._provider.identify(model)
        known = self._store.digest_of(self._provider.name, model)
        return Identity("", known or unverified(model), is_remote=False)

    def fetch(self, situation: Situation, request: CompletionRequest, deadline_s: float) -> Fetched:
        """Return the recorded answer, or ask for one and record what came of it.

        Raises:
            ConfigurationError: only recorded answers are wanted, and there is none.
        """
        if self._mode is not CacheMode.OFF:
            found = self._store.find(request.key)
            if found is not None:
                # An answer that would not have come in time is none here either.
                in_time = found.latency_us <= deadline_s * 1e6
                return Fetched(found if in_time else _too_late(found, deadline_s), from_cache=True)
        if self._mode is CacheMode.ONLY:
            raise ConfigurationError(self._miss(situation, request))
        completion = self._provider.complete(request, deadline_s)
        # What another model said, put in its place meanwhile, is no answer of the one that was asked.
        if self._mode is CacheMode.USE and completion.digest == request.digest:
            self._store.add(request, completion)
        return Fetched(completion, from_cache=False)

    def _miss(self, situation: Situation, request: CompletionRequest) -> str:
        asked = f"situation {situation.situation}, sample {request.sample}, attempt {request.attempt}"
        near = self._store.nearest(request)
        if near is None:
            return (
                f"--llm-cache only, but nothing was ever recorded in {self._store.path} ({asked}). "
                "Ask once with --llm-cache use."
            )
        return (
            f"--llm-cache only, but {asked} was not recorded in {self._store.path}: the nearest recorded call differs "
            f"in {', '.join(near.differing)}. Ask with --llm-cache use, or make that part what it was."
        )


class CallKey(NamedTuple):
    """Which call of a run is meant."""

    situation: int
    sample: int
    attempt: int


class RecordedCalls:
    """The calls of one run, errors too, as its journal holds them: nothing is asked."""

    def __init__(self, calls: Mapping[CallKey, Completion]) -> None:
        self._calls = calls
        self.asked: dict[CallKey, CompletionRequest] = {}
        """Every request that was made of it."""

    def fetch(self, situation: Situation, request: CompletionRequest, deadline_s: float) -> Fetched:  # noqa: ARG002
        """Return what came of the call of that number, whether or not it was the same request.

        Raises:
            ConfigurationError: the run made no such call.
        """
        key = CallKey(situation.situation, request.sample, request.attempt)
        self.asked[key] = request
        if key not in self._calls:
            raise ConfigurationError(
                f"the run made no call for situation {key.situation}, sample {key.sample}, attempt {key.attempt}."
            )
        return Fetched(self._calls[key], from_cache=True)


def _too_late(found: Completion, deadline_s: float) -> Completion:
    error = f"deadline: the recorded answer took {found.latency_us / 1e6:.1f} s, {deadline_s:g} s were left."
    return replace(found, content="", latency_us=round(deadline_s * 1e6), error=error, kind=Kind.UNAVAILABLE)
