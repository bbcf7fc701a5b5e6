"""How often luck alone retires a signal: ``python -m experiments.false_retirements`` prints the table of the manual.

A signal of known accuracy is scored once a day on five symbols, on the same side of all of them, by returns that
correlate as those of large coins do: its outcomes come in herds, as a trend's do. Every retirement of a signal that is
no worse than a coin is a false one.
"""

import argparse
import sys
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import TRACKER_RULES
from alphastrike.ml.decay import TrackerParams

SYMBOLS: Final = 5
CORRELATION: Final = 0.7
YEARS: Final = 10
DAYS_A_YEAR: Final = 365
RULES: Final[dict[str, TrackerParams]] = {
    "equal": TRACKER_RULES["equal"],
    "equal without prior": TRACKER_RULES["equal"]._replace(prior_outcomes=0.0),
    "edge": TRACKER_RULES["edge"],
    "article": TRACKER_RULES["article"],
}
"""Those that count hits; payoff and regime have no accuracy of which luck is the only enemy."""


class Fate(NamedTuple):
    """What befell signals of one accuracy under one rule."""

    retirements_a_year: float
    share_of_time: float
    """Retired, 0 to 1."""


def fate(params: TrackerParams, accuracy: float, *, signals: int, seed: int, years: int = YEARS) -> Fate:
    """Return how often signals of this true accuracy (0 to 1) are retired, after a first full window."""
    share = _rolling_share(_won(accuracy, signals, seed, years), params)
    posterior = (params.window * share + params.prior_outcomes * params.prior_mean) / (
        params.window + params.prior_outcomes
    )
    retired = np.zeros(signals, dtype=bool)
    events, days = 0, 0
    for today in posterior.T:
        falls = ~retired & (today < params.retire_below)
        retired = (retired | falls) & ~(retired & (today > params.return_above))
        events += int(falls.sum())
        days += int(retired.sum())
    watched = posterior.size
    return Fate(events / (watched / DAYS_A_YEAR), days / watched)


def _won(accuracy: float, signals: int, seed: int, years: int) -> npt.NDArray[np.float64]:
    """Return (signals, outcomes) of 1 and 0: the days in order, five symbols a day."""
    generator = np.random.default_rng(seed)
    days = years * DAYS_A_YEAR
    common = generator.standard_normal((signals, days, 1))
    own = generator.standard_normal((signals, days, SYMBOLS))
    returns = NormalDist().inv_cdf(accuracy) + np.sqrt(CORRELATION) * common + np.sqrt(1.0 - CORRELATION) * own
    won: npt.NDArray[np.float64] = (returns > 0.0).astype(np.float64)
    return won.reshape(signals, -1)


def _rolling_share(won: npt.NDArray[np.float64], params: TrackerParams) -> npt.NDArray[np.float64]:
    """Return (signals, days): the share won of the last ``window`` outcomes at each day's end, full windows only."""
    sums = np.cumsum(np.pad(won, ((0, 0), (1, 0))), axis=1)
    shares = (sums[:, params.window :] - sums[:, : -params.window]) / params.window
    return np.asarray(shares[:, ::SYMBOLS])


def main() -> None:
    """Print retirements a year and the share of time retired, of a coin and of a signal right 52 % of the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--signals", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.stdout.write("| rule | coin: retired a year | of the time | 0.52: retired a year | of the time |\n")
    sys.stdout.write("| --- | --: | --: | --: | --: |\n")
    for name, params in RULES.items():
        fates = [fate(params, accuracy, signals=asked.signals, seed=asked.seed) for accuracy in (0.50, 0.52)]
        cells = " | ".join(f"{one.retirements_a_year:.2f} | {one.share_of_time:.0%}" for one in fates)
        sys.stdout.write(f"| {name} | {cells} |\n")


if __name__ == "__main__":
    main()
