"""What a live run was fed, as a market and as an operator's acts: from them history makes the run again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.engine.acts import Act, act_of
from alphastrike.journal.inputs import OperatorAct
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.reader import Run
from alphastrike.journal.terms import TERMS, terms_columns
from alphastrike.market.building import market_of
from alphastrike.market.columns import EVENT_TABLES, Columns, MarketTables, canonical
from alphastrike.market.market import Market
from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError
from alphastrike.policy.policies import Answered
from alphastrike.policy.recorded_answers import answer_of, key_of
from alphastrike.policy.situation import Situation

_ONE_AN_INSTANT: Final = ("marks", "funding")
"""Kinds of which the last event of a symbol and instant stands, and which share its number."""

_NEVER_US: Final = 10 * 365 * 86_400 * 1_000_000
"""A latency beyond every deadline."""


def live_market(run: Run) -> Market:
    """Return the market that a live run has seen, up to its last closed tick; its content hash covers just that.

    Raises:
        DataError: the run has no closed tick yet, or its inputs are not those of gap-free instants.
    """
    assert run.manifest.live is not None, f"{run.name} is no live run"
    interval = run.manifest.live.interval
    ticks = run.rows("ticks")
    if not len(ticks):
        raise DataError(f"run {run.name!r} has seen no complete instant yet. Try again when it has.")
    start = int(ticks["event_time"][0])
    if not np.array_equal(ticks["event_time"], start + interval * np.arange(len(ticks))):
        raise DataError(f"the ticks of run {run.name!r} are not {interval / 1e6:g} s apart. Restore its files.")
    columns: dict[str, Columns] = {name: _standing(name, run.rows(name)) for name in EVENT_TABLES}
    columns |= {name: terms_columns(name, run.table(name), run.symbols) for name in TERMS}
    # The engine is given the very bits that it was given then; the hash is over equal values, as any market's.
    hashed = {name: canonical(name, rows) for name, rows in columns.items()}
    content_hash = MarketTables(run.symbols, interval, start, len(ticks), hashed).content_hash()
    tables = MarketTables(run.symbols, interval, start, len(ticks), columns)
    market = market_of(run.manifest.market.name, content_hash, tables)
    if not np.array_equal(market.tick_seq, ticks["market_seq"]):
        at = int(np.argmax(market.tick_seq != ticks["market_seq"]))
        raise DataError(
            f"run {run.name!r} numbers its tick {at + 1} {int(ticks['market_seq'][at])}, its events make it "
            f"{int(market.tick_seq[at])}. `alphastrike verify {run.name} --quick` says which file was changed."
        )
    return market


def acts_of(run: Run) -> tuple[tuple[int, Act], ...]:
    """Return what an operator did in a live run, each with the time of the tick after which he did it, in order.

    Without overrides: they are about who is asked, and what was answered is an input.
    """
    if not run.is_live:
        return ()
    return tuple(
        (
            int(row["event_time"]),
            act_of(int(row["act"]), int(row["symbol"]), int(row["number"]), str(row["author"]), str(row["detail"])),
        )
        for row in run.rows("operator")
        if int(row["act"]) != OperatorAct.OVERRIDE
    )


@dataclass(frozen=True)
class GivenAnswers:
    """The answers that came while the market went on, each at its own time: inputs of the run, not re-derivable."""

    name: str
    answers: Mapping[int, Answered]
    """By situation."""

    @classmethod
    def of(cls, run: Run, policy: str, *, is_followed: bool = False) -> "GivenAnswers":
        """Read the answers of a live run; ``policy`` is who gave them, to the account or to the one that follows."""
        rows = {key_of(str(row["key"])): row for row in run.rows("llm_answers")}
        given = {
            number: answer_of(str(row["answer"]), int(row["latency"]))
            for (number, of_followed), row in rows.items()
            if of_followed == is_followed
        }
        return cls(policy, given)

    def answer(self, situation: Situation) -> Answered:
        """Return the answer that came; one that has not come yet comes after its deadline."""
        return self.answers.get(situation.situation, Answered((), _NEVER_US))


def _standing(name: str, rows: Records) -> Mapping[str, npt.NDArray[Any]]:
    """Return the columns of the events that stand: of several in one instant that share a number, the last."""
    kept = rows
    if name in _ONE_AN_INSTANT and len(rows):
        kept = rows[np.lexsort((rows["event_time"], rows["market_seq"]))]
        kept = kept[np.append(np.diff(kept["market_seq"]) != 0, True)]
    return {column.name: kept[column.name] for column in KINDS[name].columns}
