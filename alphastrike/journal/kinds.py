"""Declaring an event kind: one class, from which table, NumPy record, DuckDB view and docs follow.

A field's annotation carries its unit (``model.units``) or is an ``IntEnum`` (stored as its number in
records, as its lower-case name in tables). ``seq``, ``part``, ``market_seq`` and ``recorded_at`` are never
fields: they are the journal's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from functools import cached_property
from typing import Annotated, Any, Final, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa

from alphastrike.model.units import Storage, Unit

C = TypeVar("C")


class Role(Enum):
    """Whether a kind is a fact from outside or re-derivable from such facts."""

    INPUT = "input"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a kind."""

    name: str
    unit: Unit
    codes: type[IntEnum] | None = None
    """The enumeration behind a ``Storage.CODE`` column."""

    @property
    def numpy_type(self) -> str:
        """NumPy type string in a record: eight bytes, or ``O`` for text."""
        if self.unit.storage is Storage.REAL:
            return "f8"
        return "O" if self.unit.storage is Storage.TEXT else "i8"

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type in the Parquet table."""
        match self.unit.storage:
            case Storage.TIME:
                return pa.timestamp("us", tz="UTC")
            case Storage.SYMBOL | Storage.CODE:
                return pa.dictionary(pa.int32(), pa.string())
            case Storage.INTEGER:
                return pa.int64()
            case Storage.FLAG:
                return pa.bool_()
            case Storage.REAL:
                return pa.float64()
            case Storage.TEXT:
                return pa.string()


@dataclass(frozen=True)
class Kind:
    """A table of the journal."""

    name: str
    role: Role
    doc: str
    columns: tuple[Column, ...]
    order: int
    """Place in the fixed order of stages: the high part of ``part``."""
    wide: bool = False
    """True when a run adds a column a feature or a signal."""
    source: type | None = field(default=None, compare=False)

    @cached_property
    def record(self) -> np.dtype[Any]:
        """NumPy record of one row: ``market_seq`` and the columns, no padding.

        Kinds that hold text have object fields and are never written by compiled code.
        """
        fields = [("market_seq", "i8"), *((column.name, column.numpy_type) for column in self.columns)]
        return np.dtype((np.record, fields))

    def with_columns(self, names: tuple[str, ...], unit: Unit) -> "Kind":
        """Return this wide kind with one real column a name."""
        assert self.wide, f"{self.name} is not a wide kind"
        added = tuple(Column(name, unit) for name in names)
        return replace(self, columns=self.columns + added)

    def column(self, name: str) -> Column:
        """Return the column of that name; it must exist."""
        return next(column for column in self.columns if column.name == name)


KINDS: Final[dict[str, Kind]] = {}
"""Every declared kind by name, in stage order: inputs first, then derived kinds as declared."""


@dataclass_transform(frozen_default=True)
def kind(name: str, role: Role, *, wide: bool = False) -> Callable[[type[C]], type[C]]:
    """Declare an event kind. The class becomes a frozen dataclass and enters ``KINDS``."""

    def declare(cls: type[C]) -> type[C]:
        assert name not in KINDS, f"event kind {name} is declared twice"
        assert cls.__doc__, f"event kind {name} has no docstring"
        columns = tuple(
            _column(field_name, hint) for field_name, hint in get_type_hints(cls, include_extras=True).items()
        )
        doc = cls.__doc__.strip().splitlines()[0]
        made = dataclass(frozen=True, slots=True)(cls)
        KINDS[name] = Kind(name, role, doc, columns, len(KINDS), wide, made)
        return made

    return declare


def _column(name: str, hint: Any) -> Column:
    if get_origin(hint) is Annotated:
        unit = next(extra for extra in get_args(hint)[1:] if isinstance(extra, Unit))
        return Column(name, unit)
    assert isinstance(hint, type) and issubclass(hint, IntEnum), f"{name}: {hint} has no unit"
    return Column(name, Unit(hint.__name__, Storage.CODE), hint)
