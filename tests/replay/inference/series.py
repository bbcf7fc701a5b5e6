"""Series whose answer is known."""

import numpy as np


def returns(seed: int, mean: float = 0.0, days: int = 365) -> np.ndarray:
    """Independent normal days, 2 % volatility."""
    return np.random.default_rng(seed).normal(mean, 0.02, days)


def autoregression(seed: int, rho: float, days: int) -> np.ndarray:
    """Each day rho of the day before and a normal shock; mean zero."""
    shocks = np.random.default_rng(seed).normal(0.0, 1.0, days + 100)
    values = np.zeros(days + 100)
    for day in range(1, days + 100):
        values[day] = rho * values[day - 1] + shocks[day]
    return values[100:]


def bursts(seed: int, days: int, gap: float = 20.0, length: float = 3.0, mean: float = 0.3) -> np.ndarray:
    """Exactly zero outside of episodes, as the difference of two arms is.

    Gaps are exponential, lengths 1 + Poisson; inside, Student's t with 5 degrees of freedom around ``mean`` spreads.
    """
    chance = np.random.default_rng(seed)
    values = np.zeros(days)
    day = int(chance.exponential(gap))
    while day < days:
        lasts = 1 + chance.poisson(length - 1.0)
        shocks = mean + chance.standard_t(5, lasts) * 0.6**0.5
        values[day : day + lasts] = 0.01 * shocks[: days - day]
        day += lasts + int(chance.exponential(gap))
    return values
