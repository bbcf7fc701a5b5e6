"""The whole engine, one instant at a time: what live runs, and what history must equal bit for bit.

Perception takes the instant in, the account runs it through the very loop that history runs, one tick long, and
the policy is asked and answers take effect as there. Nothing here waits, reads a clock or writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.config.account import packed
from alphastrike.config.settings import Settings
from alphastrike.engine.account import SITUATION, begin, run
from alphastrike.engine.acts import Act, perform
from alphastrike.engine.advice import Advisor, Answer
from alphastrike.engine.history import Checkpoint
from alphastrike.engine.outputs import FULL, REDUCED, Collected, new_out
from alphastrike.engine.perceived_rows import perceived_rows
from alphastrike.engine.perception import Perception
from alphastrike.engine.perception_steps import Instants
from alphastrike.engine.state import State, canonical_bytes, new_buffer, restored, run_digest, state_digest, views
from alphastrike.features.declare import external_series
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.tables import Rows, row_count
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError
from alphastrike.model.forecast import FORECAST
from alphastrike.model.symbols import SymbolTable
from alphastrike.policy.policies import Answered
from alphastrike.policy.situation import Situation

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Instant:
    """All market events of one event time; S symbols."""

    now: int
    """Microseconds UTC."""
    bars: Records
    """(1, S) of ``model.bars.BAR``; the flags say which events exist."""
    series: Reals
    """(``model.series.SERIES``, 1, S), NaN where nothing was reported; of no size when nothing was at all."""
    externals: Mapping[str, float]
    """Values of external series that became known, by name."""
    other_events: int
    """How many events of kinds beside candles, marks and funding."""

    @property
    def events(self) -> int:
        """How many numbers the instant takes, its tick included."""
        flags = self.bars["flags"]
        kinds = (BarFlag.CANDLE, BarFlag.MARK, BarFlag.FUNDING)
        return sum(int(np.count_nonzero(flags & int(kind))) for kind in kinds) + self.other_events + 1


@dataclass(frozen=True, slots=True)
class Stepped:
    """What followed from an instant or an act."""

    rows: dict[str, tuple[Kind, Rows]]
    """Derived rows by kind, empty kinds left out."""
    asked: tuple[Situation, ...] = ()
    """Situations that were asked at this tick."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """One for each of them. ``tick`` counts the ticks stepped, from 0."""
    touched: int = 0
    """Orders sent, or interventions revoked, by an act."""
    followed: tuple[Situation, ...] = ()
    """Situations that the account which follows was in at this tick, in a shadow run: it is asked its own."""


class _Account:
    """One account with its policy's side."""

    def __init__(
        self, symbols: SymbolTable, settings: Settings, answer: Answer, detail: int, *, shadow: bool, waits: bool
    ) -> None:
        self.symbols = symbols
        self.params = packed(settings.account_params())
        self.out = new_out()
        self.collected = Collected(self.out)
        self.detail = detail
        self.buffer = new_buffer(len(symbols))
        self.state: State = views(self.buffer, len(symbols))
        begin(self.state, self.params)
        self.advisor = Advisor(
            settings, symbols, answer, self.state, self.params, self.out, detail, shadow=shadow, waits=waits
        )

    def restore(self, data: bytes) -> None:
        """Go on from a state's bytes."""
        self.buffer[:] = restored(data, len(self.symbols))

    def step(
        self, instant: Instant, bars: Records, instruments: Records, tiers: Records, forecasts: Records, interval: int
    ) -> tuple[list[Situation], list[Checkpoint]]:
        """Run one instant; ``forecasts`` is (1, S) at a decision, else (0, S)."""
        other_events = np.array([instant.other_events], dtype=np.int64)
        decision_row = np.array([len(forecasts) - 1], dtype=np.int64)
        why, _ = run(
            self.state, self.params, instruments, tiers, bars, other_events, decision_row, forecasts,
            instant.now, interval, 0, 1, self.out, self.detail,
        )  # fmt: skip
        asked: list[Situation] = []
        checkpoints: list[Checkpoint] = []
        if why == SITUATION:
            account = self.state.account[0]
            frozen = self.buffer.tobytes()
            checkpoints = [
                Checkpoint(number, int(account.ticks) - 1, int(account.market_seq), frozen)
                for number in self.advisor.unasked()
            ]
            asked = self.advisor.ask_all()
        self.advisor.apply_due(instant.now)
        return asked, checkpoints

    def drained(self) -> dict[str, npt.NDArray[Any]]:
        """Return the rows written since the last time."""
        self.collected.drain()
        tables = {**self.collected.taken(), **self.advisor.drained()}
        return {name: rows for name, rows in tables.items() if len(rows)}


class Stepper:
    """The engine between two events of a live run: perception, account, policy, and in a shadow run its follower."""

    def __init__(
        self,
        symbols: SymbolTable,
        interval: int,
        instruments: Records,
        tiers: Records,
        settings: Settings,
        answer: Answer,
        *,
        shadow: bool = False,
        waits: bool = True,
    ) -> None:
        """Begin a run.

        Args:
            symbols: the run's symbol table, S long.
            interval: of the market's ticks, microseconds.
            instruments: (S,) of ``model.instrument.INSTRUMENT``.
            tiers: (S, TIERS_MAX) of ``model.instrument.TIER``.
            settings: the run's.
            answer: whoever answers.
            shadow: journal every advice and apply none, with an account beside it that follows.
            waits: the market stands still while the policy thinks; otherwise ``take_answer`` brings the answers.
        """
        self._symbols = symbols
        self._interval = interval
        self._instruments = instruments
        self._tiers = tiers
        self._perception = Perception(symbols, interval, settings.perception)
        self._account = _Account(symbols, settings, answer, FULL, shadow=shadow, waits=waits)
        self._follower = _Account(symbols, settings, answer, REDUCED, shadow=False, waits=waits) if shadow else None
        self._external_series = external_series()
        self._latest = np.zeros((1, len(symbols)), dtype=FORECAST)

    @property
    def market_seq(self) -> int:
        """Number of the last market event or tick."""
        return int(self._account.state.account[0].market_seq)

    @property
    def now(self) -> int:
        """Time of the last tick, microseconds UTC; 0 before the first."""
        return int(self._account.state.account[0].now)

    @property
    def state(self) -> State:
        """The account's state, to look at."""
        return self._account.state

    @property
    def followed_equity(self) -> float | None:
        """Equity of the account that follows all advice; ``None`` outside a shadow run."""
        return None if self._follower is None else float(self._follower.state.account[0].equity)

    @property
    def forecasts(self) -> Records:
        """(S,) forecasts of the last decision; zeros before the first."""
        return self._latest[0]

    def step(self, instant: Instant) -> Stepped:
        """Take in one instant, closed by its tick.

        Raises:
            HaltError: a signal returned something that is not a score; the stepper must not be used further.
        """
        assert instant.now > self.now, "instants come in the order of time"
        seq = self.market_seq + instant.events
        times, seqs = np.array([instant.now], dtype=np.int64), np.array([seq], dtype=np.int64)
        perceived = self._perception.feed(
            Instants(
                times,
                seqs,
                instant.bars,
                instant.series,
                self._external_row(instant),
            )
        )
        bars = instant.bars
        if perceived.rejected.any():
            bars = bars.copy()
            bars["flags"][perceived.rejected] |= int(BarFlag.REJECTED)
        forecasts = perceived.forecasts
        if len(forecasts):
            self._latest = forecasts
        place = (self._instruments, self._tiers, forecasts, self._interval)
        asked, checkpoints = self._account.step(instant, bars, *place)
        assert self.market_seq == seq, "the account counted other events than the instant holds"
        rows = _filled(perceived_rows(perceived, seqs, times))
        rows |= _named(self._account.drained())
        followed: list[Situation] = []
        if self._follower is not None:
            followed, _ = self._follower.step(instant, bars, *place)
            self._follower.drained()
            if len(forecasts):
                rows["shadow"] = (KINDS["shadow"], self._shadow_row(instant.now, seq))
        return Stepped(rows, tuple(asked), tuple(checkpoints), followed=tuple(followed))

    def operate(self, act: Act) -> Stepped:
        """Carry out an operator's act, after the last tick."""
        touched = 0
        for account in self._accounts():
            touched = perform(act, account.state, account.params, account.out, account.detail)
        # The follower has its own interventions, so the count of the last account would be the wrong one.
        if self._follower is not None:
            self._follower.drained()
        return Stepped(_named(self._account.drained()), touched=touched)

    def take_answer(self, situation: int, answered: Answered, *, is_followed: bool = False) -> Stepped:
        """Take an answer that came while the market went on; it acts at its own time.

        Args:
            situation: its number, in the account that was in it.
            answered: what was said.
            is_followed: that account is the one which follows, beside a shadow run.
        """
        account = self._follower if is_followed else self._account
        assert account is not None, "only a shadow run has an account that follows"
        account.advisor.take_answer(situation, answered)
        if is_followed:
            account.drained()
        return Stepped(_named(self._account.drained()))

    @property
    def can_checkpoint(self) -> bool:
        """Whether no answer is on its way: only then do the states say everything."""
        return all(account.advisor.is_idle for account in self._accounts())

    def checkpoint(self) -> bytes:
        """Return all that a restart needs to go on bit for bit; ``can_checkpoint`` must hold."""
        assert self.can_checkpoint, "an answer is on its way"
        state, window = self._perception.checkpoint()
        accounts = [account.buffer.tobytes() for account in self._accounts()]
        return _joined([state, window, self._latest.tobytes(), *accounts])

    def restore(self, data: bytes) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: it was made by another version, or under other settings or symbols.
        """
        parts = _parted(data)
        if len(parts) != 3 + len(self._accounts()):
            raise DataError("a checkpoint of the engine is of another version, settings or symbols. Start a new run.")
        self._perception.restore(parts[0], parts[1])
        self._latest = np.frombuffer(parts[2], dtype=FORECAST).reshape(1, len(self._symbols)).copy()
        for account, state in zip(self._accounts(), parts[3:], strict=True):
            account.restore(state)

    def states(self) -> tuple[bytes, bytes]:
        """Return the canonical bytes of the account's and of perception's state."""
        return canonical_bytes(self._account.buffer, len(self._symbols)), self._perception.state()

    def digest(self) -> str:
        """Return the digest of the run so far, 32 hex digits: that of a history run over the same instants."""
        account, perception = (state_digest(state) for state in self.states())
        return run_digest(account, perception)

    def _accounts(self) -> tuple[_Account, ...]:
        return (self._account,) if self._follower is None else (self._follower, self._account)

    def _external_row(self, instant: Instant) -> Reals:
        """Return (E, 1) of the external series that perception reads; of no size when none became known."""
        known = [instant.externals.get(name, np.nan) for name in self._external_series]
        return np.array(known)[:, None] if instant.externals and known else np.empty((0, 0))

    def _shadow_row(self, now: int, seq: int) -> npt.NDArray[Any]:
        equity = float(self._account.state.account[0].equity)
        followed = self.followed_equity or 0.0
        return np.array([(seq, now, equity, followed, followed - equity)], dtype=KINDS["shadow"].record)


def _joined(parts: list[bytes]) -> bytes:
    """Return byte strings as one, each behind its length."""
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def _parted(data: bytes) -> list[bytes]:
    """Return the byte strings that were joined.

    Raises:
        DataError: the data is cut short.
    """
    parts = []
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 8], "little")
        place += 8 + size
        if place > len(data):
            raise DataError("a checkpoint of the engine is cut short. Start a new run.")
        parts.append(data[place - size : place])
    return parts


def _named(tables: dict[str, npt.NDArray[Any]]) -> dict[str, tuple[Kind, Rows]]:
    return {name: (KINDS[name], rows) for name, rows in tables.items()}


def _filled(tables: dict[str, tuple[Kind, Rows]]) -> dict[str, tuple[Kind, Rows]]:
    return {name: (kind, rows) for name, (kind, rows) in tables.items() if row_count(rows)}
