"""What a market may tell beside prices, funding and marks: the series by symbol, in the order the engine keeps them."""

from typing import Final

SERIES: Final = (
    "taker_buy_volume",
    "trades",
    "open_interest",
    "long_short_ratio",
    "bid",
    "bid_size",
    "ask",
    "ask_size",
    "long_liquidated",
    "short_liquidated",
)
"""Base units bought by takers, number of trades, base units open, long over short accounts, the best bid and ask in
quote per base with their sizes in base, and the quote notional of long and of short positions liquidated."""

TAKER_BUY_VOLUME, TRADES, OPEN_INTEREST, LONG_SHORT_RATIO = 0, 1, 2, 3
BID, BID_SIZE, ASK, ASK_SIZE = 4, 5, 6, 7
LONG_LIQUIDATED, SHORT_LIQUIDATED = 8, 9
