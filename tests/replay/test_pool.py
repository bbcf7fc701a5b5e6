"""Branches and worlds on a real Dask cluster of two processes: the local tables, bit for bit, whoever is killed."""

import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphastrike.model.errors import ConfigurationError, TryAgainError
from replay.decisions import suite_of
from replay.ground import ground_of
from replay.pool import Dask, Pool, There, Threads, ground_there, pool_at
from replay.trigger_quality import trigger_quality
from replay.worlds import run_worlds
from replay.worth import worths
from tests.replay.runs import RecordedRuns

if TYPE_CHECKING:
    from distributed import Client

RUN = "guarded"


@pytest.fixture(scope="module")
def cluster() -> Iterator["Client"]:
    distributed = pytest.importorskip("distributed", reason="Dask's distributed is not installed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
            silence_logs=50,
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):  # fmt: skip
        yield client


@pytest.fixture
def dask(cluster: "Client", recorded: RecordedRuns) -> Dask:
    run = recorded.open(RUN)
    return Dask(cluster, There(str(recorded.root), str(run.folder), run.sealed.chain_head))


def test_threads_give_results_in_order() -> None:
    assert list(Threads(3).map(lambda number: number * number, _never, 20)) == [n * n for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(Threads(2).map(lambda number: 1 // number, _never, 5))


def test_branches_on_a_cluster_are_the_local_ones_when_a_worker_is_killed(dask: Dask, recorded: RecordedRuns) -> None:
    run = recorded.open(RUN)
    ground = ground_of(recorded.root, run)
    suite = suite_of(run, ground, threads=2)
    killed: list[int] = []

    def kill_one(_stage: str, done: int, _total: int) -> None:
        if done == 3 and not killed:
            killed.extend(dask.client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    assert bits(suite_of(run, ground, pool=dask, progress=kill_one)) == bits(suite)
    assert len(killed) == 2
    assert killed[0] not in dask.client.run(os.getpid).values()
    assert bits(worths(ground, run, pool=dask)) == bits(worths(ground, run))
    assert bits(trigger_quality(run, ground, pool=dask)) == bits(trigger_quality(run, ground))


@pytest.mark.slow
def test_worlds_on_a_cluster_are_the_local_ones(dask: Dask, recorded: RecordedRuns) -> None:
    run = recorded.open(RUN)

    def told(pool: Pool | None) -> object:
        return bits(run_worlds(recorded.root, run, ["no-llm"], 4, pool=pool))

    assert told(dask) == told(None)


def test_a_worker_that_would_not_give_the_same_bits_is_refused(
    dask: Dask, recorded: RecordedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Dask(dask.client, dask.there._replace(head="0" * 64))
    with pytest.raises(ConfigurationError, match="a worker sees another run"):
        list(other.map(_nothing_here, _symbols_there, 2))
    gone = Dask(dask.client, dask.there._replace(run=str(tmp_path / "gone")))
    with pytest.raises(ConfigurationError, match=r"a worker does not see .*gone"):
        list(gone.map(_nothing_here, _symbols_there, 2))
    with monkeypatch.context() as patch:
        patch.setattr("replay.pool.versions", lambda: {"source": "another"})
        with pytest.raises(ConfigurationError, match="would not compute the same bits"):
            list(dask.map(_nothing_here, _symbols_there, 2))
    assert list(dask.map(_nothing_here, _symbols_there, 2)) == [3, 3]


def test_a_task_that_ends_every_worker_is_given_up(dask: Dask) -> None:
    with pytest.raises(TryAgainError, match="one task ended worker after worker"):
        list(dask.map(_nothing_here, _deadly, 1))


def test_a_cluster_that_is_not_there_is_said_in_one_line(
    recorded: RecordedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="Dask's distributed is not installed")
    monkeypatch.setattr("replay.pool._WORKERS_S", 1)
    for address, error in (("tcp://127.0.0.1:1", TryAgainError), ("nonsense://x", ConfigurationError)):
        with pytest.raises(error), pool_at(address, recorded.root, recorded.open(RUN), None, 2):
            pass


def bits(value: object) -> object:
    """Return a value with every real as its bits: NaN equals itself, and no digit is left out."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return struct.pack("<d", value)
    if is_dataclass(value):
        return [bits(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [bits(each) for each in value]
    assert value is None or isinstance(value, int | str | bytes), f"{type(value)} has bits that nobody compares"
    return value


def _never(_there: There, _number: int) -> int:
    raise AssertionError("threads do their work here")


def _nothing_here(_number: int) -> int:
    raise AssertionError("a cluster does its work there")


def _symbols_there(there: There, _number: int) -> int:
    return len(ground_there(there)[0].symbols)


def _deadly(_there: There, _number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0
