"""Be greedy when others are fearful."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.SENTIMENT, horizon_bars=168)
def fear_and_greed(fear_greed_level: float) -> float:
    """The fear and greed index, faded at its extremes: 20 scores 0.65, 40 only 0.03, 80 scores -0.65.

    Abstains where the index is not among the market's external series. After Baker and Wurgler (2007), "Investor
    Sentiment in the Stock Market": prices pushed by sentiment come back, those hardest to value most.
    """
    mood = (fear_greed_level - 50.0) / 50.0
    return -squash(4.0 * mood * mood * mood)
