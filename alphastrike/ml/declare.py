"""Declaring a signal: one short file with one decorated function, found by its place in ``ml/signals``.

The parameters are the names of the features it needs. The body sees numbers, never NaN: where a feature is
missing the wrapper abstains for it.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.model.compiled import Elementwise, ufunc
from alphastrike.model.discovery import load_all
from alphastrike.model.errors import ConfigurationError, HaltError

Column = npt.NDArray[np.float64]
Body = Callable[..., float]


class Category(Enum):
    """What a signal listens to. The value is the folder under ``ml/signals`` that its file lies in."""

    ORDER_FLOW = "order_flow"
    MICROSTRUCTURE = "microstructure"
    VOLATILITY = "volatility"
    CORRELATION = "correlation"
    SENTIMENT = "sentiment"
    SEASONALITY = "seasonality"
    STATISTICAL = "statistical"
    PRICE_ACTION = "price_action"
    VOLUME = "volume"
    DERIVATIVES = "derivatives"
    ALTERNATIVE = "alternative"
    MACRO = "macro"


@dataclass(frozen=True)
class Signal:
    """An opinion on a symbol's next move: features to a score in [-1, 1], or NaN to abstain."""

    name: str
    category: Category
    horizon_bars: int
    """Decision bars ahead that it is about, and after which the decay tracker scores it."""
    smooth_bars: int
    """Its score is the mean of so many raw ones, so that a fast idea trades at the book's pace; 1 for none."""
    inputs: tuple[str, ...]
    """Names of the features it reads, in the order of the body's parameters."""
    body: Body
    doc: str

    @cached_property
    def raw(self) -> Elementwise:
        """The body over columns."""
        return ufunc(self.body, len(self.inputs))

    def scores(self, columns: tuple[Column, ...], place: Callable[[int], str]) -> Column:
        """Return a raw score for every row of the feature columns, NaN where one of them is.

        ``place`` says which symbol and bar a row is, for the error.

        Raises:
            HaltError: the body raised, or returned NaN or a number outside [-1, 1] on present inputs.
        """
        missing = np.isnan(columns[0])
        for column in columns[1:]:
            missing |= np.isnan(column)
        if not missing.any():
            return self._checked(columns, None, place)
        scores = np.full(columns[0].shape[0], np.nan)
        present = np.flatnonzero(~missing)
        if present.size:
            scores[present] = self._checked(tuple(column[present] for column in columns), present, place)
        return scores

    def _checked(
        self, inputs: tuple[Column, ...], rows: npt.NDArray[np.intp] | None, place: Callable[[int], str]
    ) -> Column:
        """Return the body's scores; ``rows`` says where in the columns the inputs stood, ``None`` for all of them."""

        def where(i: int) -> str:
            return place(i if rows is None else int(rows[i]))

        raw = self.raw
        try:
            with np.errstate(all="ignore"):
                scores = raw(*inputs)
        except Exception as error:  # what a user's body may raise is anything
            for i in range(inputs[0].shape[0]):
                self._check_one([column[i : i + 1] for column in inputs], where(i))
            raise HaltError(f"signal {self.name} raised {error!r}. Mend or remove the signal.") from error
        is_score = np.abs(scores) <= 1.0
        if not is_score.all():
            first = int(np.flatnonzero(~is_score)[0])
            raise HaltError(
                f"signal {self.name} returned {scores[first]} for {where(first)}: a score is a number from -1 to 1."
                " Mend or remove the signal."
            )
        return scores

    def _check_one(self, inputs: list[Column], where: str) -> None:
        try:
            self.raw(*inputs)
        except Exception as error:
            raise HaltError(f"signal {self.name} raised {error!r} for {where}. Mend or remove the signal.") from error


_SIGNALS: Final[dict[str, Signal]] = {}


def signal(category: Category, *, horizon_bars: int = 24, smooth_bars: int = 1) -> Callable[[Body], Signal]:
    """Register a signal under its function's name; its parameters name its features.

    Raises:
        ConfigurationError: the name is taken, the folder is another category's, or something is missing.
    """

    def register(function: Body) -> Signal:
        name = function.__name__
        inputs = tuple(inspect.signature(function).parameters)
        folder = function.__module__.split(".")[-2]
        for wrong, what in (
            (name in _SIGNALS, "is declared twice. Rename one of them"),
            (not function.__doc__, "has no docstring. Say its idea, and where it comes from"),
            (not inputs, "has no parameter. Name the features it needs"),
            (horizon_bars < 1 or smooth_bars < 1, "needs a horizon and a smoothing of at least 1 bar"),
            (folder != category.value, f"lies in the folder {folder}. Move its file to {category.value}"),
        ):
            if wrong:
                raise ConfigurationError(f"signal {name} ({function.__module__}) {what}.")
        doc = inspect.cleandoc(function.__doc__ or "")
        made = Signal(name, category, horizon_bars, smooth_bars, inputs, function, doc)
        _SIGNALS[name] = made
        return made

    return register


@cache
def signals() -> Mapping[str, Signal]:
    """Return every signal found under ``ml/signals`` by name, in order of the names."""
    load_all("alphastrike.ml.signals", "signal")
    return dict(sorted(_SIGNALS.items()))
