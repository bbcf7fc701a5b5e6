"""What a command prints: figures as people write them, JSON that any program reads, tables that are not cut."""

import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from alphastrike.cli import console


@pytest.mark.parametrize(
    ("value", "digits", "signed", "shown"),
    [
        (1234567.891, 2, False, "1,234,567.89"),
        (1234567, 0, False, "1,234,567"),
        (-2763.4, 0, False, "−2,763"),
        (402.0, 0, True, "+402"),
        (-402.0, 0, True, "−402"),
        (0.0, 2, True, "0.00"),
        (-0.0, 1, False, "0.0"),
        (-0.004, 2, True, "0.00"),
        (0.005, 3, True, "+0.005"),
        (None, 2, False, "–"),
        (math.nan, 2, True, "–"),
        (math.inf, 2, False, "∞"),
        (-math.inf, 2, False, "−∞"),
    ],
)
def test_a_figure_has_the_digits_asked_for(value: float | None, digits: int, signed: bool, shown: str) -> None:
    assert console.figure(value, digits, signed=signed) == shown


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12), st.integers(0, 6))
def test_a_figure_reads_back_as_the_rounded_number(value: float, digits: int) -> None:
    text = console.figure(value, digits, signed=True).replace(",", "").replace("−", "-")
    assert float(text) == float(f"{value:.{digits}f}")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "yes"),
        (False, "no"),
        (12345, "12,345"),
        (np.int64(12345), "12,345"),
        (3.0, "3"),
        (1234.5678, "1,234.57"),
        (0.000123456, "0.000123456"),
        (np.float64(-0.5), "−0.500000"),
        (datetime(2022, 11, 9, 12, tzinfo=UTC), "2022-11-09 12:00:00"),
        (datetime(2022, 11, 9, 13, tzinfo=timezone(timedelta(hours=1))), "2022-11-09 12:00:00"),
        (None, "–"),
        ("BTCUSDT", "BTCUSDT"),
    ],
)
def test_a_cell_shows_what_it_holds(value: Any, shown: str) -> None:
    assert console.cell_text(value) == shown


@dataclass
class Row:
    symbol: str
    price: float


class Model(BaseModel):
    folder: Path
    made: datetime


def test_json_understands_what_results_are_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json(
        OrderedDict(
            rows=(Row("BTCUSDT", math.nan),),
            model=Model(folder=Path("a/b"), made=datetime(2022, 11, 9, tzinfo=UTC)),
            counts=np.array([[1, 2], [3, 4]]),
            edge=np.float64(math.inf),
            number=np.int64(7),
            text="−5 [bold]µ[/bold]\n",
        )
    )
    assert json.loads(capsys.readouterr().out) == {
        "rows": [{"symbol": "BTCUSDT", "price": None}],
        "model": {"folder": "a/b", "made": "2022-11-09T00:00:00Z"},
        "counts": [[1, 2], [3, 4]],
        "edge": None,
        "number": 7,
        "text": "−5 [bold]µ[/bold]\n",
    }


def test_json_of_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        console.print_json(object())


def test_a_table_sets_numbers_right_and_markup_aside(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["[red]rules[/red]", 12, None], ["no-llm", 1234567, "−5.4 pp"]]
    console.out().print(console.table(["arm", "trades", "drawdown"], rows, right=["drawdown"]))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].split() == ["arm", "trades", "drawdown"]
    assert "[red]rules[/red]" in lines[2]
    ends = [line.index(cell) + len(cell) for line, cell in zip(lines[2:], ["12", "1,234,567"], strict=True)]
    assert ends[0] == ends[1] == lines[0].index("trades") + len("trades")
    assert lines[3].endswith("−5.4 pp")


def test_nothing_is_cut_or_coloured_when_the_output_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 700
    console.out().print(console.table([f"header {place}" for place in range(30)], [[long] + ["y"] * 29]))
    console.say(f"{long} [bold]y[/bold]")
    console.error(long)
    told = capsys.readouterr()
    assert told.out.count(long) == 2
    assert "[bold]y[/bold]" in told.out
    assert "…" not in told.out
    assert told.err == f"error: {long}\n"
    assert "\x1b" not in told.out + told.err


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    line = console.one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
