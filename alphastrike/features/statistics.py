"""How returns are spread."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import log_change, ratio, trailing_sum


@feature(Family.STATISTICS, window=169)
def skewness_168(bars: Bars) -> Column:
    """Skewness of one-bar log returns over 168 bars, around zero: positive when the large moves went up.

    Zero while nothing moved. The realised skewness of Amaya, Christoffersen, Jacobs and Vasquez (2015), without
    their factor for the number of bars.
    """
    change = log_change(bars.close, 1)
    square = change * change
    variance = trailing_sum(square, 168) / 168.0
    cubes = trailing_sum(square * change, 168) / 168.0
    return np.where(variance == 0.0, 0.0, ratio(cubes, variance * np.sqrt(variance)))
