"""Limits of the validator's tests, by feature. Written by ``python -m experiments.calibrate_validator``.

What each statistic exceeds in 1% of cases when nothing drifts, found by drawing blocks of 14 days:
20,000 pairs of a current window of 14 days and a reference of 90, hourly decisions,
generator seed 20261122. ``STATIONARY`` is from simulated stationary markets (seeds 1000 to 1029,
400 days, 5 symbols), ``REAL`` from the first 730 days of
BTCUSDT, ETHUSDT, SOLUSDT, BNBUSDT, ADAUSDT (market hash a2d19441e5d6, from 2022-01-01):
the median of the symbols' limits.
"""

from typing import Final

from alphastrike.validator.limit import Limit

REFERENCE_DAYS: Final = 90
CURRENT_DAYS: Final = 14
"""Lengths of the windows that the limits belong to."""

STATIONARY: Final = {
    "body_share_1": Limit(0.105, 0.092, 6.0, 0.000),
    "closing_place_1": Limit(0.120, 0.121, 8.7, 0.000),
    "co_movement_168": Limit(0.141, 0.111, 7.4, 0.167),
    "range_against_others_168": Limit(0.149, 0.136, 9.8, 0.042),
    "range_change_1": Limit(0.111, 0.061, 3.0, 0.042),
    "range_for_volume_168": Limit(0.478, 0.268, 12.1, 0.042),
    "range_for_volume_against_others_1": Limit(0.636, 0.318, 20.3, 0.042),
    "range_surprise_168": Limit(0.210, 0.165, 8.0, 0.042),
    "surprise_168": Limit(0.160, 0.127, 9.4, 0.083),
    "taker_change_1": Limit(0.108, 0.060, 3.1, 0.000),
    "volume_against_others_168": Limit(0.388, 0.235, 9.7, 0.042),
    "volume_change_1": Limit(0.124, 0.065, 3.1, 0.042),
}

REAL: Final = {
    "body_share_1": Limit(0.114, 0.112, 9.4, 0.000),
    "closing_place_1": Limit(0.154, 0.108, 12.1, 0.000),
    "co_movement_168": Limit(0.179, 0.154, 9.6, 0.167),
    "range_against_others_168": Limit(0.371, 0.223, 9.8, 0.125),
    "range_change_1": Limit(0.116, 0.063, 3.0, 0.042),
    "range_for_volume_168": Limit(0.473, 0.271, 18.1, 0.042),
    "range_for_volume_against_others_1": Limit(1.008, 0.439, 33.5, 0.042),
    "range_surprise_168": Limit(0.385, 0.245, 11.9, 0.042),
    "surprise_168": Limit(0.191, 0.115, 5.8, 0.125),
    "volume_against_others_168": Limit(0.715, 0.288, 11.8, 0.167),
    "volume_change_1": Limit(0.129, 0.065, 3.2, 0.042),
}
