"""The scorecard's part on situations and triggers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from experiments.scorecard_scores import COVERAGE, Mean
from experiments.scorecard_text import shown_percent, shown_share, table

if TYPE_CHECKING:
    from experiments.scorecard_moments import Watched

OPENING: Final = """## Situations and triggers: what acting at them is worth, and whether they are well timed

    make scorecard ARGS='--only moments'

{seeds:,} worlds of two kinds, described under *Tuning* below: a fair game in which nobody acts and acting is worth
nothing at any time; and runs of losses that warn, asked about after 8 in a row, where its worth is the mean over
{seeds:,} *other* worlds. At every asking, and once a day beside them, half the size is tried for a day, alone, and
valued 7 days on, as `explain` does. The interval is that of the mean over situations with their clusters as the
observations.
"""

TIMED: Final = """
A moment *needs* acting where that gains more than the floor, the median of what a placebo moves. *Any time* is the
share of the daily moments that needed it, *precision* the share of the askings; *better* and *worse timed* are worlds
in which Wilson's interval of the precision leaves the share at any time out.
"""

NOTE: Final = """
The floor leaves out what moves nothing; it does not tell luck from need. In a fair game acting is *needed* at
{base} of all moments, and a precision means something only beside that share.
"""


def moments_part(card: Sequence["Watched"], seeds: int) -> str:
    """Return the part of the page in Markdown."""
    fair = card[0]
    note = NOTE.format(base=shown_percent(round(fair.base.value, 2)))
    return "\n".join([OPENING.format(seeds=seeds), _means(card) + TIMED, _timed(card) + note])


def _means(card: Sequence["Watched"]) -> str:
    low, high = COVERAGE
    rows = [
        (
            each.name,
            "0" if each.truth.worlds == 0 else _per_mille(each.truth),
            f"{each.situations:.0f}",
            f"{each.clusters:.0f}",
            shown_share(each.covered),
            "yes" if each.covered.is_within(low, high) else "no",
            shown_share(each.better),
            shown_share(each.worse),
        )
        for each in card
    ]
    headers = ("worlds", "true worth of an asking, ‰", "situations", "clusters", "interval holds it",
               f"{shown_percent(low)} to {shown_percent(high)}", "above zero", "below zero")  # fmt: skip
    return table(headers, rows, words=1)


def _timed(card: Sequence["Watched"]) -> str:
    rows = [
        (each.name, _percents(each.base), _percents(each.precision), shown_share(each.above), shown_share(each.below))
        for each in card
    ]
    return table(("worlds", "any time", "precision", "better timed", "worse timed"), rows, words=1)


def _per_mille(mean: Mean) -> str:
    return f"{1e3 * mean.value:+.3f} ± {1e3 * mean.error:.3f}"


def _percents(mean: Mean) -> str:
    return f"{100 * mean.value:.1f} ± {100 * mean.error:.1f} %"
