"""Where the randomness of simulated markets comes from: one counter-based stream a purpose, keyed by the seed.

A stream depends on nothing but the seed and its purpose, so that the path of a symbol stays the same whichever
other symbols are simulated beside it. Whoever draws several arrays takes a stream for each: then the beginning of a
market does not depend on how long it is. NumPy keeps the bits of Philox for good and those of its distributions
within a version.
"""

import hashlib
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

TAIL_DEGREES: Final = 4.5
"""Degrees of freedom of the shocks, Student's t."""

SQUARE_MAX: Final = 20.0
MEAN_CAPPED_SQUARE: Final = 0.9533
"""Mean of a squared shock of ``TAIL_DEGREES`` cut off at ``SQUARE_MAX``, by numerical integration."""


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose, for instance ``shocks BTCUSDT``."""
    key = hashlib.blake2b(f"alphastrike simulate {seed} {purpose}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def student(generator: np.random.Generator, count: int, degrees: float = TAIL_DEGREES) -> Reals:
    """Return draws of Student's t scaled to unit variance; ``degrees`` above 2."""
    return np.asarray(generator.standard_t(degrees, count) * np.sqrt((degrees - 2.0) / degrees))


def wandering(generator: np.random.Generator, count: int, half_life: float, deviation: float) -> Reals:
    """Return a stationary first-order autoregression (Gaussian) around zero.

    Args:
        generator: its stream.
        count: number of steps.
        half_life: steps after which half of a shock is left.
        deviation: standard deviation of the values.
    """
    keep = 2.0 ** (-1.0 / half_life)
    shocks = generator.standard_normal(count) * (deviation * np.sqrt(1.0 - keep * keep))
    # The first value is the stationary state itself, or the beginning would be calmer than the rest.
    shocks[:1] /= np.sqrt(1.0 - keep * keep)
    return np.array(list(accumulate(shocks.tolist(), lambda value, shock: keep * value + shock)))


def clustered(squares: Reals, half_life: float) -> Reals:
    """Return the variance multiple of every step, a GARCH(1,1) of mean one driven by squared unit shocks.

    A step sees only earlier shocks. The reaction is scaled with the persistence so that the variance varies as much
    at any bar interval. After Bollerslev (1986), "Generalized Autoregressive Conditional Heteroskedasticity".

    Args:
        squares: squared shocks of unit variance, Student's t with ``TAIL_DEGREES``.
        half_life: steps after which half of a burst is left.
    """
    keep = 2.0 ** (-1.0 / half_life)
    react = min(0.35 * np.sqrt(1.0 - keep), 0.5 * keep)
    # Capped: one wild draw of a fat tail must not set the variance for a week. Divided by what is left on average,
    # or the multiple would sink below one.
    capped = np.minimum(squares, SQUARE_MAX) / MEAN_CAPPED_SQUARE
    variance = 1.0
    values = []
    for square in capped.tolist():
        values.append(variance)
        variance = (1.0 - keep) + variance * (keep - react + react * square)
        variance = min(variance, 12.0)
    return np.array(values)
