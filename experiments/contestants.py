"""Who takes part in a tournament: a prompt and a model, under the settings of a run."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.llm.completion import Completion, Identity, Provider
from alphastrike.policy.llm.composing import STORE, provider_of, with_options
from alphastrike.policy.llm.policy import LlmPolicy
from alphastrike.policy.llm.prompt import Prompt, prompt_named
from alphastrike.policy.llm.request import CompletionRequest
from alphastrike.policy.llm.sources import Asking
from alphastrike.policy.llm.store import CallStore
from alphastrike.policy.settings import MODEL, CacheMode, LlmSettings

TIMES: Final = " × "


class NotRecordedError(Exception):
    """An answer would have to be asked for."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One prompt with one model."""

    name: str
    """``prompt × model``, of one tournament."""
    prompt_label: str
    """The prompt's own name, with version and hash where two share it."""
    reader: LlmPolicy
    """Answers from what was recorded; raises ``NotRecordedError`` instead of asking."""
    asker: LlmPolicy
    """Asks, and records what came of it."""
    mode: CacheMode

    @property
    def prompt(self) -> Prompt:
        """The words."""
        return self.asker.wording.prompt

    @property
    def settings(self) -> LlmSettings:
        """Which model is asked, and how."""
        return self.asker.settings

    @property
    def digest(self) -> str:
        """Of the model, as far as its server tells."""
        return self.asker.identity.digest

    @property
    def subject(self) -> dict[str, str]:
        """What is tried, by its content: the same prompt, model and options are the same trial."""
        settings = self.settings
        return {
            "policy": MODEL,
            "prompt_sha256": self.prompt.sha256,
            "provider": settings.provider,
            "model": settings.model,
            "digest": self.digest,
            "options": json.dumps(settings.options, sort_keys=True),
            "retries": str(settings.retries),
            "mask": str(settings.mask),
        }


def contestants_of(
    prompts: Sequence[str],
    models: Sequence[str],
    settings: LlmSettings,
    root: Path,
    *,
    options: Mapping[str, str] | None = None,
    mode: CacheMode = CacheMode.USE,
    ttl_hours: int = 24,
    provider: Provider | None = None,
) -> tuple[Contestant, ...]:
    """Return every prompt with every model, each model's server having been asked once who it is.

    Args:
        prompts: names or files; none for the settings' own.
        models: names on the server; none for the settings' own.
        settings: those of the run.
        root: the data root, under which the store of calls lies.
        options: settings to lay over those.
        mode: what recorded answers are good for.
        ttl_hours: life of a call that names none.
        provider: who is asked; by default the one that the settings describe.

    Raises:
        ConfigurationError: a prompt is none or there twice, an option is unknown, or a model cannot be asked.
    """
    base = with_options(settings, options or {})
    words = [prompt_named(spec) for spec in prompts or [base.prompt]]
    named = list(models or [base.model])
    _refuse_twice("prompt", [prompt.sha256 for prompt in words], list(prompts or [base.prompt]))
    _refuse_twice("model", named, named)
    store, asked = CallStore(root / STORE), provider or provider_of(base)
    asking = Asking(asked, store, mode)
    reading = Asking(_Nobody(asked.name), store)
    own = [
        (prompt, with_options(base, {"prompt": spec, "model": model}))
        for spec, prompt in zip(prompts or [base.prompt], words, strict=True)
        for model in named
    ]
    identities = {model: _identified(asking, model, mode) for model in named}
    labels = dict(zip([prompt.sha256 for prompt in words], _labels(words), strict=True))
    found = []
    for prompt, each in own:
        label, identity = labels[prompt.sha256], identities[each.model]
        name = f"{label}{TIMES}{each.model}"
        reader, asker = (
            LlmPolicy(name, each, prompt, identity, source, ttl_hours=ttl_hours) for source in (reading, asking)
        )
        found.append(Contestant(name, label, reader, asker, mode))
    return tuple(found)


def _identified(asking: Asking, model: str, mode: CacheMode) -> Identity:
    identity = asking.identify(model)
    if identity.error:
        told = identity.error.partition(": ")[2] or identity.error
        offline = "" if mode is CacheMode.OFF else " Recorded answers alone need no server: --llm-cache only."
        raise ConfigurationError(f"model {model} cannot be asked: {told}{offline}")
    return identity


def _labels(prompts: Sequence[Prompt]) -> list[str]:
    """Return the shortest names that tell prompts apart."""
    longer = (
        [prompt.name for prompt in prompts],
        [f"{prompt.name} v{prompt.version}" for prompt in prompts],
        [f"{prompt.name} v{prompt.version} ({prompt.sha256[:6]})" for prompt in prompts],
    )
    found = []
    for place, prompt in enumerate(prompts):
        unique = (names[place] for names in longer if Counter(names)[names[place]] == 1)
        found.append(next(unique, prompt.sha256))
    return found


def _refuse_twice(what: str, content: Sequence[str], typed: Sequence[str]) -> None:
    for place, one in enumerate(content):
        if one in content[:place]:
            first = typed[content.index(one)]
            same = "is there twice" if first == typed[place] else f"says the same as {first}, word for word"
            raise ConfigurationError(f"{what} {typed[place]} {same}. Name each once.")


@dataclass(frozen=True, slots=True)
class _Nobody:
    """Stands where a server would be asked."""

    name: str

    def identify(self, model: str) -> Identity:
        raise NotRecordedError(model)

    def complete(self, request: CompletionRequest, deadline_s: float) -> Completion:  # noqa: ARG002
        raise NotRecordedError(request.key)
