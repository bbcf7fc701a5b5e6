"""Limits of the validator's tests, by feature. Written by ``python -m experiments.calibrate_validator``.

What each statistic exceeds on 0.2% of days when nothing drifts, found by drawing blocks of 14 days:
20,000 pairs of a current window of 14 days and a reference of 90, hourly decisions,
generator seed 20261122. ``STATIONARY`` is from simulated stationary markets (seeds 1000 to 1029,
400 days, 5 symbols), ``REAL`` from the first 730 days of
BTCUSDT, ETHUSDT, SOLUSDT, BNBUSDT, ADAUSDT (market hash a2d19441e5d6, from 2022-01-01).
"""

from typing import Final, NamedTuple

REFERENCE_DAYS: Final = 90
CURRENT_DAYS: Final = 14
"""Lengths of the windows that the limits belong to."""


class Limit(NamedTuple):
    """What the statistics of one feature may come to."""

    psi: float
    ks: float
    cusum: float
    outliers: float


STATIONARY: Final = {
    "body_share_1": Limit(0.143, 0.103, 6.8, 0.000),
    "closing_place_1": Limit(0.135, 0.139, 11.1, 0.000),
    "co_movement_168": Limit(0.156, 0.130, 9.0, 0.208),
    "range_against_others_168": Limit(0.187, 0.161, 12.1, 0.042),
    "range_change_1": Limit(0.120, 0.065, 3.6, 0.083),
    "range_for_volume_168": Limit(0.592, 0.311, 14.4, 0.042),
    "range_for_volume_against_others_168": Limit(0.446, 0.260, 12.6, 0.000),
    "range_surprise_168": Limit(0.260, 0.192, 9.9, 0.042),
    "surprise_168": Limit(0.180, 0.146, 11.4, 0.125),
    "taker_change_1": Limit(0.120, 0.064, 3.8, 0.000),
    "volume_against_others_168": Limit(0.496, 0.275, 11.8, 0.042),
    "volume_change_1": Limit(0.134, 0.070, 4.0, 0.042),
}

REAL: Final = {
    "body_share_1": Limit(0.132, 0.129, 10.6, 0.000),
    "closing_place_1": Limit(0.166, 0.134, 17.5, 0.000),
    "co_movement_168": Limit(0.271, 0.216, 16.5, 0.208),
    "range_against_others_168": Limit(0.732, 0.305, 15.2, 0.167),
    "range_change_1": Limit(0.147, 0.072, 4.1, 0.083),
    "range_for_volume_168": Limit(0.683, 0.314, 20.5, 0.083),
    "range_for_volume_against_others_168": Limit(0.449, 0.262, 17.4, 0.083),
    "range_surprise_168": Limit(0.839, 0.300, 14.9, 0.083),
    "surprise_168": Limit(0.274, 0.132, 7.4, 0.167),
    "volume_against_others_168": Limit(1.186, 0.360, 15.1, 0.292),
    "volume_change_1": Limit(0.183, 0.085, 4.1, 0.083),
}


def _wider(one: Limit, other: Limit) -> Limit:
    return Limit(*(max(pair) for pair in zip(one, other, strict=True)))


def _more(field: int) -> float:
    return max(REAL[name][field] / limit[field] for name, limit in STATIONARY.items() if name in REAL and limit[field])


_UNSEEN: Final = tuple(_more(field) for field in range(4))
"""By how much more a statistic strays at most in the real market: for features that it does not have."""

LIMITS: Final = {
    name: _wider(limit, REAL[name])
    if name in REAL
    else Limit(*(value * wider for value, wider in zip(limit, _UNSEEN, strict=True)))
    for name, limit in STATIONARY.items()
}
"""The wider of both; where the real market does not have the feature, the stationary limit widened as above."""
