"""Where the whole effect comes from: waterfalls of Shapley parts, by intervention and by kind."""

from collections.abc import Sequence
from typing import Final

from replay.attribution import Share
from replay.worth import Worths
from reports import falls, worth_rows
from reports.effects import thousandths

WHOLE: Final = "all interventions"
REST: Final = "the other {count}"


def waterfalls(worths: Worths) -> list[falls.Fall]:
    """Draw the whole by intervention, and grouped by trigger, tool and symbol."""
    if not worths.attribution.players:
        return []
    return [
        falls.fall(
            "By intervention", _steps(worths), thousandths, total=WHOLE, rest=REST,
            error_of=lambda members: worths.attribution.of(members)[1],
        ),
        _grouped("By trigger", worths.by_trigger),
        _grouped("By tool", worths.by_tool),
        _grouped("By symbol", worths.by_symbol),
    ]  # fmt: skip


def _steps(worths: Worths) -> list[falls.Step]:
    told = {each.number: each for each in worths.interventions}
    found = worths.attribution
    steps = []
    for entry, part, error in zip(found.players, found.parts, found.errors, strict=True):
        worth = told.get(entry.number)
        label = f"situation {entry.situation}: halt for a failed answer"
        if worth is not None:
            label = f"{worth.number} · {worth_rows.called(worth)}"
        steps.append(falls.Step(label, float(part), float(error), f"s{entry.situation}"))
    return steps


def _grouped(name: str, groups: Sequence[Share]) -> falls.Fall:
    steps = [
        falls.Step(f"{each.label.replace('_', ' ')} ({each.interventions:,})", each.part, each.error) for each in groups
    ]
    return falls.fall(name, steps, thousandths, total=WHOLE, rest=REST)


def told(worths: Worths, policy: str) -> str:
    """Say what the whole is, how it was shared, and how far simpler counts are from it."""
    found = worths.attribution
    if found.is_exact:
        how = "every coalition was computed, so the parts are exact"
    else:
        how = f"{found.permutations:,} orders were drawn, half of them the others’ reverse, seed {found.seed}"
    return (
        f"All interventions of {policy} together moved log equity by {thousandths(found.total)} ‰ by the end of the "
        f"run, against none of them, nobody asked again. Shared out fairly, whichever came first ({how}), it comes "
        "from these. "
        f"Leaving each one out in turn adds up to {thousandths(worths.left_out)} ‰, adding each one alone to "
        f"{thousandths(worths.added)} ‰: the remainders, {thousandths(worths.left_out_remainder)} ‰ and "
        f"{thousandths(worths.added_remainder)} ‰, are what interventions do to one another."
    )
