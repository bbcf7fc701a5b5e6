"""Where the live run of a data root listens for its operator: one owner-only socket, one run at a time.

``state/live.sock`` lies in a folder that only its owner enters. A lock beside it, which the kernel drops with its
process, says whether the socket is in use; so what a killed process left behind is known to be stale, not guessed.
"""

import fcntl
import os
import shutil
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alphastrike.model.errors import ConfigurationError, TryAgainError

STATE: Final = "state"
SOCKET: Final = "live.sock"
LOCK: Final = "live.lock"
PATH_MAX: Final = 103
"""Bytes of a socket's path that every Unix takes: 104 on macOS and 108 on Linux, each with its closing zero."""

_ELSEWHERE: Final = "alphastrike-"


def state_folder(root: Path) -> Path:
    """Return the folder of projections and of the socket below a data root."""
    return root / STATE


def socket_place(root: Path) -> Path:
    """Return the path to connect to: the socket itself, or where the link in its place points."""
    place = state_folder(root).resolve() / SOCKET
    return place.readlink() if place.is_symlink() else place


@dataclass
class Claim:
    """The right of this process to listen for a data root; the listening socket belongs to it."""

    place: Path
    """``state/live.sock``: the socket, or a link to it where the path is too long for one."""
    listener: socket.socket
    lock: int
    is_held: bool = True

    def release(self) -> None:
        """Stop listening, take the socket away and let another run begin; twice is harmless."""
        if self.is_held:
            self.is_held = False
            self.listener.close()
            _clear(self.place)
            os.close(self.lock)


def claim(root: Path) -> Claim:
    """Begin to listen for a data root, in place of whatever a process that has died left there.

    Raises:
        TryAgainError: another live run of this data root is at work.
        ConfigurationError: the folder belongs to somebody else, or something that is no socket stands in the way.
    """
    folder = owned(state_folder(root).resolve())
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise TryAgainError(
            f"a live run of {root} is at work already: look with `alphastrike status`, "
            "stop it first, or name another --data."
        ) from None
    try:
        place = folder / SOCKET
        _clear(place)
        return Claim(place, _listening(place), lock)
    except BaseException:
        os.close(lock)
        raise


def owned(folder: Path) -> Path:
    """Make a folder that only its owner enters, or make an existing one so.

    Raises:
        ConfigurationError: it belongs to another user, or is no folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise ConfigurationError(f"{folder} belongs to another user: name a --data of your own.")
    folder.chmod(0o700)
    return folder


def _listening(place: Path) -> socket.socket:
    bound = place
    if len(os.fsencode(place)) > PATH_MAX:
        bound = Path(tempfile.mkdtemp(prefix=_ELSEWHERE)) / SOCKET
        if len(os.fsencode(bound)) > PATH_MAX:
            bound.parent.rmdir()
            raise ConfigurationError(
                f"{place} is too long for a socket ({PATH_MAX} bytes) and so is {bound.parent}: name a shorter --data."
            )
        place.symlink_to(bound)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | getattr(socket, "SOCK_CLOEXEC", 0))
    try:
        listener.bind(os.fspath(bound))
        # Nobody can connect before listen(), so the mode holds from the first connection on.
        bound.chmod(0o600)
        listener.listen(16)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _clear(place: Path) -> None:
    """Remove a socket that nobody listens on, wherever it lies."""
    if place.is_symlink():
        target = place.readlink()
        if target.parent.name.startswith(_ELSEWHERE) and target.name == SOCKET and _is_mine(target.parent):
            shutil.rmtree(target.parent, ignore_errors=True)
        place.unlink()
        return
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(place.lstat().st_mode):
            raise ConfigurationError(f"{place} is not a socket: move it away, a live run listens there.")
        place.unlink()


def _is_mine(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
