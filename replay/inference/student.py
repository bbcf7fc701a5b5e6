"""Student's t without a statistics package: loading one takes longer than everything that needs it here."""

import math
from statistics import NormalDist

NORMAL_95 = NormalDist().inv_cdf(0.975)
"""1.96: a standard normal variable lies within it in 95 of 100 cases."""


def quantile_95(freedom: float) -> float:
    """Return what Student's t with so many degrees of freedom, at least 5, exceeds in size in 5 of 100 cases.

    The expansion around the normal quantile of Abramowitz and Stegun (1964), 26.7.5; off by less than 0.001.
    """
    assert freedom >= 5.0, f"the expansion is good from 5 degrees of freedom on, not for {freedom}"
    x = NORMAL_95
    terms = (
        (x**3 + x) / 4.0,
        (5.0 * x**5 + 16.0 * x**3 + 3.0 * x) / 96.0,
        (3.0 * x**7 + 19.0 * x**5 + 17.0 * x**3 - 15.0 * x) / 384.0,
        (79.0 * x**9 + 776.0 * x**7 + 1482.0 * x**5 - 1920.0 * x**3 - 945.0 * x) / 92160.0,
    )
    return x + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))


def two_sided_p(t: float, freedom: int) -> float:
    """Return how often Student's t with so many degrees of freedom is at least as large as ``t`` in size.

    The closed sums of Abramowitz and Stegun (1964), 26.7.3 and 26.7.4, with their angle arctan(t / sqrt(freedom)).
    """
    angle = math.atan(abs(t) / math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    is_odd = freedom % 2
    term, total = (cosine, cosine) if is_odd else (1.0, 1.0)
    for k in range(3 if is_odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    if freedom == 1:
        total = 0.0
    inside = 2.0 / math.pi * (angle + sine * total) if is_odd else sine * total
    return max(0.0, 1.0 - inside)
