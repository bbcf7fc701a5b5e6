"""External series: every value enters when it was known, and what would bring it in earlier is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphastrike.cli.main import main
from alphastrike.market.external_terms import parse_external
from alphastrike.market.importing import Imported
from alphastrike.market.store import open_market, open_tables
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from tests.market.files import NEW_YEAR, candles, imported, leftovers, moment, parquet

DAY, HOUR = MICROS_PER_DAY, MICROS_PER_HOUR
WEEK_OF_DAYS = "date,value\n" + "".join(f"2024-01-0{day},{10 * day}\n" for day in range(1, 8))


def import_with(data_root: Path, folder: Path, text: str, terms: str, name: str = "fear_greed") -> Imported:
    """Import ten days of hourly candles and one external series."""
    bars = parquet(folder / "BTCUSDT_1h.parquet", candles(240, step=HOUR))
    (folder / "outside.csv").write_text(text)
    return imported(data_root, bars, externals=(parse_external(f"{name}={folder / 'outside.csv'},{terms}"),))


def known(data_root: Path) -> list[tuple[int, int, float]]:
    """Return (event_time, stamp, value) of every row."""
    columns = open_tables(data_root, "small")[1].columns["externals"]
    return list(zip(*(columns[name].tolist() for name in ("event_time", "stamp", "value")), strict=True))


@pytest.mark.parametrize(
    ("text", "terms", "stamp", "event_time"),
    [
        ("date,value\n2024-01-03,7\n", "lag=0,tz=UTC", "04T00:00", "04T00:00"),
        ("date,value\n2024-01-03,7\n", "lag=1d12h,tz=UTC", "04T00:00", "05T12:00"),
        ("date,value\n2024-01-03,7\n", "lag=30m,tz=UTC,stamp=start", "03T00:00", "03T00:30"),
        ("date,value\n2024-01-03,7\n", "lag=0,tz=America/New_York", "04T05:00", "04T05:00"),
        ("time,value\n2024-01-03 16:00,7\n", "lag=0,tz=America/New_York", "03T21:00", "03T21:00"),
        ("time,value\n2024-01-03T16:00:00+02:00,7\n", "lag=0", "03T14:00", "03T14:00"),
        ("time,value\n2024-01-03T16:00:00Z,7\n", "lag=5m,tz=UTC", "03T16:00", "03T16:05"),
        ("timestamp,value\n1704294000,7\n", "lag=0", "03T15:00", "03T15:00"),
        ("timestamp,value\n1704240000000,7\n", "lag=0,stamp=start", "03T00:00", "03T00:00"),
        ("timestamp,value\n1704240000000,7\n", "lag=0,stamp=end", "04T00:00", "04T00:00"),
        ("Date,Open,Close\n2024-01-03,1,7\n", "lag=0,tz=UTC,column=close", "04T00:00", "04T00:00"),
        ("date,checked,v\n2024-01-03,2024-01-09,7\n", "lag=0,tz=UTC,time=date,column=v", "04T00:00", "04T00:00"),
        ("date,name,value\n2024-01-03,dxy,9\n2024-01-03,fear_greed,7\n", "lag=0,tz=UTC", "04T00:00", "04T00:00"),
    ],
)  # fmt: skip
def test_a_value_enters_when_it_was_known(
    data_root: Path, tmp_path: Path, text: str, terms: str, stamp: str, event_time: str
) -> None:
    import_with(data_root, tmp_path, text, terms)
    assert known(data_root) == [(moment(f"2024-01-{event_time}"), moment(f"2024-01-{stamp}"), 7.0)]


def test_the_market_holds_each_value_in_the_instant_it_became_known_in(data_root: Path, tmp_path: Path) -> None:
    manifest = import_with(data_root, tmp_path, WEEK_OF_DAYS, "lag=90m,tz=UTC").manifest
    market = open_market(data_root, "small")
    values = market.externals["fear_greed"]
    ticks = np.flatnonzero(~np.isnan(values))
    # The day is over at midnight, and published half past one: known at the tick of two.
    assert market.tick_times[ticks].tolist() == [NEW_YEAR + day * DAY + 2 * HOUR for day in range(1, 8)]
    assert values[ticks].tolist() == [10.0 * day for day in range(1, 8)]
    assert market.other_events[ticks].tolist() == [1] * 7
    assert market.tick_seq[-1] == 240 + 240 + 7 + manifest.facts[0].funding
    (facts,) = manifest.externals
    assert (facts.name, facts.rows, facts.lag) == ("fear_greed", 7, 90 * 60 * 1_000_000)
    assert (facts.first, facts.last) == (NEW_YEAR + DAY + 90 * 60 * 1_000_000, NEW_YEAR + 7 * DAY + 90 * 60 * 1_000_000)
    assert facts.stated.endswith("outside.csv,lag=90m,tz=UTC")
    assert facts.notes == ("nothing known before 2024-01-02 01:30", "nothing known after 2024-01-08 01:30")


@pytest.mark.parametrize(
    ("text", "terms", "words"),
    [
        ("date,value\n2024-01-03,7\n", "lag=0",                  ["row 2", "'2024-01-03' names no time zone", "tz="]),
        ("time,value\n2024-01-03 16:00,7\n", "lag=0",            ["row 2", "names no time zone"]),
        ("time,value\n2024-01-03T16:00+00:00,7\n", "lag=0,tz=America/New_York",
                                                                 ["row 2", "not in the time zone stated", "New_York"]),
        ("time,value\n1704294000,7\n", "lag=0,tz=+02:00",        ["counts from 1970 in UTC", "Leave tz out"]),
        ("time,value\n2024-01-03 00:00,7\n2024-01-04 00:00,8\n", "lag=0,tz=UTC",
                                                                 ["every time is a midnight", "stamp=end"]),
        ("time,value\n2024-01-03 16:00,7\n", "lag=0,tz=UTC,stamp=end", ["has a time of day", "stamp=end is for days"]),
        ("time,value\n2024-11-03 01:30,7\n", "lag=0,tz=America/New_York", ["row 2", "no time of its own", "UTC"]),
        ("date,value\n2024-01-03,7\n2024-01-03,8\n", "lag=0,tz=UTC", ["row 3", "8", "7 in row 2", "Remove one"]),
        ("date,value\n2024-01-04,7\n2024-01-03,8\n", "lag=0,tz=UTC", ["row 3", "comes after 2024-01-04", "Sort"]),
        ("date,value\n2024-01-03,nan\n", "lag=0,tz=UTC",         ["row 2", "value nan", "finite"]),
        ("date,value\n2024-01-03,1e999\n", "lag=0,tz=UTC",       ["row 2", "finite"]),
        ("date,value\n2024-01-03,\n", "lag=0,tz=UTC",            ["row 2", "value is missing"]),
        ("date,value\n2024-01-03,.\n", "lag=0,tz=UTC",           ["row 2", "value is '.', not a number"]),
        ("date,value\n,7\n", "lag=0,tz=UTC",                     ["row 2", "date is missing"]),
        ("date,value\n2024-01-03,7\n03.01.2024,8\n", "lag=0,tz=UTC", ["row 3", "'03.01.2024'", "a day as"]),
        ("date,value\n03.01.2024,7\n", "lag=0,tz=UTC",           ["row 2", "'03.01.2024', not a time"]),
        ("date,value\n2024-01-03,7\n2024-01-04 10:00,7\n", "lag=0,tz=UTC", ["row 3", "not a day"]),
        ("time,value\n17042940,7\n", "lag=0",                    ["row 2", "17042940", "since 1970"]),
        ("date,value\n", "lag=0,tz=UTC",                         ["holds no rows"]),
        ("", "lag=0,tz=UTC",                                     ["is empty"]),
        ("value,other\n1,2\n", "lag=0,tz=UTC",                   ["no column of times", "time=COLUMN"]),
        ("date,time,value\n2024-01-03,1,2\n", "lag=0,tz=UTC",    ["two columns of times", "time=COLUMN"]),
        ("date,open,close\n2024-01-03,1,2\n", "lag=0,tz=UTC",    ["2 columns that could be", "column=COLUMN"]),
        ("date,value\n2024-01-03,7\n", "lag=0,tz=UTC,column=price", ["no column price", "date, value"]),
        ("date,name,value\n2024-01-03,dxy,9\n", "lag=0,tz=UTC",  ["nothing of fear_greed", "dxy"]),
    ],
)  # fmt: skip
def test_what_would_be_used_too_early_or_is_broken_is_refused(
    data_root: Path, tmp_path: Path, text: str, terms: str, words: list[str]
) -> None:
    _refused(data_root, tmp_path, text, terms, words)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ("",                       ["is not NAME=FILE"]),
        ("fear_greed",             ["is not NAME=FILE"]),
        ("fear_greed=",            ["is not NAME=FILE"]),
        ("FearGreed=fg.csv,lag=0", ["'FearGreed' is no name of a series", "lower-case"]),
        (f"{'a' * 41}=fg.csv,lag=0", ["no name of a series", "40"]),
        ("fear_greed=fg.csv",      ["states no publication lag", "lag=1d", "lag=0"]),
        ("fear_greed=fg.csv,lag=", ["lag= is not understood", "lag=30m"]),
        ("fear_greed=fg.csv,lag=-1d",      ["lag=-1d is not understood"]),
        ("fear_greed=fg.csv,lag=0,lag=1d", ["states lag twice"]),
        ("fear_greed=fg.csv,lag=0,tz=Mars/Olympus", ["tz=Mars/Olympus is not understood", "America/New_York"]),
        ("fear_greed=fg.csv,lag=0,gap=long",  ["gap=long is not understood", "gap=allow"]),
        ("fear_greed=fg.csv,lag=0,stamp=noon", ["stamp=noon is not understood"]),
        ("fear_greed=fg.csv,lag=0,zone=UTC",   ["'zone=UTC' is none of lag=, tz="]),
    ],
)  # fmt: skip
def test_terms_that_are_not_understood_are_named(terms: str, words: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_external(terms)
    for word in ("--external", *words):
        assert word in str(refusal.value)


HOLED = "date,value\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-06,6\n2024-01-07,7\n"


@pytest.mark.parametrize(
    ("terms", "is_refused"),
    [("", True), (",gap=2d", True), (",gap=2d23h", True), (",gap=3d", False), (",gap=allow", False)],
)
def test_a_gap_is_refused_unless_it_is_stated(data_root: Path, tmp_path: Path, terms: str, is_refused: bool) -> None:
    terms = f"lag=0,tz=UTC{terms}"
    if is_refused:
        words = [
            "outside.csv, row 5",
            "between 2024-01-04 00:00 and 2024-01-07 00:00",
            "3d where",
            "gap=3d",
            "gap=allow",
        ]
        _refused(data_root, tmp_path, HOLED, terms, words)
    else:
        assert import_with(data_root, tmp_path, HOLED, terms).manifest.externals[0].rows == 5


def test_a_gap_outside_the_markets_span_is_no_matter(data_root: Path, tmp_path: Path) -> None:
    text = "date,value\n2020-01-01,1\n" + WEEK_OF_DAYS.split("\n", 1)[1]
    assert import_with(data_root, tmp_path, text, "lag=0,tz=UTC,gap=1d").manifest.externals[0].rows == 7


def test_days_follow_one_another_through_a_change_of_clocks(data_root: Path, tmp_path: Path) -> None:
    bars = parquet(tmp_path / "BTCUSDT_1h.parquet", candles(120, begin=moment("2024-03-09"), step=HOUR))
    days = tmp_path / "spx.csv"
    days.write_text("date,value\n" + "".join(f"2024-03-{day:02},{day}\n" for day in range(8, 13)))
    wanted = parse_external(f"spx={days},lag=0,tz=America/New_York,gap=25h")
    imported(data_root, bars, externals=(wanted,))
    steps = np.diff([time for time, _, _ in known(data_root)]) // HOUR
    assert steps.tolist() == [24, 23, 24, 24]


ZONED = "time,value\n2024-03-09T00:00:00-05:00,1\n2024-03-10T00:00:00-05:00,2\n2024-03-11T00:00:00-04:00,3\n"


def test_midnights_that_carry_their_offsets_are_days_too(data_root: Path, tmp_path: Path) -> None:
    _refused(data_root, tmp_path, ZONED, "lag=0", ["every time is a midnight", "stamp=end"])
    _refused(data_root, tmp_path, ZONED, "lag=0,stamp=end", ["offsets of time change", "tz=America/New_York"])
    bars = parquet(tmp_path / "BTCUSDT_1h.parquet", candles(120, begin=moment("2024-03-09"), step=HOUR))
    wanted = parse_external(f"spx={tmp_path / 'outside.csv'},lag=0,stamp=end,tz=America/New_York")
    imported(data_root, bars, externals=(wanted,))
    assert [time for time, _, _ in known(data_root)] == [
        moment(text) for text in ("2024-03-10T05:00", "2024-03-11T04:00", "2024-03-12T04:00")
    ]


def test_rows_that_repeat_are_left_out_and_a_series_outside_the_span_is_noted(data_root: Path, tmp_path: Path) -> None:
    text = "date,value\n2022-01-01,5\n2022-01-02,5\n2022-01-02,5\n"
    (facts,) = import_with(data_root, tmp_path, text, "lag=0,tz=UTC").manifest.externals
    assert (facts.rows, facts.first, facts.last) == (0, None, None)
    assert facts.notes == (
        "known from 2022-01-02 00:00 to 2022-01-03 00:00: no value became known inside the span",
        "1 rows that say the same again left out",
    )
    assert open_market(data_root, "small").externals == {}


def test_several_series_stand_in_the_order_of_time_and_name(data_root: Path, tmp_path: Path) -> None:
    bars = parquet(tmp_path / "BTCUSDT_1h.parquet", candles(240, step=HOUR))
    (tmp_path / "all.csv").write_text("date,name,value\n2024-01-02,zz,1\n2024-01-02,dxy,2\n2024-01-03,zz,3\n")
    both = [parse_external(f"{name}={tmp_path / 'all.csv'},lag=0,tz=UTC") for name in ("zz", "dxy")]
    first = imported(data_root, bars, externals=tuple(both)).manifest
    again = imported(data_root, bars, name="turned", externals=tuple(reversed(both))).manifest
    columns = open_tables(data_root, "small")[1].columns["externals"]
    assert list(zip(columns["name"], columns["value"].tolist(), strict=True)) == [
        ("dxy", 2.0),
        ("zz", 1.0),
        ("zz", 3.0),
    ]
    assert again.content_hash == first.content_hash
    assert [facts.name for facts in first.externals] == ["dxy", "zz"]
    with pytest.raises(ConfigurationError, match="names zz twice"):
        imported(data_root, bars, name="third", externals=(both[0], both[0]))


@pytest.mark.parametrize("stored", ["timestamp", "midnight", "local", "day", "seconds"])
def test_parquet_holds_times_as_what_they_are(data_root: Path, tmp_path: Path, stored: str) -> None:
    bars = parquet(tmp_path / "BTCUSDT_1h.parquet", candles(240, step=HOUR))
    noon = moment("2024-01-03T12:00")
    times = {
        "timestamp": pa.array([noon], pa.timestamp("us", "America/New_York")),
        "midnight": pa.array([moment("2024-01-02T05:00") * 1_000], pa.timestamp("ns", "America/New_York")),
        "local": pa.array([noon - 5 * HOUR], pa.timestamp("us")),
        "day": pa.array([(noon - DAY) // DAY], pa.int32()).cast(pa.date32()),
        "seconds": pa.array([noon // 1_000_000]),
    }
    pq.write_table(pa.table({"time": times[stored], "value": [7]}), tmp_path / "x.parquet")
    terms = {"local": ",tz=America/New_York", "day": ",tz=UTC", "midnight": ",stamp=end"}.get(stored, "")
    imported(data_root, bars, externals=(parse_external(f"x={tmp_path / 'x.parquet'},lag=0{terms}"),))
    expected = {"day": moment("2024-01-03T00:00"), "midnight": moment("2024-01-03T05:00")}.get(stored, noon)
    assert known(data_root) == [(expected, expected, 7.0)]


def test_a_file_beneath_a_folder_is_told_how_to_come_in(data_root: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_1h.parquet", candles(240, step=HOUR))
    file = tmp_path / "in" / "fear_greed.csv"
    file.write_text(WEEK_OF_DAYS)
    (skipped,) = imported(data_root, tmp_path / "in").skipped
    assert (skipped.file, "--external NAME=FILE" in skipped.why) == (str(file), True)
    wanted = (parse_external(f"fear_greed={file},lag=0,tz=UTC"),)
    assert imported(data_root, tmp_path / "in", name="with", externals=wanted).skipped == ()


def test_the_command_shows_what_it_holds(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bars = parquet(tmp_path / "BTCUSDT_1h.parquet", candles(240, step=HOUR))
    (tmp_path / "fg.csv").write_text(WEEK_OF_DAYS)
    common = ["--data", str(data_root)]
    asked = ["import", str(bars), "--name", "small", "--funding-missing", "bound:0", *common]
    assert main([*asked, "--external", f"fear_greed={tmp_path / 'fg.csv'},tz=UTC"]) == 2
    assert "states no publication lag" in capsys.readouterr().err
    assert main([*asked, "--external", f"fear_greed={tmp_path / 'fg.csv'},tz=UTC,lag=1d"]) == 0
    for printed in (capsys.readouterr().out, _shown(["markets", "small", *common], capsys)):
        assert "fear_greed" in printed
        assert "2024-01-03 00:00" in printed
        assert "1d" in printed
        assert "fear_greed: nothing known after 2024-01-09 00:00" in printed
    assert main(["markets", "nowhere", *common]) == 2


def _shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def _refused(data_root: Path, folder: Path, text: str, terms: str, words: list[Any]) -> None:
    with pytest.raises(AlphaStrikeError) as refusal:
        import_with(data_root, folder, text, terms)
    message = str(refusal.value)
    assert "\n" not in message
    for word in ("outside.csv", *words):
        assert word in message
    assert leftovers(data_root) == []
