"""Asking a model through Ollama: the package ``ollama`` on a transport of our own."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import ollama

from alphastrike.policy.llm.completion import Identity
from alphastrike.policy.llm.failures import Failure
from alphastrike.policy.llm.http_provider import FailureError, HttpProvider, Reply, word
from alphastrike.policy.llm.request import CompletionRequest, unverified
from alphastrike.policy.llm.wire import Exchange, client_settings, json_object

_DIGEST: Final = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
_CLOUD: Final = re.compile(r".*[:-]cloud", re.DOTALL)


class OllamaProvider(HttpProvider):
    """A model of an Ollama server, asked by ``/api/chat`` with the answer's schema as its ``format``.

    A prompt that does not fit its context is an error there (``truncate`` and ``shift`` are off) and is not cut.
    """

    name: ClassVar[str] = "ollama"
    remedy: ClassVar[str] = "ollama pull {model} fetches it."
    forwards: ClassVar[bool] = True
    client_errors: ClassVar[tuple[type[Exception], ...]] = (ollama.ResponseError, ollama.RequestError)

    async def _identity(self, model: str) -> Identity:
        version = await self._json("GET", "/api/version", Exchange())
        entry = _entry(await self._json("GET", "/api/tags", Exchange()), model)
        if entry is None:
            raise FailureError(Failure.REMOTE if _CLOUD.fullmatch(model) else Failure.MODEL_MISSING)
        is_remote = bool(entry.get("remote_host") or entry.get("remote_model") or _CLOUD.fullmatch(model))
        if is_remote and not self._allow_remote:
            raise FailureError(Failure.REMOTE)
        return Identity(word(version["version"]), _digest(entry) or unverified(model), is_remote or self.is_elsewhere)

    async def _ask(self, request: CompletionRequest, exchange: Exchange) -> Reply:
        # Tools are never sent: the server's parser of calls can turn an unknown one into a known one.
        settings = client_settings(self.url, exchange, self._key(), truncate=False, shift=False, tools=None)
        async with ollama.AsyncClient(self.url, **settings) as client:
            answer = await client.chat(
                request.model,
                [{"role": message.role, "content": message.content} for message in request.messages],
                stream=False,
                think=request.think,
                format=dict(request.schema),
                options=dict(request.options),
                keep_alive=request.keep_alive,
            )
        whole = json_object(exchange.received) or {}
        return Reply(
            content=answer.message.content or "",
            is_done=answer.done is True,
            done_reason=answer.done_reason or "",
            prompt_tokens=answer.prompt_eval_count,
            answer_tokens=answer.eval_count,
            is_remote=not self._allow_remote and bool(whole.get("remote_host") or whole.get("remote_model")),
        )

    async def _digest_now(self, request: CompletionRequest) -> str:
        entry = _entry(await self._json("GET", "/api/ps", Exchange()), request.model)
        return _digest(entry or {}) or request.digest


def _entry(listed: Any, model: str) -> Mapping[str, Any] | None:
    """Return what a list of models says of this one; a name without a tag means its latest."""
    names = {model} if ":" in model.rpartition("/")[2] else {model, f"{model}:latest"}
    found = [one for one in listed["models"] if isinstance(one, dict) and one.get("name", one.get("model")) in names]
    return found[0] if found else None


def _digest(entry: Mapping[str, Any]) -> str:
    digest = str(entry.get("digest", ""))
    return digest if _DIGEST.fullmatch(digest) else ""
