"""Putting the model together: settings, options of the policy's name, prompt, provider and store."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.faults import shown
from alphastrike.policy.llm.completion import Provider
from alphastrike.policy.llm.policy import LlmPolicy
from alphastrike.policy.llm.prompt import prompt_named
from alphastrike.policy.llm.providers import provider_named
from alphastrike.policy.llm.sources import Asking
from alphastrike.policy.llm.store import CallStore
from alphastrike.policy.settings import MODEL, CacheMode, LlmSettings

STORE: Final = Path("llm") / "calls.sqlite"
"""Where the store lies under a data root."""


def with_options(settings: LlmSettings, options: Mapping[str, str]) -> LlmSettings:
    """Return the settings with the options of a policy's name laid over them.

    Raises:
        ConfigurationError: an unknown option, or a value out of bounds.
    """
    for key in options:
        if key not in LlmSettings.model_fields:
            known = ", ".join(LlmSettings.model_fields)
            raise ConfigurationError(f"policy llm: option {shown(key)} is unknown. Known: {known}.")
    try:
        return LlmSettings.model_validate({**settings.model_dump(), **options})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"policy llm: {first['loc'][0]} = {first['input']!r}: {first['msg']}.") from None


def policy_name(options: Mapping[str, str]) -> str:
    """Return the policy's name as typed: ``llm:model=…,samples=5``."""
    typed = ",".join(f"{key}={value}" for key, value in options.items())
    return f"{MODEL}:{typed}" if typed else MODEL


def provider_of(settings: LlmSettings) -> Provider:
    """Return the provider that the settings describe."""
    return provider_named(
        settings.provider, settings.url, allow_remote=settings.allow_remote, api_key_env=settings.api_key_env
    )


def model_policy(
    options: Mapping[str, str],
    settings: LlmSettings,
    root: Path,
    *,
    mode: CacheMode = CacheMode.USE,
    ttl_hours: int = 24,
    on_failure: str = "rules",
    tell: Callable[[str], None] = lambda _: None,
    asks_again: bool = False,
    provider: Provider | None = None,
) -> LlmPolicy:
    """Return the policy, having asked its server once who the model is.

    Args:
        options: of the policy's name, over the settings.
        settings: of the run.
        root: the data root, under which the store lies.
        mode: what recorded answers are good for.
        ttl_hours: life of a call that names none.
        on_failure: who answers while the model cannot be asked, for the line about it.
        tell: told in one line what the user should know.
        asks_again: whether a model that cannot be asked is looked for again at every situation.
        provider: who is asked; by default the one that the settings describe.

    Raises:
        ConfigurationError: unknown options or an unknown prompt, or an address that is none.
    """
    settings = with_options(settings, options)
    prompt = prompt_named(settings.prompt)
    asking = Asking(provider or provider_of(settings), CallStore(root / STORE), mode)
    identity = asking.identify(settings.model)
    if identity.error:
        tell(
            f"The model cannot be asked: {identity.error} Situations are answered by policy.on_failure ({on_failure})."
        )
    elif settings.samples > 1 and not settings.can_differ:
        tell(
            f"{settings.samples} samples at temperature {settings.temperature:g} with top_k {settings.top_k} are one "
            "and the same answer: set llm.temperature and llm.top_k to draw different ones."
        )
    return LlmPolicy(
        policy_name(options),
        settings,
        prompt,
        identity,
        asking,
        ttl_hours=ttl_hours,
        identify=(lambda: asking.identify(settings.model)) if asks_again else None,
    )
