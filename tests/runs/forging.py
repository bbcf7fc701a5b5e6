"""What a person with an editor, a library and bad intentions does to a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alphastrike.journal.manifest import read_manifest, sealed, write_manifest
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import file_digest


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    held = bytearray(path.read_bytes())
    held[offset] ^= 1 << bit
    path.write_bytes(held)


def rewrite(run: Run, table: str, change: Callable[[pa.Table], pa.Table], *, reseal: bool = True) -> Path:
    """Write a table's file anew with a change in it, and by default the whole hash chain over it."""
    (segment,) = run.segments(table)
    path = run.folder / segment.file
    changed = change(pq.read_table(path))
    pq.write_table(changed, path)
    if reseal:
        seal_again(run.folder, {segment.file: changed.num_rows})
    return path


def with_value(column: str, row: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    """Change one value."""

    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        values = table[column].to_pylist()
        values[row] = value
        return table.set_column(place, table.schema.field(place), pa.array(values, type=table.schema.field(place).type))

    return change


def without_row(row: int) -> Callable[[pa.Table], pa.Table]:
    """Take one row out."""
    return lambda table: pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


def with_row_twice(row: int) -> Callable[[pa.Table], pa.Table]:
    """Put one row in a second time."""
    return lambda table: pa.concat_tables([table.slice(0, row + 1), table.slice(row)])


def edit_facts(folder: Path, *, reseal: bool, **facts: Any) -> None:
    """Change facts of a manifest."""
    manifest = read_manifest(folder).model_copy(update=facts)
    write_manifest(manifest, folder)
    if reseal:
        seal_again(folder, {})


def seal_again(folder: Path, rows: dict[str, int]) -> None:
    """Compute digests, row counts and the whole chain anew over the files as they are."""
    manifest = read_manifest(folder)
    segments = [
        s.model_copy(update={"digest": file_digest(folder / s.file), "rows": rows.get(s.file, s.rows)})
        for s in manifest.segments
    ]
    tables = {
        name: facts.model_copy(update={"rows": sum(s.rows for s in segments if s.table == name)})
        for name, facts in manifest.tables.items()
    }
    write_manifest(sealed(manifest, tables, segments), folder)
