"""What moved: features, signals and forecasts of one market beside those of the same market changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.engine.perception import Perceived
from alphastrike.features.declare import across_features, external_features, features
from alphastrike.market.market import Market
from alphastrike.ml.declare import signals

Mask = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]

FORECAST: Final = "forecast"
"""Stands beside the features and signals: what all of them lead to."""


@dataclass(frozen=True)
class Subject:
    """A feature or a signal that is looked at, or the forecast."""

    name: str
    kind: str
    """``feature``, ``signal`` or ``forecast``."""
    window: int
    """Decision bars that a value may depend on, the current one included."""
    inputs: tuple[str, ...]
    """Names of the subjects that it is made of."""
    is_own: bool
    """Whether a symbol's value may depend on that symbol alone."""


@dataclass(frozen=True)
class Finding:
    """A value that moved although it must not."""

    name: str
    kind: str
    proof: str
    symbol: str
    event_time: int
    """Of the first decision that differs, microseconds UTC."""
    value: float
    """In the market as it is; NaN for none."""
    other: float
    """In the changed one."""
    moved: int
    """Values that differ, of those that this proof compared."""
    inherited: tuple[str, ...]
    """Its inputs that moved in the same proof: what is to be mended first. Empty when the fault is its own."""


def every_subject() -> tuple[Subject, ...]:
    """Return all features, signals and the forecast, inputs before what is made of them.

    A signal's window is the longest of its features' with its smoothing added.
    """
    made: dict[str, Subject] = {}
    for own in features().values():
        made[own.name] = Subject(own.name, "feature", own.window, (), is_own=True)
    for outside in external_features().values():
        made[outside.name] = Subject(outside.name, "feature", outside.window, (), is_own=True)
    for over in across_features().values():
        window = max(made[name].window for name in over.inputs)
        made[over.name] = Subject(over.name, "feature", window, over.inputs, is_own=False)
    for signal in signals().values():
        read = [made[name] for name in signal.inputs if name in made]
        window = max((each.window for each in read), default=1) + signal.smooth_bars - 1
        made[signal.name] = Subject(
            signal.name, "signal", window, signal.inputs, is_own=all(each.is_own for each in read)
        )
    longest = max(each.window for each in made.values())
    made[FORECAST] = Subject(FORECAST, FORECAST, longest, tuple(signals()), is_own=False)
    return tuple(made.values())


class Tally:
    """Counts what was compared, and keeps of each subject what moved first."""

    def __init__(self, subjects: tuple[Subject, ...], market: Market, proofs: tuple[str, ...]) -> None:
        """Begin with nothing compared; ``market`` is the one that is not changed."""
        self.subjects = subjects
        self.compared: dict[str, dict[str, int]] = {proof: {} for proof in proofs}
        """By proof and name: values compared, of which at least one is no NaN."""
        self._market = market
        self._proofs = proofs
        self._found: dict[tuple[str, str], Finding] = {}

    def compare(
        self,
        proof: str,
        whole: Perceived,
        changed: Perceived,
        *,
        allowed: Callable[[Subject], Mask] | None = None,
        offset: int = 0,
        symbols: tuple[int, ...] | None = None,
        without: Callable[[Subject], bool] = lambda _: False,
        nearly: float = 0.0,
    ) -> None:
        """Compare what two markets came to.

        Args:
            proof: under which it counts.
            whole: of the market as it is.
            changed: of the changed one.
            allowed: (decisions of the changed one,) where a subject's values must be the same; ``None``: everywhere.
            offset: decision of the whole that the changed one begins with.
            symbols: those of the whole that the columns of the changed one stand for; ``None``: the same.
            without: subjects that are left out.
            nearly: difference that is none, as a share of the subject's largest value.
        """
        columns = list(symbols if symbols is not None else range(len(self._market.symbols)))
        for subject in self.subjects:
            if without(subject):
                continue
            there = _values(changed, subject)
            here = _values(whole, subject)[:, offset : offset + there.shape[1]][:, :, columns]
            is_known = ~(np.isnan(here) & np.isnan(there)).all(axis=0)
            with np.errstate(invalid="ignore"):
                scale = np.nanmax(np.abs(here), initial=0.0)
                differs = ~(same_bits(here, there) | (np.abs(here - there) <= nearly * scale)).all(axis=0)
            if allowed is not None:
                is_known &= allowed(subject)[:, None]
                differs &= is_known
            counts = self.compared[proof]
            counts[subject.name] = counts.get(subject.name, 0) + int(is_known.sum())
            if differs.any():
                times = self._market.tick_times[whole.decision_ticks[offset:]]
                self._keep(proof, subject, times, columns, here, there, differs)

    def findings(self) -> tuple[Finding, ...]:
        """Return what moved: in order of the proofs, causes before what inherits them."""
        inputs = {subject.name: subject.inputs for subject in self.subjects}
        found = [
            replace(each, inherited=tuple(name for name in inputs[each.name] if (proof, name) in self._found))
            for (proof, _), each in self._found.items()
        ]
        kinds = ("feature", "signal", FORECAST)
        return tuple(
            sorted(found, key=lambda f: (self._proofs.index(f.proof), bool(f.inherited), kinds.index(f.kind), f.name))
        )

    def _keep(
        self,
        proof: str,
        subject: Subject,
        times: npt.NDArray[np.int64],
        columns: list[int],
        here: Reals,
        there: Reals,
        differs: Mask,
    ) -> None:
        row, column = (int(place) for place in np.argwhere(differs)[0])
        field = int(np.flatnonzero(~same_bits(here[:, row, column], there[:, row, column]))[0])
        known = self._found.get((proof, subject.name))
        moved = int(differs.sum()) + (known.moved if known else 0)
        if known is not None and known.event_time <= times[row]:
            self._found[proof, subject.name] = replace(known, moved=moved)
            return
        self._found[proof, subject.name] = Finding(
            name=subject.name,
            kind=subject.kind,
            proof=proof,
            symbol=self._market.symbols[columns[column]],
            event_time=int(times[row]),
            value=float(here[field, row, column]),
            other=float(there[field, row, column]),
            moved=moved,
            inherited=(),
        )


def same_bits(left: Reals, right: Reals) -> Mask:
    """Return where two arrays have the same bits, every NaN being the same."""
    bits = np.ascontiguousarray(left).view(np.int64) == np.ascontiguousarray(right).view(np.int64)
    return np.asarray(bits | (np.isnan(left) & np.isnan(right)))


def _values(perceived: Perceived, subject: Subject) -> Reals:
    """Return the subject's values (fields, D, S): one field, and every one of a forecast."""
    if subject.kind == FORECAST:
        forecasts = perceived.forecasts
        return np.stack([forecasts[name].astype(np.float64) for name in forecasts.dtype.names or ()])
    is_feature = subject.kind == "feature"
    names, values = (
        (perceived.feature_names, perceived.features) if is_feature else (perceived.signal_names, perceived.scores)
    )
    place = names.index(subject.name)
    return values[place : place + 1]
