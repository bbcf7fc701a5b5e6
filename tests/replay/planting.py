"""Features and signals that do what they must not, registered for as long as a test needs them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import ModuleType
from typing import Any

import numpy as np

from alphastrike.features import declare as of_features
from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, across, external, feature
from alphastrike.features.windows import before, trailing_mean
from alphastrike.ml import declare as of_signals
from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash

_FOUND = (
    of_features.features,
    of_features.external_features,
    of_features.external_series,
    of_features.across_features,
    of_signals.signals,
)
_MODULE = "planted.price_action.here"
# What the compiler keeps on disk names its module, and is read again by that name.
sys.modules.setdefault(_MODULE, ModuleType(_MODULE))
_calls = count()
_chances = np.random.default_rng()


@contextmanager
def planted() -> Iterator[None]:
    """Register every plant of this file beside what lies in the folders."""
    for each in _FOUND:
        each()
    registers: tuple[dict[str, Any], ...] = (
        of_features._FEATURES,
        of_features._EXTERNAL,
        of_features._ACROSS,
        of_signals._SIGNALS,
    )
    kept = [dict(register) for register in registers]
    try:
        _plant()
        _forget()
        yield
    finally:
        for register, before_planting in zip(registers, kept, strict=True):
            register.clear()
            register.update(before_planting)
        _forget()


def _forget() -> None:
    for each in _FOUND:
        each.cache_clear()


def _plant() -> None:
    per_symbol = feature(Family.TREND, window=1)
    for made in (one_bar_ahead, of_the_whole_series, of_other_rows, counts_its_calls, draws_a_chance, sound):
        per_symbol(made)
    feature(Family.TREND, window=2)(since_the_start)
    feature(Family.TREND, window=24)(longer_than_it_says)
    external(window=1)(mood_ahead)
    across(place_in_the_table)
    for body in (peeks, reads_a_peeker, normalises, begins, is_sound):
        # A signal lies in the folder of its category.
        body.__module__ = _MODULE
        signal(Category.PRICE_ACTION, smooth_bars=3)(body)


def sound(bars: Bars) -> Column:
    """Where the bar closed within its range."""
    return np.where(bars.high > bars.low, (bars.close - bars.low) / (bars.high - bars.low), 0.5)


def one_bar_ahead(bars: Bars) -> Column:
    """The next bar's return."""
    ahead = np.full(bars.close.shape, np.nan)
    ahead[..., :-1] = bars.close[..., 1:] / bars.close[..., :-1] - 1.0
    return ahead


def of_the_whole_series(bars: Bars) -> Column:
    """The close in units of its mean over all there is."""
    mean: Column = np.nanmean(bars.close, axis=-1, keepdims=True)
    return bars.close / mean


def since_the_start(bars: Bars) -> Column:
    """Return since the first bar."""
    return bars.close / bars.close[..., :1]


def longer_than_it_says(bars: Bars) -> Column:
    """Reads two days and says one."""
    return trailing_mean(bars.close, 24) / before(bars.close, 47)


def of_other_rows(bars: Bars) -> Column:
    """The close in units of the first symbol's."""
    return bars.close / bars.close[:1]


def counts_its_calls(bars: Bars) -> Column:
    """Remembers how often it was asked."""
    return np.where(np.isnan(bars.close), np.nan, float(next(_calls)))


def draws_a_chance(bars: Bars) -> Column:
    """Noise."""
    return bars.close * _chances.random()


def mood_ahead(fear_greed: Column) -> Column:
    """What fear and greed will be a day later."""
    ahead = np.full(fear_greed.shape, np.nan)
    ahead[:-24] = fear_greed[24:]
    return ahead


def place_in_the_table(sound: Column) -> Column:
    """The column that the symbol stands in."""
    return sound + np.arange(sound.shape[1])


def peeks(one_bar_ahead: float) -> float:
    """Knows the next bar."""
    return squash(100.0 * one_bar_ahead)


def reads_a_peeker(sound: float, mood_ahead: float) -> float:
    """Half of it is sound."""
    return squash(sound - mood_ahead)


def normalises(of_the_whole_series: float) -> float:
    """Knows the mean of years."""
    return squash(of_the_whole_series - 1.0)


def begins(since_the_start: float) -> float:
    """Depends on when it was started."""
    return squash(since_the_start - 1.0)


def is_sound(sound: float) -> float:
    """Reads its own window."""
    return squash(2.0 * sound - 1.0)
