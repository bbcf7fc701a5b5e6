"""Lottery tickets are dear."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.STATISTICAL)
def lottery_demand(skewness_168: float) -> float:
    """The skewness of a week's returns, faded: what has jumped up is bought as a lottery ticket; 2 scores -0.71.

    After Amaya, Christoffersen, Jacobs and Vasquez (2015), "Does Realized Skewness Predict the Cross-Section of
    Equity Returns?".
    """
    return -squash(0.5 * skewness_168)
