"""Declaring a feature: one decorated function in any file of this folder, and nothing else to edit.

``@feature`` is for what one symbol's own bars tell, ``@across`` for what only all symbols together tell.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.model.errors import ConfigurationError


class Family(Enum):
    """What a feature is made of."""

    TREND = "trend"
    VOLATILITY = "volatility"
    VOLUME = "volume"
    FLOW = "flow"
    DERIVATIVES = "derivatives"
    SEASONALITY = "seasonality"
    ACROSS = "across"


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
class AcrossFeature:
    """A number per symbol and decision, made of all symbols' features at that decision."""

    name: str
    inputs: tuple[str, ...]
    """Names of the per-symbol features it reads."""
    compute: Callable[..., Column]
    """Takes and returns arrays of shape (rows, symbols); a row depends on that row alone."""
    doc: str


_FEATURES: Final[dict[str, Feature]] = {}
_ACROSS: Final[dict[str, AcrossFeature]] = {}


def feature(family: Family, *, window: int) -> Callable[[Callable[[Bars], Column]], Callable[[Bars], Column]]:
    """Register a feature under its function's name.

    The function gets bars of any length n >= ``window`` and returns n values; each depends on the ``window``
    bars that end with it, and is NaN when one that it reads is missing or lies before the first.
    """

    def register(function: Callable[[Bars], Column]) -> Callable[[Bars], Column]:
        doc = _claimed(function)
        if window < 1:
            raise ConfigurationError(f"feature {function.__name__} has a window of {window} bars. Give it at least 1.")
        _FEATURES[function.__name__] = Feature(function.__name__, family, window, function, doc)
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
    _load()
    return dict(sorted(_FEATURES.items()))


@cache
def across_features() -> Mapping[str, AcrossFeature]:
    """Return every feature over all symbols by name, in order of the names."""
    _load()
    for made in _ACROSS.values():
        for name in made.inputs:
            if name not in _FEATURES:
                raise ConfigurationError(
                    f"feature {made.name} asks for the feature {name}, which no symbol has of its own. "
                    "Add it, or rename the parameter."
                )
    return dict(sorted(_ACROSS.items()))


def feature_names() -> tuple[str, ...]:
    """Return the names of all features, per symbol first, then across."""
    return (*features(), *across_features())


def computed(made: Feature, bars: Bars) -> Column:
    """Return the feature over ``bars``; NaN where fewer than its window of bars lie behind a row."""
    with np.errstate(all="ignore"):
        values = made.compute(bars)
    assert values.shape == bars.close.shape, f"feature {made.name} returned {values.shape} values"
    values[: made.window - 1] = np.nan
    return values


def _load() -> None:
    package = importlib.import_module("alphastrike.features")
    for module in pkgutil.iter_modules(package.__path__, "alphastrike.features."):
        importlib.import_module(module.name)


def _claimed(function: Callable[..., object]) -> str:
    """Return the docstring of a function whose name is still free."""
    name = function.__name__
    if name in _FEATURES or name in _ACROSS:
        raise ConfigurationError(f"feature {name} ({function.__module__}) is declared twice. Rename one of them.")
    if not function.__doc__:
        raise ConfigurationError(f"feature {name} ({function.__module__}) has no docstring. Say what it means.")
    return inspect.cleandoc(function.__doc__)
