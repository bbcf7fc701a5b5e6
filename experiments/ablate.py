"""The article's headline table, honestly: what weighing signals is worth in the account, out of sample, with intervals.

Features and scores are computed once. Each way of weighing them is then concluded anew and run through the whole
account: leverage, limits, exits, fees, slippage and funding are what the bot would have had. No policy is asked.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from alphastrike.config.settings import Settings
from alphastrike.engine.perception import Perceived, perceive
from alphastrike.market.market import Market
from alphastrike.ml.declare import signals
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.forecast import PerceptionHalt
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_DAY
from experiments.accounts import Voters, Weighing, books, voters_of
from experiments.book import Book, SwitchCost, stitched
from experiments.choosing import Choice, Flattery, choices, flattery
from experiments.evidence import (
    Band,
    Paired,
    growth_a_year,
    mean_block,
    paired,
    together,
)
from experiments.folds import FOLDS, Fold, walk_forward
from experiments.variants import BEST_SINGLE, EQUAL, EQUAL_WEIGHTS, variants
from replay.effect import DAYS_PER_YEAR, Reals, max_drawdown, sharpe
from replay.inference import DRAWS, SEED, Bootstrap, Interval, long_enough, own_sharpe_interval


@dataclass(frozen=True, slots=True)
class Row:
    """One way of weighing signals over all folds. Shares are fractions; what is "a year" counts 365 days."""

    name: str
    meaning: str
    sharpe: float
    sharpe_interval: Interval | None
    growth: float
    """Of log equity, a year."""
    max_drawdown: float
    """Below the highest equity since the first fold began, at the close of any market bar."""
    win_rate: float
    """Of the trades that ended in a fold; NaN for none."""
    trades: int
    turnover: float
    """Notional traded a year, a multiple of equity."""
    fees: float
    """A year, a share of the equity of the day: as are the others."""
    slippage: float
    funding: float
    """Earned when negative."""
    against: Paired | None
    """Difference to equal weights; ``None`` for those."""
    band: Band | None
    """Of the difference of the Sharpe ratio, for all rows at once; ``None`` where nothing varies."""


@dataclass(frozen=True)
class Ablation:
    """The table and what it rests on."""

    market: str
    market_hash: str
    symbols: tuple[str, ...]
    begin: int
    end: int
    """Of the market, microseconds UTC."""
    settings_digest: str
    first: int
    """Day of the market on which something may trade for the first time."""
    folds: tuple[Fold, ...]
    day_zero: int
    """Days since 1970 of the market's day 0."""
    voters: Voters
    rows: tuple[Row, ...]
    """The best single signal first, then the others in the order of ``variants``."""
    choices: tuple[Choice, ...]
    flattery: Flattery
    singles: tuple[Row, ...]
    """Every candidate over all folds, in the order of their names: seen with hindsight, not chosen."""
    without: tuple[Row, ...]
    """Equal weights without the signals of one category, whose names are the row's meaning."""
    switches: int
    """Folds that another signal was chosen for than the one before."""
    switch_cost: SwitchCost
    bootstrap: Bootstrap
    has_intervals: bool
    books: tuple[Book, ...]
    """Behind ``rows``: the days and ticks of all folds, in the same order."""

    @property
    def days(self) -> int:
        """In all folds together."""
        return self.folds[-1].end - self.folds[0].begin

    @property
    def equal(self) -> Row:
        """The baseline."""
        return next(row for row in self.rows if row.name == EQUAL)


def ablate(
    market: Market,
    settings: Settings,
    *,
    folds: int = FOLDS,
    past: int | None = None,
    threads: int = 1,
    progress: Progress = silent,
) -> Ablation:
    """Compare ways of weighing signals on a market, out of sample. The result does not depend on ``threads``.

    Args:
        market: the whole of it.
        settings: of perception and account; their tracker is the row "as configured".
        folds: test folds after the first past.
        past: days before the first fold; by default ``folds.walk_forward`` decides.
        threads: accounts run at the same time.
        progress: told of ``perceive`` and of ``ablate``, in market bars run through an account.

    Raises:
        ConfigurationError: the market is too short, or the settings do not fit it.
        HaltError: a signal returned something that is not a score.
    """
    perceived = perceive(market, settings.perception, threads=threads, progress=progress)
    return ablate_perceived(market, perceived, settings, folds=folds, past=past, threads=threads, progress=progress)


def ablate_perceived(
    market: Market,
    perceived: Perceived,
    settings: Settings,
    *,
    folds: int = FOLDS,
    past: int | None = None,
    threads: int = 1,
    progress: Progress = silent,
) -> Ablation:
    """Compare ways of weighing the scores of a market that has been perceived; as :func:`ablate`."""
    voters = voters_of(perceived)
    day_zero = (market.start - 1) // MICROS_PER_DAY
    days = int((market.tick_times[-1] - 1) // MICROS_PER_DAY) - day_zero + 1
    first = _first_day(market, perceived, day_zero)
    cut = walk_forward(days, first, folds, past)
    weighed = variants(settings.perception.tracker)
    left_out = _without_a_category(voters)
    weighings = [Weighing(variant.name, variant.tracker) for variant in weighed]
    weighings += [Weighing(name, EQUAL_WEIGHTS, (name,)) for name in voters.voting]
    weighings += [Weighing(name, EQUAL_WEIGHTS, others) for name, others in left_out.items()]
    run = books(market, perceived, settings, weighings, threads, progress)
    candidates = [run[name] for name in voters.voting]
    made = choices(candidates, cut, first)
    switch = _switch_cost(market, settings)

    def whole(name: str) -> Book:
        return stitched(name, [(fold, run[name]) for fold in cut], switch)

    tested = {variant.name: whole(variant.name) for variant in weighed}
    if any(choice.place is not None for choice in made):
        chosen = [(choice.fold, None if choice.place is None else candidates[choice.place]) for choice in made]
        tested = {BEST_SINGLE: stitched(BEST_SINGLE, chosen, switch), **tested}
    how = _bootstrap(tested, settings)
    equal = tested[EQUAL]
    bands = together({name: book.returns for name, book in tested.items() if name != EQUAL}, equal.returns, how)
    meanings = {BEST_SINGLE: "in each fold the one with the best Sharpe ratio on all days before it"}
    meanings |= {variant.name: variant.meaning for variant in weighed}
    return Ablation(
        market=market.name,
        market_hash=market.content_hash,
        symbols=tuple(market.symbols),
        begin=market.start - market.interval,
        end=int(market.tick_times[-1]),
        settings_digest=settings.digest(),
        first=first,
        folds=cut,
        day_zero=int(day_zero),
        voters=voters,
        rows=tuple(
            _row(book, meanings[name], how, None if name == EQUAL else equal, bands.get(name))
            for name, book in tested.items()
        ),
        choices=made,
        flattery=flattery(candidates, made, how),
        singles=tuple(_row(whole(name), _first_line(name), how) for name in voters.voting),
        without=tuple(_row(whole(name), ", ".join(_missing(voters, left_out[name])), how, equal) for name in left_out),
        switches=sum(one.place != other.place for one, other in pairwise(made)),
        switch_cost=switch,
        bootstrap=how,
        has_intervals=long_enough(len(equal.returns), how),
        books=tuple(tested.values()),
    )


def _without_a_category(voters: Voters) -> dict[str, tuple[str, ...]]:
    """Return who votes when one category does not, by the name of that row; nothing where only one category votes."""
    if len(voters.categories) < 2:
        return {}
    return {
        f"without {category.replace('_', ' ')}": tuple(
            name for name in voters.voting if signals()[name].category.value != category
        )
        for category in voters.categories
    }


def _missing(voters: Voters, others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in voters.voting if name not in others)


def _first_line(name: str) -> str:
    """Return the first line of a signal's docstring."""
    return (signals()[name].doc.splitlines() or [""])[0]


def _first_day(market: Market, perceived: Perceived, day_zero: int) -> int:
    """Return the first day with a decision on which windows are full and conviction has a past."""
    unready = (int(PerceptionHalt.WARM_UP), int(PerceptionHalt.STALE), int(PerceptionHalt.BREAKER))
    ready = np.flatnonzero(~np.isin(perceived.forecasts["halt"], unready).all(axis=1))
    if not len(ready):
        raise ConfigurationError(
            f"market {market.name} is too short: it ends before the windows of features and conviction are full, so "
            "nothing ever trades. Take a longer market."
        )
    tick = int(perceived.decision_ticks[ready[0]])
    return int((market.tick_times[tick] - 1) // MICROS_PER_DAY - day_zero)


def _switch_cost(market: Market, settings: Settings) -> SwitchCost:
    """Return the dearest symbol's taker fee, and the half spread: impact is left out."""
    return SwitchCost(float(np.max(market.instruments["taker_fee"])), settings.account.venue.half_spread)


def _bootstrap(tested: dict[str, Book], settings: Settings) -> Bootstrap:
    series = [book.returns for book in tested.values()]
    series += [book.returns - tested[EQUAL].returns for name, book in tested.items() if name != EQUAL]
    return Bootstrap(DRAWS, mean_block(series, settings.account.exit.hold_max_hours / 24.0), SEED)


def _row(book: Book, meaning: str, how: Bootstrap, baseline: Book | None = None, band: Band | None = None) -> Row:
    years = len(book.returns) / DAYS_PER_YEAR
    trades = int(book.closed.sum())

    def a_year(daily: Reals) -> float:
        return float(np.sum(daily)) / years

    return Row(
        name=book.name,
        meaning=meaning,
        sharpe=sharpe(book.returns),
        sharpe_interval=own_sharpe_interval(book.returns, how),
        growth=growth_a_year(book.returns),
        max_drawdown=max_drawdown(book.equity),
        win_rate=float(book.won.sum()) / trades if trades else float("nan"),
        trades=trades,
        turnover=a_year(book.turnover),
        fees=a_year(book.costs.fees),
        slippage=a_year(book.costs.slippage),
        funding=a_year(book.costs.funding),
        against=None if baseline is None else paired(book.returns, baseline.returns, how),
        band=band,
    )
