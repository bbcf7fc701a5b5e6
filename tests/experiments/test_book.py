"""Books: an account's tables day by day, cut into folds and stitched again, add up to what the account did."""

from dataclasses import replace

import numpy as np
import pytest

from alphastrike.model.units import MICROS_PER_DAY
from experiments.book import Book, Costs, SwitchCost, book_of, stitched
from experiments.folds import Fold
from replay.effect import max_drawdown, metrics, returns, sampled
from tests.engine.worlds import World, eventful

FREE = SwitchCost(0.0, 0.0)
TICKS = 96 * 12


@pytest.fixture(scope="module")
def world() -> World:
    return eventful(3, TICKS)


@pytest.fixture(scope="module")
def book(world: World) -> Book:
    return book_of("one", world.run().tables, world.settings.account.start_equity)


def test_the_days_are_those_of_the_metrics(world: World, book: Book) -> None:
    tables, start = world.run().tables, world.settings.account.start_equity
    whole = metrics(tables, start)
    assert np.allclose(book.returns, returns(sampled(tables["equity"], start, MICROS_PER_DAY)[1]), rtol=1e-12, atol=0)
    assert max_drawdown(book.equity) == pytest.approx(whole.max_drawdown)
    assert (book.closed.sum(), book.won.sum()) == (whole.trades, round(whole.win_rate * whole.trades))


def test_costs_and_turnover_add_up_to_those_of_the_account(world: World, book: Book) -> None:
    tables, start = world.run().tables, world.settings.account.start_equity
    first_of_day = start * book.equity[np.concatenate(([0], book.day_ends[:-1]))]
    last = tables["equity"][-1]
    for field, daily in zip(Costs._fields, book.costs, strict=True):
        assert np.sum(daily * first_of_day) == pytest.approx(float(last[field]), abs=1e-6), field
    fills = tables["fills"]
    assert np.sum(book.turnover * first_of_day) == pytest.approx(np.sum(np.abs(fills["quantity"]) * fills["price"]))
    assert len(fills) > 20


def cut(book: Book, *borders: int) -> list[Fold]:
    return [Fold(*each) for each in zip(borders, [*borders[1:], len(book.returns)], strict=True)]


def test_one_book_stitched_is_its_own_days(book: Book) -> None:
    whole = stitched("again", [(fold, book) for fold in cut(book, 3, 5, 9)], SwitchCost(0.01, 0.01))
    assert np.array_equal(whole.returns, book.returns[3:])
    assert np.array_equal(whole.costs.fees, book.costs.fees[3:])
    begun = book.equity[book.day_ends[2]]
    assert whole.equity == pytest.approx(book.equity[book.day_ends[2] :] / begun)
    assert whole.equity[-1] == pytest.approx(np.prod(1.0 + whole.returns))
    assert whole.equity[whole.day_ends] == pytest.approx(np.cumprod(1.0 + whole.returns))


def test_a_switch_sells_all_of_the_one_and_buys_all_of_the_other(world: World, book: Book) -> None:
    smaller = world.under(*("account.sizing.exposure_per_trade=0.05",))
    other = book_of("two", smaller.run().tables, smaller.settings.account.start_equity)
    begin = next(d for d in range(4, 12) if book.exposure[d - 1] > 0.0 and other.exposure[d - 1] > 0.0)
    parts: list[tuple[Fold, Book | None]] = [(Fold(2, begin), book), (Fold(begin, 12), other)]
    free, charged = stitched("free", parts, FREE), stitched("charged", parts, SwitchCost(0.0005, 0.0001))
    traded = book.exposure[begin - 1] + other.exposure[begin - 1]
    place = begin - 2
    assert charged.costs.fees[place] - free.costs.fees[place] == pytest.approx(0.0005 * traded)
    assert charged.costs.slippage[place] - free.costs.slippage[place] == pytest.approx(0.0001 * traded)
    assert charged.turnover[place] - other.turnover[begin] == pytest.approx(traded)
    assert charged.equity[-1] / free.equity[-1] == pytest.approx(1.0 - 0.0006 * traded)
    assert charged.equity[charged.day_ends] == pytest.approx(np.cumprod(1.0 + charged.returns))
    unchanged = np.arange(len(free.returns)) != place
    assert np.array_equal(charged.returns[unchanged], free.returns[unchanged])
    assert np.array_equal(free.returns, np.concatenate([book.returns[2:begin], other.returns[begin:12]]))


def test_nobody_chosen_is_no_market(book: Book) -> None:
    out = stitched("out", [(Fold(2, 6), None), (Fold(6, 12), book)], FREE)
    assert not out.returns[:4].any()
    assert np.array_equal(out.returns[4:], book.returns[6:12])


def test_a_lost_account_stays_lost(book: Book) -> None:
    lost_at = int(book.day_ends[4])
    equity = book.equity.copy()
    equity[lost_at:] = 0.0
    daily = returns(np.concatenate(([1.0], equity[book.day_ends])))
    lost = replace(book, equity=equity, returns=daily)
    whole = stitched("lost", [(Fold(2, 6), lost), (Fold(6, 12), lost)], FREE)
    assert whole.returns[2] == -1.0
    assert not whole.returns[3:].any()
    assert whole.equity[-1] == 0.0
