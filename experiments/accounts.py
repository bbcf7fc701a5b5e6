"""Running the account once for every way of weighing signals: independent of one another, so in threads."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import run_account
from alphastrike.engine.perception import Perceived, conclude_again
from alphastrike.market.market import Market
from alphastrike.ml.decay import TrackerParams
from alphastrike.ml.declare import Category, signals
from alphastrike.model.progress import Progress
from alphastrike.policy.policies import NoLlm
from alphastrike.runs.computed import account_inputs
from experiments.book import Book, book_of
from experiments.variants import with_tracker


@dataclass(frozen=True)
class Voters:
    """Which signals had an opinion on this market."""

    voting: tuple[str, ...]
    """Names of those with a score at some decision."""
    silent: tuple[str, ...]
    """Names of those that abstained throughout."""
    categories: tuple[str, ...]
    """With a voting signal, in the order of the drawing."""


class Weighing(NamedTuple):
    """One account to run: who votes, and under which rules."""

    name: str
    tracker: TrackerParams
    voters: tuple[str, ...] | None = None
    """Names of signals; ``None`` for all."""


def books(
    market: Market,
    perceived: Perceived,
    settings: Settings,
    weighings: Iterable[Weighing],
    threads: int,
    progress: Progress,
) -> dict[str, Book]:
    """Run the whole account once for every weighing and return its book by name. Nobody answers triggers."""
    tasks = tuple(weighings)
    told = _Told(progress, len(tasks), market.ticks, len(market.symbols))

    def one(task: Weighing) -> Book:
        own = with_tracker(settings.perception, task.tracker)
        concluded = conclude_again(market, perceived, own, task.voters)
        answer = AskedPolicy(NoLlm(), settings.policy.latency_us)
        done = run_account(market, account_inputs(concluded), settings, answer, progress=told.by(task.name))
        return book_of(task.name, done.tables, settings.account.start_equity)

    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(tasks)))) as pool:
        futures = [pool.submit(one, task) for task in tasks]
        try:
            return {task.name: future.result() for task, future in zip(tasks, futures, strict=True)}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def voters_of(perceived: Perceived) -> Voters:
    """Return which signals have a score anywhere, and their categories."""
    votes = {
        name: not np.all(np.isnan(own)) for name, own in zip(perceived.signal_names, perceived.scores, strict=True)
    }
    with_voice = {signals()[name].category for name, has in votes.items() if has}
    return Voters(
        voting=tuple(name for name, has in votes.items() if has),
        silent=tuple(name for name, has in votes.items() if not has),
        categories=tuple(category.value for category in Category if category in with_voice),
    )


class _Told:
    """Progress of many accounts as one number of market bars."""

    def __init__(self, progress: Progress, accounts: int, ticks: int, symbols: int) -> None:
        self._progress, self._symbols, self._total = progress, symbols, accounts * ticks * symbols
        self._done: dict[str, int] = {}
        self._lock = Lock()

    def by(self, name: str) -> Progress:
        """Return what one account reports to."""

        def report(_stage: str, done: int, _total: int) -> None:
            with self._lock:
                self._done[name] = done
                self._progress("ablate", sum(self._done.values()) * self._symbols, self._total)

        return report
