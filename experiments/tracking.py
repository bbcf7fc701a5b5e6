"""The one edge to MLflow: what was found, as plain values, goes in here and can be looked at with ``alphastrike ui``.

MLflow shows results; it is never where they are kept. Studies, runs and the ledger are.
"""

import hashlib
import json
import math
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, DataError, TryAgainError
from alphastrike.model.progress import Progress, silent
from experiments.tracking_store import SCHEME, Place

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow import MlflowClient
    from mlflow.entities import Run

Value = str | float | int | bool

KEY: Final = "alphastrike.key"
_KEY_HASH: Final = "alphastrike.key_hash"
_PARENT: Final = "mlflow.parentRunId"
_KIND: Final = ("mlflow.experimentKind", "custom_model_development")
"""What MLflow's pages would otherwise ask about on a first visit."""
_NAME_MAX: Final = 250
_PARAM_MAX: Final = 6000
_TAG_MAX: Final = 8000
_DIGEST_MAX: Final = 36
_LISTED_MAX: Final = 50_000
_AT_ONCE: Final = 100
"""Params and tags of one call; MLflow takes no more."""
_METRICS_AT_ONCE: Final = 800


@dataclass(frozen=True)
class Dataset:
    """What was looked at: a market or a run."""

    name: str
    hash: str
    """Content hash of a market, head of the chain of a run."""


@dataclass(frozen=True)
class Entry:
    """One run of MLflow, as plain values."""

    name: str
    params: Mapping[str, Value] = field(default_factory=dict)
    """What it is about. A param stays as it was logged first."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """What was found. Numbers that are not finite, and ``None``, are left out."""
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Metrics with a value at every step from 0."""
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    artifacts: tuple[Path, ...] = ()
    """Files, taken as they are."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Content by name, as ``plots/history.png``."""
    tables: Mapping[str, "pa.Table"] = field(default_factory=dict)
    """Written as NAME.parquet."""
    children: tuple["Entry", ...] = ()
    """Nested runs, each of a name of its own."""


@dataclass(frozen=True)
class Tracker:
    """The tracking store of a data root, made on first use."""

    place: Place

    @classmethod
    def at(cls, root: Path) -> Self:
        """Open the store of a data root, and make it where there is none.

        Raises:
            AlphaStrikeError: it cannot be made or used; one line says why.
        """
        check(root)
        _silence()
        tracker = cls(Place(root))
        with tracker._troubles(), tracker.place.held():
            if not tracker.place.database.exists():
                _make(tracker.place)
        return tracker

    def log(self, experiment: str, entry: Entry, *, key: str, progress: Progress = silent) -> str:
        """Log an entry and return its run's id; the same key goes on with the same run.

        Children that are there are not logged twice, what is new is added. An interrupted call leaves the run marked
        as running; the next one of its key completes it.

        Raises:
            AlphaStrikeError: the store cannot be used.
        """
        with self.place.held(), self._troubles():
            home = self._experiment(experiment)
            found = self._client.search_runs([home], f"tags.`{_KEY_HASH}` = '{_hash(key)}'", max_results=1)
            return self._log(home, entry, key, found[0] if found else None, None, progress)

    def tag(self, experiment: str, key: str, tags: Mapping[str, str]) -> bool:
        """Add tags to the run of a key; False when there is none.

        Raises:
            AlphaStrikeError: the store cannot be used.
        """
        with self.place.held(), self._troubles():
            home = self._experiment(experiment)
            found = self._client.search_runs([home], f"tags.`{_KEY_HASH}` = '{_hash(key)}'", max_results=1)
            if found:
                self._batch(found[0].info.run_id, {}, {}, {}, tags)
            return bool(found)

    def prompt(self, name: str, text: str, tags: Mapping[str, str]) -> int:
        """Put a prompt into the prompt registry and return its version; the same text has the version it has.

        Raises:
            AlphaStrikeError: the store cannot be used.
        """
        own = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:_NAME_MAX] or "_"
        with self.place.held(), self._troubles():
            if self._client.get_prompt(own) is None:
                self._client.create_prompt(own)
            token = None
            while token != "":
                page = self._client.search_prompt_versions(own, page_token=token)
                for version in page:
                    if version.template == text:
                        return int(version.version)
                token = page.token or ""
            told = {_key(each): value[:_TAG_MAX] for each, value in tags.items()}
            return int(self._client.create_prompt_version(own, text, tags=told).version)

    def trace(
        self,
        experiment: str,
        name: str,
        *,
        key: str,
        request: Any,
        response: Any,
        begun: int,
        seconds: float,
        tokens: tuple[int, int] | None = None,
        error: str | None = None,
        tags: Mapping[str, str] | None = None,
        run: str | None = None,
    ) -> str:
        """Log a conversation with a model that took place, and return its trace's id; of a key there is one.

        Args:
            experiment: name of the experiment.
            name: what the trace is called.
            key: what makes it this conversation and no other.
            request: what was sent, as plain values.
            response: what came back, as plain values.
            begun: microseconds UTC.
            seconds: how long the answer took.
            tokens: of the request and of the answer, as the server counted them.
            error: why there is no answer.
            tags: more about it.
            run: id of the run that it belongs to.

        Raises:
            AlphaStrikeError: the store cannot be used.
        """
        from experiments.tracking_trace import log_trace

        with self.place.held(), self._troubles():
            return log_trace(
                self.place.uri,
                self._experiment(experiment),
                name[:_NAME_MAX],
                f"tr-{_hash(key)}",
                request,
                response,
                begun,
                seconds,
                tokens,
                error,
                {_key(each): value[:_TAG_MAX] for each, value in (tags or {}).items()},
                run,
            )

    @cached_property
    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient
        from sqlalchemy import event

        client = MlflowClient(self.place.uri, self.place.uri)
        engine = client._tracking_client.store.engine
        engine.dispose()
        event.listen(engine, "connect", _lightly)
        return client

    def _experiment(self, name: str) -> str:
        """Return the id of an experiment, made where there is none."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = SCHEME + _slug(name)
            return str(self._client.create_experiment(name, artifact_location=location, tags=dict([_KIND])))
        if found.lifecycle_stage != "active":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _log(
        self, home: str, entry: Entry, key: str, found: "Run | None", parent: str | None, progress: Progress
    ) -> str:
        run = found
        if run is None:
            about = {KEY: key[:_TAG_MAX], _KEY_HASH: _hash(key), **({} if parent is None else {_PARENT: parent})}
            run = self._client.create_run(home, tags=about, run_name=entry.name[:_NAME_MAX] or "_")
        own: str = run.info.run_id
        self._batch(own, *_news(entry, run, self._steps(entry, found)), entry.tags)
        self._inputs(run, entry.datasets)
        self._write(run, entry)
        if entry.children:
            names = [child.name for child in entry.children]
            assert len(set(names)) == len(names), "every child has a name of its own"
            there = {} if found is None else self._children(home, own)
            for number, child in enumerate(entry.children):
                progress("track", number, len(entry.children))
                of_child = there.get(_hash(child.name))
                if of_child is None or of_child.info.status != "FINISHED":
                    self._log(home, child, child.name, of_child, own, silent)
            progress("track", len(entry.children), len(entry.children))
        self._client.set_terminated(own)
        return own

    def _steps(self, entry: Entry, found: "Run | None") -> dict[str, int]:
        """Return the last step of each series that is there."""
        if found is None:
            return {}
        there = [name for name in entry.series if _key(name) in found.data.metrics]
        histories = {name: self._client.get_metric_history(found.info.run_id, _key(name)) for name in there}
        return {name: max(metric.step for metric in history) for name, history in histories.items()}

    def _children(self, home: str, parent: str) -> dict[str, "Run"]:
        """Return the nested runs of a run by the hash of their keys."""
        asked = f"tags.`{_PARENT}` = '{parent}'"
        runs = self._client.search_runs([home], asked, max_results=_LISTED_MAX)
        return {run.data.tags[_KEY_HASH]: run for run in runs if _KEY_HASH in run.data.tags}

    def _batch(
        self,
        run: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        series: Mapping[str, Mapping[int, float]],
        tags: Mapping[str, str],
    ) -> None:
        """Log values in as few calls as MLflow allows: one, unless there are very many."""
        from mlflow.entities import Metric, Param, RunTag

        now = time.time_ns() // 1_000_000
        numbers = [Metric(name, value, now, 0) for name, value in metrics.items()]
        numbers += [Metric(name, value, now, step) for name, steps in series.items() for step, value in steps.items()]
        about = [Param(name, value) for name, value in params.items()]
        told = [RunTag(_key(name), value[:_TAG_MAX]) for name, value in tags.items()]
        calls = max(-(-len(numbers) // _METRICS_AT_ONCE), -(-len(about) // _AT_ONCE), -(-len(told) // _AT_ONCE))
        for call in range(calls):
            few = slice(call * _AT_ONCE, (call + 1) * _AT_ONCE)
            many = slice(call * _METRICS_AT_ONCE, (call + 1) * _METRICS_AT_ONCE)
            self._client.log_batch(run, numbers[many], about[few], told[few])

    def _inputs(self, run: "Run", datasets: Sequence[Dataset]) -> None:
        from mlflow.entities import Dataset as Stated
        from mlflow.entities import DatasetInput

        there = {(each.dataset.name, each.dataset.digest) for each in (run.inputs.dataset_inputs if run.inputs else ())}
        new = [
            Stated(each.name[:_NAME_MAX], each.hash[:_DIGEST_MAX], "alphastrike", json.dumps({"hash": each.hash}))
            for each in datasets
            if (each.name[:_NAME_MAX], each.hash[:_DIGEST_MAX]) not in there
        ]
        if new:
            self._client.log_inputs(run.info.run_id, [DatasetInput(each) for each in new])

    def _write(self, run: "Run", entry: Entry) -> None:
        """Lay the artifacts of a run where the server finds them; what has their name is replaced."""
        if not entry.artifacts and not entry.files and not entry.tables:
            return
        location: str = run.info.artifact_uri
        if not location.startswith(SCHEME):
            raise DataError(
                f"run {entry.name} of {self.place.database} keeps its artifacts in {location}: it was not made by "
                "AlphaStrike. Rename its experiment."
            )
        folder = self.place.artifacts / location.removeprefix(SCHEME)
        for path in entry.artifacts:
            _replace(folder / _slug(path.name), path.read_bytes())
        for name, content in entry.files.items():
            _replace(folder.joinpath(*map(_slug, Path(name).parts)), content)
        for name, table in entry.tables.items():
            _replace(folder / f"{_slug(name)}.parquet", _parquet(table))

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        """Turn what MLflow, its database and the disk complain of into one line."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except AlphaStrikeError:
            raise
        except (MlflowException, SQLAlchemyError) as error:
            told = _reason(error)
            if "malformed" in told or "not a database" in told:
                raise self.place.damaged(told) from error
            raise TryAgainError(f"the tracking store {self.place.database} cannot be used ({told}).") from error
        except OSError as error:
            raise TryAgainError(
                f"nothing can be tracked under {self.place.root} ({error.strerror or error}). "
                "Free space, or check its permissions."
            ) from error


def check(root: Path) -> None:
    """Look, before long work, that its result can be tracked; loads nothing heavy.

    Raises:
        AlphaStrikeError: MLflow is not installed, or the store cannot be used; one line says why.
    """
    from importlib.util import find_spec

    if find_spec("mlflow") is None:
        raise ConfigurationError(
            "tracking needs the extra 'tune': pip install 'alphastrike[tune]', or leave it out with --no-track."
        )
    Place(root).check()


def _silence() -> None:
    """Keep MLflow, before it is loaded, from reporting to its makers and from talking to the user."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def _make(place: Place) -> None:
    """Make the database aside, so that one half made is never found."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    aside = place.database.with_name(f".{place.database.name}.part")
    aside.unlink(missing_ok=True)
    made = SqlAlchemyStore(f"sqlite:///{aside.resolve()}", SCHEME)  # type: ignore[no-untyped-call]
    made.engine.dispose()
    # Written ahead, a run costs no wait for the disk, and who looks meanwhile is in nobody's way.
    with closing(sqlite3.connect(aside)) as opened:
        opened.execute("pragma journal_mode = wal")
    aside.replace(place.database)


def _lightly(connection: sqlite3.Connection, _record: object) -> None:
    """Let a connection wait for the disk at checkpoints alone: a power cut may cost the last runs, never the file."""
    connection.execute("pragma synchronous = normal")


def _news(
    entry: Entry, run: "Run", steps: Mapping[str, int]
) -> tuple[dict[str, str], dict[str, float], dict[str, dict[int, float]]]:
    """Return params, metrics and steps of series that a run does not have yet."""
    there = run.data
    params = {_key(name): _param(value) for name, value in entry.params.items()}
    metrics = {_key(name): float(value) for name, value in entry.metrics.items() if value is not None}
    series = {
        _key(name): {
            step: float(value)
            for step, value in enumerate(values)
            if step > steps.get(name, -1) and math.isfinite(value)
        }
        for name, values in entry.series.items()
    }
    return (
        {name: value for name, value in params.items() if name not in there.params},
        {name: value for name, value in metrics.items() if math.isfinite(value) and there.metrics.get(name) != value},
        series,
    )


def _param(value: Value) -> str:
    told = f"{value:.12g}" if isinstance(value, float) else str(value)
    return told if len(told) <= _PARAM_MAX else told[: _PARAM_MAX - 1] + "…"


def _key(name: str) -> str:
    """Return a name that MLflow takes for a param, metric, tag or run."""
    parts = [part for part in re.sub(r"[^\w\-. :/]", "_", name).split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:_NAME_MAX].rstrip("/") or "_"


def _slug(name: str) -> str:
    """Return a name that is one file on any disk."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-200:].lstrip(".") or "_"


def _hash(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _parquet(table: "pa.Table") -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    into = pa.BufferOutputStream()
    pq.write_table(table, into, compression="zstd")
    return bytes(into.getvalue())


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _reason(error: BaseException) -> str:
    """Return the first line of what was complained of."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
