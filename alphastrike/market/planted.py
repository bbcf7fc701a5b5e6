"""Markets with a planted truth: a tool that helps, or nothing that any tool could know.

What an evaluation has to find, and what it must not. The inputs of such a market are emitted as ever; only prices
move otherwise. What a policy gains by it is also its settings' doing, so an effect is known as its mean over many
seeds (``python -m experiments.scorecard``). A longer market still begins as the shorter one.
"""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, stream
from alphastrike.market.paths import Path
from alphastrike.market.weather import Weather
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

NOTHING: Final = "nothing"
SHORTS_TRAP: Final = "shorts-trap"
LEVERAGE_CRASH: Final = "leverage-crash"
PLANTS: Final = {
    NOTHING: "a fair coin gives every bar its sign: nothing foretells anything, and a tool only saves costs and risk",
    SHORTS_TRAP: "from day 30 on prices are squeezed up once a day and fall back: shorts lose, disable_shorts helps",
    LEVERAGE_CRASH: "crashes and squeezes come in herds, one herd in 12 days: less size after the first ones helps",
}
"""By name: what is true in it."""

Integers = npt.NDArray[np.int64]

DOSE_MAX: Final = 3.0
DEPTH: Final = 0.08
"""Log move of the common factor in a crash or squeeze of dose 1, gone again after ``BACK_HOURS``."""

OUT_HOURS: Final = 1
BACK_HOURS: Final = 2
"""A crash is as long as that on its way out, and on its way back."""

TRAP_FROM_DAYS: Final = 30
HERD_EVERY_DAYS: Final = 12
HERD_LASTS_DAYS: Final = 4
HERD_EVERY_HOURS: Final = 8
"""From one crash to the next in a herd; they fall and rise in turn, so that neither side is spared."""


class Plant(NamedTuple):
    """What is planted, and how much of it."""

    name: str
    """Of ``PLANTS``."""
    dose: float = 1.0
    """Multiple of ``DEPTH``, above 0; of ``nothing`` there is only one."""

    def __str__(self) -> str:
        """As written on the command line: ``NAME`` or ``NAME:dose=0.5``."""
        short = f"{self.dose:g}"
        return (
            self.name if self.dose == 1.0 else f"{self.name}:dose={short if float(short) == self.dose else self.dose}"
        )

    @property
    def says(self) -> str:
        """What is true in the market."""
        return PLANTS[self.name]


def plant_named(spec: str) -> Plant:
    """Read a plant as it is written on the command line.

    Raises:
        ConfigurationError: there is none of that name, or its dose is out of range.
    """
    name, _, option = spec.strip().partition(":")
    if name not in PLANTS:
        raise ConfigurationError(f"--plant {spec!r} is not known. Choose of {', '.join(PLANTS)}.")
    if not option:
        return Plant(name)
    key, _, value = option.partition("=")
    try:
        dose = float(value)
    except ValueError:
        dose = float("nan")
    if key != "dose" or name == NOTHING or not 0.0 < dose <= DOSE_MAX:
        takes = "takes no option" if name == NOTHING else f"takes dose=NUMBER, above 0 and up to {DOSE_MAX:g}"
        raise ConfigurationError(f"--plant {spec!r}: {name} {takes}.")
    return Plant(name, dose)


def planted_sky(plant: Plant, seed: int, sky: Weather, interval: int) -> Weather:
    """Return the common factor with the plant's crashes and squeezes in it; ``interval`` in microseconds."""
    if plant.name == NOTHING:
        return sky
    ticks = len(sky.returns)
    begins, signs = _squeezes(seed, ticks, interval) if plant.name == SHORTS_TRAP else _herds(seed, ticks, interval)
    moves = _spikes(begins, signs * plant.dose * DEPTH, ticks, interval)
    crashes = np.sort(np.concatenate([sky.crashes, begins[signs < 0.0]]))
    return replace(sky, returns=sky.returns + moves, crashes=crashes)


def planted_path(plant: Plant, seed: int, own: Path) -> Path:
    """Return one symbol's path; it moves with the factor already."""
    if plant.name != NOTHING:
        return own
    # One coin for all symbols: what they share stays shared.
    heads = stream(seed, "planted coin").random(len(own.returns)) < 0.5
    return replace(own, returns=np.where(heads, own.returns, -own.returns), pushes=np.zeros(len(own.returns)))


def _squeezes(seed: int, ticks: int, interval: int) -> tuple[Integers, Reals]:
    """Return the ticks at which squeezes begin, one at a random moment of every day of the trap, and their signs."""
    day, spike = MICROS_PER_DAY // interval, _bars(OUT_HOURS, interval) + _bars(BACK_HOURS, interval)
    places = stream(seed, "planted squeezes").random(-(-ticks // day))
    begins = np.arange(len(places)) * day + (places * max(1, day - spike + 1)).astype(np.int64)
    begins = begins[(begins >= TRAP_FROM_DAYS * day) & (begins < ticks)]
    return begins, np.ones(len(begins))


def _herds(seed: int, ticks: int, interval: int) -> tuple[Integers, Reals]:
    """Return the ticks at which crashes (sign -1) and squeezes (1) begin, herd after herd."""
    day = MICROS_PER_DAY // interval
    spike = _bars(OUT_HOURS, interval) + _bars(BACK_HOURS, interval)
    apart = max(_bars(HERD_EVERY_HOURS, interval), spike)
    own = np.arange(0, HERD_LASTS_DAYS * day - spike + 1, apart)
    places = stream(seed, "planted herds").random(-(-ticks // (HERD_EVERY_DAYS * day)))
    herds = np.arange(len(places)) * HERD_EVERY_DAYS * day
    herds += (places * (HERD_EVERY_DAYS - HERD_LASTS_DAYS) * day).astype(np.int64)
    begins = (herds[:, None] + own).ravel()
    signs = np.tile(np.where(np.arange(len(own)) % 2 == 0, -1.0, 1.0), len(herds))
    return begins[begins < ticks], signs[begins < ticks]


def _spikes(begins: Integers, sizes: Reals, ticks: int, interval: int) -> Reals:
    """Return the log move of every bar: each spike goes out evenly and comes back evenly."""
    out, back = _bars(OUT_HOURS, interval), _bars(BACK_HOURS, interval)
    moves = np.zeros(ticks + out + back)
    for begin, size in zip(begins.tolist(), sizes.tolist(), strict=True):
        moves[begin : begin + out] += size / out
        moves[begin + out : begin + out + back] -= size / back
    return moves[:ticks]


def _bars(hours: int, interval: int) -> int:
    return max(1, round(hours * MICROS_PER_HOUR / interval))
