"""What a page takes from the recorded run itself: what was asked and answered, and which events lie where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alphastrike.engine.history import derived_kinds
from alphastrike.journal.reader import Run
from alphastrike.runs.model_facts import ModelFacts, facts_if_model
from alphastrike.runs.transcript import transcript
from replay.answers import AnsweredSituation, answers
from replay.effect import Integers
from reports import numerals


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded run as a page tells of it."""

    answers: Sequence[AnsweredSituation]
    times: Integers
    """(T,) of the ticks, microseconds UTC."""
    market_seq: Integers
    """(T,) of the ticks."""
    messages: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """A model's answers as they came, by situation: foreign text."""
    model: ModelFacts | None = None
    """How the model did; ``None`` where none was asked."""

    def events(self, begin: int, end: int) -> str:
        """Name the market events in (begin, end], and those times."""
        last_time = int(self.times[-1])
        first, last = (max(int(row), 0) for row in np.searchsorted(self.times, [begin, end], side="right") - 1)
        cut = ", cut off by the end of the run" if end > last_time else ""
        return (
            f"market events {int(self.market_seq[first]) + 1:,} to {int(self.market_seq[last]):,}, "
            f"{numerals.time(begin)} to {numerals.time(min(end, last_time))} UTC{cut}"
        )


def recorded(run: Run) -> Recorded:
    """Read a run.

    Raises:
        DataError: it is damaged.
    """
    tables = {kind: run.rows(kind) for kind in derived_kinds()}
    ticks = run.rows("ticks")
    model = facts_if_model(run)
    said = transcript(run) if model is not None else []
    return Recorded(
        answers=answers(tables, tuple(run.symbols), None),
        times=np.asarray(ticks["event_time"]),
        market_seq=np.asarray(ticks["market_seq"]),
        messages={told.situation: [call.content for call in told.calls if call.content] for told in said},
        model=model,
    )
