"""The input kind that holds what a language model was asked and said, whole."""

from enum import IntEnum

from alphastrike.journal.kinds import Role, kind
from alphastrike.model.units import Count, Flag, Micros, Text


class CallOutcome(IntEnum):
    """What could be done with what came of asking a model once."""

    OK = 0
    """It ended its answer."""
    UNAVAILABLE = 1
    """There is no answer of the model: no server, an error, or too late."""
    INVALID = 2
    """It answered, but not to the end, or nothing."""


@kind("llm_calls", Role.INPUT)
class LlmCall:
    """A language model was asked once: one attempt of one sample, both ways."""

    event_time: Micros
    """Of the situation."""
    key: Text
    """As in ``llm_answers``: the situation's number."""
    sample: Count
    attempt: Count
    request_key: Text
    """SHA-256 of all that determines the answer."""
    parts: Text
    """SHA-256 of each such part, as JSON: where two requests differ, one of these does."""
    provider: Text
    model: Text
    digest: Text
    """Of the model that was asked, as the server said at the start."""
    answered_by: Text
    """Digest of the model that answered; another one when it was replaced meanwhile."""
    server: Text
    prompt: Text
    """Name and version."""
    prompt_sha256: Text
    template: Text
    """The prompt's file, so that it can be rendered again."""
    masked: Flag
    status: Count
    outcome: CallOutcome
    done_reason: Text
    prompt_tokens: Count
    answer_tokens: Count
    latency: Count
    """Microseconds."""
    from_cache: Flag
    """1 when the answer had been recorded before, and nothing was sent."""
    error: Text
    """Why there is no usable answer on the wire."""
    fault: Text
    """Why nothing in it was used; empty for an answer that counts."""
    content: Text
    """The model's words; foreign text, as are request and response."""
    request: Text
    """Bytes as text: UTF-8, or ``base64:`` and the bytes where they are none."""
    response: Text
