"""Asking a model through any server that speaks OpenAI's chat completions: llama.cpp, vLLM, LM Studio and others."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from alphastrike.policy.llm.completion import Identity
from alphastrike.policy.llm.failures import Failure
from alphastrike.policy.llm.http_provider import FailureError, HttpProvider, Reply
from alphastrike.policy.llm.request import CompletionRequest, unverified
from alphastrike.policy.llm.wire import Exchange

OPTIONS: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "seed": "seed",
    "top_p": "top_p",
    "num_predict": "max_tokens",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""Ollama's name of an option → OpenAI's. The others (``top_k``, ``num_ctx``) have no name there and are not sent."""

_NO_LIST: Final = (404, 405, 501)
"""HTTP statuses of a server that lists no models: whether it has one, it says when asked."""


def _any_of(schema: Any) -> Any:
    """Return the schema with ``anyOf`` for ``oneOf``, which some servers refuse; ours exclude each other anyway."""
    if isinstance(schema, dict):
        return {"anyOf" if name == "oneOf" else name: _any_of(value) for name, value in schema.items()}
    return [_any_of(one) for one in schema] if isinstance(schema, list) else schema


class OpenAiProvider(HttpProvider):
    """A model asked by ``/v1/chat/completions`` with the answer's schema as its ``response_format``.

    Such servers tell no digest: the name stands for the model, marked as unverified. Some answer under any model's
    name; only :meth:`identify` insists on its being listed, where there is a list. An address without a path means its
    ``/v1``.
    """

    name: ClassVar[str] = "openai"
    remedy: ClassVar[str] = "Name another with llm.model."

    def __init__(self, url: str, *, allow_remote: bool = False, api_key_env: str = "") -> None:
        super().__init__(url, allow_remote=allow_remote, api_key_env=api_key_env)
        if not urlsplit(self.url).path:
            self.url += "/v1"

    async def _identity(self, model: str) -> Identity:
        try:
            listed = await self._json("GET", "/models", Exchange())
        except FailureError as failed:
            if failed.status not in _NO_LIST:
                raise
            return Identity("", unverified(model), self.is_elsewhere)
        names = [one.get("id") for one in listed["data"] if isinstance(one, dict)]
        error = "" if model in names else self._worded(Failure.MODEL_MISSING, model)
        return Identity("", unverified(model), self.is_elsewhere, error)

    async def _ask(self, request: CompletionRequest, exchange: Exchange) -> Reply:
        answer = await self._json(
            "POST",
            "/chat/completions",
            exchange,
            {
                "model": request.model,
                "stream": False,
                "messages": [{"role": message.role, "content": message.content} for message in request.messages],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "strict": True, "schema": _any_of(dict(request.schema))},
                },
                **{OPTIONS[name]: value for name, value in request.options.items() if name in OPTIONS},
            },
        )
        choice = answer["choices"][0]
        usage = answer.get("usage") or {}
        return Reply(
            content=_text(choice["message"].get("content")),
            is_done=choice.get("finish_reason") is not None,
            done_reason=_text(choice.get("finish_reason")),
            prompt_tokens=usage.get("prompt_tokens"),
            answer_tokens=usage.get("completion_tokens"),
            server=_text(answer.get("system_fingerprint")),
        )


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""
