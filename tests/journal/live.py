"""A small live run whose every row follows from the number of its instant, so that any restart can go on with it."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alphastrike.journal.inputs import IncidentKind, OperatorAct
from alphastrike.journal.kinds import KINDS, Kind, Role
from alphastrike.journal.reader import Run
from alphastrike.journal.tables import Rows
from alphastrike.journal.wal import LiveJournal
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.units import MICROS_PER_HOUR
from tests.builders import BTC, ETH, NOON, SOL, SYMBOLS, facts, features, fill, rows_of

EVENTS = 5
"""Numbers of the market that an instant takes: three candles, a funding, the tick."""
LOCAL = 1_000_000
"""Microseconds between an event and its arrival."""


class Sent(NamedTuple):
    """The account at a situation."""

    situation: int
    tick: int
    market_seq: int
    state: bytes


def instruments() -> tuple[Any, Any]:
    made = np.zeros(len(SYMBOLS), dtype=INSTRUMENT)
    made["tick"], made["lot"] = [0.1, 0.01, 0.001], 0.001
    tiers = np.zeros((len(SYMBOLS), TIERS_MAX), dtype=TIER)
    tiers["notional_floor"] = np.inf
    tiers["notional_floor"][:, :2] = [0.0, 50_000.0]
    return made, tiers


def begin(folder: Path, **other: Any) -> LiveJournal:
    made, tiers = instruments()
    sources = ["given", "assumed", "assumed"]
    return LiveJournal.create(folder, facts(folder.name), MICROS_PER_HOUR, made, tiers, sources=sources, **other)


def time_of(tick: int) -> int:
    return NOON + tick * MICROS_PER_HOUR


def inputs_of(tick: int) -> list[tuple[str, tuple[Any, ...]]]:
    """Events of an instant in the order in which this feed sends them, which is not that of their numbers."""
    at = time_of(tick)
    nan = float("nan")
    candles = [
        ("candles", (at, symbol, 1.5 + tick, 2.0, -0.0, 1.75, 10.0 * symbol, nan, -1)) for symbol in (SOL, BTC, ETH)
    ]
    return [*candles[:1], ("funding", (at - 3, ETH, 0.0001, tick % 2)), *candles[1:]]


def derived_of(tick: int) -> dict[str, tuple[Kind, Rows]]:
    seq = EVENTS * (tick + 1)
    gate = {"market_seq": seq - 3, "event_time": time_of(tick), "symbol": ETH, "gate": 2, "value": float(tick)}
    rows: dict[str, tuple[Kind, Rows]] = {
        "gates": (KINDS["gates"], rows_of("gates", {**gate, "verdict": 1})),
        "equity": (
            KINDS["equity"],
            rows_of("equity", {"market_seq": seq, "event_time": time_of(tick), "equity": tick}),
        ),
    }
    if tick % 4 == 3:
        rows["features"] = features(("momentum", "spread"), at=(seq,))
        rows["fills"] = (KINDS["fills"], rows_of("fills", fill(BTC, 1.0, at=seq), fill(ETH, -2.0, at=seq)))
        said = {"market_seq": seq, "event_time": time_of(tick), "reason": f"Grüße {tick}"}
        rows["tool_calls"] = (KINDS["tool_calls"], rows_of("tool_calls", {**said, "verdict": 1}))
    return rows


def take_input(journal: LiveJournal, kind: str, row: tuple[Any, ...]) -> int:
    return journal.append_input(kind, row, row[0] + LOCAL)


def close(journal: LiveJournal, tick: int, seqs: Iterable[tuple[int, str, int]]) -> None:
    """Send the tick that closes an instant of these (seq, kind, symbol) and journal what follows."""
    place = {name: number for number, name in enumerate(("candles", "funding"))}
    ordered = sorted(seqs, key=lambda one: (place[one[1]], one[2]))
    take_input(journal, "ticks", (time_of(tick),))
    first = EVENTS * tick + 1
    journal.close_instant({seq: first + number for number, (seq, _, _) in enumerate(ordered)}, first + EVENTS - 1)
    journal.append_derived(derived_of(tick))
    if tick % 8 == 7:
        journal.append_situations([Sent(tick, tick, EVENTS * (tick + 1), bytes([tick % 256, 0, 255]))])


def instant(journal: LiveJournal, tick: int) -> None:
    """Journal one whole instant, not committed."""
    seqs = [(take_input(journal, kind, row), kind, row[1]) for kind, row in inputs_of(tick)]
    close(journal, tick, seqs)


def halt(journal: LiveJournal, tick: int) -> int:
    """Let an operator halt after a tick, and the engine journal it."""
    row = (time_of(tick), int(OperatorAct.HALT), -1, 0, "eva", "")
    seq = take_input(journal, "operator", row)
    rows = rows_of("halts", {"market_seq": EVENTS * (tick + 1), "event_time": time_of(tick), "symbol": -1, "cause": 5})
    journal.append_derived({"halts": (KINDS["halts"], rows)})
    return seq


def boot(journal: LiveJournal, tick: int) -> None:
    take_input(journal, "incidents", (time_of(tick), int(IncidentKind.BOOT), f"process of tick {tick}"))


def checkpoint(journal: LiveJournal, tick: int) -> None:
    journal.checkpoint(f"state after {tick}".encode(), time_of(tick), EVENTS * (tick + 1))


def record_to(journal: LiveJournal, ticks: int, *, first: int = 0, every: int = 10) -> None:
    """Journal and commit instants, with a checkpoint after every so many."""
    for tick in range(first, ticks):
        instant(journal, tick)
        if tick % every == every - 1:
            checkpoint(journal, tick)
        journal.commit()


def contents(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that the run holds, as plain values."""
    names = [name for name in (*KINDS, "checkpoints") if run.manifest.rows_of(name)]
    return {name: _rows(run, name) for name in names}


def shared(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The same without what differs between two runs over the same events: processes, and numbers they shift."""
    held = {name: found for name, found in rows.items() if name not in {"incidents", "operator", "halts"}}
    return {
        name: [{field: value for field, value in row.items() if field != "seq"} for row in found]
        for name, found in held.items()
    }


def _rows(run: Run, name: str) -> list[dict[str, Any]]:
    table = run.table(name)
    assert table.num_rows == run.manifest.rows_of(name), name
    return [{field: _plain(value) for field, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


INPUTS = frozenset(kind.name for kind in KINDS.values() if kind.role is Role.INPUT)


def all_seqs(rows: dict[str, list[dict[str, Any]]]) -> list[int]:
    """The numbers of all inputs, in order."""
    return sorted(itertools.chain.from_iterable([row["seq"] for row in rows[name]] for name in INPUTS & rows.keys()))
