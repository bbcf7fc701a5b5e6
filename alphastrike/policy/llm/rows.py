"""Conversations as rows of the journal, and back: bytes as text that any reader can show."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from alphastrike.model.errors import DataError
from alphastrike.policy.llm.completion import Completion, Kind
from alphastrike.policy.llm.conversation import Conversation
from alphastrike.policy.llm.prompt import Prompt
from alphastrike.policy.recorded_answers import answer_text

BASE64: Final = "base64:"

Row = tuple[Any, ...]
"""Values in the order of a kind's columns."""


def text_of(data: bytes) -> str:
    """Return bytes as text: what is UTF-8 as it is, anything else as ``base64:`` and their code."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = BASE64
    return BASE64 + base64.b64encode(data).decode("ascii") if text.startswith(BASE64) else text


def bytes_of(text: str) -> bytes:
    """Return the bytes of a text of :func:`text_of`.

    Raises:
        DataError: it is none.
    """
    try:
        return base64.b64decode(text[len(BASE64) :], validate=True) if text.startswith(BASE64) else text.encode("utf-8")
    except ValueError as error:
        raise DataError(f"recorded bytes cannot be read ({error}): {text[:60]!r}. Restore the journal.") from None


def call_rows(talk: Conversation, key: str) -> list[Row]:
    """Return the conversation's rows of ``llm_calls``; ``key`` is the situation's, as in ``llm_answers``."""
    return [
        (
            talk.situation.event_time,
            key,
            attempt.request.sample,
            attempt.request.attempt,
            attempt.request.key,
            json.dumps(attempt.request.parts, sort_keys=True),
            attempt.request.provider,
            attempt.request.model,
            attempt.request.digest,
            attempt.completion.digest,
            attempt.completion.server,
            f"{talk.prompt.name} v{talk.prompt.version}",
            talk.prompt.sha256,
            talk.prompt.template,
            int(talk.masked),
            attempt.completion.status,
            int(attempt.completion.kind),
            attempt.completion.done_reason,
            attempt.completion.prompt_tokens,
            attempt.completion.answer_tokens,
            attempt.completion.latency_us,
            int(attempt.from_cache),
            attempt.completion.error,
            attempt.fault,
            _storable(attempt.completion.content),
            text_of(attempt.completion.request_bytes),
            text_of(attempt.completion.response_bytes),
        )
        for attempt in talk.attempts
    ]


def answer_row(talk: Conversation, key: str) -> Row:
    """Return the conversation's row of ``llm_answers``."""
    tokens = sum(attempt.completion.prompt_tokens + attempt.completion.answer_tokens for attempt in talk.attempts)
    return (
        talk.situation.event_time,
        key,
        answer_text(talk.answered),
        talk.answered.latency_us,
        tokens,
        talk.answered.failed,
        *talk.agreement,
    )


def completion_of(row: Mapping[str, Any]) -> Completion:
    """Return the completion that a row of ``llm_calls`` records.

    Raises:
        DataError: its bytes cannot be read.
    """
    return Completion(
        request_bytes=bytes_of(str(row["request"])),
        response_bytes=bytes_of(str(row["response"])),
        status=int(row["status"]),
        content=str(row["content"]),
        done_reason=str(row["done_reason"]),
        prompt_tokens=int(row["prompt_tokens"]),
        answer_tokens=int(row["answer_tokens"]),
        latency_us=int(row["latency"]),
        server=str(row["server"]),
        digest=str(row["answered_by"]),
        error=str(row["error"]),
        kind=Kind(int(row["outcome"])),
    )


def prompt_of_row(row: Mapping[str, Any]) -> Prompt:
    """Return the prompt with which a row of ``llm_calls`` was asked."""
    name, _, version = str(row["prompt"]).rpartition(" v")
    return Prompt(name, int(version), str(row["prompt_sha256"]), str(row["template"]))


def _storable(content: str) -> str:
    """Return text that has a UTF-8 form: half a surrogate pair has none."""
    return content.encode("utf-8", "replace").decode("utf-8")
