"""What only all symbols together tell."""

from alphastrike.features.bars import Column
from alphastrike.features.declare import across
from alphastrike.features.windows import mean_of_others


@across
def others_momentum_72(momentum_72: Column) -> Column:
    """Mean log return of the other symbols over 72 bars; NaN while there is no other."""
    return mean_of_others(momentum_72)


@across
def others_momentum_168(momentum_168: Column) -> Column:
    """Mean log return of the other symbols over 168 bars; NaN while there is no other."""
    return mean_of_others(momentum_168)


@across
def others_momentum_720(momentum_720: Column) -> Column:
    """Mean log return of the other symbols over 720 bars; NaN while there is no other."""
    return mean_of_others(momentum_720)
