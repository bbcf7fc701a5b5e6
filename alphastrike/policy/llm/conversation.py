"""What was asked about one situation and what came of it, and how far several answers agree."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alphastrike.policy.llm.completion import Completion
from alphastrike.policy.llm.prompt import Prompt
from alphastrike.policy.llm.request import CompletionRequest
from alphastrike.policy.normalise import Parsed
from alphastrike.policy.policies import Answered
from alphastrike.policy.situation import Situation


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request and what came of it."""

    request: CompletionRequest
    completion: Completion
    from_cache: bool
    """Whether the answer had been recorded before, and nothing was sent."""
    fault: str
    """``label: detail`` of why nothing in it was used, in words of ours; empty when it counts."""
    parsed: Parsed | None
    """What was read; ``None`` when there was nothing to read."""


class Agreement(NamedTuple):
    """How far the answers of several samples say the same."""

    samples: int
    modal_share: float
    """Share of the samples that said what was taken, 0 to 1."""
    entropy: float
    """Of what was said, bits: 0 when all said the same."""


NOTHING_ASKED = Agreement(0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that was asked about a situation, and the answer that the engine was given."""

    situation: Situation
    prompt: Prompt
    masked: bool
    attempts: tuple[Attempt, ...]
    """In the order in which they were made."""
    answered: Answered
    agreement: Agreement

    @property
    def calls_made(self) -> int:
        """Requests that were sent, not found."""
        return sum(not attempt.from_cache for attempt in self.attempts)


def agreement(said: Sequence[Hashable], taken: int) -> Agreement:
    """Return how far the samples agree; equal values say the same.

    Args:
        said: what each sample said, at least one.
        taken: place of the one that is applied.
    """
    counts = Counter(said)
    shares = [count / len(said) for count in counts.values()]
    entropy = -sum(share * math.log2(share) for share in shares)
    return Agreement(len(said), counts[said[taken]] / len(said), entropy + 0.0)


def modal(said: Sequence[Hashable], usable: Sequence[bool]) -> int:
    """Return the place of the first sample that says what most usable ones say; the first that says it of a tie.

    Without a usable one it is the last sample, whose failure is the latest news.
    """
    counts = Counter(one for one, counts_too in zip(said, usable, strict=True) if counts_too)
    if not counts:
        return len(said) - 1
    most = max(counts.values())
    return next(place for place, one in enumerate(said) if usable[place] and counts[one] == most)
