"""The account loop over a world: run until a situation, settle it in Python, go on."""

from dataclasses import dataclass

import numpy as np

from alphastrike.config.account import packed
from alphastrike.engine.account import FULL as OUTPUT_FULL
from alphastrike.engine.account import SITUATION, begin, run
from alphastrike.engine.control import settle_situation
from alphastrike.engine.outputs import FULL, Collected, new_out
from alphastrike.engine.state import Buffer, canonical_bytes, new_buffer, views
from tests.bench.worlds import World


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account's bytes right after a situation was asked; ``tick`` is the next one to run."""

    tick: int
    state: Buffer


class Driver:
    """An account over a world that can be run again and again: buffers and views are made once."""

    def __init__(self, world: World) -> None:
        market = world.market
        self.world = world
        self.symbols = len(market.symbols)
        self.params = packed(world.params())
        self.buffer = new_buffer(self.symbols)
        self.state = views(self.buffer, self.symbols)
        self.out = new_out()
        self.collected = Collected(self.out)
        self.counts = self.out["counts"]
        self._asked = self.state.triggers["situation"]

    def begin(self) -> None:
        """Start the account anew."""
        self.buffer[:] = 0
        self.counts[:] = 0
        self.collected = Collected(self.out)
        begin(self.state, self.params)

    def forward(self, first: int, stop: int, detail: int, snapshots: list[Snapshot] | None = None) -> int:
        """Run ticks [first, stop), draining what is written; return how many times Python was asked."""
        asked = 0
        tick = first
        while tick < stop:
            why, tick = self._on(tick, stop, detail)
            if why == SITUATION:
                asked += 1
                if snapshots is not None:
                    snapshots.append(Snapshot(tick, self.buffer.copy()))
                self.settle()
            elif why == OUTPUT_FULL:
                self.collected.drain()
        self.collected.drain()
        return asked

    def branch(self, start: Snapshot, bars: int, detail: int) -> float:
        """Fork at a snapshot by copying its bytes, run so many ticks, and return the equity at the end."""
        np.copyto(self.buffer, start.state)
        self.counts[:] = 0
        tick, stop = start.tick, start.tick + bars
        self.settle()
        while tick < stop:
            why, tick = self._on(tick, stop, detail)
            if why == SITUATION:
                self.settle()
            else:
                self.counts[:] = 0
        return float(self.state.account["equity"][0])

    def _on(self, tick: int, stop: int, detail: int) -> tuple[int, int]:
        market, inputs = self.world.market, self.world.inputs
        return run(
            self.state, self.params, market.instruments, market.tiers, market.bars, market.other_events,
            inputs.decision_row, inputs.forecasts, market.start, market.interval, tick, stop, self.out, detail,
        )  # fmt: skip

    def settle(self) -> None:
        """Answer every situation that waits: nobody does anything."""
        for scope, rule in zip(*np.nonzero(self._asked), strict=True):
            settle_situation(self.state, scope, rule)

    def whole(self, detail: int = FULL) -> int:
        """Run the whole world from its beginning."""
        self.begin()
        return self.forward(0, self.world.market.ticks, detail)

    def digest_bytes(self) -> bytes:
        """Return the state as comparable bytes."""
        return canonical_bytes(self.buffer, self.symbols)
