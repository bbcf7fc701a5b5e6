"""A market that holds every kind of input, from the files of a venue to a replay: each command sees all of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from alphastrike.cli.main import main
from alphastrike.journal.inputs import MARKET_KINDS
from alphastrike.market.columns import MarketTables
from alphastrike.market.simulate import simulation
from alphastrike.market.store import open_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.registry import open_run
from tests.live.conftest import assert_same_rows
from tests.market.venue_files import write_files

LIVELY = ("perception.conviction.minimum_days=2", "perception.conviction.window_days=7", "account.triggers.losses=1")
WIDE, CROSSED = 700, 810
"""Rows of the book that a gateway has to refuse."""


class World(NamedTuple):
    """A data root with the market ``all`` and its runs ``first``, over history, and ``live1``."""

    root: Path
    tables: MarketTables

    def type(self, *words: str) -> None:
        assert main([*words, "--data", str(self.root)]) == 0, words


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("every")
    tables = _with_bad_books(simulation(("BTCUSDT", "ETHUSDT"), 36, MICROS_PER_HOUR, seed=3).tables)
    made = World(folder / "data", tables)
    externals = [word for terms in write_files(tables, folder / "in") for word in ("--external", terms)]
    made.type("import", str(folder / "in"), "--name", "all", *externals, "--quiet")
    settings = [word for text in LIVELY for word in ("--set", text)]
    made.type("record", "all", "--policy", "rules", "--name", "first", "--quiet", *settings)
    made.type("live", "--feed", "all", "--policy", "rules", "--name", "live1", "--quiet", "--speed", "max", *settings)
    return made


def _with_bad_books(tables: MarketTables) -> MarketTables:
    tops = {name: values.copy() for name, values in tables.columns["book_tops"].items()}
    tops["ask"][WIDE] = 1.05 * tops["bid"][WIDE]
    tops["ask"][CROSSED] = 0.999 * tops["bid"][CROSSED]
    return replace(tables, columns={**tables.columns, "book_tops": tops})


def test_the_imported_market_is_the_one_the_files_were_written_from(world: World) -> None:
    assert all(len(world.tables.columns[name]["event_time"]) > 10 for name in MARKET_KINDS)
    assert open_market(world.root, "all").content_hash == world.tables.content_hash()


def test_live_and_history_are_the_same_bit_for_bit(world: World) -> None:
    first, live = (open_run(world.root, name) for name in ("first", "live1"))
    assert live.manifest.digest == first.manifest.digest
    assert assert_same_rows(first, live) > 5_000
    assert np.any(first.rows("forecasts")["halt"] == 0), "perception has come to conclusions"


@pytest.mark.parametrize("kind", MARKET_KINDS)
def test_a_question_in_sql_finds_the_same_events_in_a_market_and_in_a_live_run(world: World, kind: str) -> None:
    columns = ", ".join(name for name in world.tables.columns[kind])
    first, live = (open_run(world.root, name).sql(f"select {columns} from {kind}") for name in ("first", "live1"))
    assert first.total == len(world.tables.columns[kind]["event_time"])
    assert sorted(first.rows) == sorted(live.rows)


def test_numbers_of_a_live_run_are_gap_free_over_every_kind(world: World) -> None:
    live = open_run(world.root, "live1")
    numbers = np.concatenate([live.rows(name)["market_seq"] for name in (*MARKET_KINDS, "ticks")])
    assert np.array_equal(np.sort(numbers), np.arange(1, len(numbers) + 1))


def test_books_that_the_gateway_refuses_are_journaled_at_their_tick(world: World) -> None:
    tops = world.tables.columns["book_tops"]
    for name in ("first", "live1"):
        rows = open_run(world.root, name).sql(
            "select epoch_us(event_time), symbol, verdict, value > g.limit, value < 0 from gates g "
            "where gate = 'spread' order by 1"
        )
        assert rows.rows == [
            (
                int(tops["event_time"][row]),
                world.tables.symbols[tops["symbol"][row]],
                "rejected",
                row == WIDE,
                row == CROSSED,
            )
            for row in (WIDE, CROSSED)
        ]


def test_the_command_answers_from_external_series(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select name, count(*) n, min(event_time - stamp) lag from externals group by 1 order by 1"
    for run in ("first", "live1"):
        world.type("sql", run, query, "--json")
        answer = json.loads(capsys.readouterr().out)
        assert [row["name"] for row in answer] == sorted(set(world.tables.columns["externals"]["name"]))


@pytest.mark.parametrize("run", ["first", "live1"])
def test_both_runs_verify_and_replay(world: World, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.type("verify", run, "--quiet")
    assert "identical" in capsys.readouterr().out
    world.type("replay", run, "--policy", "no-llm", "--out", str(world.root / "out"), "--quiet")
