"""How cost grows with workers: ``python -m tests.bench.scale [--data FOLDER --run RUN]``; figures for docs/scale.md.

A study on a PostgreSQL of its own with 1, 2 and 4 worker processes, what an asker costs as a study grows, what a
Dask task costs, and a run sent to an object store on the loopback and back. Without --run a market is simulated.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alphastrike.cli.console import note, out, table
from alphastrike.config.settings import Settings
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.computed import recorded_inputs
from alphastrike.runs.object_store import ObjectStore
from alphastrike.runs.publishing import pull, push
from alphastrike.runs.recorder import record, recorded_settings
from alphastrike.runs.registry import market_of, open_run
from experiments.asking import batch, distributions
from experiments.objective import Objective, cut, days_of
from experiments.space import SPACE, values_of
from experiments.study import Study, StudyFacts
from replay.pool import Dask, There
from tests.bench.timing import PROJECT
from tests.experiments.postgres import postgres

WORKERS = (1, 2, 4)
Row = tuple[object, ...]


def objective_of(root: Path, name: str) -> tuple[Objective, Settings]:
    """Return what a study on a run evaluates, and the settings around its points."""
    run = open_run(root, name)
    market = market_of(root, run)
    settings = recorded_settings(run)
    return Objective(market, recorded_inputs(run, market), settings, "rules", cut(days_of(market), settings)), settings


def studied(root: Path, name: str, trials: int, at_once: int) -> list[Row]:
    """Work off the same study with 1, 2 and 4 processes; the trials must be the same."""
    objective, settings = objective_of(root, name)
    about = StudyFacts(
        "", name, "0" * 32, "rules", "tpe", 1, trials, tuple(knob.name for knob in SPACE), values_of(settings), "d",
        1.0, objective.how, at_once=at_once,
    )  # fmt: skip
    rows: list[Row] = []
    found = None
    for workers in WORKERS:
        with postgres() as url:
            study = Study.create(url, replace(about, name=f"of {workers}"))
            before = _counters(url)
            with _ready(workers, url, study.facts.name, root, name) as processes:
                wall = time.perf_counter()
                for process in processes:
                    _go(process)
                cpus = [_answer(process) for process in processes]
                wall = time.perf_counter() - wall
            after = _counters(url)
            values = [(done.place, done.trial.values, done.value) for done in study.done()]
        assert found in (None, values), "another number of workers found other trials"
        found = values
        rows.append((
            at_once, workers, f"{wall:.1f}", f"{trials / wall:.1f}", f"{1000 * sum(cpus) / trials:.0f}",
            f"{(after[0] - before[0]) / trials:.1f}", f"{(after[1] - before[1]) / trials / 1000:.1f}",
        ))  # fmt: skip
    return rows


def asked() -> list[Row]:
    """Ask batches of studies of growing length."""
    import optuna

    random = np.random.default_rng(1)
    rows: list[Row] = []
    for there in (96, 480, 960, 1_920):
        earlier = []
        for _ in range(there):
            values = {knob.name: knob.at(int(random.integers(0, knob.steps + 1))) for knob in SPACE}
            earlier.append(
                optuna.trial.create_trial(
                    value=float(random.normal()), params=values, distributions=distributions(SPACE)
                )
            )
        took = []
        for at_once in (8, 48):
            begun = time.process_time()
            batch(there // at_once, at_once, SPACE, "tpe", 1, earlier, {}, 3, at_once)
            took.append(time.process_time() - begun)
        rows.append((there, f"{1000 * took[0] / 8:.0f}", f"{1000 * took[1] / 48:.0f}", f"{took[1]:.2f}"))
    return rows


def tasked(tasks: int) -> list[Row]:
    """Send tasks that do nothing to clusters of 1, 2 and 4 processes."""
    from distributed import Client, LocalCluster

    rows: list[Row] = []
    for workers in WORKERS:
        begun = time.perf_counter()
        how: dict[str, Any] = {
            "threads_per_worker": 1,
            "host": "127.0.0.1",
            "dashboard_address": None,
            "silence_logs": logging.CRITICAL,
        }
        with (
            LocalCluster(n_workers=workers, **how) as cluster,  # type: ignore[no-untyped-call]
            Client(cluster, set_as_default=False) as client,  # type: ignore[no-untyped-call]
        ):
            pool = Dask(client, There("", "", ""))
            list(pool.map(_never, _nothing, workers))
            started = time.perf_counter() - begun
            begun, cpu = time.perf_counter(), time.process_time()
            list(pool.map(_never, _nothing, tasks))
            wall = time.perf_counter() - begun
            rows.append(
                (workers, f"{started:.1f}", f"{1000 * wall / tasks:.2f}",
                 f"{1000 * (time.process_time() - cpu) / tasks:.2f}")
            )  # fmt: skip
    return rows


def stored(root: Path, name: str) -> list[Row]:
    """Send a run with its market to an object store and fetch it again."""
    from moto.server import ThreadedMotoServer
    from pyarrow.fs import S3FileSystem

    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        how = {"endpoint_override": f"{host}:{port}", "scheme": "http", "region": "us-east-1"}
        S3FileSystem(allow_bucket_creation=True, **how).create_dir("bench")
        store = ObjectStore.at(f"s3://bench/x?endpoint_override=http://{host}:{port}&region=us-east-1")
        rows: list[Row] = []
        with tempfile.TemporaryDirectory() as elsewhere:
            for what, do in (
                ("push", lambda: push(root, name, store)),
                ("push again", lambda: push(root, name, store)),
                ("pull", lambda: pull(store.under("runs", name), Path(elsewhere))),
            ):
                begun, cpu = time.perf_counter(), time.process_time()
                do()  # type: ignore[no-untyped-call]
                rows.append((what, f"{time.perf_counter() - begun:.2f}", f"{time.process_time() - cpu:.2f}"))
        size = sum(store.sizes().values())
        return [(*row, f"{size / 1e6:.1f}", len(store.sizes())) for row in rows]
    finally:
        server.stop()


def work(url: str, name: str, root: Path, run: str) -> None:
    """Be a worker: get ready, wait for a word, work, and say how much CPU that took."""
    objective, settings = objective_of(root, run)
    objective(values_of(settings))
    study = Study.open(url, name)
    study.done()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    begun = time.process_time()
    study.work(objective)
    sys.stdout.write(f"{time.process_time() - begun}\n")


@contextmanager
def _ready(count: int, *words: object) -> "Iterator[list[subprocess.Popen[str]]]":
    command = [sys.executable, "-m", "tests.bench.scale", "--work", *map(str, words)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", "a worker could not begin"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _answer(process: "subprocess.Popen[str]") -> float:
    assert process.stdout is not None
    return float(process.stdout.readline())


def _counters(url: str) -> tuple[int, int]:
    """Return transactions committed so far, and the bytes of the database."""
    from sqlalchemy import create_engine, text

    time.sleep(1.5)  # a backend reports what it did at most once a second
    with create_engine(url).connect() as connection:
        row = connection.execute(
            text(
                "select sum(xact_commit), pg_database_size(current_database()) "
                "from pg_stat_database where datname = current_database()"
            )
        ).one()
    return int(row[0]), int(row[1])


def _nothing(_there: There, number: int) -> int:
    return number


def _never(_number: int) -> int:
    raise AssertionError("done by a worker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--run")
    parser.add_argument("--trials", type=int, default=96)
    parser.add_argument("--only", choices=("study", "asker", "dask", "object store"))
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.work is not None:
        url, name, root, run = chosen.work
        work(url, name, Path(root), run)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        root, run = (chosen.data, chosen.run) if chosen.run else _simulated(Path(scratch))
        study = ("at once", "workers", "s", "trials/s", "CPU ms a trial", "transactions a trial", "kB a trial")
        parts = {
            "study": (study, lambda: studied(root, run, chosen.trials, 8) + studied(root, run, chosen.trials, 48)),
            "asker": (("earlier trials", "CPU ms a point, 8 at once", "48 at once", "s a batch of 48"), asked),
            "dask": (("workers", "start s", "ms a task", "client CPU ms a task"), lambda: tasked(1_000)),
            "object store": (("what", "s", "CPU s", "MB", "objects"), lambda: stored(root, run)),
        }
        for title, (headers, measure) in parts.items():
            if chosen.only not in (None, title):
                continue
            note(f"measuring {title} …")
            out().print(table(headers, [tuple(map(str, row)) for row in measure()], title=title, right=headers))  # type: ignore[no-untyped-call]
    out().print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg()}))
    return 0


def _simulated(root: Path) -> tuple[Path, str]:
    simulate_market(root, "bench", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 400, MICROS_PER_HOUR, 7)
    record(root, "bench", "rules", name="bench", settings=Settings())
    return root, "bench"


if __name__ == "__main__":
    raise SystemExit(main())
