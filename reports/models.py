"""How the models behind arms did, as a table for page and terminal."""

from typing import Final

from replay.compare import Comparison
from reports import numerals

HEADERS: Final = (
    "model", "asked", "valid", "no-op", "no valid call", "out of bounds", "late", "calls", "tokens", "latency",
)  # fmt: skip

MEANING: Final = (
    "Valid: at least one call stood, in time; no-op: of these, nothing changed. Without a valid call, or late, "
    "on_failure answered. Out of bounds: a number or choice that was not offered. Latency: median, longest, seconds."
)


def model_rows(comparison: Comparison) -> list[list[str]]:
    """Return one row an arm that a model answered for; none where nobody asked one."""
    rows = []
    for arm in comparison.arms:
        if arm.model is None:
            continue
        did = arm.model
        counts = (
            did.asked,
            did.valid,
            did.no_op,
            did.no_valid_call,
            did.out_of_bounds,
            did.late,
            did.calls,
            did.tokens,
        )
        latency = numerals.ABSENT
        if did.latency_median_s is not None and did.latency_max_s is not None:
            latency = f"{numerals.number(did.latency_median_s, 2)}, {numerals.number(did.latency_max_s, 2)}"
        rows.append([arm.name, *(numerals.number(count, 0) for count in counts), latency])
    return rows
