"""What a model is asked, as it goes to a server."""

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Messages: TypeAlias = tuple[Message, ...]
"""A conversation in its order."""
