"""The engine an instant at a time is the engine of history: same rows, same state, through stops and acts."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine.acts import Act
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import run_account
from alphastrike.engine.perception import perceive
from alphastrike.engine.stepping import Instant, Stepped, Stepper
from alphastrike.journal.inputs import OperatorAct
from alphastrike.market.building import market_of
from alphastrike.market.market import Market
from alphastrike.market.simulate import simulation
from alphastrike.model.errors import DataError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.guardian import Rules
from alphastrike.runs.computed import Computed, account_inputs, computed_run
from tests.engine.instants import instant_at

EAGER = (
    "account.triggers.losses=2",
    "account.triggers.drawdown_above=0.03",
    "account.triggers.drawdown_rearm=0.02",
    "account.triggers.cooldown_hours=2",
)
SLOW = ("policy.latency_ms=5400000", "policy.deadline_s=7200")
LATE = ("policy.latency_ms=5400000", "policy.deadline_s=600")


@pytest.fixture(scope="module")
def market() -> Market:
    made = simulation(symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT"), days=60, interval=MICROS_PER_HOUR, seed=11)
    return market_of("small", "0" * 32, made.tables)


def acts_of(market: Market) -> list[tuple[int, Act]]:
    """A person who halts for a week, and later closes everything and revokes what is live."""
    at = market.tick_times
    return [
        (int(at[900]), Act(OperatorAct.HALT, author="someone")),
        (int(at[1068]), Act(OperatorAct.RESUME, author="someone")),
        (int(at[1200]), Act(OperatorAct.FLATTEN)),
        (int(at[1200]), Act(OperatorAct.FLATTEN)),
        (int(at[1300]), Act(OperatorAct.REVOKE)),
    ]


def instants(market: Market) -> Iterator[Instant]:
    return (instant_at(market, tick) for tick in range(market.ticks))


class Lived(NamedTuple):
    """What a stepper wrote over a whole market."""

    rows: dict[str, list[Any]]
    checkpoints: list[Any]
    digest: str


def lived(market: Market, settings: Settings, *, shadow: bool = False, restarts: tuple[int, ...] = ()) -> Lived:
    answer = AskedPolicy(Rules(settings.policy.guardian), settings.policy.latency_us)

    def begun() -> Stepper:
        return Stepper(
            market.symbols, market.interval, market.instruments, market.tiers, settings, answer, shadow=shadow
        )

    rows: dict[str, list[Any]] = {}
    checkpoints: list[Any] = []

    def keep(stepped: Stepped) -> None:
        checkpoints.extend(stepped.checkpoints)
        for name, (kind, table) in stepped.rows.items():
            columns = ["market_seq", *(column.name for column in kind.columns)]
            rows.setdefault(name, []).append({column: np.asarray(table[column]) for column in columns})

    stepper = begun()
    to_do = acts_of(market)
    stops = list(restarts)
    for tick, instant in enumerate(instants(market)):
        keep(stepper.step(instant))
        while to_do and to_do[0][0] == stepper.now:
            keep(stepper.operate(to_do.pop(0)[1]))
        if stops and tick >= stops[0] and stepper.can_checkpoint:
            stops.pop(0)
            held = stepper.checkpoint()
            stepper = begun()
            stepper.restore(held)
    assert not stops
    return Lived(rows, checkpoints, stepper.digest())


def history(market: Market, settings: Settings, *, shadow: bool = False) -> Computed:
    perceived = perceive(market, settings.perception)
    answer = AskedPolicy(Rules(settings.policy.guardian), settings.policy.latency_us)
    account = run_account(market, account_inputs(perceived), settings, answer, acts=acts_of(market), shadow=shadow)
    return computed_run(market, perceived, account)


def assert_same(live: Lived, past: Computed) -> None:
    assert live.digest == past.digest
    assert live.checkpoints == list(past.checkpoints)
    tables = {name: table for name, table in past.tables.items() if name != "ticks"}
    assert set(live.rows) <= set(tables)
    for name, (kind, table) in tables.items():
        for column in ("market_seq", *(column.name for column in kind.columns)):
            expected = np.asarray(table[column])
            parts = [part[column] for part in live.rows.get(name, [])]
            found = np.concatenate(parts) if parts else expected[:0]
            np.testing.assert_array_equal(found, expected, err_msg=f"{name}.{column}")


@pytest.mark.parametrize("timing", [(), SLOW, LATE], ids=["at once", "an hour and a half later", "too late"])
def test_live_writes_the_rows_of_history(market: Market, timing: tuple[str, ...]) -> None:
    settings = resolve(None, (*EAGER, *timing))
    past = history(market, settings)
    assert len(past.tables["interventions"][1]["market_seq"]) > 0
    assert_same(lived(market, settings), past)


def test_a_stop_and_a_restart_from_its_checkpoint_leave_no_trace(market: Market) -> None:
    settings = resolve(None, EAGER)
    assert_same(lived(market, settings, restarts=(40, 850, 950, 1250)), history(market, settings))


def test_a_shadow_run_is_history_s_shadow_run(market: Market) -> None:
    settings = resolve(None, EAGER)
    past = history(market, settings, shadow=True)
    assert np.any(past.tables["shadow"][1]["worth"] != 0.0)
    assert_same(lived(market, settings, shadow=True, restarts=(900,)), past)


def test_a_halt_stops_entries_and_a_resume_allows_them(market: Market) -> None:
    settings = resolve(None, EAGER)
    rows = history(market, settings).tables
    orders = rows["orders"][1]
    begin, end = (int(market.tick_times[tick]) for tick in (900, 1068))
    held_back = (orders["event_time"] > begin) & (orders["event_time"] <= end) & (orders["reduce_only"] == 0)
    assert not np.any(held_back & (orders["change"] == 1))
    assert [int(change) for change in rows["halts"][1]["change"]] == [1, 2]


@pytest.mark.parametrize("damage", [lambda data: data[:-5], lambda data: data[: len(data) // 2], lambda _: b""])
def test_a_damaged_checkpoint_is_refused(market: Market, damage: Any) -> None:
    settings = Settings()
    answer = AskedPolicy(Rules(settings.policy.guardian))
    stepper = Stepper(market.symbols, market.interval, market.instruments, market.tiers, settings, answer)
    for instant, _ in zip(instants(market), range(30), strict=False):
        stepper.step(instant)
    with pytest.raises(DataError, match="checkpoint"):
        stepper.restore(damage(stepper.checkpoint()))
