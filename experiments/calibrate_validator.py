"""Calibrate the validator's limits by blocks and write them into ``alphastrike/validator/limits.py``.

    python -m experiments.calibrate_validator --data DATA --market majors

Two histories in which little should be found: simulated stationary markets, and the first two years of a real one. A
limit is what the statistic exceeds in ``SHARE`` of the drawn pairs of windows, in that history where it strays further.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import perceive
from alphastrike.market.building import market_of
from alphastrike.market.market import Market
from alphastrike.market.simulate import SAMPLE_SYMBOLS, simulation
from alphastrike.market.store import open_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.validator.limit import Limit
from alphastrike.validator.limits import CURRENT_DAYS, REFERENCE_DAYS
from alphastrike.validator.stated import SCALES, STATED
from experiments.block_limits import Draws, drawn
from experiments.validator_fold import binned

Reals = npt.NDArray[np.float64]

SHARE: Final = 0.01
"""Of symbol-days that one test of one feature may flag when nothing drifts."""
DECISIONS_A_DAY: Final = 24
STATIONARY_SEEDS: Final = range(1_000, 1_030)
STATIONARY_DAYS: Final = 400
CANDLES_ONLY: Final = ("marks", "open_interest", "long_short_ratio", "book_tops", "liquidations", "externals")
REAL_DAYS: Final = 730
"""Days from the real market's first that calibrate; the rest is for looking afterwards."""
WARM_DAYS: Final = 9
"""Until the longest window of a watched feature is full."""
DRAWS: Final = 20_000
"""Of a history, over all its symbols and seeds."""
GENERATOR_SEED: Final = 20_261_122

TARGET: Final = Path(__file__).resolve().parent.parent / "alphastrike" / "validator" / "limits.py"


def stationary_market(seed: int, days: int = STATIONARY_DAYS, symbols: tuple[str, ...] = SAMPLE_SYMBOLS) -> Market:
    """Return an hourly simulated market of candles and funding in which nothing drifts."""
    made = simulation(symbols, days, MICROS_PER_HOUR, seed, without=CANDLES_ONLY, stationary=True)
    return market_of("stationary", "0" * 32, made.tables)


def watched_features(market: Market) -> Reals:
    """Return the watched features of a market (F of ``STATED``, decisions, S) from its first whole day on."""
    perceived = perceive(market, PerceptionSettings())
    places = [perceived.feature_names.index(name) for name in STATED]
    times = market.tick_times[perceived.decision_ticks]
    first = int(np.flatnonzero(times % (DECISIONS_A_DAY * MICROS_PER_HOUR) == 0)[0]) + 1
    return perceived.features[places, first:]


def limits_of(panels: list[Reals], draws: int, seed: int, combine: Callable[[list[Reals]], float]) -> dict[str, Limit]:
    """Return each feature's limits from histories (F, decisions, S) in which nothing drifts.

    ``combine`` makes one limit of a statistic's draws, an array a symbol. A feature that no history has is left out.
    """
    generator = np.random.default_rng(seed)
    found: dict[str, Limit] = {}
    for place, name in enumerate(STATED):
        columns = [panel[place, :, s] for panel in panels for s in range(panel.shape[2])]
        known = [column for column in columns if not np.isnan(column).all()]
        if known:
            each = -(-draws // len(known))
            parts = [_drawn_from(column, name, each, generator) for column in known]
            found[name] = Limit(*(combine([getattr(part, field) for part in parts]) for field in Draws._fields))
    return found


def _drawn_from(column: Reals, name: str, draws: int, generator: np.random.Generator) -> Draws:
    centre, scale = SCALES[name]
    whole = np.ascontiguousarray(column[: len(column) // DECISIONS_A_DAY * DECISIONS_A_DAY])
    return drawn(
        binned(whole, centre, scale, DECISIONS_A_DAY)[WARM_DAYS:],
        ((whole - centre) / scale).reshape(-1, DECISIONS_A_DAY)[WARM_DAYS:],
        draws,
        REFERENCE_DAYS,
        CURRENT_DAYS,
        generator,
    )


def pooled(parts: list[Reals]) -> float:
    """Return the quantile of all symbols' draws together: they are alike."""
    return float(np.quantile(np.concatenate(parts), 1.0 - SHARE))


def typical(parts: list[Reals]) -> float:
    """Return the median of the symbols' own quantiles: one in turmoil does not set the limit of all."""
    return float(np.median([np.quantile(part, 1.0 - SHARE) for part in parts]))


def source_of(stationary: dict[str, Limit], real: dict[str, Limit], market: str) -> str:
    """Return the text of the module of limits."""
    return "\n".join([*_head(market), *_table("STATIONARY", stationary), *_table("REAL", real)])


def _head(market: str) -> Iterator[str]:
    first, last = STATIONARY_SEEDS[0], STATIONARY_SEEDS[-1]
    yield f'''"""Limits of the validator's tests, by feature. Written by ``python -m experiments.calibrate_validator``.

What each statistic exceeds in {SHARE:.0%} of cases when nothing drifts, found by drawing blocks of {CURRENT_DAYS} days:
{DRAWS:,} pairs of a current window of {CURRENT_DAYS} days and a reference of {REFERENCE_DAYS}, hourly decisions,
generator seed {GENERATOR_SEED}. ``STATIONARY`` is from simulated stationary markets (seeds {first} to {last},
{STATIONARY_DAYS} days, {len(SAMPLE_SYMBOLS)} symbols), ``REAL`` from the first {REAL_DAYS} days of
{market}:
the median of the symbols' limits.
"""

from typing import Final

from alphastrike.validator.limit import Limit

REFERENCE_DAYS: Final = {REFERENCE_DAYS}
CURRENT_DAYS: Final = {CURRENT_DAYS}
"""Lengths of the windows that the limits belong to."""

'''


def _table(name: str, limits: dict[str, Limit]) -> Iterator[str]:
    yield f"{name}: Final = {{"
    for feature, limit in limits.items():
        yield f'    "{feature}": Limit({limit.psi:.3f}, {limit.ks:.3f}, {limit.cusum:.1f}, {limit.outliers:.3f}),'
    yield "}"
    yield ""


def main(arguments: list[str]) -> int:
    """Calibrate on the market named and write the module."""
    parser = argparse.ArgumentParser(prog="python -m experiments.calibrate_validator", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="data root that holds the market")
    parser.add_argument("--market", default="majors", help="real market to calibrate on")
    told = parser.parse_args(arguments)
    market = open_market(told.data, told.market)
    days = REAL_DAYS * DECISIONS_A_DAY
    real = limits_of([watched_features(market)[:, :days]], DRAWS, GENERATOR_SEED, typical)
    panels = [watched_features(stationary_market(seed)) for seed in STATIONARY_SEEDS]
    stationary = limits_of(panels, DRAWS, GENERATOR_SEED, pooled)
    about = f"{', '.join(market.symbols)} (market hash {market.content_hash[:12]}, from {_day(market.start)})"
    TARGET.write_text(source_of(stationary, real, about), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET}\n")
    return 0


def _day(micros: int) -> Any:
    return np.datetime64(micros, "us").astype("datetime64[D]")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
