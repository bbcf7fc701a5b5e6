"""How often the validator cries wolf, and how soon it finds what was planted.

    python -m experiments.validator_trials [--seeds 200] [--planted-seeds 40] [--data DATA --market majors]

Prints the tables of ``docs/validators.md``, every market perceived as any other. Nothing drifts in a stationary market,
so whatever is found there is a false alarm; a real market is printed by calendar year.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import perceive
from alphastrike.market.building import market_of
from alphastrike.market.market import Market
from alphastrike.market.planting import level_shift, mean_shift, stuck_feed, variance_multiplied
from alphastrike.market.simulate import Simulation, simulation
from alphastrike.market.store import open_market
from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.validator.stated import STATED
from experiments.calibrate_validator import CANDLES_ONLY, watched_features
from experiments.validator_fold import judged

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
"""Of the simulated markets."""
DAYS: Final = 200
PLANTED_DAY: Final = 120
"""Whole windows lie behind the day on which something is planted."""
LOOKED_DAYS: Final = 30
"""Days after it on which to find it."""
STUCK: Final = 0.25
"""Share of a day's values that makes a feature stuck in these tables."""

Reals = npt.NDArray[np.float64]
Planting = Callable[[Simulation, str, int], Simulation]


def hour_late(made: Simulation, symbol: str, tick: int) -> Simulation:
    """Return the market in which one symbol's candles come one bar late from a tick on."""
    columns = made.tables.columns
    candles = columns["candles"]
    rows = np.flatnonzero(candles["symbol"] == list(made.tables.symbols).index(symbol))
    late = {
        name: values if name in ("event_time", "symbol") else _moved(values, rows[tick:], rows[tick - 1 : -1])
        for name, values in candles.items()
    }
    return replace(made, tables=replace(made.tables, columns={**columns, "candles": late}))


def _moved(values: npt.NDArray[Any], to: npt.NDArray[np.int64], of: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    moved = values.copy()
    moved[to] = values[of]
    return moved


PLANTED: Final[dict[str, Planting]] = {
    "stuck feed": stuck_feed,
    "volume in other units (x 1000)": lambda made, symbol, tick: level_shift(
        made, symbol, tick, "candles", ("volume", "taker_buy_volume"), 1_000.0
    ),
    "variance of returns x 2": variance_multiplied,
    "variance of returns x 4": lambda made, symbol, tick: variance_multiplied(made, symbol, tick, 4.0),
    "mean of returns + 1 sd a day": lambda made, symbol, tick: mean_shift(made, symbol, tick, 1.0),
    "mean of returns + 3 sd a day": lambda made, symbol, tick: mean_shift(made, symbol, tick, 3.0),
    "feed one hour late": hour_late,
}


class Change(NamedTuple):
    """What a feature's values become from a day on."""

    shift: float
    """Added, in its standard deviations."""
    scale: float
    """Multiple of its distance from its mean; 0 makes it stuck."""


CHANGED: Final = {
    "mean + 1 sd": Change(1.0, 1.0),
    "mean + 2 sd": Change(2.0, 1.0),
    "variance x 2": Change(0.0, 2.0**0.5),
    "variance x 4": Change(0.0, 2.0),
    "stuck": Change(0.0, 0.0),
}


@dataclass(frozen=True)
class Alarms:
    """What the validator said on the symbol-days on which its tests for drift could speak."""

    symbol_days: int
    halted: float
    """Share of the symbol-days, as those below."""
    drifting: float
    """With at least one drifting feature."""
    below_recovery: float
    """With health below 60."""


@dataclass(frozen=True)
class Delay:
    """Days from a planting until it was found, one number a seed; NaN when not within ``LOOKED_DAYS``."""

    found: npt.NDArray[np.float64]
    """First daily verdict with a drifting or stuck feature of that symbol."""
    halted: npt.NDArray[np.float64]
    others_halted: float
    """Share of the other symbols' days that were halted."""


def stationary(seed: int, days: int) -> Simulation:
    """Return an hourly market of candles and funding in which nothing drifts."""
    return simulation(SYMBOLS, days, MICROS_PER_HOUR, seed, without=CANDLES_ONLY, stationary=True)


def verdicts_of(market: Market) -> tuple[Records, Records]:
    """Return rows of kinds ``health`` and ``verdicts`` of a market under the default settings."""
    rows = perceive(market, PerceptionSettings()).rows
    return rows["health"], rows["verdicts"]


def simulated(made: Simulation) -> tuple[Records, Records]:
    """Return the verdicts on a simulated market."""
    return verdicts_of(market_of("made", "0" * 32, made.tables))


def alarms(health: Iterable[Records]) -> Alarms:
    """Return how often rows of kind ``health`` raise an alarm, days on which the tests abstain left out."""
    rows = np.concatenate([one[~np.isnan(one["psi"])] for one in health])
    return Alarms(
        len(rows),
        float((rows["halted"] == 1).mean()),
        float((rows["drifting"] > 0).mean()),
        float((rows["health"] < 60.0).mean()),
    )


def false_alarms(seeds: Iterable[int], days: int = DAYS) -> Alarms:
    """Return the alarms on stationary markets."""
    return alarms(simulated(stationary(seed, days))[0] for seed in seeds)


def delay(plant: Planting, seeds: Iterable[int], day: int = PLANTED_DAY, looked: int = LOOKED_DAYS) -> Delay:
    """Return how soon a planting in the third symbol is found, which begins with the day numbered ``day``."""
    found, halted, others = [], [], []
    for seed in seeds:
        made = plant(stationary(seed, day + looked), SYMBOLS[2], day * 24)
        health, verdicts = simulated(made)
        begin = made.tables.start + (day * 24 - 1) * made.tables.interval
        mine, theirs = (health[(health["symbol"] == 2) == is_mine] for is_mine in (True, False))
        bad = verdicts[(verdicts["symbol"] == 2) & ((verdicts["drifts"] == 1) | (verdicts["stuck"] > STUCK))]
        found.append(_first(bad["event_time"], begin))
        halted.append(_first(mine["event_time"][mine["halted"] == 1], begin))
        others.append(float((theirs["halted"][theirs["event_time"] > begin] == 1).mean()))
    return Delay(np.array(found), np.array(halted), float(np.mean(others)))


def feature_delay(change: Change, changed: int, panels: list[Reals], day: int = PLANTED_DAY) -> Delay:
    """Return how soon a change of features themselves is found, planted into stationary panels (F, decisions, S).

    ``changed`` features of the third symbol change, for each panel others: from its number on, in a ring.
    """
    found: list[float] = []
    halted: list[float] = []
    for number, panel in enumerate(panels):
        values = panel.copy()
        places = [(number + k) % len(STATED) for k in range(changed)]
        for place in places:
            column = values[place, :, 2]
            before = column[: day * 24]
            mean, deviation = np.nanmean(before), np.nanstd(before)
            column[day * 24 :] = mean + change.shift * deviation + change.scale * (column[day * 24 :] - mean)
        seen = judged(values)
        bad = seen.verdicts[(seen.verdicts["symbol"] == 2) & np.isin(seen.verdicts["feature"], places)]
        bad = bad[(bad["drifts"] == 1) | (bad["stuck"] > STUCK)]["event_time"]
        ill = np.flatnonzero(seen.health["halted"][:, 2])
        for into, days in ((found, bad), (halted, ill)):
            after = days[days >= day]
            into.append(float(after.min() - day + 1) if len(after) else float("nan"))
    return Delay(np.array(found), np.array(halted), 0.0)


def _first(times: npt.NDArray[np.int64], begin: int) -> float:
    after = times[times > begin]
    return float(-(-(after.min() - begin) // (24 * MICROS_PER_HOUR))) if len(after) else float("nan")


def quantile_text(days: npt.NDArray[np.float64], share: float) -> str:
    """Return after how many days a share of the seeds had it; a dash when fewer ever had."""
    found = np.sort(np.where(np.isnan(days), np.inf, days))
    at = found[min(int(np.ceil(share * len(found))) - 1, len(found) - 1)]
    return f"{at:.0f}" if np.isfinite(at) else "–"


def tables(seeds: int, planted_seeds: int, real: Market | None) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield "| market | symbol-days judged | halted | health below 60 | any feature drifting |"
    yield "| --- | --: | --: | --: | --: |"
    yield _alarm_line(f"stationary, {seeds} seeds", false_alarms(range(seeds)))
    if real is not None:
        health = verdicts_of(real)[0]
        years = health["event_time"].astype("datetime64[us]").astype("datetime64[Y]")
        for year in np.unique(years):
            yield _alarm_line(f"{real.name}, {year}", alarms([health[years == year]]))
    yield ""
    yield "| planted | found: median | 90 % | never | halted: median | 90 % | never | others halted |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: |"
    for name, plant in PLANTED.items():
        seen = delay(plant, range(planted_seeds))
        yield f"| {name} | {' | '.join(_cells(seen))} | {seen.others_halted:.2%} |"


def feature_tables(seeds: int) -> Iterator[str]:
    """Yield the lines of the table of changed features."""
    yield "| of one symbol's features | changed | found: median | 90 % | never | halted: median | 90 % | never |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: |"
    made = (stationary(seed, PLANTED_DAY + LOOKED_DAYS) for seed in range(seeds))
    panels = [watched_features(market_of("made", "0" * 32, one.tables)) for one in made]
    for name, change in CHANGED.items():
        for changed in (1, 4, 12):
            yield f"| {name} | {changed} | {' | '.join(_cells(feature_delay(change, changed, panels)))} |"


def _cells(seen: Delay) -> list[str]:
    return [
        text
        for days in (seen.found, seen.halted)
        for text in (quantile_text(days, 0.5), quantile_text(days, 0.9), f"{np.isnan(days).mean():.0%}")
    ]


def _alarm_line(name: str, seen: Alarms) -> str:
    return f"| {name} | {seen.symbol_days:,} | {seen.halted:.2%} | {seen.below_recovery:.2%} | {seen.drifting:.2%} |"


def main(arguments: list[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m experiments.validator_trials", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="stationary markets for the false alarms")
    parser.add_argument("--planted-seeds", type=int, default=40, help="markets for each planting")
    parser.add_argument("--data", type=Path, default=Path("data"), help="data root that holds the real market")
    parser.add_argument("--market", help="real market to judge as well")
    told = parser.parse_args(arguments)
    real = open_market(told.data, told.market) if told.market else None
    for line in (*tables(told.seeds, told.planted_seeds, real), "", *feature_tables(told.planted_seeds)):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
