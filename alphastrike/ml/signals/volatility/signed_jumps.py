"""Buyers overpay for jumps upwards."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.VOLATILITY)
def signed_jumps(semivariance_balance_168: float) -> float:
    """A week's upside less downside semivariance, over both, faded; a balance of 0.33 scores -0.71.

    The measure is that of Patton and Sheppard (2015), "Good Volatility, Bad Volatility: Signed Jumps and the
    Persistence of Volatility"; that what jumped up earns less next week that of Bollerslev, Li and Zhao (2020), "Good
    Volatility, Bad Volatility, and the Cross Section of Stock Returns".
    """
    return -squash(3.0 * semivariance_balance_168)
