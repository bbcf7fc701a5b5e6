"""A real run, recorded once for all tests that replay: simulated, small, with triggers that fire often."""

from dataclasses import dataclass
from pathlib import Path

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.journal.reader import Run
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run

OFTEN = (
    "account.triggers.losses=2",
    "account.triggers.cooldown_hours=6",
    "account.triggers.win_rate_window=6",
    "account.exit.hold_max_hours=12",
    "perception.conviction.minimum_days=3",
    "perception.conviction.window_days=10",
)
"""Settings under which the policy is asked dozens of times in a few months."""

SEEDED = "random:seed=5"


@dataclass(frozen=True)
class RecordedRuns:
    """A data root with one market and the runs made on it."""

    root: Path

    def open(self, name: str) -> Run:
        return open_run(self.root, name)


def often() -> Settings:
    return resolve(None, OFTEN)


def make_runs(root: Path) -> RecordedRuns:
    """The guardian's run, one of a random tool whose answers take 90 minutes, and one that only raises."""
    simulate_market(root, "small", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 100, MICROS_PER_HOUR, 3)
    record(root, "small", "rules", name="guarded", settings=often())
    slow = resolve(None, (*OFTEN, "policy.latency_ms=5400000", "policy.deadline_s=7200"))
    record(root, "small", SEEDED, name="slow", settings=slow)
    late = resolve(None, (*OFTEN, "policy.latency_ms=7200000", "policy.deadline_s=3600"))
    record(root, "small", SEEDED, name="late", settings=late)
    broken = f"{__name__}:Broken"
    record(root, "small", broken, name="broken", settings=often())
    return RecordedRuns(root)


class Broken:
    """A user's policy that never answers."""

    def decide(self, _situation: object) -> tuple[object, ...]:
        raise RuntimeError("no idea")
