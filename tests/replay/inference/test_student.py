"""Student's t: held to SciPy's."""

import pytest
from scipy.stats import t as student

from replay.inference.student import quantile_95, two_sided_p


@pytest.mark.parametrize("freedom", [5.0, 6.0, 6.5, 7.0, 9.0, 20.0, 181.6, 1e6])
def test_the_quantile_is_the_one_of_the_table(freedom: float) -> None:
    assert quantile_95(freedom) == pytest.approx(student.ppf(0.975, freedom), abs=4e-4)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 57, 200])
@pytest.mark.parametrize("t", [0.0, 0.1, -1.0, 2.262157, 5.0, -40.0])
def test_the_p_value_is_exact(t: float, freedom: int) -> None:
    assert two_sided_p(t, freedom) == pytest.approx(2.0 * student.sf(abs(t), freedom), abs=1e-13)
