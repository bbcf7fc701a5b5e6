"""A run as computed, before it is a journal: what ``record`` writes and ``verify`` compares with what was written."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alphastrike.engine.history import AccountInputs, AccountRun, Checkpoint
from alphastrike.engine.perceived_rows import perceived_rows
from alphastrike.engine.perception import Perceived, PerceivedMarket
from alphastrike.engine.state import run_digest, state_digest
from alphastrike.journal.codes import Gate, GateVerdict
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.reader import Run
from alphastrike.journal.tables import Rows
from alphastrike.market.market import Market
from alphastrike.model.errors import DataError
from alphastrike.model.forecast import FORECAST


@dataclass(frozen=True)
class Computed:
    """Rows by kind in stage order, the checkpoints, and the digests of the state they lead to."""

    tables: Mapping[str, tuple[Kind, Rows]]
    checkpoints: tuple[Checkpoint, ...]
    account_digest: str
    perception_digest: str
    digest: str
    """Empty when perception was not computed: it covers both halves."""


def computed_run(market: Market, perceived: PerceivedMarket, account: AccountRun) -> Computed:
    """Return both halves of a run as one."""
    tables = {
        **_market_tables(market),
        **perceived_rows(perceived, market.tick_seq, market.tick_times),
        **account_tables(account),
    }
    return Computed(
        tables={name: tables[name] for name in KINDS if name in tables},
        checkpoints=tuple(account.checkpoints),
        account_digest=state_digest(account.state),
        perception_digest=state_digest(perceived.state),
        digest=run_digest(state_digest(account.state), state_digest(perceived.state)),
    )


def computed_on(market: Market, perception_digest: str, account: AccountRun) -> Computed:
    """Return a run whose perception, known by its digest, an earlier run holds: without perception's rows."""
    tables = {**_market_tables(market), **account_tables(account)}
    return Computed(
        tables={name: tables[name] for name in KINDS if name in tables},
        checkpoints=tuple(account.checkpoints),
        account_digest=state_digest(account.state),
        perception_digest=perception_digest,
        digest=run_digest(state_digest(account.state), perception_digest),
    )


def computed_account(account: AccountRun) -> Computed:
    """Return the account half alone, as re-derived from recorded forecasts."""
    return Computed(account_tables(account), tuple(account.checkpoints), state_digest(account.state), "", "")


def account_tables(account: AccountRun) -> dict[str, tuple[Kind, Rows]]:
    """Return the account's rows with their kinds."""
    return {name: (KINDS[name], rows) for name, rows in account.tables.items()}


def account_inputs(perceived: Perceived) -> AccountInputs:
    """Return what the account half learns of perception."""
    return AccountInputs(
        decision_row=perceived.decision_row, forecasts=perceived.forecasts, rejected=perceived.rejected
    )


def recorded_inputs(run: Run, market: Market) -> AccountInputs:
    """Return what the account half learned of perception, as the run recorded it.

    Raises:
        DataError: the forecasts do not cover every symbol at each of their decisions, or are no tick's.
    """
    recorded = run.rows("forecasts")
    symbols = len(market.symbols)
    ticks, remainder = np.divmod(recorded["event_time"] - market.start, market.interval)
    decisions = ticks[::symbols]
    is_whole = (
        len(recorded) % symbols == 0
        and not remainder.any()
        and bool(np.all((decisions >= 0) & (decisions < market.ticks)))
        and bool(np.all(np.diff(decisions) > 0))
        and np.array_equal(ticks, np.repeat(decisions, symbols))
        and np.array_equal(recorded["symbol"], np.tile(np.arange(symbols), len(decisions)))
    )
    if not is_whole:
        raise DataError(
            f"forecasts of run {run.name!r} do not hold one row a symbol at each decision. Record the run again."
        )
    forecasts = np.zeros((len(decisions), symbols), dtype=FORECAST)
    for name in FORECAST.names or ():
        forecasts[name] = recorded[name].reshape(forecasts.shape)
    decision_row = np.full(market.ticks, -1, dtype=np.int64)
    decision_row[decisions] = np.arange(len(decisions))
    return AccountInputs(decision_row=decision_row, forecasts=forecasts, rejected=_recorded_rejections(run, market))


def _recorded_rejections(run: Run, market: Market) -> npt.NDArray[np.bool_]:
    gates = run.rows("gates")
    # A book top that was refused says nothing of the candle beside it.
    refused = gates[(gates["verdict"] == int(GateVerdict.REJECTED)) & (gates["gate"] != int(Gate.SPREAD))]
    rejected = np.zeros((market.ticks, len(market.symbols)), dtype=np.bool_)
    rejected[(refused["event_time"] - market.start) // market.interval, refused["symbol"]] = True
    return rejected


def _market_tables(market: Market) -> dict[str, tuple[Kind, Rows]]:
    return {"ticks": (KINDS["ticks"], {"market_seq": market.tick_seq, "event_time": market.tick_times})}
