"""How sure one may be: of a run's effect, of one intervention's, and of the best of many.

One idea a module: ``blocks`` draws a series of days again, ``intervals`` says what that allows one to say about a
difference, ``clusters`` and ``bands`` speak of episodes, ``jackknife`` of the week that drives everything, ``many`` of
several policies at once, ``student`` of few observations. What is used throughout is named here.
"""

from replay.inference.bands import Band, simultaneous_band
from replay.inference.blocks import (
    BLOCK_DAYS,
    BLOCKS_MIN,
    DRAWS,
    SEED,
    Bootstrap,
    block_days,
    bootstrap_for,
    long_enough,
    stationary_blocks,
)
from replay.inference.clusters import EPISODES_MIN, Clustered, cluster_interval, episodes_needed
from replay.inference.intervals import (
    LABEL,
    LEVEL,
    Interval,
    growth_interval,
    own_sharpe_interval,
    sharpe_interval,
    window_interval,
)
from replay.inference.jackknife import Jackknife, jackknife
from replay.inference.many import (
    Several,
    benjamini_hochberg,
    confidence_set,
    several,
    spa,
    stepm,
)

__all__ = [
    "BLOCKS_MIN",
    "BLOCK_DAYS",
    "DRAWS",
    "EPISODES_MIN",
    "LABEL",
    "LEVEL",
    "SEED",
    "Band",
    "Bootstrap",
    "Clustered",
    "Interval",
    "Jackknife",
    "Several",
    "benjamini_hochberg",
    "block_days",
    "bootstrap_for",
    "cluster_interval",
    "confidence_set",
    "episodes_needed",
    "growth_interval",
    "jackknife",
    "long_enough",
    "own_sharpe_interval",
    "several",
    "sharpe_interval",
    "simultaneous_band",
    "spa",
    "stationary_blocks",
    "stepm",
    "window_interval",
]
