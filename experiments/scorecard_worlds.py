"""Small worlds by the thousand: what two arms come to in one of them, and the interval that replay would print.

A generator makes a world of every seed. The true effect of an arm against another is its mean over worlds: so many
others are run that its error is small against any interval. Arms under the null are exchangeable, the same random
policy under two seeds or the same interventions moved to two random times: their true difference is zero whatever the
market does, and only those.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np

from alphastrike.config.account import packed
from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine.account import begin
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import AccountInputs, account_bars, run_account
from alphastrike.engine.perception import perceive
from alphastrike.engine.plans import Plan, Planned
from alphastrike.engine.state import new_buffer, views
from alphastrike.journal.codes import Change
from alphastrike.market.building import market_of
from alphastrike.market.market import Market
from alphastrike.market.planted import plant_named
from alphastrike.market.simulate import simulation
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from alphastrike.policy.naming import policy_named
from alphastrike.runs.computed import account_inputs
from replay.branch import Fork, run_branches
from replay.effect import Reals, Spell, Tables, active_times, merged, returns, sampled
from replay.ground import Ground
from replay.inference import BLOCK_DAYS, EPISODES_MIN, bootstrap_for, growth_interval, stationary_blocks
from replay.inference.intervals import sum_error
from replay.inference.student import quantile_95

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DAYS: Final = 180
FREQUENT: Final = (
    "account.triggers.losses=2",
    "account.triggers.cooldown_hours=6",
    "account.triggers.win_rate_window=6",
    "account.exit.hold_max_hours=12",
    "perception.conviction.minimum_days=3",
    "perception.conviction.window_days=10",
)
"""Settings under which the policy is asked dozens of times in half a year."""

WATCHFUL: Final = (
    *FREQUENT,
    "policy.guardian.loss_streak_multiplier=0.1",
    "policy.guardian.loss_streak_hours=72",
    "policy.guardian.drawdown_multiplier=0.1",
    "account.limits.daily_loss_max=1.0",
    "account.limits.drawdown_halt=0.95",
)
"""A guardian that all but stops trading for three days, and no limit beside it that would do so too."""

NOBODY: Final = "no-llm"
MOVED: Final = "moved"
"""Arms of the form ``moved:seed=N``: the interventions of the guardian's run, all moved by one random time."""


@dataclass(frozen=True, slots=True)
class Generator:
    """Where worlds come from, and what is run in each."""

    name: str
    contests: tuple["Contest", ...]
    plant: str = ""
    overrides: tuple[str, ...] = FREQUENT
    days: int = DAYS
    has_others: bool = True
    """Whether the truth is the mean over other worlds; otherwise over the judged ones, and only power is counted."""

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm of its contests, once."""
        return tuple(dict.fromkeys(arm for contest in self.contests for arm in (contest.against, contest.arm)))


class Contest(NamedTuple):
    """Two arms, as on the command line: the effect is that of ``arm`` against ``against``."""

    arm: str
    against: str = NOBODY


class Reach(NamedTuple):
    """From where to where an interval goes; NaN for none."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Tell whether a value lies inside."""
        return self.low <= value <= self.high


NOWHERE: Final = Reach(float("nan"), float("nan"))


class Outcome(NamedTuple):
    """One contest in one world."""

    effect: float
    """Difference in log growth, arm - against."""
    printed: Reach
    """The 95 % interval over histories; none where none is printed, or none was asked for."""
    percentile: Reach
    """What the 2.5 and 97.5 % quantiles of the same resampled sums would be."""
    student: Reach
    """What Student's t would be: one degree of freedom fewer than there are blocks."""
    episodes: int
    block_days: float
    days_that_count: float
    """(Σ d²)² ÷ Σ d⁴ of the daily differences d: as many days of equal size would vary by as much; NaN for none."""

    @property
    def has_interval(self) -> bool:
        """Whether an interval is printed."""
        return not np.isnan(self.printed.low)


class ArmPath(NamedTuple):
    """What one arm did in one world."""

    daily: Reals
    """(days,) simple returns."""
    spells: tuple[Spell, ...]
    """Active times of its interventions."""


def outcomes(generator: Generator, seed: int, *, has_intervals: bool = True) -> tuple[Outcome, ...]:
    """Return every contest's outcome in the world of a seed."""
    world = SmallWorld(generator, seed)
    paths = {arm: world.path(arm) for arm in generator.arms}
    return tuple(
        judged(paths[contest.arm], paths[contest.against], has_interval=has_intervals) for contest in generator.contests
    )


def judged(arm: ArmPath, against: ArmPath, *, has_interval: bool = True) -> Outcome:
    """Compare two arms of one world as ``replay.compare`` does: the same episodes, blocks and interval."""
    difference = np.log1p(arm.daily) - np.log1p(against.daily)
    effect = float(np.sum(difference))
    spells = [*against.spells, *arm.spells]
    episodes = len(merged(spells))
    if not has_interval or episodes < EPISODES_MIN:
        return Outcome(effect, NOWHERE, NOWHERE, NOWHERE, episodes, float("nan"), float("nan"))
    median_days = float(np.median([spell.end - spell.begin for spell in spells])) / MICROS_PER_DAY
    how = bootstrap_for([arm.daily - against.daily], max(BLOCK_DAYS, median_days))
    interval = growth_interval(arm.daily, against.daily, how)
    if interval is None:
        return Outcome(effect, NOWHERE, NOWHERE, NOWHERE, episodes, how.block_days, float("nan"))
    drawn = difference[stationary_blocks(len(difference), how)].sum(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    half = quantile_95(len(difference) / how.block_days - 1.0) * sum_error(difference, how)
    squares = difference * difference
    fourths = float(np.sum(squares * squares))
    return Outcome(
        effect=effect,
        printed=Reach(interval.low, interval.high),
        percentile=Reach(float(low), float(high)),
        student=Reach(effect - half, effect + half),
        episodes=episodes,
        block_days=how.block_days,
        days_that_count=float(np.sum(squares)) ** 2 / fourths if fourths > 0.0 else float("nan"),
    )


class SmallWorld:
    """One world, perceived once; arms run in it one after the other."""

    def __init__(self, generator: Generator, seed: int) -> None:
        self._seed = seed
        self._settings = _settings(generator.overrides)
        plant = plant_named(generator.plant) if generator.plant else None
        made = simulation(SYMBOLS, generator.days, MICROS_PER_HOUR, seed, plant=plant)
        self.market: Market = market_of(generator.name, "", made.tables)
        self.inputs: AccountInputs = account_inputs(perceive(self.market, self._settings.perception))
        self._tables: dict[str, Tables] = {}

    def path(self, arm: str) -> ArmPath:
        """Run an arm."""
        if arm == NOBODY:
            # As a branch in which nothing ever stands: nobody has to be shown a situation.
            return self._branch(())
        if arm.partition(":")[0] == MOVED:
            return self._moved(arm)
        tables = self.tables(arm)
        start = self._settings.account.start_equity
        daily = returns(sampled(tables["equity"], start, MICROS_PER_DAY)[1])
        return ArmPath(daily, tuple(active_times(tables).values()))

    def tables(self, arm: str) -> Tables:
        """Return the tables of a policy's run; each runs once."""
        if arm not in self._tables:
            policy = policy_named(arm, guardian=self._settings.policy.guardian)
            answer = AskedPolicy(policy, self._settings.policy.latency_us)
            self._tables[arm] = run_account(self.market, self.inputs, self._settings, answer).tables
        return self._tables[arm]

    def plan(self) -> Plan:
        """Return what stood in the guardian's run."""
        rows = self.tables("rules")["interventions"]
        return tuple(
            Planned(
                tick=(int(row["event_time"]) - self.market.start) // self.market.interval,
                tool=int(row["tool"]),
                symbol=int(row["symbol"]),
                value=float(row["value"]),
                expires=int(row["expires"]),
                number=int(row["intervention"]),
                situation=int(row["situation"]),
            )
            for row in rows[rows["change"] == Change.APPLIED]
        )

    @cached_property
    def ground(self) -> Ground:
        """What frozen branches stand on: there is no run, hence no checkpoints."""
        params = packed(self._settings.account_params())
        buffer = new_buffer(len(SYMBOLS))
        begin(views(buffer, len(SYMBOLS)), params)
        bars = account_bars(self.market, self.inputs.rejected)
        return Ground(
            run="", market=self.market, inputs=self.inputs, bars=bars, settings=self._settings, params=params,
            acts=(), plan=(), forks={}, beginning=Fork(-1, buffer.tobytes()),
        )  # fmt: skip

    def _moved(self, arm: str) -> ArmPath:
        """Run the guardian's interventions at other times: all later by the same random while, round the end."""
        key = blake2b(f"alphastrike scorecard {arm} {self._seed}".encode(), digest_size=8).digest()
        ticks = self.market.ticks
        later = int(np.random.default_rng(int.from_bytes(key, "little")).integers(0, ticks))
        moved = []
        for entry in self.plan():
            tick = (entry.tick + later) % ticks
            life = entry.expires - self.ground.time_of(entry.tick)
            moved.append(entry._replace(tick=tick, expires=self.ground.time_of(tick) + life))
        return self._branch(tuple(sorted(moved, key=lambda entry: (entry.tick, entry.number))))

    def _branch(self, plan: Plan) -> ArmPath:
        ground, day = self.ground, MICROS_PER_DAY // self.market.interval
        # A market begins with a day's first bar: the bar that closes at midnight is its last.
        ends = range(day - 1, self.market.ticks, day)
        equity = run_branches(ground, ground.beginning, [plan], ends).samples["equity"][0]
        values = np.concatenate(([ground.start_equity], equity))
        spells = tuple(Spell(ground.time_of(entry.tick), entry.expires) for entry in plan)
        return ArmPath(returns(values), spells)


@lru_cache(maxsize=8)
def _settings(overrides: tuple[str, ...]) -> Settings:
    return resolve(None, overrides)
