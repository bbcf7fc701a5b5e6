"""What the inputs of a simulated market tell is there, as strong as stated, in what is emitted, and fades as stated."""

from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from alphastrike.market.characters import character_of
from alphastrike.market.hints import COMMON_HINTS, OWN_HINTS, Hint, strengths
from alphastrike.market.paths import path, trend_of
from alphastrike.market.simulate import simulation
from alphastrike.market.weather import CLIMATES, Weather, weather
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_HOUR
from tests.market.readings import COMMON, OWN, next_day, readings

Reals = npt.NDArray[np.float64]
QUARTER = 90 * 24
DAY = 1.0 / 24.0
SYMBOLS = ("BTCUSDT", "SOLUSDT", "FOOUSDT")
HINTS: Mapping[str, Hint] = {**COMMON_HINTS, **OWN_HINTS}


class Slopes(NamedTuple):
    """Of the next bar's return on every hint, both in standard deviations; shape (4 quarters, hints)."""

    found: Reals
    errors: Reals


def slopes(worlds: Iterator[tuple[Reals, Reals, Reals]]) -> Slopes:
    """Return least squares of returns (T,) on hints (T, H) over the rows that count, quarter by quarter, pooled."""
    squares: list[Reals | float] = [0.0] * 4
    products: list[Reals | float] = [0.0] * 4
    total, count = np.zeros(4), np.zeros(4)
    for moved, known, counts in worlds:
        for quarter in range(4):
            rows = np.flatnonzero(counts[quarter * QUARTER : (quarter + 1) * QUARTER]) + quarter * QUARTER
            x, y = known[rows], moved[rows]
            squares[quarter] = squares[quarter] + x.T @ x
            products[quarter] = products[quarter] + x.T @ y
            total[quarter] += y @ y
            count[quarter] += len(y)
    found = np.array([np.linalg.solve(squares[quarter], products[quarter]) for quarter in range(4)])
    variance = total / count
    errors = [np.sqrt(variance[quarter] * np.diag(np.linalg.inv(squares[quarter]))) for quarter in range(4)]
    return Slopes(found, np.array(errors))


def planned(hint: Hint) -> Reals:
    """Return the slope of the next bar by the definition of strength: mean over each of four quarters."""
    days = np.linspace(0.0, 360.0, 4 * 900, endpoint=False)
    sign = np.where(days < hint.reverses_after_days, 1.0, -1.0)
    course = hint.strength * sign * 0.5 ** (days / hint.half_life_days)
    return np.asarray(course.reshape(4, 900).mean(axis=1) * np.sqrt(DAY))


def calm(sky: Weather) -> Reals:
    """Return 1 in bars outside of crashes, 0 inside: a crash falls for hours on end, whatever was known."""
    outside = np.ones(len(sky.returns))
    for at in sky.crashes:
        outside[at : at + 14] = 0.0
    return outside


def lagged(values: Reals) -> Reals:
    """Return what was known when each bar opened."""
    return np.append(0.0, values[:-1])


def as_planned(found: Slopes, hints: Mapping[str, Hint]) -> None:
    for place, (source, hint) in enumerate(hints.items()):
        plan = planned(hint)
        gap = np.abs(found.found[:, place] - plan)
        assert np.all(gap < 4.0 * found.errors[:, place] + 0.1 * np.abs(plan)), (source, found.found[:, place], plan)
        # Not so wide a gap that no plan could fail.
        assert abs(plan[0]) > 5.0 * found.errors[0, place], source


def test_the_common_factor_does_what_was_known_of_it() -> None:
    """The next bar on all seven hints together, quarter by quarter over 80 worlds: within 4 standard errors of plan."""
    drift = np.array([CLIMATES[Regime(code)].drift if code else 0.0 for code in range(5)])

    def worlds() -> Iterator[tuple[Reals, Reals, Reals]]:
        for seed in range(80):
            sky = weather(seed, 4 * QUARTER, MICROS_PER_HOUR, 0)
            moved = np.clip((sky.returns - drift[sky.regimes] * DAY) / sky.volatility, -6.0, 6.0)
            known = np.array([lagged(sky.hints[source]) for source in COMMON_HINTS]).T
            yield moved, known, calm(sky)

    as_planned(slopes(worlds()), COMMON_HINTS)


def test_a_symbol_does_what_was_known_of_it() -> None:
    """As above for seven symbols in each of 20 worlds, of the part that the common factor does not explain."""
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT", "FOOUSDT")

    def worlds() -> Iterator[tuple[Reals, Reals, Reals]]:
        for seed in range(20):
            sky = weather(seed, 4 * QUARTER, MICROS_PER_HOUR, 0)
            for symbol in symbols:
                character = character_of(symbol)
                own = path(seed, symbol, character, sky, MICROS_PER_HOUR)
                rest = (own.returns - character.sensitivity * sky.returns) / own.volatility
                week = np.clip(trend_of(own.returns - own.pushes, own.usual, 7, MICROS_PER_HOUR), -2.0, 2.0)
                at_work = {**own.hints, "open_interest": own.hints["open_interest"] * week}
                known = np.array([lagged(at_work[source]) for source in OWN_HINTS]).T
                yield np.clip(rest, -6.0, 6.0), known, calm(sky)

    as_planned(slopes(worlds()), OWN_HINTS)


def test_a_bar_is_pushed_by_what_was_known_when_it_opened() -> None:
    """Not by what becomes known at its close: that one pushes the next."""
    sky = weather(3, 600, MICROS_PER_HOUR, 0)
    pushed = [
        strengths(hint, 600, DAY) * np.sqrt(DAY) * lagged(sky.hints[source]) for source, hint in COMMON_HINTS.items()
    ]
    assert sky.pushes == pytest.approx(sky.volatility * np.sum(pushed, axis=0), rel=1e-9)


def test_in_stationary_weather_what_is_known_keeps_its_use() -> None:
    for hint in HINTS.values():
        assert set(strengths(hint, 10_000, DAY, stationary=True).tolist()) == {hint.strength}


@pytest.mark.parametrize(
    ("source", "least"),
    [
        ("takers", 0.3), ("book", 0.6), ("crowd", 0.6), ("liquidations", 0.5), ("premium", 0.4), ("volume", 0.2),
        ("fear_greed", 0.5), ("btc_dominance", 0.5), ("dxy", 0.5), ("spx", 0.5), ("search_interest", 0.4),
        ("stablecoin_supply", 0.4), ("week", 0.1),
    ],
)  # fmt: skip
def test_what_is_emitted_tells_the_hint(source: str, least: float, told: Mapping[str, float]) -> None:
    assert least < told[source] < 0.99


@pytest.fixture(scope="module")
def told() -> dict[str, float]:
    """Correlation of each source's plain reading with its hint, mean over four worlds and three symbols."""
    found: dict[str, list[float]] = {source: [] for source in (*OWN, *COMMON)}
    for seed in range(4):
        made = simulation(SYMBOLS, 200, MICROS_PER_HOUR, seed)
        for place in range(len(SYMBOLS)):
            hints = {**made.weather.hints, **made.paths[place].hints}
            for source, values in readings(made, place).items():
                known = np.isfinite(values)
                found[source].append(float(np.corrcoef(values[known], hints[source][known])[0, 1]))
    return {source: float(np.mean(each)) for source, each in found.items()}


def coefficients(worlds: int) -> dict[str, Reals]:
    """Return each source's information coefficient at 24 h by quarter: plain reading against the next day, pooled.

    Readings are cut off at their first and last hundredth; the first month, in which the readings learn what is usual,
    is left out of the first quarter.
    """
    pairs: dict[tuple[str, int], list[tuple[Reals, Reals]]] = {}
    for seed in range(1_000, 1_000 + worlds):
        made = simulation(SYMBOLS, 360, MICROS_PER_HOUR, seed)
        for place in range(len(SYMBOLS)):
            ahead = next_day(made, place)
            for source, values in readings(made, place).items():
                for quarter in range(4):
                    rows = slice(max(720, quarter * QUARTER), (quarter + 1) * QUARTER, 4)
                    x, y = values[rows], ahead[rows]
                    known = np.isfinite(x) & np.isfinite(y)
                    pairs.setdefault((source, quarter), []).append((x[known], y[known]))
    found = {source: np.zeros(4) for source in HINTS}
    for (source, quarter), each in pairs.items():
        x, y = (np.concatenate([pair[part] for pair in each]) for part in (0, 1))
        low, high = np.quantile(x, [0.01, 0.99])
        found[source][quarter] = np.corrcoef(np.clip(x, low, high), y)[0, 1]
    return found


def stated(source: str) -> list[str]:
    """Return the cells of the source's row in the manual's table of what is planted."""
    manual = (File(__file__).parents[2] / "docs" / "markets.md").read_text(encoding="utf-8")
    _, planted = manual.split("| source | read from | about |")
    row = next(line for line in planted.splitlines() if line.startswith(f"| {source} |"))
    return [cell.strip().replace("−", "-") for cell in row.split("|")]


@pytest.mark.slow
def test_the_information_coefficients_are_those_of_the_manual() -> None:
    """Early of the stated sign and size, late weaker where it fades, over 150 worlds; the manual's table row by row."""
    for source, found in coefficients(150).items():
        hint = HINTS[source]
        sign = np.sign(hint.strength)
        assert 0.03 < sign * found[0] < 0.15, (source, found)
        if np.isfinite(hint.reverses_after_days):
            assert sign * found[3] < -0.02, (source, found)
        elif hint.half_life_days <= 180.0:
            assert sign * found[3] < 0.6 * sign * found[0], (source, found)
        else:
            assert sign * found[3] > 0.01, (source, found)
        cells = stated(source)
        assert (float(cells[-3]), float(cells[-2])) == pytest.approx((found[0], found[3]), abs=0.002), source


@pytest.mark.parametrize("source", HINTS)
def test_the_manual_states_strength_and_half_life(source: str) -> None:
    hint, cells = HINTS[source], stated(source)
    lasts = f"{hint.half_life_days:g} d" if np.isfinite(hint.half_life_days) else "stays"
    if np.isfinite(hint.reverses_after_days):
        lasts = f"turns after {hint.reverses_after_days:g} d"
    memory = f"{hint.memory_days:g} d" if hint.memory_days else "-"
    assert cells[-6:-3] == [f"{hint.strength:g}", memory, lasts]
