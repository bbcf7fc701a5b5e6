"""Declaring a feature: one decorated function in any file of this folder, and nothing else to edit.

``@feature`` is for what each symbol's own bars tell, ``@external`` for what a named series from outside tells of all
symbols, ``@across`` for what only all symbols together tell.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.model.discovery import load_all
from alphastrike.model.errors import ConfigurationError, HaltError


class Family(Enum):
    """What a feature is made of."""

    TREND = "trend"
    VOLATILITY = "volatility"
    VOLUME = "volume"
    FLOW = "flow"
    DERIVATIVES = "derivatives"
    SEASONALITY = "seasonality"
    BOOK = "book"
    STATISTICS = "statistics"
    CROWD = "crowd"


@dataclass(frozen=True)
class Feature:
    """A number per symbol and decision: a pure function of the trailing ``window`` decision bars."""

    name: str
    family: Family
    window: int
    """Decision bars, the current one included, that the value depends on."""
    compute: Callable[[Bars], Column]
    doc: str


@dataclass(frozen=True)
class ExternalFeature:
    """A number per decision, the same for every symbol: a pure function of the trailing ``window`` decision bars."""

    name: str
    window: int
    series: tuple[str, ...]
    """Names of the external series it reads, in the order of the function's parameters."""
    compute: Callable[..., Column]
    """Takes and returns arrays of shape (n,)."""
    doc: str


@dataclass(frozen=True)
class AcrossFeature:
    """A number per symbol and decision, made of all symbols' features at that decision."""

    name: str
    inputs: tuple[str, ...]
    """Names of the per-symbol features it reads."""
    compute: Callable[..., Column]
    """Takes and returns arrays of shape (rows, symbols); a row depends on that row alone."""
    doc: str


_FEATURES: Final[dict[str, Feature]] = {}
_EXTERNAL: Final[dict[str, ExternalFeature]] = {}
_ACROSS: Final[dict[str, AcrossFeature]] = {}


def feature(family: Family, *, window: int) -> Callable[[Callable[[Bars], Column]], Callable[[Bars], Column]]:
    """Register a feature under its function's name.

    The function gets bars of shape (symbols, n) of any n and returns as many values; each depends on the ``window``
    bars of its symbol that end with it, and is NaN when one that it reads is missing or lies before the first.

    Raises:
        ConfigurationError: the name is taken, the docstring is missing or the window is no number of bars.
    """

    def register(function: Callable[[Bars], Column]) -> Callable[[Bars], Column]:
        doc = _claimed(function, window)
        _FEATURES[function.__name__] = Feature(function.__name__, family, window, function, doc)
        return function

    return register


def external(*, window: int) -> Callable[[Callable[..., Column]], Callable[..., Column]]:
    """Register a feature of named external series; its parameters are the names of the series it needs.

    The function gets columns (n,): on each decision bar the value last known then, NaN before the first and once
    it is too old. Each value it returns depends on the ``window`` bars that end with it.

    Raises:
        ConfigurationError: as for :func:`feature`, or no series is named.
    """

    def register(function: Callable[..., Column]) -> Callable[..., Column]:
        doc = _claimed(function, window)
        series = tuple(inspect.signature(function).parameters)
        if not series:
            raise ConfigurationError(f"feature {function.__name__} has no parameter. Name the series it needs.")
        _EXTERNAL[function.__name__] = ExternalFeature(function.__name__, window, series, function, doc)
        return function

    return register


def across(function: Callable[..., Column]) -> Callable[..., Column]:
    """Register a feature over all symbols; its parameters are the names of the features it needs."""
    doc = _claimed(function)
    inputs = tuple(inspect.signature(function).parameters)
    _ACROSS[function.__name__] = AcrossFeature(function.__name__, inputs, function, doc)
    return function


@cache
def features() -> Mapping[str, Feature]:
    """Return every per-symbol feature of this package by name, in order of the names."""
    load_all("alphastrike.features", "features")
    return dict(sorted(_FEATURES.items()))


@cache
def external_features() -> Mapping[str, ExternalFeature]:
    """Return every feature of external series by name, in order of the names."""
    load_all("alphastrike.features", "features")
    return dict(sorted(_EXTERNAL.items()))


@cache
def external_series() -> tuple[str, ...]:
    """Return the names of all external series that a feature reads, in order."""
    return tuple(sorted({name for made in external_features().values() for name in made.series}))


@cache
def across_features() -> Mapping[str, AcrossFeature]:
    """Return every feature over all symbols by name, in order of the names."""
    load_all("alphastrike.features", "features")
    for made in _ACROSS.values():
        for name in made.inputs:
            if name not in _FEATURES:
                raise ConfigurationError(
                    f"feature {made.name} asks for the feature {name}, which no symbol has of its own. "
                    "Add it, or rename the parameter."
                )
    return dict(sorted(_ACROSS.items()))


def feature_names() -> tuple[str, ...]:
    """Return the names of all features: of symbols, of external series, then across."""
    return (*features(), *external_features(), *across_features())


def computed(made: Feature, bars: Bars) -> Column:
    """Return the feature over ``bars``; NaN where fewer than its window of bars lie behind a value.

    Raises:
        HaltError: its function raised, or returned anything but a number a bar.
    """
    return _full_windows(made.name, made.window, lambda: made.compute(bars), bars.close.shape)


def computed_external(made: ExternalFeature, columns: Mapping[str, Column]) -> Column:
    """Return the feature over columns (n,) by name of series; NaN where a window is not full.

    Raises:
        HaltError: as :func:`computed`.
    """
    read = [columns[name] for name in made.series]
    return _full_windows(made.name, made.window, lambda: made.compute(*read), read[0].shape)


def computed_across(made: AcrossFeature, columns: Mapping[str, Column]) -> Column:
    """Return the feature over columns (rows, symbols) by name of feature.

    Raises:
        HaltError: as :func:`computed`.
    """
    read = [columns[name] for name in made.inputs]
    return _full_windows(made.name, 1, lambda: made.compute(*read), read[0].shape)


def _full_windows(name: str, window: int, compute: Callable[[], object], shape: tuple[int, ...]) -> Column:
    try:
        with np.errstate(all="ignore"):
            values = compute()
    except Exception as error:  # what a user's function may raise is anything
        raise HaltError(f"feature {name} raised {error!r}. Mend or remove the feature.") from error
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype.kind not in "fiu":
        what = (
            f"{values.dtype} of shape {values.shape}"
            if isinstance(values, np.ndarray)
            else f"a {type(values).__name__}"
        )
        raise HaltError(
            f"feature {name} returned {what} for bars of shape {shape}: it must return as many numbers. "
            "Mend or remove the feature."
        )
    # What a feature returns may be a column that it was given: that one is not to be written.
    full = np.full(shape, np.nan)
    full[..., window - 1 :] = values[..., window - 1 :]
    return full


def _claimed(function: Callable[..., object], window: int = 1) -> str:
    """Return the docstring of a function whose name is still free."""
    name = function.__name__
    if window < 1:
        raise ConfigurationError(f"feature {name} has a window of {window} bars. Give it at least 1.")
    if name in _FEATURES or name in _EXTERNAL or name in _ACROSS:
        raise ConfigurationError(f"feature {name} ({function.__module__}) is declared twice. Rename one of them.")
    if not function.__doc__:
        raise ConfigurationError(f"feature {name} ({function.__module__}) has no docstring. Say what it means.")
    return inspect.cleandoc(function.__doc__)
