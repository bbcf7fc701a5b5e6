"""A real engine that stands still at one tick, with an open position and two live interventions, to be commanded."""

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine.acts import act_of
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.stepping import Stepped, Stepper
from alphastrike.journal.codes import OrderChange, Reason
from alphastrike.live.address import Claim, claim
from alphastrike.live.control import Port
from alphastrike.live.inbox import Done, OperatorCommand
from alphastrike.live.status import Status, account_status
from alphastrike.market.market import Market
from alphastrike.market.simulate import simulate_market
from alphastrike.market.store import open_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.naming import policy_named
from tests.engine.instants import instant_at

DAYS: Final = 150
AFTER: Final = 48
"""Ticks that a test may still step."""


ENTRIES: Final = {Reason.ENTRY, Reason.REVERSAL}
"""Reasons of orders that take risk."""


class Frozen(NamedTuple):
    """Where every ``Standing`` begins."""

    market: Market
    settings: Settings
    checkpoint: bytes


@cache
def frozen() -> Frozen:
    """Step a small market to a tick at which there is something to command; done once."""
    settings = resolve(
        None,
        [
            "perception.conviction.minimum_days=2",
            "perception.conviction.window_days=7",
            "account.triggers.losses=1",
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        simulate_market(root, "small", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), DAYS, MICROS_PER_HOUR, seed=3)
        market = open_market(root, "small")
    stepper = _stepper(market, settings)
    found: tuple[int, bytes] | None = None
    for tick in range(market.ticks - AFTER):
        if found is None or found[0] + AFTER < tick:
            live = np.count_nonzero(stepper.state.interventions["intervention"])
            can_be_commanded = live == 2 and np.count_nonzero(stepper.state.symbols["quantity"])
            found = (tick, stepper.checkpoint()) if can_be_commanded else None
        if set(_submitted(stepper.step(instant_at(market, tick)))) & ENTRIES and found is not None:
            return Frozen(market, settings, found[1])
    raise AssertionError("the market has no tick at which there is something to command and to prevent")


class Standing:
    """A live run whose market has stopped: commands act on the engine at once, and nothing is written."""

    def __init__(self) -> None:
        self.market, self.settings, checkpoint = frozen()
        self.stepper = _stepper(self.market, self.settings)
        self.stepper.restore(checkpoint)
        self.commands: list[OperatorCommand] = []
        self.submitted: list[Reason] = []
        """Why each order was sent while the market went on."""
        self.holds = threading.Event()
        """While it is not set, commands wait, as they do for an instant to end."""
        self.holds.set()

    def step(self, ticks: int) -> None:
        """Let the market go on."""
        for _ in range(ticks):
            tick = (self.stepper.now - self.market.start) // self.market.interval + 1
            stepped = self.stepper.step(instant_at(self.market, int(tick)))
            self.submitted += _submitted(stepped)

    def status(self) -> Status:
        """As a session says it."""
        return {
            **account_status(self.stepper.state, self.market.symbols, self.settings),
            "run": "standing",
            "market": self.market.name,
            "policy": "rules",
            "shadow": False,
            "state": "running",
            "pid": 1,
            "journal": "data/runs/standing",
            "durable_seq": self.stepper.market_seq + len(self.commands),
            "feed_age_s": None,
            "inbox": 0,
            "incidents": 0,
            "latency_ms": {},
            "followed_equity": None,
        }

    def submit(self, command: OperatorCommand) -> None:
        """Carry out a command as soon as nothing holds it."""
        self.commands.append(command)
        self._work(command)

    def _work(self, command: OperatorCommand) -> None:
        if not self.holds.is_set():
            asyncio.get_running_loop().call_later(0.005, self._work, command)
            return
        if command.reply.done():
            return
        stepped = self.stepper.operate(
            act_of(int(command.act), command.symbol, command.number, command.author, command.detail)
        )
        changed = sum(len(rows) for _, rows in stepped.rows.values())
        command.reply.set_result(
            Done(
                self.stepper.market_seq + len(self.commands),
                self.stepper.market_seq,
                self.stepper.now,
                changed,
                stepped.touched,
            )
        )


@contextmanager
def listening(root: Path, live: Standing) -> Iterator[Claim]:
    """Let a live run listen for a data root, in a thread of its own."""
    held = claim(root)
    loop = asyncio.new_event_loop()
    port = Port(held, live)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(port.open(), loop).result(10)
        yield held
        asyncio.run_coroutine_threadsafe(port.close(), loop).result(10)
    finally:
        held.release()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _stepper(market: Market, settings: Settings) -> Stepper:
    return Stepper(
        market.symbols,
        market.interval,
        market.instruments,
        market.tiers,
        settings,
        AskedPolicy(policy_named("rules")),
    )


def _submitted(stepped: Stepped) -> list[Reason]:
    if "orders" not in stepped.rows:
        return []
    rows = cast(Any, stepped.rows["orders"][1])
    return [Reason(int(reason)) for reason in rows["reason"][rows["change"] == OrderChange.SUBMITTED]]
