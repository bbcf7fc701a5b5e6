"""SQLite's write-ahead file, looked through before SQLite believes it: damage is not the end of what was written.

SQLite takes the first frame that does not verify for the end of its log, because that is what a power cut leaves of
the transaction that was being written. A byte that the disk has changed looks the same, and all that was acknowledged
behind it would vanish in silence. But frames come in order, and each transaction is synced before the next one begins:
so a commit that is followed by a further frame had been acknowledged, and nothing before it may be missing.

What one file cannot tell, whether the last transaction was torn or damaged, a second one can: ``acknowledged`` holds
the number of the last input of which the journal said that it is durable. It is written over in place after each
commit and not waited for: after a power cut it may be old, but never ahead.
"""

import os
import sqlite3
import struct
import zlib
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.journal.database import ACKNOWLEDGED, LOG_SUFFIX, damaged, open_to_read

Words = npt.NDArray[np.uint32]

_HEADER: Final = struct.Struct(">8I")
"""Magic, version, page size, checkpoint, two salts, two checksums."""
_FRAME_HEADER: Final = 24
"""Bytes: page number, pages of the database after a commit or 0, two salts, two checksums."""
_MAGIC: Final = {0x377F0682: "<u4", 0x377F0683: ">u4"}
"""By which order of bytes its checksums read their words."""
_FRAMES_AT_ONCE: Final = 1024
_MARK: Final = struct.Struct("<qI")


class Frames(NamedTuple):
    """What a write-ahead file holds of its present generation, that is of the salts in its header."""

    first_bad: int
    """The first frame that is not of this generation, or does not follow from the one before it; from 1."""
    commits_behind: tuple[int, ...]
    """Commits from there on."""
    last: int
    """The last frame of this generation, wherever it stands; 0 for none."""

    @property
    def proves_damage(self) -> bool:
        """Whether a commit behind the bad frame was synced: something was written after it."""
        return any(commit < self.last for commit in self.commits_behind)


def look_through(path: Path, run: str, sealed_through: int) -> None:
    """Look for acknowledged inputs that a database which nobody writes has lost; nothing of it is changed.

    Raises:
        DataError: something that had been acknowledged is damaged or missing.
    """
    if path.is_file():
        check_log(path, run)
        check_acknowledged(path, run, sealed_through)


def check_log(path: Path, run: str) -> None:
    """Look through the write-ahead file of a database that nobody writes; nothing is changed.

    Raises:
        DataError: transactions that had been acknowledged do not verify any more.
    """
    log = path.with_name(path.name + LOG_SUFFIX)
    try:
        data = np.memmap(log, dtype=np.uint8, mode="r")
    except (FileNotFoundError, ValueError):
        return  # there is none, or it is empty
    header = _HEADER.unpack(data[: _HEADER.size].tobytes()) if len(data) >= _HEADER.size else None
    if header is None or not _is_sound(data, header):
        if data.any():
            raise damaged(log, run, "its header was changed, and with it all that it holds would be lost")
        return
    found = read_frames(data)
    if found.proves_damage:
        behind = len(found.commits_behind)
        commits = "a commit" if behind == 1 else f"{behind:,} commits"
        raise damaged(
            log, run, f"frame {found.first_bad:,} (byte {_offset(data, found.first_bad):,}) was changed, {commits} "
            "behind it would be lost"
        )  # fmt: skip


def check_acknowledged(path: Path, run: str, sealed_through: int) -> None:
    """Compare the last input of a database that nobody writes with the last one that was said to be durable.

    Raises:
        DataError: the database ends before it.
    """
    promised = read_acknowledged(path.with_name(ACKNOWLEDGED))
    with closing(open_to_read(path, run)) as database:
        try:
            last = max(database.execute("select max(seq) from inputs").fetchone()[0] or 0, sealed_through)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise damaged(path, run, str(error)) from None
    if last < promised:
        raise damaged(path, run, f"it ends at seq {last:,}, but seq {promised:,} had been acknowledged")


def read_frames(data: npt.NDArray[np.uint8]) -> Frames:
    """Follow the checksums of a write-ahead file with a sound header through all frames that it has room for."""
    header = _HEADER.unpack(data[: _HEADER.size].tobytes())
    order, page = _MAGIC[header[0]], header[2]
    size = _FRAME_HEADER + page
    count = (len(data) - _HEADER.size) // size
    frames = data[_HEADER.size : _HEADER.size + count * size].reshape(count, size)
    before = np.array(header[6:8], dtype=np.uint32)
    parts = [(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))]
    for begin in range(0, count, _FRAMES_AT_ONCE):
        block = np.ascontiguousarray(frames[begin : begin + _FRAMES_AT_ONCE])
        heads = block[:, :_FRAME_HEADER].copy().view(">u4").astype(np.uint32)
        is_salted = (heads[:, 2] == header[4]) & (heads[:, 3] == header[5])
        if not is_salted.any():
            break  # of an earlier generation, unless damage hides more than this many frames at once
        stated = heads[:, 4:6]
        covered = np.concatenate([block[:, :8], block[:, _FRAME_HEADER:]], axis=1).view(order).astype(np.uint32)
        follows = (_checksums(covered, np.vstack([before, stated[:-1]])) == stated).all(axis=1)
        before = stated[-1]
        parts.append((is_salted, follows, heads[:, 1] > 0))
    is_salted, follows, commits = (np.concatenate(column) for column in zip(*parts, strict=True))
    bad = np.flatnonzero(~(is_salted & follows))
    first_bad = int(bad[0]) if len(bad) else len(follows)
    # What the next frame follows from was written before it, even if its own salts are not those any more.
    is_own = is_salted | np.append(follows[1:] & is_salted[1:], np.zeros(min(len(follows), 1), dtype=bool))
    own = np.flatnonzero(is_own)
    behind = [int(place) + 1 for place in own if commits[place] and place >= first_bad]
    return Frames(first_bad + 1, tuple(behind), int(own[-1]) + 1 if len(own) else 0)


class Acknowledged:
    """Keeps the number of the last durable input beside the journal, for whoever opens it next."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / ACKNOWLEDGED, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def write(self, seq: int) -> None:
        """Note that inputs up to this one are durable; a disk that refuses the note has no say in whether they are."""
        with suppress(OSError):
            os.pwrite(self._handle, _MARK.pack(seq, zlib.crc32(seq.to_bytes(8, "little"))), 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)


def read_acknowledged(path: Path) -> int:
    """Return the last input that was said to be durable; 0 when that is not known."""
    try:
        data = path.read_bytes()
    except OSError:
        return 0
    if len(data) != _MARK.size:
        return 0
    seq, crc = _MARK.unpack(data)
    return int(seq) if crc == zlib.crc32(data[:8]) else 0


def _is_sound(data: npt.NDArray[np.uint8], header: tuple[int, ...]) -> bool:
    order, page = _MAGIC.get(header[0]), header[2]
    if order is None or page < 512 or page & (page - 1):
        return False
    covered = data[:24].copy().view(order).astype(np.uint32).reshape(1, -1)
    return tuple(_checksums(covered, np.zeros((1, 2), dtype=np.uint32))[0].tolist()) == header[6:8]


def _checksums(words: Words, before: Words) -> Words:
    """Return the checksums of rows of words, each going on from a pair before it; (rows, 2).

    For every two words a, b the pair (s, t) becomes (s + t + a, s + 2t + a + b), modulo 2³². That is linear, so a whole
    row is one sum of its words times numbers of Fibonacci, the same for all rows: F(2k-1), F(2k), F(2k+1) make up the
    k-th power of the step. (SQLite, "Database File Format", section 4.2.)
    """
    pairs = words.shape[1] // 2
    fibonacci = np.zeros(2 * pairs + 2, dtype=np.uint32)
    fibonacci[1] = 1
    for place in range(2, len(fibonacci)):
        fibonacci[place] = (int(fibonacci[place - 1]) + int(fibonacci[place - 2])) & 0xFFFFFFFF
    powers = np.arange(pairs - 1, -1, -1)
    # The power before the first is (F(-1), F(0), F(1)) = (1, 0, 1).
    lower = np.where(powers == 0, np.uint32(1), fibonacci[np.maximum(2 * powers - 1, 0)])
    middle, upper = fibonacci[2 * powers], fibonacci[2 * powers + 1]
    first, second = words[:, 0::2], words[:, 0::2] + words[:, 1::2]
    below, there, above = fibonacci[2 * pairs - 1], fibonacci[2 * pairs], fibonacci[2 * pairs + 1]
    one, other = before[:, 0], before[:, 1]
    sums = (
        (first * lower + second * middle).sum(axis=1, dtype=np.uint32) + one * below + other * there,
        (first * middle + second * upper).sum(axis=1, dtype=np.uint32) + one * there + other * above,
    )
    return np.stack(sums, axis=1)


def _offset(data: npt.NDArray[np.uint8], frame: int) -> int:
    page = _HEADER.unpack(data[: _HEADER.size].tobytes())[2]
    return int(_HEADER.size + (frame - 1) * (_FRAME_HEADER + page))
