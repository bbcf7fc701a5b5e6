"""Walking forward: an expanding past to choose from, and folds of days after it to be judged on."""

from itertools import pairwise
from typing import Final, NamedTuple

from alphastrike.model.errors import ConfigurationError

FOLDS: Final = 8
FOLD_DAYS_MIN: Final = 14
CHOOSING_DAYS_MIN: Final = 60
"""Days on which something may trade before the first choice is made."""
PAST_SHARE: Final = 0.3
"""Of the market that comes before the first fold, where the market is long."""


class Fold(NamedTuple):
    """Days [begin, end) of the market, numbered from 0: judged with choices made from the days before ``begin``."""

    begin: int
    end: int

    @property
    def days(self) -> int:
        """How many."""
        return self.end - self.begin


def walk_forward(days: int, first: int, folds: int = FOLDS, past: int | None = None) -> tuple[Fold, ...]:
    """Cut the end of a market into folds of equal length, to the day, that follow one another without a gap.

    Daily returns are known at the day's end and no outcome reaches beyond it, so nothing needs to be left out
    between the past and a fold.

    Args:
        days: of the market.
        first: day on which something may trade for the first time; the past before the first fold begins here.
        folds: how many.
        past: days before the first fold; by default three tenths of the market, and at least ``CHOOSING_DAYS_MIN``
            days after ``first``.

    Raises:
        ConfigurationError: the market is too short.
    """
    needed = first + CHOOSING_DAYS_MIN
    begin = max(round(PAST_SHARE * days), needed) if past is None else past
    if begin < needed:
        raise ConfigurationError(
            f"{begin} days before the first fold are too few: nothing trades for {first} days, and a choice needs "
            f"{CHOOSING_DAYS_MIN} more. Pass --past {needed} or more."
        )
    if days - begin < folds * FOLD_DAYS_MIN:
        raise ConfigurationError(
            f"the market has {days} days; walking forward needs {begin + folds * FOLD_DAYS_MIN}: {begin} to choose "
            f"from (nothing trades on the first {first}) and {folds} folds of at least {FOLD_DAYS_MIN}. Take a longer "
            "market, or fewer --folds."
        )
    borders = [begin + (days - begin) * number // folds for number in range(folds + 1)]
    return tuple(Fold(*each) for each in pairwise(borders))
