"""The same step an event at a time, as live feeds it: microseconds an event from Python."""

import statistics
import time
from typing import Final

import numpy as np

from alphastrike.engine.account import SITUATION, step_candle, step_funding, step_mark, step_tick
from alphastrike.engine.outputs import FULL
from alphastrike.model.bars import BAR, BarFlag
from tests.bench.account import Driver
from tests.bench.figures import Figure
from tests.bench.timing import in_turn, median_ratio
from tests.bench.worlds import World, world

SECTION: Final = "step by step"
EVENTS: Final = ("candle", "mark", "funding", "tick", "tick with a decision")


class Stepper(Driver):
    """The account fed one event a call, from a market of one row."""

    def __init__(self, made: World) -> None:
        super().__init__(made)
        self.row = np.zeros((1, self.symbols), dtype=BAR)
        self._row_bytes = self.row.view(np.uint8).reshape(-1)
        self._bar_bytes = made.market.bars.view(np.uint8).reshape(made.market.ticks, -1)
        self._flags = [int(flags) for flags in np.bitwise_or.reduce(made.market.bars["flags"], axis=1)]
        self.events = 0
        self.taken: dict[str, list[float]] = {event: [] for event in EVENTS}

    def all_events(self, timed: bool = False) -> None:
        """Feed the whole world; ``timed`` also notes the wall seconds of every call."""
        market, state, params = self.world.market, self.state, self.params
        forecasts = self.world.inputs.forecasts
        terms = (market.instruments, market.tiers)
        self.begin()
        self.events = 0
        clock = time.perf_counter if timed else float
        for tick, (flags, decision) in enumerate(
            zip(self._flags, self.world.inputs.decision_row.tolist(), strict=True)
        ):
            now = market.start + tick * market.interval
            # The row arrives whole here and its events follow; live writes each event's own record.
            self._row_bytes[:] = self._bar_bytes[tick]
            for s in range(self.symbols):
                begun = clock()
                step_candle(state, params, *terms, self.row, s, now, self.out, FULL)
                if timed:
                    self.taken["candle"].append(clock() - begun)
            self.events += self.symbols
            if flags & BarFlag.MARK:
                for s in range(self.symbols):
                    step_mark(state, params, self.row, s, now)
                self.events += self.symbols
            if flags & BarFlag.FUNDING:
                for s in range(self.symbols):
                    step_funding(state, params, market.tiers, self.row, s, now, self.out, FULL)
                self.events += self.symbols
            begun = clock()
            why = step_tick(state, params, *terms, forecasts, decision, 0, now, self.out, FULL)
            if timed:
                self.taken["tick" if decision < 0 else "tick with a decision"].append(clock() - begun)
            self.events += 1
            if why == SITUATION:
                self.settle()
            self.counts[:] = 0


def measure(quick: bool) -> list[Figure]:
    """Return what an event costs from Python, the loop over the same events for comparison."""
    made = world(300 if quick else 6_000)
    stepper, driver = Stepper(made), Driver(made)
    stepper.all_events()
    driver.whole(FULL)
    assert stepper.digest_bytes() == driver.digest_bytes(), "the step and the loop disagree"
    rounds = 1 if quick else 5
    taken = in_turn({"step": stepper.all_events, "loop": lambda: driver.whole(FULL)}, rounds)
    stepper.all_events(timed=True)
    per_event = statistics.median(taken["step"]) / stepper.events * 1e6
    decisions = np.array(stepper.taken["tick with a decision"]) * 1e6
    return [
        Figure(SECTION, "an event, all kinds", per_event, "CPU µs", 50.0, "less", "mean; same bits as the loop"),
        Figure(SECTION, "a candle", float(np.median(stepper.taken["candle"])) * 1e6, "µs", 50.0, "less", "median"),
        Figure(SECTION, "a tick", float(np.median(stepper.taken["tick"])) * 1e6, "µs", 50.0, "less", "median"),
        Figure(SECTION, "a tick with a decision", float(np.median(decisions)), "µs", 50.0, "less", "median"),
        Figure(SECTION, "a tick with a decision, p99", float(np.quantile(decisions, 0.99)), "µs", 50.0, "less", "wall"),
        Figure(SECTION, "steps against the loop", median_ratio(taken["step"], taken["loop"]), "times", note="CPU"),
    ]
