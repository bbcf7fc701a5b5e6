"""Arrow arrays straight over NumPy's memory, and back.

Not by ``pa.array``, ``to_numpy`` or a function of ``pyarrow.compute``: the first call of any of them imports pandas, a
fifth of a second that most commands have no other use for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def plain_values(values: pa.ChunkedArray, dtype: type[np.generic] | np.dtype[Any]) -> npt.NDArray[Any]:
    """Return a column of fixed width without nulls."""
    parts = [np.empty(0, dtype=dtype)]
    parts += [held(chunk, dtype) for chunk in values.chunks if len(chunk)]
    return np.concatenate(parts) if len(parts) != 2 else parts[1]


def held(array: pa.Array, dtype: type[np.generic] | np.dtype[Any]) -> npt.NDArray[Any]:
    """Return what an array of fixed-width values, at least one, holds; undefined where it is null."""
    return np.frombuffer(array.buffers()[1], dtype=dtype)[array.offset : array.offset + len(array)]


def is_null(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Return where an array that has nulls is null."""
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], dtype=np.uint8), bitorder="little")
    return np.asarray(bits[array.offset : array.offset + len(array)] == 0)


def fixed(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Return values of fixed width as an array of a type of the same width."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))], null_count=0)


def flags(values: npt.NDArray[Any]) -> pa.Array:
    """Return what is true and what is not as an array of bits."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(_bits(values != 0))], null_count=0)


def texts(values: Sequence[str]) -> pa.Array:
    """Return texts as an array."""
    return _variable([value.encode() for value in values], pa.string())


def blobs(values: Sequence[bytes]) -> pa.Array:
    """Return bytes as an array."""
    return _variable(values, pa.binary())


def dictionary(
    places: npt.NDArray[np.int64], is_null: npt.NDArray[np.bool_] | None, names: Sequence[str]
) -> pa.DictionaryArray:
    """Return names by their places; what stands under a null is not looked at."""
    indices = places.astype(np.int32)
    valid = None
    if is_null is not None and is_null.any():
        indices[is_null] = 0
        valid = pa.py_buffer(_bits(~is_null))
    kept = pa.Array.from_buffers(pa.int32(), len(indices), [valid, pa.py_buffer(indices)])
    return pa.DictionaryArray.from_arrays(kept, texts(names))


def _variable(values: Sequence[bytes], kind: pa.DataType) -> pa.Array:
    ends = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum([len(value) for value in values], out=ends[1:])
    assert ends[-1] <= np.iinfo(np.int32).max, "a column of two gigabytes is written in several parts"
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers, null_count=0)


def _bits(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return np.packbits(values, bitorder="little")
