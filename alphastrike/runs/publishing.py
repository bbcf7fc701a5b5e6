"""Runs and markets in an object store: published whole, fetched whole, every byte checked against its manifest.

Under an address lie ``runs/NAME`` and ``markets/NAME``, as under a data root. Files are put under a name that follows
from the manifest's bytes; ``manifest.json`` comes last, in one piece, and only what it names exists. So whatever
interrupts a push leaves nothing that a reader could take for a run, and two that push at once never mix.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from alphastrike.journal.folders import begin_partial, check_run_name, sweep, sync
from alphastrike.journal.manifest import FILE, Manifest, chain_faults, read_manifest
from alphastrike.journal.reader import MARKETS_INSIDE
from alphastrike.journal.segments import file_digest
from alphastrike.market.columns import TABLES
from alphastrike.market.manifest import MarketManifest
from alphastrike.market.store import arriving_market, check_name, find_market, market_tables, open_tables
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.runs.object_store import ObjectStore, is_address
from alphastrike.runs.registry import open_run, runs_folder

RUNS: Final = "runs"
MARKETS: Final = "markets"
FETCHED: Final = "fetched"
"""Folder of a data root that keeps what was fetched by address: a data root of its own for each content."""

_AT_ONCE: Final = 8
_READ_ONLY: Final = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


class Published(NamedTuple):
    """What is in a store, or in a data root, now."""

    kind: str
    """``run`` or ``market``."""
    name: str
    identity: str
    """Head of the run's chain, or the market's content hash."""
    place: str
    """Its address, or its folder."""
    files: int
    """That were brought there; the others were there already."""


def push(root: Path, name: str, store: ObjectStore, progress: Progress = silent) -> list[Published]:
    """Publish a run with the market and the parent that it needs, or a market; what is there already stays.

    Args:
        root: the data root.
        name: of a run, else of a market; ``runs/NAME`` and ``markets/NAME`` say which.
        store: the data root there.
        progress: called with the stage ``push`` and files.

    Raises:
        ConfigurationError: there is no such run or market, or another one of its name there; the store refuses.
        DataError: it is damaged.
        TryAgainError: a live run that has not come to its end; a store that cannot be reached.
    """
    what, _, bare = name.rpartition("/")
    if what == MARKETS or (not what and not (runs_folder(root) / name).is_dir() and find_market(root, name)):
        return [_push_market(root, bare, store, progress)]
    return _push_run(root, bare if what == RUNS else name, store, progress)


def pull(store: ObjectStore, root: Path, progress: Progress = silent) -> list[Published]:
    """Fetch a run with all that it needs, or a market, into a data root.

    Args:
        store: the address of one: it ends in ``runs/NAME`` or ``markets/NAME``.
        root: the data root, made when it is not there.
        progress: called with the stage ``pull`` and files.

    Raises:
        ConfigurationError: there is none, or the data root holds another of its name; the store refuses.
        DataError: it is damaged: its chain, or a file, is not what its manifest says.
        TryAgainError: no room, or a store that cannot be reached.
    """
    if store.above.name == MARKETS:
        return [_pull_market(store.above.above, store.name, root, progress)]
    return _pull_run(_run_store(store), root, progress)


def at_hand(root: Path, run: str, progress: Progress = silent) -> tuple[Path, str]:
    """Return the data root and the name under which a run can be read; one named by its address is fetched first.

    It is kept under ``FETCHED`` in a data root of its own, called after its content, its files read-only. Asked for
    again, only its manifest is read from the store.

    Raises:
        AlphaStrikeError: as for :func:`pull`.
    """
    if not is_address(run):
        return root, run
    store = _run_store(ObjectStore.at(run))
    stated, _ = _stated_run(store)
    kept = root / FETCHED / _key(stated)
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        sweep(kept.parent)
        partial, lock = begin_partial(kept)
        try:
            _pull_run(store, partial, progress)
            for file in partial.rglob("*"):
                if file.is_file():
                    file.chmod(_READ_ONLY)
            # Who fetched the same meanwhile has put the same there.
            if not kept.is_dir():
                partial.rename(kept)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            os.close(lock)
    manifest = kept / RUNS / store.name / FILE
    if not manifest.is_file() or manifest.read_bytes() != stated:
        raise DataError(f"{kept} is not what was fetched from {store.address}. Remove it and ask again.")
    return kept, store.name


def market_at_hand(root: Path, market: str, progress: Progress = silent) -> str:
    """Return the name under which a data root holds a market; one named by its address is pulled into it first.

    Raises:
        AlphaStrikeError: as for :func:`pull`.
    """
    if not is_address(market):
        return market
    store = ObjectStore.at(market)
    if store.above.name != MARKETS:
        raise ConfigurationError(f"{store.address} names no market: a market's address ends in {MARKETS}/NAME.")
    return _pull_market(store.above.above, store.name, root, progress).name


def names_market(address: str) -> bool:
    """Return whether an address in an object store is that of a market."""
    return ObjectStore.at(address).above.name == MARKETS


def _push_run(root: Path, name: str, store: ObjectStore, progress: Progress) -> list[Published]:
    run = open_run(root, name)
    manifest = run.sealed
    if manifest.state != "complete":
        raise ConfigurationError(
            f"run {run.name!r} is {run.manifest.state}: what still grows is not published. End it first."
        )
    done: list[Published] = []
    if manifest.parent is not None and manifest.parent.mode == "frozen":
        done += _push_run(root, manifest.parent.run, store, progress)
    if not run.is_live and not run.is_self_contained:
        standing = find_market(root, manifest.market.name)
        if standing is None or standing.content_hash != manifest.market.content_hash:
            raise DataError(
                f"market {manifest.market.name!r} ({manifest.market.content_hash}) of run {run.name!r} is not here. "
                "A run is published with its market: import it again."
            )
        done.append(_push_market(root, manifest.market.name, store, progress))
    faults = chain_faults(manifest)
    if faults:
        raise DataError(f"run {run.name!r} is damaged and is not published: {faults[0]}.")
    for segment in manifest.segments:
        file = run.folder / segment.file
        if not file.is_file() or file_digest(file) != segment.digest:
            raise DataError(f"run {run.name!r} is damaged and is not published: {file} is not what was sealed.")
    there = store.under(RUNS, run.name)
    stated = (run.folder / FILE).read_bytes()
    standing_there = there.read(FILE)
    if standing_there is not None and standing_there != stated:
        raise ConfigurationError(f"{there.address} is another run. Publish this one under another address.")
    files = {segment.file: run.folder / segment.file for segment in manifest.segments}
    sent = 0 if standing_there is not None else _sent(there, stated, files, progress)
    return [*done, Published("run", run.name, manifest.chain_head, there.address, sent)]


def _push_market(root: Path, name: str, store: ObjectStore, progress: Progress) -> Published:
    files = {file.name: file for file in market_tables(root, name).values()}
    manifest = find_market(root, name)
    assert manifest is not None, "its tables were there"
    there = store.under(MARKETS, name)
    standing = there.read(FILE)
    if standing is not None and _market_manifest(standing, there).content_hash != manifest.content_hash:
        raise ConfigurationError(f"{there.address} is another market. Publish this one under another address.")
    stated = (root / MARKETS / name / FILE).read_bytes()
    sent = 0 if standing is not None else _sent(there, stated, files, progress)
    return Published("market", name, manifest.content_hash, there.address, sent)


def _sent(there: ObjectStore, stated: bytes, files: Mapping[str, Path], progress: Progress) -> int:
    """Send files, then the manifest; return how many were sent. Those that an earlier push sent are not sent again."""
    inside = there.under(_key(stated))
    sizes = inside.sizes()
    missing = [name for name, file in files.items() if sizes.get(name) != file.stat().st_size]
    _each(missing, lambda name: inside.send(name, files[name]), "push", progress)
    there.write(FILE, stated)
    return len(missing)


def _pull_run(store: ObjectStore, root: Path, progress: Progress) -> list[Published]:
    stated, manifest = _stated_run(store)
    done: list[Published] = []
    if manifest.parent is not None and manifest.parent.mode == "frozen":
        done += _pull_run(store.above.under(manifest.parent.run), root, progress)
    inside = any(segment.file.startswith(f"{MARKETS_INSIDE}/") for segment in manifest.segments)
    if manifest.live is None and not inside:
        market = _pull_market(store.above.above, manifest.market.name, root, progress)
        if market.identity != manifest.market.content_hash:
            raise DataError(
                f"{market.place} has content {market.identity}, run {store.address} was made on "
                f"{manifest.market.content_hash}. Push the run again from where both are."
            )
        done.append(market)
    folder = runs_folder(root) / store.name
    if folder.is_dir():
        if (folder / FILE).is_file() and (folder / FILE).read_bytes() == stated:
            return [*done, Published("run", store.name, manifest.chain_head, str(folder), 0)]
        raise ConfigurationError(f"{folder} is another run. Remove it, or pull into another --data.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent)
    partial, lock = begin_partial(folder)
    try:
        digests = {segment.file: segment.digest for segment in manifest.segments}
        from_ = store.under(_key(stated))

        def bring(name: str) -> None:
            from_.fetch(name, partial / name)
            if file_digest(partial / name) != digests[name]:
                raise DataError(f"{from_.address}: {name} is not what was sealed. Push the run again.")

        _each(list(digests), bring, "pull", progress)
        (partial / FILE).write_bytes(stated)
        for path in (partial / FILE, *sorted(path for path in partial.rglob("*") if path.is_dir()), partial):
            sync(path)
        partial.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)
    return [*done, Published("run", store.name, manifest.chain_head, str(folder), len(manifest.segments))]


def _pull_market(store: ObjectStore, name: str, root: Path, progress: Progress) -> Published:
    check_name(name)
    there = store.under(MARKETS, name)
    stated = there.read(FILE)
    if stated is None:
        raise ConfigurationError(f"there is no market at {there.address}{_others(there)}.")
    manifest = _market_manifest(stated, there)
    folder = root / MARKETS / name
    standing = find_market(root, name)
    if standing is not None:
        if standing.content_hash != manifest.content_hash:
            raise ConfigurationError(f"{folder} is another market. Remove it, or pull into another --data.")
        return Published("market", name, manifest.content_hash, str(folder), 0)
    tables = [table for table in TABLES if table in manifest.tables]
    from_ = there.under(_key(stated))
    with arriving_market(root, name) as partial:
        _each(tables, lambda table: from_.fetch(f"{table}.parquet", partial / f"{table}.parquet"), "pull", progress)
        (partial / FILE).write_bytes(stated)
        _check_market(partial, manifest, there)
    return Published("market", name, manifest.content_hash, str(folder), len(tables))


def _check_market(partial: Path, manifest: MarketManifest, there: ObjectStore) -> None:
    """Refuse a market whose values are not what its content hash says, which a run's chain refers to."""
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / MARKETS).mkdir()
        (Path(root) / MARKETS / manifest.name).symlink_to(partial.resolve(), target_is_directory=True)
        try:
            _, tables = open_tables(Path(root), manifest.name)
            is_whole = tables.content_hash() == manifest.content_hash
        except DataError:
            is_whole = False
    if not is_whole:
        raise DataError(f"{there.address} does not hold what its manifest says. Push the market again.")


def _run_store(store: ObjectStore) -> ObjectStore:
    if store.above.name != RUNS:
        raise ConfigurationError(
            f"{store.address} names no run: a run's address ends in {RUNS}/NAME, a market's in {MARKETS}/NAME."
        )
    check_run_name(store.name)
    return store


def _stated_run(store: ObjectStore) -> tuple[bytes, Manifest]:
    """Read a run's manifest from a store, and check its chain and that its files stay inside its folder."""
    stated = store.read(FILE)
    if stated is None:
        raise ConfigurationError(f"there is no run at {store.address}{_others(store)}.")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_bytes(stated)
        try:
            manifest = read_manifest(Path(folder))
        except DataError as error:
            raise DataError(f"{store.address}: {str(error).replace(folder + '/', '')}") from None
    faults = chain_faults(manifest)
    if faults:
        raise DataError(f"{store.address} is damaged: {faults[0]}. Push it again from where it is whole.")
    for segment in manifest.segments:
        path = PurePosixPath(segment.file)
        if path.is_absolute() or ".." in path.parts or segment.file in ("", FILE) or "\\" in segment.file:
            raise DataError(
                f"{store.address} names the file {segment.file!r}, which is not inside a run. Do not use it."
            )
    check_name(manifest.market.name)
    if manifest.parent is not None:
        check_run_name(manifest.parent.run)
    return stated, manifest


def _market_manifest(stated: bytes, there: ObjectStore) -> MarketManifest:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / MARKETS / there.name
        folder.mkdir(parents=True)
        (folder / FILE).write_bytes(stated)
        try:
            found = find_market(Path(root), there.name)
        except DataError as error:
            raise DataError(f"{there.address}: {str(error).replace(root + '/', '')}") from None
    if found is None or found.name != there.name:
        raise DataError(f"{there.address} holds the manifest of another market. Push it again.")
    return found


def _others(store: ObjectStore) -> str:
    names = store.above.names()
    return f". There: {', '.join(names[:10])}" if names else ", nor anything beside it"


def _key(stated: bytes) -> str:
    """Return the name under which the files of this manifest lie."""
    return hashlib.blake2b(stated, digest_size=16).hexdigest()


def _each(names: list[str], do: Callable[[str], None], stage: str, progress: Progress) -> None:
    progress(stage, 0, len(names))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(do, name) for name in names]
        try:
            for done, future in enumerate(futures, start=1):
                future.result()
                progress(stage, done, len(names))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
