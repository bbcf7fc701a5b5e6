"""One measured figure: what it is, what it should be, and how far it is from that."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the bench; ``value`` is None when it was not measured, and ``note`` says why."""

    section: str
    what: str
    value: float | None
    unit: str
    goal: float | None = None
    better: Better = "more"
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a value."""
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.better == "more" else self.value <= self.goal

    @property
    def verdict(self) -> str:
        """Met, or by what share of the goal it is short; empty without a goal."""
        if self.is_met is None:
            return "" if self.goal is None else "not measured"
        assert self.value is not None
        assert self.goal is not None
        if self.is_met:
            return "met"
        return f"short by {abs(self.value - self.goal) / self.goal:.0%}"
