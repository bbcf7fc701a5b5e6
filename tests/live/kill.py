"""Kills a live run again and again, and holds what is left to a run that nobody disturbed.

``python -m tests.live.kill --kills 100`` plays a small simulated market at full speed through the real command, sends
SIGKILL at random moments - while it starts and recovers, while it runs, and while it seals - and starts it again each
time. It must come to the same digest and the same rows, with nothing lost that it had said was durable.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from alphastrike.journal.codes import OrderChange
from alphastrike.journal.kinds import KINDS, Role
from alphastrike.journal.reader import Run
from alphastrike.live.writer import Ending
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.registry import open_run, runs_folder

PROJECT: Final = Path(__file__).resolve().parents[2]
MARKET: Final = "small"
SETTINGS: Final = (
    "perception.conviction.minimum_days=2",
    "perception.conviction.window_days=7",
    "account.triggers.losses=2",
    "account.triggers.cooldown_hours=0",
)
"""A short warm-up and touchy triggers: much happens in little time."""
CHECKPOINT_AFTER: Final = 300
"""Inputs, instead of tens of thousands: a stretch is sealed every few moments, and kills fall on sealing too."""
START_LIMIT_S: Final = 180.0
PROCESS_FACTS: Final = frozenset({"incidents"})
"""Kinds that tell of the process, of which a disturbed run has more."""

Moment = Literal["starting", "running", "sealing"]


class Said(NamedTuple):
    """One line of the process that is killed, written after the commit that it tells of."""

    what: str
    """``recovered``, ``durable``, ``checkpoint`` or ``ended``."""
    seq: int
    market_seq: int
    leverage: float
    digest: str


@dataclass
class Life:
    """One process, from its start to its end, with everything that it said."""

    process: "subprocess.Popen[bytes]"
    said: list[Said] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)
    is_over: bool = False
    start_s: float = math.inf
    """Until it had recovered; infinite while it has not."""

    def __post_init__(self) -> None:
        began = time.monotonic()
        self._listeners = [
            threading.Thread(target=self._listen, args=(began,)),
            threading.Thread(target=self._listen_to_errors),
        ]
        for listener in self._listeners:
            listener.start()

    def wait_for(self, what: str, limit_s: float, times: int = 1) -> bool:
        """Wait until it has said that so many times; False when it ended or took too long."""
        with self.heard:
            return (
                self.heard.wait_for(
                    lambda: self.is_over or sum(said.what == what for said in self.said) >= times, limit_s
                )
                and not self.is_over
            )

    def ended(self, limit_s: float = START_LIMIT_S) -> int:
        """Wait for its end and return its exit code."""
        code = self.process.wait(limit_s)
        for listener in self._listeners:
            listener.join(10.0)
        return code

    def kill(self) -> int:
        """Kill it and return its exit code."""
        self.process.kill()
        return self.ended()

    def first(self, what: str) -> Said | None:
        """Return the first thing of that sort it said."""
        return next((said for said in self.said if said.what == what), None)

    def last(self) -> Said | None:
        """Return the last thing it said of what is durable."""
        return next((said for said in reversed(self.said) if said.what in {"durable", "ended"}), None)

    def _listen(self, began: float) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # A kill may cut the last line; what is cut was not acknowledged.
            if line.startswith(b"@") and line.endswith(b"\n"):
                said = Said(*json.loads(line[1:]))
                with self.heard:
                    if said.what == "recovered":
                        self.start_s = time.monotonic() - began
                    self.said.append(said)
                    self.heard.notify_all()
        with self.heard:
            self.is_over = True
            self.heard.notify_all()

    def _listen_to_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors += [line.decode(errors="replace").rstrip() for line in self.process.stderr]


@dataclass
class Report:
    """What the harness did and found."""

    kills: Counter[str] = field(default_factory=Counter)
    """By the moment at which they fell."""
    lives: int = 0
    finished: int = 0
    """Runs that came to their end and were compared."""
    rows_compared: int = 0
    orders: int = 0
    digest: str = ""
    acknowledged: int = 0
    """Restarts after which what had been acknowledged was looked for."""
    leverages: int = 0
    """Restarts whose leverage was compared with the one before."""
    seconds: float = 0.0
    troubles: list[str] = field(default_factory=list)


def harness(root: Path, kills: int, seed: int, days: int, *, tell: bool = False) -> Report:
    """Do it all below an empty folder; the report's ``troubles`` must be empty."""
    began = time.monotonic()
    report = Report()
    # The moments are the same again with the same seed; what lies at them is the machine's.
    chance = random.Random(seed)
    simulate_market(root, MARKET, ("BTCUSDT", "ETHUSDT", "SOLUSDT"), days, MICROS_PER_HOUR, seed=3)
    steady = _steady(root, report)
    ticks = _leverage_by_tick(steady.run)
    window_s = 2.0 * steady.seconds / kills
    start_s = steady.start_seconds
    name = ""
    left = kills
    before: Said | None = None
    while True:
        if not name:
            name, before = f"killed-{report.finished + 1}", None
        life = started(root, name)
        report.lives += 1
        moment = _moment(chance)
        is_killed = left > 0 and _reached(life, moment, chance, start_s, window_s)
        # The first start compiles, the others find it done: learn how long one takes.
        start_s = min(start_s, life.start_s)
        code = life.kill() if is_killed else life.ended(10 * START_LIMIT_S)
        _check_restart(report, life, before, ticks)
        if code == -9:
            report.kills[moment if life.first("recovered") else "starting"] += 1
            left -= 1
            before = life.last() or life.first("recovered") or before
            if tell and left % 10 == 0:
                print(f"{kills - left} kills, {report.lives} lives, {report.finished} runs finished", flush=True)  # noqa: T201
            if not _is_complete(root, name):
                continue
        elif code != 0:
            report.troubles.append(f"life {report.lives} of {name} ended with {code}: {' | '.join(life.errors[-5:])}")
            break
        _compare(report, steady, root, name)
        report.finished += 1
        name = ""
        if left == 0:
            break
    report.seconds = time.monotonic() - began
    return report


def started(root: Path, name: str, *more: str) -> Life:
    """Start the command, or start it again, in a process of its own."""
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, "-m", "tests.live.kill", "--live", "--feed", MARKET, "--policy", "rules", *settings]
    return Life(
        subprocess.Popen(
            [*command, "--name", name, "--data", os.fspath(root), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=PROJECT,
        )
    )


@dataclass(frozen=True)
class _Steady:
    """The run that nobody disturbed."""

    run: Run
    digest: str
    start_seconds: float
    seconds: float
    """That it ran, without its start."""


def _steady(root: Path, report: Report) -> _Steady:
    began = time.monotonic()
    life = started(root, "steady")
    life.wait_for("recovered", START_LIMIT_S)
    running = time.monotonic()
    if life.ended(10 * START_LIMIT_S) != 0:
        raise RuntimeError(f"undisturbed, the run fails: {' | '.join(life.errors[-5:])}")
    ended = life.first("ended")
    assert ended is not None
    report.digest = ended.digest
    run = open_run(root, "steady")
    report.orders = len(_submitted(run))
    if not report.orders or not len(run.rows("interventions")) or not len(run.rows("leverage")):
        raise RuntimeError("nothing happens in the undisturbed run: choose another market")
    return _Steady(run, ended.digest, running - began, time.monotonic() - running)


def _moment(chance: random.Random) -> Moment:
    return chance.choices(("starting", "running", "sealing"), weights=(3, 10, 7))[0]


def _reached(life: Life, moment: Moment, chance: random.Random, start_s: float, window_s: float) -> bool:
    """Wait for a moment at which to kill; False when the run ends before it."""
    share = chance.random()
    if moment == "starting":
        time.sleep(share * start_s)
        return life.process.poll() is None
    if not life.wait_for("recovered", START_LIMIT_S):
        return False
    if moment == "sealing":
        if not life.wait_for("checkpoint", START_LIMIT_S, chance.randrange(1, 4)):
            return False
        # Writing, syncing, reading back and renaming a stretch takes some tens of milliseconds.
        time.sleep(share * 0.08)
    else:
        time.sleep(share * window_s)
    return life.process.poll() is None


def _check_restart(report: Report, life: Life, before: Said | None, ticks: dict[int, float]) -> None:
    """Hold what a process recovered to what the one before had said, and both to the undisturbed run."""
    place = f"life {report.lives}"
    after = life.first("recovered")
    for said in life.said:
        if said.market_seq in ticks and said.leverage != ticks[said.market_seq]:
            report.troubles.append(
                f"{place}: leverage {said.leverage!r} at market_seq {said.market_seq}, "
                f"undisturbed it is {ticks[said.market_seq]!r}"
            )
            break
    if after is None or before is None:
        return
    report.acknowledged += 1
    if after.seq < before.seq:
        report.troubles.append(f"{place}: seq {before.seq} was acknowledged, the journal holds {after.seq}")
    if after.market_seq < before.market_seq:
        report.troubles.append(f"{place}: market_seq went back from {before.market_seq} to {after.market_seq}")
    if after.market_seq == before.market_seq:
        report.leverages += 1
        if after.leverage > before.leverage:
            report.troubles.append(f"{place}: leverage {before.leverage!r} before, {after.leverage!r} after")
    ignored = [line for line in life.errors if "ahead of the journal" in line or "differs from the journal" in line]
    report.troubles += [f"{place}: {line}" for line in ignored]


def _compare(report: Report, steady: _Steady, root: Path, name: str) -> None:
    run = open_run(root, name)
    if run.manifest.digest != steady.digest:
        report.troubles.append(f"{name}: digest {run.manifest.digest}, undisturbed {steady.digest}")
    orders = _submitted(run)
    if len(set(orders)) != len(orders):
        report.troubles.append(f"{name}: orders were doubled: {_doubled(orders)}")
    seqs = np.sort(
        np.concatenate([_column(run, name, "seq") for name, kind in KINDS.items() if kind.role is Role.INPUT])
    )
    if not np.array_equal(seqs, np.arange(1, len(seqs) + 1)):
        report.troubles.append(f"{name}: the inputs' seq have gaps or doubles")
    for kind in (*KINDS, "checkpoints"):
        if kind in PROCESS_FACTS:
            continue
        found, wanted = _plain(run.table(kind)), _plain(steady.run.table(kind))
        report.rows_compared += wanted.num_rows
        if not _is_same(found, wanted):
            report.troubles.append(f"{name}: {kind} differs: {found.num_rows} rows, undisturbed {wanted.num_rows}")


def _is_complete(root: Path, name: str) -> bool:
    """Tell whether a kill came too late: the process had nothing left to do but to say goodbye."""
    return (runs_folder(root) / name).exists() and open_run(root, name).manifest.state == "complete"


def _leverage_by_tick(run: Run) -> dict[int, float]:
    equity = run.rows("equity")
    return dict(zip(equity["market_seq"].tolist(), equity["leverage"].tolist(), strict=True))


def _submitted(run: Run) -> list[int]:
    orders = run.rows("orders")
    numbers: list[int] = orders["order"][orders["change"] == OrderChange.SUBMITTED].tolist()
    return numbers


def _doubled(orders: list[int]) -> list[int]:
    return [order for order, count in Counter(orders).items() if count > 1]


def _column(run: Run, kind: str, name: str) -> Any:
    return run.table(kind).column(name).to_numpy()


def _plain(table: pa.Table) -> pa.Table:
    """Return a table without what may differ: when it was written, and how many incidents came before."""
    return table.drop_columns([name for name in ("seq", "recorded_at") if name in table.column_names])


def _is_same(one: pa.Table, other: pa.Table) -> bool:
    """Compare bit for bit: NaN equals NaN."""
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        return False
    return all(_bits(one.column(name)) == _bits(other.column(name)) for name in one.column_names)


def _bits(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_floating(column.type):
        bits: list[Any] = column.to_numpy().view(np.int64).tolist()
        return bits
    values: list[Any] = column.to_pylist()
    return values


def _live(arguments: list[str]) -> int:
    """Be the process that is killed: the real command, which says what is durable as soon as it is."""
    from alphastrike.cli.main import main
    from alphastrike.journal import wal
    from alphastrike.live import session
    from alphastrike.live.feeds import Pace

    class Journal(wal.LiveJournal):
        def checkpoint(self, data: bytes, tick_time: int, market_seq: int) -> None:
            _write(Said("checkpoint", 0, 0, 0.0, ""))
            super().checkpoint(data, tick_time, market_seq)

    class Session(session.Session):
        def __init__(self, journal: wal.LiveJournal, plan: session.Plan, pace: Pace | None = None) -> None:
            super().__init__(journal, replace(plan, checkpoint_after=CHECKPOINT_AFTER), pace)

        def recover(self) -> int:
            count = super().recover()
            self._say("recovered", self.status()["durable_seq"])
            self.on_release.append(lambda released: self._say("durable", released.seq))
            return count

        def _ended(self, ending: Ending) -> session.Outcome:
            outcome = super()._ended(ending)
            self._say("ended", outcome.status["durable_seq"], outcome.digest)
            return outcome

        def _say(self, what: str, seq: int, digest: str = "") -> None:
            leverage = float(self.stepper.state.account[0].leverage)
            _write(Said(what, seq, self.stepper.market_seq, leverage, digest))

    # The command looks both up when it runs.
    wal.LiveJournal = Journal  # type: ignore[misc]
    session.Session = Session  # type: ignore[misc]
    return main(["live", "--no-page", *arguments])


def _write(said: Said) -> None:
    os.write(1, b"@" + json.dumps(said).encode() + b"\n")


def _lines(report: Report) -> Iterator[str]:
    killed = ", ".join(f"{count} while {moment}" for moment, count in sorted(report.kills.items()))
    yield f"{report.kills.total()} kills ({killed}) in {report.lives} lives, {report.seconds:,.0f} s"
    yield f"{report.finished} runs came to their end with digest {report.digest}, as undisturbed"
    yield f"{report.rows_compared:,} rows compared bit for bit, {report.orders:,} orders a run, none doubled"
    yield f"{report.acknowledged} restarts held everything acknowledged, {report.leverages} compared in leverage"


def _main() -> int:
    if sys.argv[1:2] == ["--live"]:
        return _live(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = harness(Path(folder), options.kills, options.seed, options.days, tell=True)
    for line in report.troubles or _lines(report):
        print(line)  # noqa: T201
    return 1 if report.troubles else 0


if __name__ == "__main__":
    sys.exit(_main())
