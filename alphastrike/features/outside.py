"""What is known from outside the market: series by name, the same number for every symbol."""

from alphastrike.features.bars import Column
from alphastrike.features.declare import external
from alphastrike.features.windows import log_change, log_ratio, trailing_mean


@external(window=1)
def fear_greed_level(fear_greed: Column) -> Column:
    """The fear and greed index as last published: 0 is extreme fear, 100 extreme greed."""
    return fear_greed


@external(window=672)
def search_surprise_672(search_interest: Column) -> Column:
    """Log of search interest over its mean of 672 bars, four weeks of hours; NaN at an interest of zero."""
    return log_ratio(search_interest, trailing_mean(search_interest, 672))


@external(window=169)
def stablecoin_change_168(stablecoin_supply: Column) -> Column:
    """Log change of the stablecoins in circulation (USD) over 168 bars."""
    return log_change(stablecoin_supply, 168)


@external(window=481)
def dollar_change_480(dxy: Column) -> Column:
    """Log change of the dollar index over 480 bars, twenty days of hours."""
    return log_change(dxy, 480)


@external(window=481)
def equity_change_480(spx: Column) -> Column:
    """Log change of the equity index over 480 bars, twenty days of hours."""
    return log_change(spx, 480)


@external(window=169)
def dominance_change_168(btc_dominance: Column) -> Column:
    """Log change of bitcoin's share of all coins' value over 168 bars."""
    return log_change(btc_dominance, 168)
