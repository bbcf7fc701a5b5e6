"""``state/leverage_state.json``: the leverage of the live run, for whoever wants it without opening a journal.

A projection. The journal is the truth: the file is written after the commit that it tells of, replaced whole by an
atomic rename, and at the start only compared. One that is damaged, older, or of another run is ignored with a note.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from alphastrike.engine.state import State
from alphastrike.engine.tick import is_account_halted
from alphastrike.live.address import owned, state_folder
from alphastrike.model.errors import DataError

NAME: Final = "leverage_state.json"
SCHEMA_VERSION: Final = 1
SIZE_MAX: Final = 1 << 16

_CHECKSUM: Final = "checksum"


@dataclass(frozen=True, slots=True)
class LeverageState:
    """The leverage now applied, its factors, and the equity peak that its drawdown is measured from."""

    run: str
    seq: int
    """The last input that this follows from."""
    market_seq: int
    event_time: int
    """The last closed tick, microseconds UTC."""
    leverage: float
    leverage_cap: float
    """The most that live interventions allow."""
    volatility_factor: float
    drawdown_factor: float
    performance_factor: float
    equity_peak: float
    drawdown: float
    halted: bool

    def binding(self) -> tuple[object, ...]:
        """Return what bounds risk: everything but the position in the run and the running drawdown."""
        return (
            self.run,
            self.leverage,
            self.leverage_cap,
            self.volatility_factor,
            self.drawdown_factor,
            self.performance_factor,
            self.equity_peak,
            self.halted,
        )


def leverage_state(state: State, run: str, seq: int) -> LeverageState:
    """Return what the file says of an account after input ``seq`` of a run."""
    account = state.account[0]
    return LeverageState(
        run=run,
        seq=seq,
        market_seq=int(account.market_seq),
        event_time=int(account.now),
        leverage=float(account.leverage),
        leverage_cap=float(account.leverage_cap),
        volatility_factor=float(account.volatility_factor),
        drawdown_factor=float(account.drawdown_factor),
        performance_factor=float(account.performance_factor),
        equity_peak=float(account.equity_peak),
        drawdown=float(account.drawdown),
        halted=bool(is_account_halted(state, int(account.now))),
    )


class StateFile:
    """Keeps the file of a data root in step with a live run: call ``keep`` after every commit."""

    def __init__(self, root: Path, run: str) -> None:
        owned(state_folder(root))
        self._path = state_file(root)
        self._run = run
        self._written: tuple[object, ...] = ()
        self.trouble = ""
        """Why the file could not be written the last time; empty when it could."""

    def compare(self, state: State, seq: int) -> str:
        """Return one sentence on how the file found stands to the state recovered from the journal, which counts."""
        return compared(self._path, leverage_state(state, self._run, seq))

    def keep(self, state: State, seq: int) -> None:
        """Write the file if what binds risk has changed since; a disk that refuses stops no run."""
        now = leverage_state(state, self._run, seq)
        if now.binding() == self._written:
            return
        try:
            write(self._path, now)
        except OSError as trouble:
            self.trouble = f"{self._path} could not be written: {trouble.strerror or trouble}"
        else:
            self.trouble = ""
            self._written = now.binding()


def state_file(root: Path) -> Path:
    """Return where the file of a data root lies."""
    return state_folder(root) / NAME


def rendered(state: LeverageState) -> bytes:
    """Return the file's bytes: one JSON object with its checksum, BLAKE2b-128 over the rest in canonical form."""
    values = {"schema_version": SCHEMA_VERSION, **asdict(state)}
    return (json.dumps({**values, _CHECKSUM: _checksum(values)}, indent=2, allow_nan=False) + "\n").encode()


def parsed(data: bytes) -> LeverageState:
    """Return what a file's bytes say.

    Raises:
        DataError: they are damaged, or of another version; the text says how.
    """
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("it is not JSON") from None
    if not isinstance(values, dict):
        raise DataError("it is no JSON object")
    checksum = values.pop(_CHECKSUM, None)
    if checksum != _checksum(values):
        raise DataError("its checksum does not match")
    version = values.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise DataError(f"it has version {version!r}, this program writes {SCHEMA_VERSION}")
    kinds = {field.name: field.type for field in fields(LeverageState)}
    if values.keys() != kinds.keys() or any(not _fits(values[name], kinds[name]) for name in kinds):
        raise DataError("its fields are not those of this version")
    return LeverageState(**values)


def write(path: Path, state: LeverageState) -> None:
    """Replace the file: whoever opens it sees all of one state, and at no moment half of one.

    The disk is not waited for: after a power failure the file may be old or damaged, which its reader notices; the
    journal holds what counts, and a second wait a commit would be felt by every event.
    """
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(rendered(state))
    fresh.replace(path)


def read(path: Path) -> LeverageState | None:
    """Return what the file says; ``None`` when there is none.

    Raises:
        DataError: it is damaged; the text says how.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as trouble:
        raise DataError(f"it cannot be read ({trouble.strerror})") from None
    if len(data) > SIZE_MAX:
        raise DataError(f"it is larger than {SIZE_MAX:,} bytes")
    return parsed(data)


def compared(path: Path, recovered: LeverageState) -> str:
    """Return one sentence on how the file stands to the state recovered from the journal, which counts."""
    try:
        found = read(path)
    except DataError as trouble:
        return f"{path.name} is ignored: {trouble}"
    if found is None:
        return f"no {path.name} yet"
    if found.run != recovered.run:
        return f"{path.name} is ignored: it is of run {found.run}"
    if found.seq < recovered.seq:
        if found.binding() == recovered.binding():
            return f"{path.name} agrees with the journal"
        return f"{path.name} is ignored: it stops at seq {found.seq}, the journal at {recovered.seq}"
    if found.seq > recovered.seq:
        # Written only after the commit, so a later file means that the journal lost what it had promised to keep.
        return f"{path.name} is ignored: it is at seq {found.seq}, ahead of the journal at {recovered.seq}"
    if found.binding() != recovered.binding():
        return f"{path.name} is ignored: it differs from the journal at seq {found.seq}"
    return f"{path.name} agrees with the journal"


def _checksum(values: dict[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _fits(value: object, kind: object) -> bool:
    if kind is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    return type(value) is kind
