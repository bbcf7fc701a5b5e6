"""A waterfall of many steps: the largest one by one, the others as one, and every running sum beside it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from reports.figures import scale_around_zero

STEPS_MAX: Final = 20
"""Steps drawn one by one."""


class Step(NamedTuple):
    """One summand."""

    label: str
    value: float
    error: float = 0.0
    """One standard error; 0 when the value is exact."""
    link: str = ""
    """Where in the page it is told of; empty for nowhere."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One step, from where the step before it ended; places in percent of the width."""

    label: str
    link: str
    begin: float
    width: float
    join: float
    """Where it ends: the next one begins here."""
    told: str
    error: str
    stands: str
    """The sum so far."""
    falls: bool
    is_total: bool = False
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Fall:
    """Steps that visibly add up to their total."""

    name: str
    zero: float
    steps: list[Drawn]


def fall(
    name: str,
    steps: Sequence[Step],
    told: Callable[[float], str],
    *,
    total: str,
    rest: str,
    most: int = STEPS_MAX,
    error_of: Callable[[list[int]], float] = lambda _: 0.0,
) -> Fall:
    """Draw steps from zero to their sum, the largest first; what is beyond ``most`` of them is one step.

    Args:
        name: of the waterfall.
        steps: the summands, all of them.
        told: writes a value.
        total: label of the sum.
        rest: label of the others, with ``{count}`` where their number stands.
        most: steps drawn one by one.
        error_of: gives the standard error of the sum of some steps, by their numbers: sampled together, they lean
            against each other, so that it does not follow from their own.
    """
    ordered = sorted(range(len(steps)), key=lambda number: -abs(steps[number].value))
    one_by_one, others = (ordered, []) if len(ordered) <= most + 1 else (ordered[:most], ordered[most:])
    shown = [steps[number] for number in one_by_one]
    if others:
        value = math.fsum(steps[number].value for number in others)
        shown.append(Step(rest.format(count=f"{len(others):,}"), value, error_of(others)))
    stands = [0.0]
    for step in shown:
        stands.append(stands[-1] + step.value)
    scale = scale_around_zero(stands)

    def drawn(step: Step, begin: float, end: float, *, is_total: bool = False, is_rest: bool = False) -> Drawn:
        left, right = sorted((scale.place(begin), scale.place(end)))
        return Drawn(
            label=step.label,
            link=step.link,
            begin=left,
            width=round(right - left, 3),
            join=scale.place(end),
            told=told(step.value),
            error=told(step.error).lstrip("+") if step.error > 0.0 else "",
            stands=told(end),
            falls=end < begin,
            is_total=is_total,
            is_rest=is_rest,
        )

    made = [
        drawn(step, stands[place], stands[place + 1], is_rest=bool(others) and place == len(shown) - 1)
        for place, step in enumerate(shown)
    ]
    whole = Step(total, math.fsum(step.value for step in steps))
    return Fall(name, scale.place(0.0), [*made, drawn(whole, 0.0, whole.value, is_total=True)])
