"""What a file's rows must satisfy before they may enter a market; the first that does not is named.

A message holds the file, the row, the value and what to do. Nothing is repaired here.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.formats import FileKind
from alphastrike.market.intervals import interval_text, moment_text
from alphastrike.market.reading import FileColumns
from alphastrike.model.errors import DataError
from alphastrike.model.units import MICROS_PER_MINUTE, MICROS_PER_SECOND

FUNDING_RATE_MAX: Final = 1.0
"""A settlement of the whole notional: beyond it the column holds something else."""

_MEND: Final = "Mend or remove the row."


def check_bars(read: FileColumns, interval: int) -> None:
    """Refuse a candle or mark file whose rows are impossible.

    Raises:
        DataError: times off the grid, unsorted or repeated, or impossible prices or volumes.
    """
    time = read.columns["time"]
    _refuse_first(read, time % interval != 0, "open_time", f"is not a multiple of {interval_text(interval)}", time)
    _check_order(read)
    if len(time) > 1 and int(np.diff(time).min()) > interval:
        step = int(np.diff(time).min())
        raise DataError(
            f"{read.file} is named {interval_text(interval)} but its bars are {interval_text(step)} apart. "
            "Rename it, or choose the other interval."
        )
    if "close_time" in read.columns:
        _check_close_time(read, interval)
    prices = {name: read.columns[name] for name in ("open", "high", "low", "close")}
    for name, values in prices.items():
        _check_finite(read, name, values)
        _refuse_first(read, values <= 0.0, name, "must be positive", values)
    top = np.maximum(prices["open"], prices["close"])
    bottom = np.minimum(prices["open"], prices["close"])
    _refuse_pair(read, prices["high"] < prices["low"], "high", "below low", prices["high"], prices["low"])
    _refuse_pair(read, prices["high"] < top, "high", "below open or close", prices["high"], top)
    _refuse_pair(read, prices["low"] > bottom, "low", "above open or close", prices["low"], bottom)
    if read.kind is FileKind.CANDLES:
        _check_finite(read, "volume", read.columns["volume"])
        _refuse_first(read, read.columns["volume"] < 0.0, "volume", "must not be negative", read.columns["volume"])
        _check_optional(read)


def check_funding(read: FileColumns) -> FileColumns:
    """Return a funding file with its times rounded to the settlement they mean.

    Raises:
        DataError: times unsorted or repeated, or an impossible rate.
    """
    rounded = read.with_columns({**read.columns, "time": settlement_time(read.columns["time"])})
    _check_order(rounded)
    rate = read.columns["funding_rate"]
    _check_finite(read, "funding_rate", rate)
    _refuse_first(read, np.abs(rate) >= FUNDING_RATE_MAX, "funding_rate", "is a whole notional or more", rate)
    return rounded


def check_open_interest(read: FileColumns) -> None:
    """Refuse an open interest file whose rows are impossible.

    Raises:
        DataError: times unsorted or repeated, or an open interest that is not finite or is negative.
    """
    _check_order(read)
    if "long_short_ratio" in read.columns:
        check_long_short_ratio(read)
    for name in ("open_interest", "open_interest_quote"):
        if name in read.columns:
            values = read.columns[name]
            _check_finite(read, name, values)
            _refuse_first(read, values < 0.0, name, "must not be negative", values)


def check_long_short_ratio(read: FileColumns) -> None:
    """Refuse a file of long/short ratios whose rows are impossible; a missing one (NaN) is no report.

    Raises:
        DataError: times unsorted or repeated, or a ratio that is infinite, zero or negative.
    """
    _check_order(read)
    ratio = read.columns["long_short_ratio"]
    _refuse_first(read, np.isinf(ratio), "long_short_ratio", "must be a finite number", ratio)
    _refuse_first(read, ratio <= 0.0, "long_short_ratio", "must be positive", ratio)


def check_book_tops(read: FileColumns) -> FileColumns:
    """Return a file of book tops with the last one of each minute, which is as fine as markets are.

    A crossed, one-sided (a price of 0) or wide book stays: the gateway judges it.

    Raises:
        DataError: times unsorted, or a price or size that is missing, not finite or negative.
    """
    _check_order(read, repeats=True)
    for name in ("bid", "bid_size", "ask", "ask_size"):
        values = read.columns[name]
        _check_finite(read, name, values)
        _refuse_first(read, values < 0.0, name, "must not be negative", values)
    # Up to and including the full minute, as the instant of a tick: what comes with the tick is known at it.
    minute = -(-read.columns["time"] // MICROS_PER_MINUTE)
    last = np.append(np.diff(minute) != 0, True)
    return read.only(last)


def check_liquidations(read: FileColumns) -> FileColumns:
    """Return a file of liquidations without the orders of which nothing was filled.

    Raises:
        DataError: times unsorted, or a price or quantity that is missing, not finite or negative.
    """
    _check_order(read, repeats=True)
    quantity = read.columns["quantity"]
    _check_finite(read, "quantity", quantity)
    _refuse_first(read, quantity < 0.0, "quantity", "must not be negative", quantity)
    filled = quantity > 0.0
    price = read.columns["price"]
    _refuse_first(read, filled & ~np.isfinite(price), "price", "must be a finite number", price)
    _refuse_first(read, filled & (price <= 0.0), "price", "must be positive", price)
    return read.only(filled)


def settlement_time(time: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return funding times to the second, and to the minute where one is at most a second away.

    Venues stamp a settlement some milliseconds, rarely a second, beside its time. Idempotent.
    """
    second = (time + MICROS_PER_SECOND // 2) // MICROS_PER_SECOND * MICROS_PER_SECOND
    minute = (second + MICROS_PER_MINUTE // 2) // MICROS_PER_MINUTE * MICROS_PER_MINUTE
    settled: npt.NDArray[np.int64] = np.where(np.abs(second - minute) <= MICROS_PER_SECOND, minute, second)
    return settled


def _check_order(read: FileColumns, *, repeats: bool = False) -> None:
    time = read.columns["time"]
    step = np.diff(time)
    wrong = np.flatnonzero(step < 0 if repeats else step <= 0)
    if not len(wrong):
        return
    row = int(wrong[0]) + 1
    here, before = moment_text(int(time[row])), moment_text(int(time[row - 1]))
    trouble = "is there twice" if step[row - 1] == 0 else f"comes after {before}"
    advice = "Remove one of the rows." if step[row - 1] == 0 else "Sort the file by time."
    raise DataError(f"{read.file}, row {read.row(row)}: time {here} {trouble}. {advice}")


def _check_close_time(read: FileColumns, interval: int) -> None:
    # A close is stamped one unit of the file's clock before the next open.
    length = read.columns["close_time"] - read.columns["time"]
    rounded = (length + MICROS_PER_SECOND // 2) // MICROS_PER_SECOND * MICROS_PER_SECOND
    wrong = np.flatnonzero(rounded != interval)
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{read.file}, row {read.row(row)}: close_time {moment_text(int(read.columns['close_time'][row]))} is not "
            f"{interval_text(interval)} after open_time {moment_text(int(read.columns['time'][row]))}. {_MEND}"
        )


def _check_optional(read: FileColumns) -> None:
    """Check taker-buy volume and trades where the file has them: a missing value is refused there, too."""
    volume = read.columns["volume"]
    if "taker_buy_volume" in read.columns:
        taker = read.columns["taker_buy_volume"]
        _check_finite(read, "taker_buy_volume", taker)
        _refuse_first(read, taker < 0.0, "taker_buy_volume", "must not be negative", taker)
        # Sums of the same trades in another order: equal only to rounding.
        _refuse_pair(read, taker > volume * (1.0 + 1e-9), "taker_buy_volume", "above volume", taker, volume)
    if "trades" in read.columns:
        trades = read.columns["trades"]
        _check_finite(read, "trades", trades)
        _refuse_first(read, (trades < 0.0) | (trades != np.floor(trades)), "trades", "must be a whole count", trades)


def _check_finite(read: FileColumns, name: str, values: npt.NDArray[np.float64]) -> None:
    _refuse_first(read, ~np.isfinite(values), name, "must be a finite number", values)


def _refuse_first(
    read: FileColumns, wrong: npt.NDArray[np.bool_], name: str, rule: str, values: npt.NDArray[Any]
) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        row = int(rows[0])
        value = moment_text(int(values[row])) if values.dtype.kind == "i" else _number(values[row])
        more = f" ({len(rows) - 1:,} more such rows)" if len(rows) > 1 else ""
        raise DataError(f"{read.file}, row {read.row(row)}: {name} {value} {rule}{more}. {_MEND}")


def _refuse_pair(
    read: FileColumns,
    wrong: npt.NDArray[np.bool_],
    name: str,
    rule: str,
    values: npt.NDArray[np.float64],
    limits: npt.NDArray[np.float64],
) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        row = int(rows[0])
        raise DataError(
            f"{read.file}, row {read.row(row)}: {name} {_number(values[row])} is {rule} {_number(limits[row])}. {_MEND}"
        )


def _number(value: Any) -> str:
    number = float(value)
    if np.isnan(number):
        return "NaN (or missing)"
    return f"{number:.15g}"
