"""A move on unusual volume knows something."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.VOLUME, smooth_bars=24)
def volume_surge(momentum_24: float, volume_change_168: float, volatility_168: float) -> float:
    """A day's return, followed as far as its volume exceeds the week's; nothing on ordinary volume.

    Twice the usual volume counts 0.81. Zero when nothing moved. After Llorente, Michaely, Saar and Wang (2002),
    "Dynamic Volume-Return Relation of Individual Stocks": where traders act on what they know, moves on high volume
    go on.
    """
    spread = volatility_168 * math.sqrt(24.0)
    if not spread > 0.0 or volume_change_168 <= 0.0:
        return 0.0
    return squash(momentum_24 / spread) * squash(2.0 * volume_change_168)
