"""Who searches, buys."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.ALTERNATIVE, horizon_bars=168)
def search_attention(search_surprise_672: float) -> float:
    """Search interest against its mean of four weeks, followed; half as much again scores 0.63.

    Abstains where it is not among the market's external series. After Da, Engelberg and Gao (2011), "In Search of
    Attention"; for coins Liu and Tsyvinski (2021), "Risks and Returns of Cryptocurrency".
    """
    return squash(2.0 * search_surprise_672)
