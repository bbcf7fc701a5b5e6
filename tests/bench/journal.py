"""Writing and reading a run as large as 3.5 years of five symbols, with made-up rows of every kind that is large."""

import statistics
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.engine.state import buffer_size
from alphastrike.features.declare import feature_names
from alphastrike.journal.kinds import Column
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import RunWriter
from alphastrike.journal.tables import kind_named
from alphastrike.ml.declare import signals
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_MINUTE, Storage
from tests.bench.figures import Figure
from tests.bench.timing import cpu_seconds
from tests.builders import NOON, facts

SECTION: Final = "journal"
NAMES: Final = SymbolTable(("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT"))
TICKS: Final = 122_640
"""3.5 years of quarter hours."""
A_TICK: Final = 7
"""Events of a quarter hour: five candles, now and then funding, the tick."""
TICKS_A_DECISION: Final = 4
CHECKPOINTS: Final = 300
BY_DECISION: Final = ("features", "signals", "weights", "health", "forecasts")
BY_TICK: Final = ("ticks", "equity")
SPARSE: Final = {
    "gates": 2_000,
    "leverage": 1_500,
    "targets": 6_000,
    "risk_verdicts": 6_000,
    "orders": 12_000,
    "fills": 7_000,
    "funding_payments": 12_000,
    "trades": 2_500,
    "triggers": 1_000,
    "situations": 300,
    "situation_symbols": 1_500,
    "advice": 300,
    "tool_calls": 350,
    "interventions": 600,
}
"""Rows of the kinds that are written when something happens."""


def measure(quick: bool) -> list[Figure]:
    """Return rows a CPU second written and read back, and what they weigh on the disk."""
    tables = list(_tables(TICKS // 100 if quick else TICKS))
    rows = sum(len(columns["market_seq"]) for _, columns in tables)
    cells = sum(len(columns["market_seq"]) * len(columns) for _, columns in tables)
    rounds = 1 if quick else 3
    with tempfile.TemporaryDirectory() as temporary:
        folders = (Path(temporary) / f"run-{number}" for number in count())
        written: list[Path] = []
        writing = [cpu_seconds(lambda: written.append(_write(next(folders), tables))) for _ in range(rounds)]
        reading = [cpu_seconds(lambda: _read(written[0], tables)) for _ in range(rounds)]
        asking = [cpu_seconds(lambda: _ask(written[0])) for _ in range(rounds)]
        megabytes = sum(path.stat().st_size for path in written[0].iterdir()) / 1e6
    write, read = statistics.median(writing), statistics.median(reading)
    volume = f"{rows:,} rows, {cells / 1e6:.1f} M values"
    return [
        Figure(
            SECTION, "write, hash and seal", rows / write / 1e3, "k rows / CPU s", note=f"{write:.2f} CPU s; {volume}"
        ),
        Figure(SECTION, "check and read as records", rows / read / 1e3, "k rows / CPU s", note=f"{read:.2f} CPU s"),
        Figure(SECTION, "a group by in SQL", statistics.median(asking), "CPU s", note="mean conviction by symbol"),
        Figure(SECTION, "size", megabytes, "MB", note=f"{megabytes * 1e6 / cells:.1f} bytes a value"),
    ]


def _write(folder: Path, tables: list[tuple[str, dict[str, Any]]]) -> Path:
    with RunWriter(folder, NAMES) as writer:
        for name, columns in tables:
            writer.append(kind_named(name, _wide_columns(name)), columns)
        numbers = list(range(1, CHECKPOINTS + 1))
        state = np.random.default_rng(1).bytes(buffer_size(len(NAMES)))
        writer.append_checkpoints(numbers, numbers, numbers, [state] * len(numbers))
        writer.seal(facts(folder.name, symbols=tuple(NAMES)))
    return folder


def _read(folder: Path, tables: list[tuple[str, dict[str, Any]]]) -> None:
    run = Run.open(folder)
    for name, columns in tables:
        assert len(run.rows(name)) == len(columns["market_seq"])


def _ask(folder: Path) -> None:
    answer = Run.open(folder).sql("select symbol, count(*), avg(conviction) from forecasts group by 1")
    assert answer.total == len(NAMES)


def _tables(ticks: int) -> Iterator[tuple[str, dict[str, Any]]]:
    random = np.random.default_rng(7)
    every_tick = np.arange(1, ticks + 1)
    decisions = np.repeat(every_tick[TICKS_A_DECISION - 1 :: TICKS_A_DECISION], len(NAMES))
    for name in BY_DECISION:
        at = np.unique(decisions) if name == "health" and not _has_symbol(name) else decisions
        yield name, _columns(random, name, at)
    for name in BY_TICK:
        yield name, _columns(random, name, every_tick)
    for name, rows in SPARSE.items():
        yield name, _columns(random, name, np.sort(random.integers(1, ticks + 1, rows * ticks // TICKS)))


def _has_symbol(name: str) -> bool:
    return any(column.unit.storage is Storage.SYMBOL for column in kind_named(name).columns)


def _wide_columns(name: str) -> tuple[str, ...]:
    return {"features": feature_names(), "signals": tuple(signals()), "weights": tuple(signals())}.get(name, ())


def _columns(random: np.random.Generator, name: str, at: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return rows of a kind at these ticks."""
    columns: dict[str, Any] = {"market_seq": at * A_TICK}
    for column in kind_named(name, _wide_columns(name)).columns:
        columns[column.name] = _values(random, column, at)
    return columns


def _values(random: np.random.Generator, column: Column, at: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    rows = len(at)
    match column.unit.storage:
        case Storage.TIME:
            return NOON + at * (15 * MICROS_PER_MINUTE)
        case Storage.SYMBOL:
            return np.arange(rows, dtype=np.int64) % len(NAMES)
        case Storage.INTEGER:
            return np.cumsum(random.integers(0, 2, rows))
        case Storage.FLAG:
            return random.integers(0, 2, rows)
        case Storage.CODE:
            assert column.codes is not None
            return random.choice(np.array([int(code) for code in column.codes]), rows)
        case Storage.TEXT:
            texts = np.empty(rows, dtype=object)
            texts[:] = [f"three losses in a row, win rate {rate:.0%}" for rate in random.random(rows)]
            return texts
        case Storage.REAL:
            # What the engine computes fills the mantissa: nothing here compresses better than it will.
            return 100.0 + np.cumsum(random.standard_normal(rows))
