"""Be paid for holding: stand against whoever pays funding."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.DERIVATIVES)
def carry(funding_168: float) -> float:
    """A week's funding against its usual level: short when longs pay more, long when they pay less.

    The usual level is the interest component of the funding formula, 0.01 % at each of a week's 21 settlements;
    half of that above it scores -0.45. After Koijen, Moskowitz, Pedersen and Vrugt (2018), "Carry".
    """
    usual = 21.0 * 0.0001
    return -squash((funding_168 - usual) / usual)
