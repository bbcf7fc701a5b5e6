"""Mondays are different."""

from alphastrike.ml.declare import Category, signal


@signal(Category.SEASONALITY)
def monday(monday_share_next_day: float) -> float:
    """Long into and through Monday (UTC): the share of the next day that lies in it; otherwise nothing.

    After Caporale and Plastun (2019), "The Day of the Week Effect in the Cryptocurrency Market", who find it in
    bitcoin and not in the other coins.
    """
    return monday_share_next_day
