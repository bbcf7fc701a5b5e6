"""Choosing a provider by its name; the packages that talk to servers are loaded only then."""

from typing import Final

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.faults import shown
from alphastrike.policy.llm.completion import Provider

PROVIDERS: Final = ("ollama", "openai")


def provider_named(name: str, url: str, *, allow_remote: bool = False, api_key_env: str = "") -> Provider:
    """Return the provider that the settings describe. Nothing is sent yet.

    Args:
        name: one of :data:`PROVIDERS`.
        url: where the server is, as ``http://127.0.0.1:11434``.
        allow_remote: whether a report may leave this machine.
        api_key_env: name of the environment variable that holds the server's key; empty when it wants none.

    Raises:
        ConfigurationError: an unknown name, an address that is none, or packages that are not installed.
    """
    if name not in PROVIDERS:
        raise ConfigurationError(f"llm.provider {shown(name)} is unknown. Known: {', '.join(PROVIDERS)}.")
    try:
        if name == "openai":
            from alphastrike.policy.llm.openai_provider import OpenAiProvider

            return OpenAiProvider(url, allow_remote=allow_remote, api_key_env=api_key_env)
        from alphastrike.policy.llm.ollama_provider import OllamaProvider

        return OllamaProvider(url, allow_remote=allow_remote, api_key_env=api_key_env)
    except ModuleNotFoundError as error:
        if error.name not in {"httpx", "ollama"}:
            raise
        raise ConfigurationError(
            f"a model needs the package {error.name}. Install it with: pip install 'alphastrike[llm]'"
        ) from None
