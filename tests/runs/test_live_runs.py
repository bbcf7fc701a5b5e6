"""Live runs are runs: listed, queried, verified and replayed, also while they are being recorded."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alphastrike.engine.acts import Act, Pin
from alphastrike.journal.codes import Tool
from alphastrike.journal.inputs import OperatorAct
from alphastrike.journal.manifest import Manifest
from alphastrike.journal.wal import LiveJournal
from alphastrike.model.errors import DataError, HaltError
from alphastrike.policy.policies import Answered
from alphastrike.policy.tools import AdjustPositionSize
from alphastrike.runs.live_market import acts_of, live_market
from alphastrike.runs.recorder import rederive
from alphastrike.runs.registry import latest_run, list_runs, market_of, open_run
from alphastrike.runs.summary import summary
from alphastrike.runs.verify import verify
from replay.rerun import compare
from tests.runs.conftest import Recorded
from tests.runs.live import LIVELY, Played

TICKS = 1_010
HALT, RESUME, FLATTEN, REVOKE = (
    Act(act, author="eva") for act in (OperatorAct.HALT, OperatorAct.RESUME, OperatorAct.FLATTEN, OperatorAct.REVOKE)
)
PIN = Act(OperatorAct.PIN, number=48, author="eva", pin=Pin(Tool.ADJUST_POSITION_SIZE, 1, 0.3, 48))
ACTS = {780: (PIN,), 860: (HALT,), 880: (RESUME,), 960: (FLATTEN, FLATTEN), 962: (REVOKE,)}


@pytest.fixture(scope="module")
def live(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A live run under way in a data root of its own: a thousand hours, with an operator who interferes."""
    root = shutil.copytree(recorded.root, tmp_path_factory.mktemp("live") / "data")
    played = Played(root, "live1", acts=ACTS).to(TICKS)
    yield played
    played.journal.close()


def test_the_run_is_worth_testing_with(live: Played) -> None:
    manifest = open_run(live.root, "live1").manifest
    rows = {name: manifest.rows_of(name) for name in ("trades", "situations", "interventions", "checkpoints", "fills")}
    assert min(rows.values()) > 1, rows


def test_it_is_listed_as_being_recorded_with_all_its_rows(live: Played) -> None:
    entry = next(entry for entry in list_runs(live.root) if entry.name == "live1")
    assert entry.manifest is not None
    assert (entry.manifest.state, entry.summary()["digest"]) == ("recording", "")
    assert entry.manifest.rows_of("ticks") == TICKS
    assert live.journal.sealed_through < live.journal.durable_seq
    newest = latest_run(live.root)
    assert newest is not None
    assert newest.name == "live1"
    assert summary(newest).ticks == TICKS


def test_its_market_is_the_beginning_of_the_one_it_was_fed(live: Played) -> None:
    seen, whole = market_of(live.root, open_run(live.root, "live1")), live.market
    assert (seen.ticks, seen.start, seen.interval) == (TICKS, whole.start, whole.interval)
    assert seen.bars.tobytes() == whole.bars[:TICKS].tobytes()
    assert np.array_equal(seen.tick_seq, whole.tick_seq[:TICKS])
    assert all(np.array_equal(seen.series[n], whole.series[n][:TICKS], equal_nan=True) for n in whole.series)
    assert seen.instruments.tobytes() == whole.instruments.tobytes()
    assert seen.tiers.tobytes() == whole.tiers.tobytes()
    assert seen.content_hash != whole.content_hash, "it has seen less"


def test_verify_finds_it_identical_while_it_is_recorded(live: Played) -> None:
    found = verify(live.root, open_run(live.root, "live1"))
    assert found.is_identical, [finding.text for finding in found.findings]
    assert found.digest == live.stepper.digest()
    assert found.rows > 10_000


def test_its_acts_are_part_of_it(live: Played) -> None:
    run = open_run(live.root, "live1")
    times = live.market.tick_times
    assert acts_of(run) == tuple((int(times[tick]), act) for tick, acts in ACTS.items() for act in acts)
    assert run.sql("select count(*) from operator where author = 'eva'").rows == [(6,)]
    assert run.sql(
        "select symbol, before, after from interventions where situation = 0 and change = 'applied'"
    ).rows == [("ETHUSDT", 1.0, 0.3)]
    assert run.sql("select count(*) from halts where cause = 'operator'").rows == [(2,)]


def test_sql_sees_inputs_with_their_arrival(live: Played) -> None:
    run = open_run(live.root, "live1")
    late = "select max(recorded_at - event_time), count(*) from candles"
    assert run.sql(late).rows[0][1] == TICKS * 3
    assert run.sql("select count(*) from instruments where source = 'assumed'").rows == [(3,)]


def test_a_replay_answers_for_what_has_been_recorded_so_far(live: Played) -> None:
    comparison = compare(live.root, open_run(live.root, "live1"), ["no-llm"])
    factual, nobody = comparison.arms
    assert len(factual.tables["equity"]) == len(nobody.tables["equity"]) == TICKS
    assert any("recording" in remark for remark in comparison.origin.remarks)
    assert "live --feed small" in comparison.origin.commands[0]


def test_a_snapshot_stays_what_it_was_while_the_run_goes_on(recorded: Recorded, tmp_path: Path) -> None:
    root = shutil.copytree(recorded.root, tmp_path / "data")
    played = Played(root, "live1", every=50).to(220)
    run = open_run(root, "live1")
    before = run.rows("equity").tobytes()
    played.to(420)
    assert run.rows("equity").tobytes() == before
    assert len(run.rows("ticks")) == len(live_market(run).tick_seq) == 220
    assert len(open_run(root, "live1").rows("ticks")) == 420
    played.journal.close()


@pytest.fixture(scope="module")
def ended(live: Played, tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Manifest]:
    """The same run, closed without a word as a kill would, taken up again, and ended."""
    root = tmp_path_factory.mktemp("ended") / "data"
    Played(shutil.copytree(live.root / "markets", root / "markets").parent, "live1", acts=ACTS).to(980).journal.close()
    again = Played(root, "live1", acts=ACTS)
    assert again.tick == 980
    return again, again.to(TICKS).end()


def test_a_restart_leaves_no_trace(live: Played, ended: tuple[Played, Manifest]) -> None:
    again, manifest = ended
    assert manifest.digest == live.stepper.digest()
    one, other = open_run(live.root, "live1"), open_run(again.root, "live1")
    for name in one.manifest.tables:
        # Where NaN says that something is unknown, Arrow finds no table equal to itself: the bytes below decide.
        holds_unknowns = {"features", "signals", "candles", "health", "verdicts"}
        assert one.table(name).equals(other.table(name)) or name in holds_unknowns, name
        if name not in {"instruments", "margin_tiers", "checkpoints"}:
            assert one.rows(name).tobytes() == other.rows(name).tobytes() or one.kind(name).record.hasobject, name


def test_verify_finds_the_ended_run_identical_with_its_digest(ended: tuple[Played, Manifest]) -> None:
    again, manifest = ended
    found = verify(again.root, open_run(again.root, "live1"))
    assert found.is_identical, [finding.text for finding in found.findings]
    assert found.digest == manifest.digest


def test_verify_needs_nothing_but_the_run(ended: tuple[Played, Manifest], tmp_path: Path) -> None:
    again, _ = ended
    shutil.copytree(again.root / "runs", tmp_path / "runs")
    assert verify(tmp_path, open_run(tmp_path, "live1")).is_identical


def test_verify_names_a_changed_segment_of_a_live_run(ended: tuple[Played, Manifest], tmp_path: Path) -> None:
    again, _ = ended
    folder = shutil.copytree(again.root / "runs" / "live1", tmp_path / "runs" / "live1")
    path = folder / "fills-000001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (folder / "stray-000001.parquet").write_bytes(b"")
    texts = [finding.text for finding in verify(tmp_path, open_run(tmp_path, "live1"), quick=True).findings]
    assert any("fills-000001.parquet: the bytes" in text for text in texts)
    assert any("stray-000001.parquet: no segment" in text for text in texts)


def test_a_restart_under_other_settings_is_refused_by_what_was_recorded(live: Played, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(live.root / "markets", root / "markets")
    first = Played(root, "live1")
    first.to(400).journal.close()
    other = first.settings.model_copy(
        update={"account": first.settings.account.model_copy(update={"start_equity": 50_000.0})}
    )
    with pytest.raises(HaltError, match="run 'live1' cannot go on: stepping seq"):
        Played(root, "live1", settings=other)


def test_a_shadow_run_is_derived_again_as_one(live: Played, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(live.root / "markets", root / "markets")
    played = Played(root, "shadow1", shadow=True).to(TICKS)
    run = open_run(root, "shadow1")
    assert run.manifest.rows_of("advice") > 0
    assert run.manifest.rows_of("shadow") > 0
    found = verify(root, run)
    assert found.is_identical, [finding.text for finding in found.findings]
    assert compare(root, run, ["rules"]).arms[0].digest == ""
    played.journal.close()


def test_answers_that_came_while_the_market_went_on_are_inputs(live: Played, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(live.root / "markets", root / "markets")
    call = AdjustPositionSize(symbol="BTCUSDT", multiplier=0.5, reason="an answer from outside")
    answers = {tick: Answered((call,), 60_000_000) for tick in range(0, TICKS, 4)}
    policy = LIVELY.policy.model_copy(update={"deadline_s": 3_600.0 * 1.5})
    settings = LIVELY.model_copy(update={"policy": policy})
    played = Played(root, "outside", settings=settings, waits=False, answers=answers).to(TICKS)
    run = open_run(root, "outside")
    assert run.manifest.rows_of("llm_answers") > 0
    assert "an answer from outside" in set(run.rows("tool_calls")["reason"])
    assert set(run.rows("advice")["late"]) == {0, 1}, "some came in time and some after their deadline"
    found = verify(root, run)
    assert found.is_identical, [finding.text for finding in found.findings]
    played.journal.close()


def test_a_run_that_has_seen_nothing_says_so(live: Played, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(live.root / "markets", root / "markets")
    Played(root, "live1").journal.close()
    with pytest.raises(DataError, match="has seen no complete instant yet"):
        rederive(root, open_run(root, "live1"))
    assert LiveJournal.open(root / "runs" / "live1").recovery().checkpoint is None
