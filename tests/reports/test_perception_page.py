"""What the page tells of perception: a made run whose answers are known, and real runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphastrike.config.settings import Settings
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.reader import Run
from alphastrike.journal.tables import Rows, kind_named
from alphastrike.model.forecast import PerceptionHalt, Regime
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.runs.signals import listed
from replay.rerun import compare
from reports import counterfactual, numerals
from reports import run as run_page
from reports.page import environment
from reports.perception import TOLD_MAX, Perception, part, perception
from tests.builders import write_run
from tests.replay.runs import RecordedRuns
from tests.replay.tables import DAY_ZERO, rows

DAYS = 40
END = DAY_ZERO + DAYS * MICROS_PER_DAY
HOSTILE = '<img src="//x.example/a" onerror="1">'
RIGHT, SILENT = "trend_week", "premium"
SIGNALS = (RIGHT, SILENT, HOSTILE)
BTC, ETH = 0, 1


def at(day: int, **fields: Any) -> dict[str, Any]:
    return {"event_time": DAY_ZERO + day * MICROS_PER_DAY, "market_seq": day, **fields}


def scores() -> tuple[Kind, Rows]:
    """One opinion a day of one symbol; on days 35 and 36 nobody says anything."""
    right = np.array([np.nan if day in (35, 36) else 0.5 for day in range(1, DAYS + 1)])
    columns: dict[str, Any] = {RIGHT: right, SILENT: np.full(DAYS, np.nan), HOSTILE: -right}
    place = [at(day, symbol=BTC) for day in range(1, DAYS + 1)]
    for name in ("event_time", "market_seq", "symbol"):
        columns[name] = np.array([row[name] for row in place], dtype=np.int64)
    return kind_named("signals", SIGNALS), columns


def made_rows(retired: int = 1) -> dict[str, Any]:
    accuracies = [
        at(
            day,
            name=name,
            accuracy=0.60 if day < 20 else 0.40,
            outcomes=5 * day,
            weight=0.0 if name == RIGHT and 20 <= day < 30 else 1.0,
            retired=int(name == RIGHT and 20 <= day < 30),
        )
        for day in range(1, DAYS + 1)
        for name in SIGNALS
    ]
    changes = [
        at(day, name=RIGHT, returned=returned, accuracy=0.41, outcomes=5 * day)
        for _ in range(retired)
        for day, returned in ((20, 0), (30, 1))
    ]
    health = [
        at(
            day,
            symbol=symbol,
            health=10.0 if (bad := day in (10, 11, 12) if symbol == BTC else day >= 39) else 100.0,
            watched=12,
            worst="body_share_1" if bad else "",
            halted=int(bad),
        )
        for day in range(1, DAYS + 1)
        for symbol in (BTC, ETH)
    ]
    limits = {"psi_limit": 0.3, "ks_limit": 0.2, "cusum_limit": 5.0, "outliers_limit": 0.25}
    unknown = {"psi": np.nan, "ks": np.nan, "cusum": np.nan, **limits}
    verdicts = [
        at(9, symbol=BTC, feature="body_share_1", **{**unknown, "lost": 0.1}),
        at(10, symbol=BTC, feature="body_share_1", **{**unknown, "psi": 0.4, "cusum": -9.0, "drifts": 1, "lost": 1.0}),
        at(10, symbol=BTC, feature="surprise_168", **{**unknown, "psi": 0.2, "cusum": 6.0, "drifts": 1, "lost": 1.0}),
        at(10, symbol=BTC, feature="taker_change_1", **unknown),
        at(15, symbol=BTC, feature="body_share_1", **{**unknown, "outliers": 0.5, "drifts": 1, "lost": 1.0}),
    ]
    forecasts = [
        at(
            day,
            symbol=BTC,
            direction=1 if day % 4 else -1,
            conviction=2.5 * (day - 1),
            regime=Regime.TREND_UP if day <= 10 else Regime.RANGE,
            halt=PerceptionHalt.HEALTH if day in (10, 11, 12) else PerceptionHalt.NONE,
        )
        for day in range(1, DAYS + 1)
    ]
    return {
        "health": health,
        "verdicts": verdicts,
        "accuracies": accuracies,
        "retirements": sorted(changes, key=lambda row: row["event_time"]),
        "forecasts": forecasts,
    }


def made_run(folder: Path, retired: int = 1, *leave_out: str) -> Run:
    tables: list[tuple[Kind, Rows]] = [scores()]
    for name, given in made_rows(retired).items():
        tables.append((KINDS[name], rows(name, *(given if name not in leave_out else ()))))
    write_run(folder, tables, settings=Settings().as_dict())
    return Run.open(folder)


def html_of(run: Run) -> str:
    macro = environment().get_template("perception.html").module.perception_part  # type: ignore[attr-defined]
    return str(macro(part(run, DAY_ZERO, END), numerals))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made_run(tmp_path_factory.mktemp("perceived") / "made")


@pytest.fixture(scope="module")
def seen(run: Run) -> Perception:
    return perception(run, DAY_ZERO, END)


def test_a_signal_is_shaded_by_its_accuracy_and_blank_where_it_said_nothing(seen: Perception) -> None:
    (row,) = [row for row in seen.rows if row.name == RIGHT]
    assert row.strip is not None
    assert [(cell.shade, cell.place, cell.width) for cell in row.strip.cells] == [
        ("u", 0.0, 7.5), ("a6", 7.5, 40.0), ("a0", 47.5, 37.5), ("a0", 90.0, 10.0),
    ]  # fmt: skip
    assert (row.category, row.accuracy, row.outcomes, row.weight) == ("price action", "40.0 %", "200", "1")
    assert row.stood == ["–", "40.0 %"], "on the first of January nothing was known"


def test_a_retirement_stands_at_its_time_on_the_strip_and_in_the_table(seen: Perception) -> None:
    (row,) = [row for row in seen.rows if row.name == RIGHT]
    assert row.strip is not None
    assert [(mark.place, mark.returned) for mark in row.strip.marks] == [(50.0, False), (75.0, True)]
    assert [(gone.place, gone.width) for gone in row.strip.retired] == [(50.0, 25.0)]
    assert [(told.signal, told.change, told.outcomes) for told in seen.changes] == [
        (RIGHT, "returned", 150),
        (RIGHT, "retired", 100),
    ], "newest first"


def test_a_signal_without_an_opinion_has_a_row_and_no_strip(seen: Perception) -> None:
    (row,) = [row for row in seen.rows if row.name == SILENT]
    assert row.strip is None
    assert row.state.startswith("abstains")
    assert [row.name for row in seen.abstained] == [SILENT]
    assert seen.voted == ("price_action",)
    assert len(seen.voted) + len(seen.silent) == 12


def test_halts_for_health_say_how_long_and_what_was_found(seen: Perception) -> None:
    ours, theirs = sorted(seen.halts, key=lambda halt: halt.begin)
    assert (ours.symbol, ours.days, ours.lowest) == ("BTCUSDT", 3, 10.0)
    assert (ours.begin, ours.end) == (DAY_ZERO + 10 * MICROS_PER_DAY, DAY_ZERO + 13 * MICROS_PER_DAY)
    assert ours.found == "PSI 1, CUSUM 2 of 12 features; lost most: body_share_1"
    assert (theirs.symbol, theirs.days, theirs.end) == ("ETHUSDT", 2, None)
    of_btc, of_eth = seen.health
    assert (of_btc.days, of_btc.halted, of_btc.lowest, of_eth.halted) == (40, 3, 10.0, 2)
    # A test that abstained (NaN) found nothing.
    assert of_btc.found == {
        "PSI": (1, 1), "KS": (0, 0), "CUSUM": (1, 1), "outliers": (1, 0), "missing or stuck": (1, 0),
    }  # fmt: skip
    panel = seen.health_panels[0]
    assert panel.title == "BTCUSDT: 3 days halted"
    assert [round(width / 1000 * 39) for _, width in panel.bands] == [3]


def test_conviction_and_regimes_are_counted_by_year(seen: Perception) -> None:
    (year,) = seen.conviction
    assert (year.year, year.decisions) == ("2024", 37)
    # Without the three halted days: 80, 82.5 … 97.5; 90 … 97.5; 0 … 17.5.
    assert (year.at_least_80, year.at_least_90, year.below_20) == (8 / 37, 4 / 37, 8 / 37)
    assert year.shares[0] == 2 / 37
    assert sum(year.shares) == pytest.approx(1.0)
    shares = {row.symbol: row.shares for row in seen.regimes}
    assert shares["all symbols"] == shares["BTCUSDT"]
    assert (shares["BTCUSDT"]["trend_up"], shares["BTCUSDT"]["range"]) == (0.25, 0.75)
    assert [(part.place, part.width, part.regime) for part in seen.regimes[0].segments] == [
        (0.0, 25.0, "trend_up"),
        (25.0, 75.0, "range"),
    ]


def test_forecasts_are_counted_by_direction_and_halts_by_cause(seen: Perception) -> None:
    btc, eth, *_ = seen.forecasts
    assert (btc.long, btc.short, btc.none, btc.halts["health"]) == (30, 10, 0, 3)
    assert (eth.long, eth.short, eth.none) == (0, 0, 0)
    assert seen.halt_causes == ["health"]


def test_what_the_run_says_is_text_and_nothing_is_loaded(run: Run) -> None:
    html = html_of(run)
    assert HOSTILE not in html
    assert html.count("&lt;img src=") >= 2, "the name is there, as text"
    assert "<img" not in html
    assert not re.search(r'(?:src|href)="(?!#)|url\((?!#)|@import|<script', html)
    assert html.count('<use href="#retired"/>') == html.count('<use href="#returned"/>') == 1


def test_a_long_list_of_retirements_says_that_it_was_cut(tmp_path: Path) -> None:
    html = html_of(made_run(tmp_path / "restless", 40))
    assert "Newest first: the last 60 of 80" in html
    section = html[html.index('id="retirements"') : html.index('id="regimes"')]
    assert section.count('<th class="moment">') == TOLD_MAX


def test_a_run_of_which_nothing_is_known_yet_says_so(tmp_path: Path) -> None:
    run = made_run(tmp_path / "young", 1, "accuracies", "retirements", "health", "verdicts", "forecasts")
    html = html_of(run)
    assert perception(run, DAY_ZERO, DAY_ZERO).ticks == [], "a run of one instant has no width"
    for said in ("No signal was retired.", "No day has been judged yet.", "no conviction is known yet"):
        assert said in html
    assert f'<span class="name">{RIGHT}</span>' in html


def test_every_signal_of_a_real_run_has_its_row_and_its_strip(recorded: RecordedRuns) -> None:
    html = run_page.page(recorded.root, recorded.open("guarded"))
    names = re.findall(r'<span class="name">(\w+)</span>', html)
    assert names == [one.name for one in listed()]
    told = perception(recorded.open("guarded"), DAY_ZERO, END)
    silent = {row.name for row in told.rows if row.is_silent}
    assert html.count('<svg class="strip"') == len(names) - len(silent)
    for heading in ("signals", "retirements", "regimes", "conviction", "health", "forecasts"):
        assert html.count(f'<h3 id="{heading}">') == 1
    assert len(told.forecasts) == 3
    counts = [row.long + row.short + row.none for row in told.forecasts]
    assert sum(counts) == len(recorded.open("guarded").rows("forecasts"))


def test_a_comparison_tells_it_of_the_run_that_all_arms_read(recorded: RecordedRuns, tmp_path: Path) -> None:
    run = recorded.open("guarded")
    compared = compare(recorded.root, run, ["no-llm"])
    html = counterfactual.write_comparison(compared, tmp_path, run=run).read_text("utf-8")
    assert html.count('<div class="perception">') == 1
    own = run_page.page(recorded.root, run)
    cut = re.compile(r'<div class="perception">.*?\n</div>\n', re.DOTALL)
    (ours,), (theirs,) = cut.findall(html), cut.findall(own)
    assert ours == theirs
    assert '<div class="perception">' not in counterfactual.page(compared)
