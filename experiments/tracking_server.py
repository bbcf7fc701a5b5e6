"""MLflow's own server over a data root's tracking store: a child process on this machine alone, ended whole."""

import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from alphastrike.model.errors import ConfigurationError, TryAgainError
from experiments.tracking_store import Place

HOST: Final = "127.0.0.1"
START_MAX_S: Final = 180.0
END_MAX_S: Final = 10.0
_LOOK_S: Final = 0.1
_RUNS: Final = "?workflowType=machine_learning"
_DEFAULT: Final = "0"
"""Experiment that every store has; nothing of ours is in it."""


class Server(NamedTuple):
    """A server that answers."""

    port: int
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    """What it printed."""

    @property
    def page(self) -> str:
        """Where a browser finds it; MLflow would begin with its pages about agents otherwise, which hide runs."""
        return f"http://{HOST}:{self.port}/#/experiments{_RUNS}"

    def experiments(self) -> dict[str, str]:
        """Return by name where a browser finds an experiment's runs, the one that changed last first.

        The links of MLflow's own list lead to the pages about agents.
        """
        asked = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            order = json.dumps({"max_results": 100, "order_by": ["last_update_time DESC"]})
            asked.request("POST", "/api/2.0/mlflow/experiments/search", order, {"Content-Type": "application/json"})
            found = json.load(asked.getresponse()).get("experiments", [])
        finally:
            asked.close()
        at = f"http://{HOST}:{self.port}/#/experiments"
        return {
            one["name"]: f"{at}/{one['experiment_id']}/runs{_RUNS}" for one in found if one["experiment_id"] != _DEFAULT
        }

    def wait(self) -> None:
        """Wait until it ends, which it does not by itself.

        Raises:
            TryAgainError: it did.
        """
        self.process.wait()
        raise TryAgainError(f"MLflow's server has ended by itself ({_last_line(self.said)}). Start it again.")


@contextmanager
def serving(root: Path, port: int, beginning: Callable[[], None] = lambda: None) -> Iterator[Server]:
    """Serve a data root's store while the block runs; port 0 is any free one.

    ``beginning`` is told when nothing is in the way and waiting begins.

    Raises:
        ConfigurationError: nothing is tracked there, or the port cannot be had.
        AlphaStrikeError: the store cannot be used, or the server does not start.
    """
    place = Place(root)
    if not place.check():
        raise ConfigurationError(
            f"nothing is tracked in {root} yet. `alphastrike tune RUN` tracks its study; `replay` and `explain` "
            "track with --track."
        )
    port = _free(port)
    beginning()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            _command(place, port),
            cwd=root,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            server = Server(port, process, said)
            _await(server)
            yield server
        finally:
            _end(process)


def _command(place: Place, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", place.uri, "--artifacts-destination", str(place.artifacts.resolve())),
        *("--uvicorn-opts", "--log-level warning"),
    ]


def _environment() -> dict[str, str]:
    """Return the environment without what may be set there for another store of MLflow's."""
    kept = {name: value for name, value in os.environ.items() if not name.lstrip("_").startswith("MLFLOW_")}
    return {
        **kept,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        # Nothing here is evaluated by a model: the processes for it stay away.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONSAFEPATH": "1",
    }


def _free(port: int) -> int:
    """Return a port that can be had.

    Raises:
        ConfigurationError: this one cannot.
    """
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
            # Of two sockets that may share an address one alone can listen.
            tried.listen()
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
            raise ConfigurationError(
                f"port {port} {why}. Name another with --port; --port 0 takes a free one."
            ) from None
        return int(tried.getsockname()[1])


def _await(server: Server) -> None:
    """Wait until the server answers.

    Raises:
        TryAgainError: it ends, or does not answer in time.
    """
    until = time.monotonic() + START_MAX_S
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise TryAgainError(f"MLflow's server does not start: {_last_line(server.said)}")
        asked = http.client.HTTPConnection(HOST, server.port, timeout=5)
        try:
            asked.request("GET", "/health")
            if asked.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            asked.close()
        time.sleep(_LOOK_S)
    raise TryAgainError(
        f"MLflow's server did not answer within {START_MAX_S:g} s. Try again when the machine is less busy."
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server with all of its processes, whether or not the first of them is still there."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + END_MAX_S
        is_left = _signal(process.pid, how)
        while is_left and time.monotonic() < until:
            time.sleep(_LOOK_S)
            process.poll()
            is_left = _signal(process.pid, 0)
        if not is_left:
            break
    process.wait()


def _signal(group: int, how: int) -> bool:
    """Send a signal, or with 0 none, to a group of processes; False when nobody is left in it."""
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return False
    return True


def _last_line(said: IO[bytes]) -> str:
    """Return the last thing a process printed."""
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
