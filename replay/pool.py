"""Where branches and worlds are evaluated: in threads here, or by the workers of a Dask cluster.

Work is told apart by number: branch 7 of a run is the same wherever it is evaluated, so a worker is sent the run's
place and a number, and results come back in the order of the numbers. What a lost worker had begun another one
begins again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.runs.environment import bits_decided_by, machine, versions
from alphastrike.runs.publishing import at_hand
from alphastrike.runs.registry import open_run
from replay.ground import Ground, ground_of

if TYPE_CHECKING:
    from distributed import Client

LOCAL: Final = "local"
"""In the place of an address: a cluster of processes on this machine, for as long as the command runs."""

_WORKERS_S: Final = 30
"""How long a cluster may take to have its first worker."""

T = TypeVar("T")


class There(NamedTuple):
    """The run that work is about, as any process can open it."""

    root: str
    """Data root, absolute; where a run named by its address is fetched to."""
    run: str
    """Folder, absolute, or address in an object store."""
    head: str
    """Of its chain: another run in its place is refused."""


class Pool(Protocol):
    """Evaluates numbered work."""

    def map(
        self,
        here: Callable[[int], T],
        there: Callable[[There, int], T],
        count: int,
        *,
        perceives: bool = False,
    ) -> Iterator[T]:
        """Give the results of work 0 to ``count`` - 1, in order.

        Args:
            here: does it in this process.
            there: does the same in any; it can be pickled.
            count: how much there is.
            perceives: whether features and forecasts are computed, whose bits depend on the machine.
        """


@dataclass(frozen=True)
class Threads:
    """Threads of this process."""

    count: int = 1

    def map(
        self,
        here: Callable[[int], T],
        there: Callable[[There, int], T],  # noqa: ARG002
        count: int,
        *,
        perceives: bool = False,  # noqa: ARG002
    ) -> Iterator[T]:
        """Give the results in order."""
        with ThreadPoolExecutor(max_workers=max(1, self.count)) as pool:
            try:
                yield from pool.map(here, range(count))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@dataclass(frozen=True)
class Dask:
    """The workers of a cluster."""

    client: "Client"
    there: There

    def map(
        self,
        here: Callable[[int], T],  # noqa: ARG002
        there: Callable[[There, int], T],
        count: int,
        *,
        perceives: bool = False,
    ) -> Iterator[T]:
        """Give the results in order.

        Raises:
            ConfigurationError: a worker has other versions than this process, or does not see the run.
            TryAgainError: workers are lost faster than their work can be done again, or the cluster is.
        """
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        stated = _decided(perceives)
        futures = self.client.map(
            _evaluated, [there] * count, [self.there] * count, range(count), [stated] * count, pure=False
        )
        try:
            for place in range(count):
                found: T = futures[place].result()
                yield found
        except KilledWorker as error:
            raise TryAgainError(
                f"one task ended worker after worker ({error.task}). Give the workers more memory, and try again."
            ) from None
        except (CancelledError, OSError) as error:
            raise TryAgainError(f"the Dask cluster failed ({str(error) or type(error).__name__}). Try again.") from None
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"a Dask worker has no AlphaStrike of this version ({error}). Install it there."
            ) from None
        finally:
            self.client.cancel(futures)  # type: ignore[no-untyped-call]


@contextmanager
def pool_at(address: str | None, root: Path, run: Run, name: str | None, threads: int) -> Iterator[Pool]:
    """Give the pool of a command.

    Args:
        address: of a Dask scheduler, or ``LOCAL``; ``None`` for threads.
        root: the data root.
        run: the recorded run.
        name: as it was asked for; an address in an object store is passed on to the workers.
        threads: of this process, or processes of a local cluster.

    Raises:
        ConfigurationError: there is no Dask here, or the run still grows.
        TryAgainError: no cluster answers at that address, or it has no workers.
    """
    if address is None:
        yield Threads(threads)
        return
    if run.manifest.state != "complete":
        raise ConfigurationError(
            f"run {run.name!r} has not ended: while it grows, workers would not all see the same. Leave out --dask."
        )
    folder = name if name is not None and "://" in name else str(run.folder.resolve())
    with _client(address, threads) as client:
        yield Dask(client, There(str(root.resolve()), folder, run.sealed.chain_head))


def opened_there(there: There) -> tuple[Path, Run]:
    """Open the run in whatever process this is; return the data root for its market with it.

    Raises:
        AlphaStrikeError: it is not to be seen from here, damaged, or another one.
    """
    root, name = at_hand(Path(there.root), there.run)
    try:
        run = open_run(root, name)
    except ConfigurationError:
        raise ConfigurationError(
            f"a worker does not see {there.run}. Share the data root with the workers, or push the run and name it by "
            "its address."
        ) from None
    if run.sealed.chain_head != there.head:
        raise ConfigurationError(f"a worker sees another run in {there.run} than this process does.")
    return root, run


@lru_cache(maxsize=1)
def ground_there(there: There) -> tuple[Run, Ground]:
    """Return the run and what its branches stand on, made once a process."""
    root, run = opened_there(there)
    return run, ground_of(root, run)


def _decided(perceives: bool) -> tuple[str | None, ...]:
    """Return what decides the bits of this process's results."""
    return bits_decided_by(versions(), machine() if perceives else {})


def _evaluated(there: Callable[[There, int], Any], place: There, number: int, stated: tuple[str | None, ...]) -> Any:
    """Do one piece of work in a worker that would do it bit for bit as its client would."""
    own = _decided(len(stated) > len(bits_decided_by({}, {})))
    if own != stated:
        pairs = zip(own, stated, strict=True)
        differing = ", ".join(f"{mine} for {theirs}" for mine, theirs in pairs if mine != theirs)
        raise ConfigurationError(
            f"a Dask worker would not compute the same bits (it has {differing}). Install the same versions there."
        )
    return there(place, number)


@contextmanager
def _client(address: str, processes: int) -> "Iterator[Client]":
    import logging

    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ConfigurationError("--dask needs the extra 'scale': pip install 'alphastrike[scale]'.") from None
    if address == LOCAL:
        how = {"threads_per_worker": 1, "processes": True, "host": "127.0.0.1", "dashboard_address": None}
        with (
            LocalCluster(n_workers=processes, silence_logs=logging.CRITICAL, **how) as cluster,  # type: ignore[no-untyped-call]
            Client(cluster, set_as_default=False) as client,  # type: ignore[no-untyped-call]
        ):
            yield client
        return
    try:
        client = Client(address, timeout=_WORKERS_S, set_as_default=False)  # type: ignore[no-untyped-call]
        client.wait_for_workers(1, timeout=_WORKERS_S)
    except ValueError as error:
        raise ConfigurationError(
            f"{address!r} is no address of a Dask scheduler ({error}): take tcp://HOST:PORT."
        ) from None
    except OSError as error:
        raise TryAgainError(
            f"no Dask cluster with workers answers at {address} ({error}). Start `dask scheduler` and `dask worker`."
        ) from None
    with client:
        yield client
