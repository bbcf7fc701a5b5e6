"""What a point of the search space is worth: days of log growth against no-llm, on the days that tuning may see.

One run of the account a point, under the policy that thresholds are tuned for, from the forecasts that perception
made once. Nothing of the hold-out is run: the market ends for every trial where the hold-out begins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import AccountInputs, run_account
from alphastrike.journal.codes import Change
from alphastrike.market.market import Market
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from alphastrike.policy.naming import Maker, policy_named
from alphastrike.policy.policies import NoLlm
from experiments.space import LONGEST_HOURS, Values, settings_with
from replay.effect import DAYS_PER_YEAR, Reals, Tables, episodes, max_drawdown, returns, sampled

FOLDS: Final = 5
PAST_SHARE: Final = 0.25
"""Of the days before the hold-out that come before the first fold."""
HOLDOUT_SHARE: Final = 0.2
"""Of the market's days that no trial sees."""
FOLD_DAYS_MIN: Final = 30
TRIGGERS_MIN: Final = 5
"""A fold in which the policy was asked less often is no evidence."""
CALLS_A_DAY_MAX: Final = 1.0
"""Interventions a day beyond which a point is not admitted."""


class Days(NamedTuple):
    """Days [begin, end) of the market, numbered from 0."""

    begin: int
    end: int


@dataclass(frozen=True)
class Cut:
    """How the market is cut for tuning, in whole days from its first."""

    folds: tuple[Days, ...]
    gap: int
    """Days before a fold from which nothing is chosen for it: an intervention and the position it touched may
    reach that far."""
    holdout: Days

    def past_of(self, fold: int) -> Days:
        """Return the days from which a choice for a fold may be made."""
        return Days(0, max(self.folds[fold].begin - self.gap, 0))

    @cached_property
    def seen(self) -> int:
        """Days that a trial runs over."""
        return self.folds[-1].end


def cut(days: int, settings: Settings, folds: int = FOLDS) -> Cut:
    """Cut a market of so many days: folds that follow one another, then a gap, then the hold-out.

    Raises:
        ConfigurationError: the market is too short.
    """
    gap = -(-int(LONGEST_HOURS + settings.account.exit.hold_max_hours) // 24)
    holdout = max(round(HOLDOUT_SHARE * days), FOLD_DAYS_MIN)
    seen = days - holdout - gap
    past = max(round(PAST_SHARE * seen), 2 * gap)
    if seen - past < folds * FOLD_DAYS_MIN:
        needed = 2 * gap + folds * FOLD_DAYS_MIN + gap + holdout
        raise ConfigurationError(
            f"the market has {days} days; tuning needs about {needed}: {folds} folds of at least {FOLD_DAYS_MIN} days, "
            f"a gap of {gap} before each choice, and a hold-out. Take a longer market, or fewer --folds."
        )
    borders = [past + (seen - past) * number // folds for number in range(folds + 1)]
    return Cut(tuple(Days(*pair) for pair in pairwise(borders)), gap, Days(seen + gap, days))


@dataclass(frozen=True)
class Trial:
    """One point of the space over the days that tuning may see."""

    values: dict[str, float]
    differences: Reals
    """(days,) log growth of the day, this point − no-llm."""
    asked: npt.NDArray[np.int64]
    """(days,) situations."""
    interventions: int
    episodes: int
    max_drawdown: float

    def growth(self, over: Days) -> float:
        """Mean difference over some days, log growth a year."""
        return float(np.mean(self.differences[over.begin : over.end])) * DAYS_PER_YEAR

    @property
    def calls_a_day(self) -> float:
        """Interventions a day."""
        return self.interventions / len(self.differences)

    def has_evidence(self, over: Days) -> bool:
        """Whether the policy was asked often enough on these days."""
        return int(self.asked[over.begin : over.end].sum()) >= TRIGGERS_MIN

    def fold_values(self, how: Cut) -> tuple[float, ...]:
        """Return the growth a year of every fold, NaN for one that is no evidence."""
        return tuple(self.growth(fold) if self.has_evidence(fold) else float("nan") for fold in how.folds)

    def value(self, how: Cut) -> float | None:
        """Return the mean over the folds that are evidence; ``None`` when fewer than half of them are."""
        known = [value for value in self.fold_values(how) if not np.isnan(value)]
        return float(np.mean(known)) if 2 * len(known) >= len(how.folds) else None


class Objective:
    """Evaluates points of the space on one market with its forecasts."""

    def __init__(
        self,
        market: Market,
        inputs: AccountInputs,
        settings: Settings,
        policy: str,
        how: Cut,
        others: Mapping[str, Maker] | None = None,
    ) -> None:
        self.how = how
        self._market = market
        self._inputs = inputs
        self._settings = settings
        self._policy = policy
        self._others = others
        self._until = _first_tick(market, how.seen)
        self._baseline = self._daily(self._tables(settings, "no-llm", self._until), how.seen)

    @property
    def nobody(self) -> Reals:
        """(days,) log growth of no-llm on the days that a trial runs over."""
        return self._baseline

    def __call__(self, values: Values) -> Trial:
        """Run one point; the same point gives the same bits."""
        settings = settings_with(self._settings, values)
        tables = self._tables(settings, self._policy, self._until)
        return self._trial(values, tables, self._baseline, self.how.seen)

    def holdout(self, values: Values) -> Trial:
        """Run one point over the whole market; its days of the hold-out are what nothing was chosen by."""
        ticks, days = self._market.ticks, self.how.holdout.end
        baseline = self._daily(self._tables(self._settings, "no-llm", ticks), days)
        tables = self._tables(settings_with(self._settings, values), self._policy, ticks)
        return self._trial(values, tables, baseline, days)

    def _tables(self, settings: Settings, policy: str, until: int) -> Tables:
        if policy == "no-llm":
            answer = AskedPolicy(NoLlm())
        else:
            named = policy_named(policy, guardian=settings.policy.guardian, others=self._others)
            answer = AskedPolicy(named, settings.policy.latency_us)
        return run_account(self._market, self._inputs, settings, answer, until_tick=until).tables

    def _trial(self, values: Values, tables: Tables, baseline: Reals, days: int) -> Trial:
        equity = np.concatenate(([self._settings.account.start_equity], tables["equity"]["equity"]))
        asked = (tables["situations"]["event_time"] - self._begin) // MICROS_PER_DAY
        return Trial(
            values=dict(values),
            differences=self._daily(tables, days) - baseline,
            asked=np.bincount(np.clip(asked, 0, days - 1), minlength=days).astype(np.int64),
            interventions=int(np.sum(tables["interventions"]["change"] == Change.APPLIED)),
            episodes=len(episodes([tables])),
            max_drawdown=max_drawdown(equity),
        )

    def _daily(self, tables: Tables, days: int) -> Reals:
        """Return log growth by day (days,); a day without a bar grew by nothing, and a lost account never again."""
        numbers, values = sampled(tables["equity"], self._settings.account.start_equity, MICROS_PER_DAY)
        grown = np.zeros(days)
        first = self._begin // MICROS_PER_DAY
        place = numbers - first
        inside = (place >= 0) & (place < days)
        simple = np.maximum(returns(values), -1.0 + 1e-12)
        grown[place[inside]] = np.log1p(simple)[inside]
        return grown

    @cached_property
    def _begin(self) -> int:
        """Midnight before the market's first tick, microseconds UTC."""
        return (self._market.start - 1) // MICROS_PER_DAY * MICROS_PER_DAY


def days_of(market: Market) -> int:
    """Return the number of whole or begun days of a market."""
    first = (market.start - 1) // MICROS_PER_DAY
    last = (market.start + (market.ticks - 1) * market.interval - 1) // MICROS_PER_DAY
    return int(last - first) + 1


def _first_tick(market: Market, day: int) -> int:
    """Return the first tick of a day counted from the market's first: its first bar closes after midnight."""
    begin = (market.start - 1) // MICROS_PER_DAY * MICROS_PER_DAY + day * MICROS_PER_DAY
    return int(min(max((begin - market.start) // market.interval + 1, 0), market.ticks))


HOURS_A_DAY: Final = MICROS_PER_DAY // MICROS_PER_HOUR
