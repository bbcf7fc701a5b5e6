"""The small traders are all on one side."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.SENTIMENT)
def crowd(crowd_lean_168: float) -> float:
    """The long/short account ratio's turn within its week, faded; 20 % more longs than usual score -0.67.

    Abstains where the market does not report it. After Fisher and Statman (2000), "Investor Sentiment and Stock
    Returns": what individual investors expect is a contrary indicator.
    """
    return -squash(5.0 * crowd_lean_168)
