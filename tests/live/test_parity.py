"""The claim of live mode: the same engine. Played event by event or run over history, every row and bit is the same."""

from pathlib import Path

import pytest

from alphastrike.journal.codes import OrderChange
from alphastrike.journal.kinds import KINDS, Role
from alphastrike.journal.stretch import NOT_OF_THE_MARKET
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from alphastrike.runs.verify import verify
from tests.live.conftest import LIVELY, Played, assert_same_rows, last_tick, stops_at
from tests.live.playing import play

HOUR = MICROS_PER_HOUR

INPUTS = frozenset(kind.name for kind in KINDS.values() if kind.role is Role.INPUT)
OF_LIVE_ALONE = INPUTS - {"ticks"}


def test_a_live_run_ends_with_the_digest_of_history(played: Played) -> None:
    assert played.outcome.is_complete
    assert played.outcome.digest == played.run("first").manifest.digest
    assert played.run("live1").manifest.digest == played.outcome.digest
    assert played.run("live1").manifest.account_digest == played.run("first").manifest.account_digest
    assert played.outcome.status["event_time"] == last_tick(played.root)


def test_the_run_is_worth_comparing(played: Played) -> None:
    rows = {name: played.run("first").manifest.rows_of(name) for name in ("trades", "situations", "interventions")}
    assert min(rows.values()) > 5, rows


def test_every_derived_row_is_that_of_history(played: Played) -> None:
    first, live = played.run("first"), played.run("live1")

    assert assert_same_rows(first, live) > 10_000
    assert {name for name in live.manifest.tables if live.manifest.rows_of(name)} - OF_LIVE_ALONE - {
        "instruments",
        "margin_tiers",
    } == {name for name in first.manifest.tables if first.manifest.rows_of(name)}


def test_the_live_run_holds_its_inputs_with_the_markets_own_numbers(played: Played) -> None:
    live = played.run("live1")
    question = "select market_seq from {} "
    numbers = [
        number for name in sorted(INPUTS - NOT_OF_THE_MARKET) for (number,) in live.sql(question.format(name)).rows
    ]

    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert numbers[-1] == played.run("first").rows("ticks")["market_seq"][-1]


def test_verify_derives_the_live_run_again_through_history_and_finds_it_identical(played: Played) -> None:
    found = verify(played.root, played.run("live1"))

    assert found.is_identical, found.findings
    assert found.digest == played.outcome.digest


def test_a_stop_and_a_resumption_leave_no_trace_in_what_is_derived(played: Played, warm_root: Path) -> None:
    assert open_run(warm_root, "live1").manifest.state == "stopped"
    for hours_before_the_end in (300, 299, 0):
        # Whoever orders the end at the last tick may come before the feed says that it was the last.
        during = stops_at(last_tick(warm_root) - hours_before_the_end * HOUR) if hours_before_the_end else None
        outcome = play(warm_root, "live1", settings=LIVELY, during=during)
        assert outcome.is_complete == (hours_before_the_end == 0)

    assert outcome.digest == played.outcome.digest
    assert_same_rows(played.run("first"), open_run(warm_root, "live1"))


@pytest.mark.slow
def test_a_stop_right_after_the_start_leaves_no_trace_either(played: Played, live_root: Path) -> None:
    play(live_root, "live1", settings=LIVELY, during=stops_at(1))
    resumed = play(live_root, "live1", settings=LIVELY)

    assert resumed.digest == played.outcome.digest
    assert_same_rows(played.run("first"), open_run(live_root, "live1"))


def test_checkpoints_in_the_middle_change_nothing(played: Played, warm_root: Path) -> None:
    for at in (last_tick(warm_root) - 100 * HOUR, last_tick(warm_root)):
        ended = play(warm_root, "live1", settings=LIVELY, checkpoint_after=500, during=stops_at(at))

    assert ended.digest == played.outcome.digest
    assert_same_rows(played.run("first"), open_run(warm_root, "live1"))


def test_a_shadow_run_sends_the_orders_of_nobody_and_journals_every_advice(played: Played, live_root: Path) -> None:
    shadow = play(live_root, "shadow", settings=LIVELY, shadow=True)
    record(live_root, "small", "no-llm", name="nobody", settings=LIVELY)
    run, nobody = open_run(live_root, "shadow"), open_run(live_root, "nobody")

    for name in ("orders", "fills", "trades", "equity"):
        assert run.rows(name).tobytes() == nobody.rows(name).tobytes(), name
    assert (run.rows("orders")["change"] == OrderChange.SUBMITTED).any()
    assert len(run.rows("advice")) == len(run.rows("situations")) > 0
    assert set(run.rows("advice")["policy"]) == {"rules"}
    assert len(run.rows("interventions")) == 0
    assert shadow.status["followed_equity"] == played.outcome.status["equity"]["equity"]
    assert run.rows("shadow")["equity_followed"][-1] == shadow.status["followed_equity"]
    assert verify(live_root, run).is_identical
