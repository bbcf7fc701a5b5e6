"""A limit of the validator's tests."""

from typing import NamedTuple


class Limit(NamedTuple):
    """What the statistics of one feature may come to."""

    psi: float
    ks: float
    cusum: float
    outliers: float
