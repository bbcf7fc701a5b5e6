"""How a model did as a policy: answers that were worth something, their latency and their tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.compiled import Records
from alphastrike.policy.faults import Fault
from alphastrike.policy.settings import is_model
from alphastrike.runs.model_calls import ANSWERS, CALLS

_KINDS = ("situations", "advice", "tool_calls", CALLS, ANSWERS)

NOT_IN_TIME: Final = "no answer before the deadline"
"""Why ``on_failure`` answered where the model was late, as the engine words it."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Counts over the situations of one run or arm. Every answered one is valid, without a valid call, or late."""

    asked: int
    """Situations."""
    valid: int
    """Situations in which at least one call stood, in time."""
    no_valid_call: int
    """Answered by ``on_failure``, because no call stood or the model could not be asked."""
    late: int
    """Answered by ``on_failure``, because nothing had come at the deadline."""
    no_op: int
    """Of the valid: nothing changed, by ``no_action`` or by calls that were redundant."""
    out_of_bounds: int
    """Situations in which a number or a choice was none of those offered, in whatever attempt."""
    calls: int
    """Requests, whether sent or found in the store."""
    sent: int
    """Requests that a server was sent."""
    tokens: int
    """Of prompts and answers."""
    latency_median_s: float | None
    """From a question to its answer; ``None`` when nothing was answered."""
    latency_max_s: float | None
    modal_share: float | None
    """Mean share of the samples that said what was applied; ``None`` without samples to compare."""

    def line(self) -> str:
        """Say it in one line."""
        took = ""
        if self.latency_median_s is not None and self.latency_max_s is not None:
            took = f"; latency {self.latency_median_s:.2f} s (longest {self.latency_max_s:.2f} s)"
        agree = "" if self.modal_share is None else f"; samples agree to {100.0 * self.modal_share:.0f} %"
        return (
            f"The model answered {self.valid:,} of {self.asked:,} situations ({self.no_op:,} no-op; "
            f"{self.no_valid_call:,} no valid call, {self.out_of_bounds:,} out of bounds, {self.late:,} late) in "
            f"{self.calls:,} calls, {self.sent:,} of them sent; {self.tokens:,} tokens{took}{agree}"
        )


def facts_of(run: Run) -> ModelFacts:
    """Return how the model of a run did."""
    return model_facts({name: run.rows(name) for name in _KINDS})


def facts_if_model(run: Run) -> ModelFacts | None:
    """Return how the model of a run did; ``None`` when its policy is none."""
    return facts_of(run) if is_model(run.manifest.policy) else None


def model_facts(tables: Mapping[str, Any]) -> ModelFacts:
    """Return how a model did.

    Args:
        tables: records of ``situations``, ``advice``, ``tool_calls``, ``llm_calls`` and ``llm_answers``.
    """
    advice: Records = tables["advice"]
    acted = advice[advice["late"] == 0]
    late = {int(row["situation"]) for row in acted if str(row["failed"]) == NOT_IN_TIME}
    failed = {int(row["situation"]) for row in acted if row["failed"]}
    valid = {int(row["situation"]) for row in acted} - failed - late
    effective = {
        int(row["situation"])
        for row in tables["tool_calls"]
        if row["verdict"] == CallVerdict.ACCEPTED and row["tool"] not in (Tool.NO_ACTION, Tool.SEND_ALERT)
    }
    calls, answers = tables[CALLS], tables[ANSWERS]
    beyond = {
        int(row["situation"])
        for row in tables["tool_calls"]
        if row["verdict"] == CallVerdict.REJECTED and str(row["rejection"]).startswith(Fault.OUT_OF_BOUNDS)
    }
    beyond |= {
        int(str(row["key"]).rpartition(" ")[2]) for row in calls if str(row["fault"]).startswith(Fault.OUT_OF_BOUNDS)
    }
    # Nothing was waited for where nothing could be asked.
    took = np.asarray(answers["latency"][answers["samples"] > 0], dtype=np.float64) / 1e6
    several = answers["modal_share"][answers["samples"] > 1]
    return ModelFacts(
        asked=len(tables["situations"]),
        valid=len(valid),
        no_valid_call=len(failed - late),
        late=len(late),
        no_op=len(valid - effective),
        out_of_bounds=len(beyond),
        calls=len(calls),
        sent=int(len(calls) - np.count_nonzero(calls["from_cache"])),
        tokens=int(answers["tokens"].sum()),
        latency_median_s=float(np.median(took)) if len(took) else None,
        latency_max_s=float(took.max()) if len(took) else None,
        modal_share=float(np.mean(several)) if len(several) else None,
    )
