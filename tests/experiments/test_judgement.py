"""The verdict: one sentence, and no more in it than the bands carry."""

from dataclasses import replace

import pytest

from experiments.ablate import Ablation, Row
from experiments.accounts import Voters
from experiments.book import SwitchCost
from experiments.choosing import Flattery
from experiments.evidence import Band, Paired
from experiments.folds import Fold
from experiments.judgement import judged, verdict
from experiments.variants import EQUAL
from replay.inference import Bootstrap, Interval
from replay.verdict import Standing


def interval(low: float, high: float) -> Interval:
    return Interval(low, high, 2000, 10.0, 1, 365)


EQUAL_ROW = Row(
    name=EQUAL,
    meaning="",
    sharpe=0.5,
    sharpe_interval=interval(-0.5, 1.5),
    growth=0.1,
    max_drawdown=0.2,
    win_rate=0.35,
    trades=100,
    turnover=40.0,
    fees=0.02,
    slippage=0.01,
    funding=0.01,
    against=None,
    band=None,
)


def other(name: str, alone: tuple[float, float] | None, band: tuple[float, float] | None, same: bool = False) -> Row:
    pair = Paired(0.0, interval(*alone) if alone else None, 0.0, None, identical=same)
    return replace(EQUAL_ROW, name=name, against=pair, band=Band(*band) if band else None)


def ablation(*rows: Row, equal: Row = EQUAL_ROW) -> Ablation:
    return Ablation(
        market="m",
        market_hash="",
        symbols=(),
        begin=0,
        end=1,
        settings_digest="",
        first=0,
        folds=(Fold(10, 20),),
        day_zero=0,
        voters=Voters((), (), ()),
        rows=(equal, *rows),
        choices=(),
        flattery=Flattery(0, 0.0, "", 0.0, 0.0, 0.0),
        singles=(),
        without=(),
        switches=0,
        switch_cost=SwitchCost(0.0, 0.0),
        bootstrap=Bootstrap(),
        has_intervals=True,
        books=(),
    )


BETTER = other("good", (0.1, 0.9), (0.05, 1.0))
WORSE = other("bad", (-0.9, -0.1), (-1.0, -0.05))
OPEN = other("open", (-0.5, 0.5), (-0.7, 0.7))
ALONE = other("alone", (-0.9, -0.1), (-1.1, 0.1))
SAME = other("same", (0.0, 0.0), None, same=True)
SHORT = other("short", None, None)


@pytest.mark.parametrize(
    ("row", "standing", "said"),
    [
        (BETTER, Standing.BETTER, "leaves out zero, all 1 rows counted"),
        (WORSE, Standing.WORSE, "leaves out zero"),
        (OPEN, Standing.UNDECIDED, "holds zero"),
        (ALONE, Standing.UNDECIDED, "but not once all 1 rows are counted"),
        (SAME, Standing.IDENTICAL, "the same daily returns"),
        (SHORT, Standing.NOT_ENOUGH, "no interval"),
    ],
)  # fmt: skip
def test_a_row_is_judged_by_the_band_that_counts_all_rows(row: Row, standing: Standing, said: str) -> None:
    (one,) = judged(ablation(row))
    assert one.standing is standing
    assert said in one.evidence


EITHER_WAY = "; whether equal weights earn anything after costs is open too."


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([OPEN, ALONE], "Not enough evidence: out of sample nothing can be told from equal weights" + EITHER_WAY),
        (
            [SHORT, SAME],
            "Not enough evidence: too few days out of sample, or too little happened on them, for an interval"
            + EITHER_WAY,
        ),
        (
            [WORSE, OPEN, ALONE],
            "Out of sample nothing can be said to beat equal weights, “bad” did worse, the other 2 cannot be told from "
            "them" + EITHER_WAY,
        ),
        (
            [BETTER, WORSE, OPEN],
            "“good” did better than equal weights out of sample on this history, “bad” did worse, the other one cannot "
            "be told from them" + EITHER_WAY,
        ),
    ],
)  # fmt: skip
def test_all_rows_in_one_sentence(rows: list[Row], sentence: str) -> None:
    assert verdict(ablation(*rows)) == sentence


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (interval(0.1, 1.0), "equal weights themselves earned after costs beyond what luck explains."),
        (interval(-1.0, -0.1), "equal weights themselves lost after costs beyond what luck explains."),
        (None, "whether equal weights earn anything cannot be said either."),
    ],
)  # fmt: skip
def test_whether_anything_is_earned_is_said_too(own: Interval | None, said: str) -> None:
    assert verdict(ablation(OPEN, equal=replace(EQUAL_ROW, sharpe_interval=own))).endswith(said)
