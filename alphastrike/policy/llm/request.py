"""What a model is asked, and the key under which its answer is kept: the hash of everything that determines it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

KEY_VERSION: Final = 1
"""Raised when the same request would get another key: recordings of before are then not found."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Messages: TypeAlias = tuple[Message, ...]
"""A conversation in its order."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One question to a model, whole: two equal requests could have got the same answer."""

    provider: str
    """Name of the provider: ``ollama`` or ``openai``."""
    model: str
    digest: str
    """Hash of the model's weights, template and parameters; :func:`unverified` where the server tells none."""
    messages: Messages
    schema: Mapping[str, Any]
    """JSON schema of the answer, without references. The order of its keys is the order of generation."""
    options: Mapping[str, int | float | str | bool]
    """Every sampling option that is sent, by Ollama's names."""
    keep_alive: str = "24h"
    """How long the server keeps the model loaded afterwards; changes no answer."""
    sample: int = 0
    """Number of this answer among several to one situation, from 0."""
    attempt: int = 0
    """0 for the first question, 1 for the one after an unusable answer."""
    think: bool = False
    """Whether the model may reason before its answer; some ignore the schema when they do."""

    @property
    def parts(self) -> dict[str, str]:
        """SHA-256 of each part that determines the answer, by its name: where two differ, the requests do."""
        return {
            name: hashlib.sha256(_canonical(part).encode()).hexdigest()
            for name, part in (
                ("key_version", KEY_VERSION),
                ("provider", self.provider),
                ("model", self.model),
                ("digest", self.digest),
                ("messages", [[message.role, message.content] for message in self.messages]),
                ("schema", self.schema),
                ("options", {name: _plain(self.options[name]) for name in sorted(self.options)}),
                ("think", self.think),
                ("sample", self.sample),
                ("attempt", self.attempt),
            )
        }

    @property
    def key(self) -> str:
        """SHA-256 of all parts, in hexadecimal."""
        return hashlib.sha256(_canonical(self.parts).encode()).hexdigest()


def unverified(model: str) -> str:
    """Return what stands for the digest of a model whose server tells none."""
    return f"unverified:{model}"


def _canonical(part: object) -> str:
    """Return the part as JSON text; an object's keys stay in their order, which may mean something."""
    return json.dumps(part, separators=(",", ":"), allow_nan=False)


def _plain(option: float | str | bool) -> float | str | bool:
    """Return the option so that 0 and 0.0 are written alike."""
    return int(option) if isinstance(option, float) and option.is_integer() else option
