"""Fields of the state's records: uncompiled, a name that NumPy has of its own would be read instead of the field."""

import numpy as np
import pytest

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception_state import PerceptionState, StateShape
from alphastrike.engine.state import new_buffer, views
from alphastrike.journal.kinds import KINDS
from alphastrike.model.bars import BAR
from alphastrike.model.forecast import FORECAST
from alphastrike.model.instrument import INSTRUMENT, TIER

READ_BY_KEY = {"flags"}
"""Read as ``row["flags"]`` everywhere, and said so there."""


def names_of_state() -> dict[str, tuple[str, ...]]:
    shape = StateShape.of(1, 1, 1, PerceptionSettings())
    perception = dict(zip(PerceptionState._fields, (dtype.names or () for dtype, _ in shape.layout()), strict=False))
    account = {name: view.dtype.names or () for name, view in views(new_buffer(1), 1)._asdict().items()}
    fixed = {"bar": BAR, "forecast": FORECAST, "instrument": INSTRUMENT, "tier": TIER}
    return {**perception, **account, **{name: dtype.names or () for name, dtype in fixed.items()}}


@pytest.mark.parametrize("record", names_of_state())
def test_no_field_of_a_record_is_called_like_something_of_numpys(record: str) -> None:
    own = [name for name in names_of_state()[record] if hasattr(np.record, name) and name not in READ_BY_KEY]
    assert own == []


def test_no_column_of_a_kind_is_either() -> None:
    own = [f"{kind.name}.{column.name}" for kind in KINDS.values() for column in kind.columns]
    assert [name for name in own if hasattr(np.record, name.partition(".")[2])] == []
