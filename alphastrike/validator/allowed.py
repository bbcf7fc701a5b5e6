"""How far a feature may stray before it is called drifted: the wider of what two histories without drift came to."""

from typing import Final

from alphastrike.validator.limit import Limit
from alphastrike.validator.limits import REAL, STATIONARY


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
