"""How sure one may be: of a run's effect, of one intervention's, and of the best of many.

One idea a module: ``blocks`` draws a series of days again, ``intervals`` says what that allows one to say about a
difference, ``clusters`` and ``bands`` speak of episodes, ``jackknife`` of the week that drives everything, ``many`` of
several policies at once, ``student`` of few observations. What is used throughout is named here.
"""

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

__all__ = [
    "BLOCKS_MIN",
    "BLOCK_DAYS",
    "DRAWS",
    "EPISODES_MIN",
    "LABEL",
    "LEVEL",
    "SEED",
    "Bootstrap",
    "Clustered",
    "Interval",
    "block_days",
    "bootstrap_for",
    "cluster_interval",
    "episodes_needed",
    "growth_interval",
    "long_enough",
    "own_sharpe_interval",
    "sharpe_interval",
    "stationary_blocks",
    "window_interval",
]
