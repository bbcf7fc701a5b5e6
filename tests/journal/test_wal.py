"""The live journal: what was acknowledged is there, in order, whole; and whoever cannot be sure says so and stops."""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from alphastrike.journal import database as database_module
from alphastrike.journal.database import FILE
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.live_folder import is_being_recorded
from alphastrike.journal.manifest import chain_faults
from alphastrike.journal.reader import Run
from alphastrike.journal.wal import CommitFailed, LiveJournal
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, DataError, HaltError, TryAgainError
from tests.builders import BTC, ETH, SOL, rows_of, write_run
from tests.journal.live import (
    EVENTS,
    all_seqs,
    begin,
    boot,
    checkpoint,
    close,
    contents,
    derived_of,
    halt,
    inputs_of,
    instant,
    record_to,
    shared,
    take_input,
    time_of,
)


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen megabytes of room made before every run would be most of what these tests do."""
    monkeypatch.setattr(database_module, "ROOM_PAGES", 16)


def test_what_was_committed_is_read_by_others_at_once(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 5)
        run = Run.open(tmp_path / "one")

        assert run.manifest.state == "recording"
        assert all_seqs(contents(run)) == list(range(1, journal.durable_seq + 1))
        assert run.sql("select count(*), max(recorded_at) - max(event_time) from candles").rows[0][0] == 15
        assert run.sql("select source from instruments where symbol = 'BTCUSDT'").rows == [("given",)]
        assert run.sql("select count(*) from margin_tiers").rows == [(6,)]
        assert run.sql("select count(*) from marks").rows == [(0,)]


def test_rows_come_back_bit_for_bit_and_in_order(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 8, every=100)
        held = contents(Run.open(tmp_path / "one"))

    first = held["candles"][:3]
    assert [row["symbol"] for row in first] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert [row["market_seq"] for row in first] == [1, 2, 3]
    assert [row["seq"] for row in first] == [3, 4, 1], "numbers of the market are by symbol, seq is as they came"
    assert (first[0]["low"], first[0]["taker_buy_volume"]) == ((-0.0).hex(), float("nan").hex())
    assert [row["assumed"] for row in held["funding"]] == [tick % 2 == 1 for tick in range(8)]
    assert [row["reason"] for row in held["tool_calls"]] == ["Grüße 3", "Grüße 7"]
    assert [row["spread"] for row in held["features"][:2]] == [float("nan").hex(), (2.5).hex()]
    assert held["checkpoints"] == [{"situation": 7, "tick": 7, "market_seq": 40, "state": b"\x07\x00\xff"}]
    for rows in held.values():
        places = [(row["market_seq"], row.get("part", 0)) for row in rows]
        assert places == sorted(places)


def test_a_derived_row_names_the_input_that_caused_it(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        instant(journal, 0)
        by = halt(journal, 0)
        journal.commit()
        held = contents(Run.open(tmp_path / "one"))

    candle = next(row for row in held["candles"] if row["symbol"] == "ETHUSDT")
    assert held["gates"][0]["seq"] == candle["seq"]
    assert held["equity"][0]["seq"] == held["ticks"][0]["seq"] == EVENTS
    assert (held["halts"][0]["seq"], held["halts"][0]["market_seq"]) == (by, EVENTS)


def test_what_was_not_committed_leaves_no_trace(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 2)
        before = contents(Run.open(tmp_path / "one"))
        instant(journal, 2)
        assert (journal.last_seq, journal.durable_seq) == (3 * EVENTS, 2 * EVENTS)

    assert contents(Run.open(tmp_path / "one")) == before
    with LiveJournal.open(tmp_path / "one") as again:
        assert again.last_seq == again.durable_seq == 2 * EVENTS


def test_an_open_instant_is_not_shown_and_not_lost(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 2)
        for kind, row in inputs_of(2)[:2]:
            take_input(journal, kind, row)
        journal.commit()
        assert len(Run.open(tmp_path / "one").rows("candles")) == 6

    with LiveJournal.open(tmp_path / "one") as again:
        given = again.recovery().inputs
        assert [(one.kind, one.row[:2]) for one in given[-2:]] == [(k, row[:2]) for k, row in inputs_of(2)[:2]]
        seqs = [(one.seq, one.kind, int(one.row[1])) for one in given[-2:]]
        seqs += [(take_input(again, kind, row), kind, row[1]) for kind, row in inputs_of(2)[2:]]
        close(again, 2, seqs)
        again.commit()

    with begin(tmp_path / "two") as other:
        record_to(other, 3)
    assert contents(Run.open(tmp_path / "one")) == contents(Run.open(tmp_path / "two"))


def test_recovery_gives_the_checkpoint_and_what_it_does_not_contain(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 13)

    with LiveJournal.open(tmp_path / "one") as again:
        recovered = again.recovery()
    assert (recovered.checkpoint, recovered.checkpoint_time) == (b"state after 9", time_of(9))
    assert [one.seq for one in recovered.inputs] == list(range(10 * EVENTS + 1, 13 * EVENTS + 1))
    assert [one.kind for one in recovered.inputs[:EVENTS]] == ["candles", "funding", "candles", "candles", "ticks"]
    assert recovered.inputs[1].row == (time_of(10) - 3, ETH, 0.0001, 0)
    assert recovered.inputs[1].recorded_at == time_of(10) - 3 + 1_000_000


def test_a_checkpoint_inside_an_instant_keeps_the_events_before_it(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 2)
        take_input(journal, *inputs_of(2)[0])
        halt(journal, 1)
        checkpoint(journal, 1)
        journal.commit()

    with LiveJournal.open(tmp_path / "one") as again:
        recovered = again.recovery()
        assert recovered.checkpoint == b"state after 1"
        assert [(one.kind, one.row[1]) for one in recovered.inputs] == [("candles", SOL)]
        assert again.sealed_through == 0, "a stretch does not end inside an instant"


def test_numbers_go_on_across_stretches_and_restarts(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        for tick in range(3):
            instant(journal, tick)
            halt(journal, tick)
            checkpoint(journal, tick)
            journal.commit()
            halt(journal, tick)
            journal.commit()
    with LiveJournal.open(tmp_path / "one") as again:
        halt(again, 2)
        again.commit()
        again.finish(b"account", b"perception", "d" * 32, "complete")

    held = contents(Run.open(tmp_path / "one"))
    assert all_seqs(held) == list(range(1, 3 * (EVENTS + 2) + 2))
    ordinals = [row["part"] & 0xFFFFF for row in held["halts"]]
    assert ordinals == [0, 1, 0, 1, 0, 1, 2], "all halts after one tick share its market_seq"
    places = [(row["seq"], row["part"]) for rows in held.values() for row in rows if "part" in row]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("state", ["complete", "stopped"])
def test_a_finished_run_is_sealed_under_the_chain(tmp_path: Path, state: str) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 25)
        boot(journal, 24)
        checkpoint(journal, 24)
        manifest = journal.finish(b"account", b"perception", "d" * 32, state)  # type: ignore[arg-type] # parametrised

    assert chain_faults(manifest) == []
    assert (manifest.state, manifest.digest, len(manifest.account_digest)) == (state, "d" * 32, 32)
    assert manifest.sealed_through == 25 * EVENTS + 1
    run = Run.open(tmp_path / "one")
    assert (run.manifest.state, len(run.rows("ticks"))) == (state, 25)
    assert (tmp_path / "one" / FILE).exists() == (state == "stopped")


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    with begin(tmp_path / "stopped") as journal:
        record_to(journal, 14)
        journal.finish(b"a", b"p", "d" * 32, "stopped")
    with LiveJournal.open(tmp_path / "stopped") as journal:
        assert (journal.facts.state, journal.facts.digest) == ("recording", "")
        record_to(journal, 27, first=14)
        journal.finish(b"a", b"p", "e" * 32, "complete")
    with begin(tmp_path / "whole") as journal:
        record_to(journal, 27)
        journal.finish(b"a", b"p", "e" * 32, "complete")

    assert contents(Run.open(tmp_path / "stopped")) == contents(Run.open(tmp_path / "whole"))


def test_one_process_writes_a_run(tmp_path: Path) -> None:
    with begin(tmp_path / "one"):
        assert is_being_recorded(tmp_path / "one")
        with pytest.raises(TryAgainError, match=r"^run 'one' is being recorded by process \d+\. [^\n]*--new\.$"):
            LiveJournal.open(tmp_path / "one")
    assert not is_being_recorded(tmp_path / "one")
    assert Run.open(tmp_path / "one").manifest.state == "stopped"
    LiveJournal.open(tmp_path / "one").close()


def test_who_looks_whether_a_run_is_being_recorded_does_not_keep_it_from_being(tmp_path: Path) -> None:
    begin(tmp_path / "one").close()
    for _ in range(50):
        assert not is_being_recorded(tmp_path / "one")
        LiveJournal.open(tmp_path / "one").close()


def test_only_an_unfinished_live_run_is_taken_up(tmp_path: Path) -> None:
    write_run(tmp_path / "history")
    with pytest.raises(ConfigurationError, match="recorded over history"):
        LiveJournal.open(tmp_path / "history")
    with begin(tmp_path / "one") as journal:
        record_to(journal, 1)
        journal.finish(b"", b"", "d" * 32, "complete")
    with pytest.raises(ConfigurationError, match="run 'one' is complete"):
        LiveJournal.open(tmp_path / "one")
    with pytest.raises(ConfigurationError, match="a run called 'one' exists"):
        begin(tmp_path / "one")
    with pytest.raises(ConfigurationError, match="cannot be called"):
        begin(tmp_path / "o ne")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history", "one"]


def test_a_nearly_full_disk_begins_no_run(tmp_path: Path) -> None:
    with pytest.raises(TryAgainError, match=r"only [\d,]+ MB are free for run 'one'"):
        begin(tmp_path / "one", floor=10**18)
    begin(tmp_path / "one").close()
    with pytest.raises(TryAgainError, match="Make room"):
        LiveJournal.open(tmp_path / "one", floor=10**18)


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    begin(tmp_path / "one").close()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    database = sqlite3.connect(tmp_path / "one" / FILE)
    database.execute("pragma user_version = 9")
    database.close()
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    (tmp_path / "two" / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 9}))

    for run in ("one", "two"):
        for attempt in (LiveJournal.open, Run.open):
            with pytest.raises(
                DataError, match=r"schema 9, this version reads up to 1.*Install a newer AlphaStrike\.$"
            ):
                attempt(tmp_path / run)


def test_a_missing_or_foreign_journal_is_told_apart(tmp_path: Path) -> None:
    begin(tmp_path / "one").close()
    path = tmp_path / "one" / FILE
    path.write_bytes(b"no database " * 1000)
    for attempt in (LiveJournal.open, Run.open):
        with pytest.raises(DataError, match=r"journal of run 'one' is damaged .*journal.sqlite"):
            attempt(tmp_path / "one")
    path.unlink()
    for attempt in (LiveJournal.open, Run.open):
        with pytest.raises(DataError, match="journal of run 'one' is missing"):
            attempt(tmp_path / "one")
    other = sqlite3.connect(path)
    other.execute("create table other (x)")
    other.close()
    with pytest.raises(DataError, match="not a journal of AlphaStrike"):
        LiveJournal.open(tmp_path / "one")


def test_a_flipped_byte_is_found_or_changes_nothing(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 40, every=100)
    folder = tmp_path / "one"
    whole = contents(Run.open(folder))
    data = (folder / FILE).read_bytes()
    written = np.flatnonzero(np.frombuffer(data, dtype=np.uint8))
    flips = written[:: len(written) // 100]
    harmless = refused = 0
    for at in flips:
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        (folder / FILE).write_bytes(flipped)
        try:
            LiveJournal.open(folder).close()
            assert contents(Run.open(folder)) == whole, f"the flip of byte {at} went unnoticed"
            harmless += 1
        except AlphaStrikeError as error:
            refused += str(error).count("\n") == 0
    assert refused + harmless == len(flips), "an error is one line"
    assert refused >= len(flips) // 2, f"{refused} of {len(flips)} refused, {harmless} harmless"


def test_a_row_changed_behind_the_journal_is_found(tmp_path: Path) -> None:
    changes = (
        "update inputs set data = zeroblob(length(data)) where seq = 7",
        "update inputs set recorded_at = recorded_at + 1 where seq = 7",
        "update inputs set market_seq = market_seq + 1000 where seq = 7",
        "delete from inputs where seq = 7",
        "update derived set data = zeroblob(length(data)) where number = 3",
        "delete from derived where number = 3",
        "update kinds set columns = '[\"momentum\", \"other\"]' where name = 'features'",
        "update situations set state = x'00'",
    )
    with begin(tmp_path / "one") as journal:
        record_to(journal, 8)
    for number, change in enumerate(changes):
        folder = shutil.copytree(tmp_path / "one", tmp_path / f"changed-{number}")
        database = sqlite3.connect(folder / FILE, isolation_level=None)
        assert database.execute(change).rowcount == 1, change
        database.close()
        with pytest.raises(DataError, match=rf"journal of run 'changed-{number}' is damaged"):
            contents(Run.open(folder))


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 10)
    database = sqlite3.connect(tmp_path / "one" / FILE, isolation_level=None)
    database.execute("update checkpoints set data = x'ff'")
    database.close()
    with pytest.raises(DataError, match="the checkpoint at seq 50 was changed"):
        LiveJournal.open(tmp_path / "one")


def test_what_follows_the_second_time_is_compared_with_what_followed_the_first(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 14)

    with LiveJournal.open(tmp_path / "one") as again:
        for tick in range(10, 14):
            again.check_again(derived_of(tick))
        with pytest.raises(HaltError, match="stepping the journal again gives other rows of gates"):
            again.check_again(derived_of(14))
    with LiveJournal.open(tmp_path / "one") as again:
        other = {"gates": (KINDS["gates"], rows_of("gates", {"market_seq": 52, "symbol": BTC, "verdict": 1}))}
        with pytest.raises(HaltError, match=r"run 'one' cannot go on: stepping seq 55 again gives other rows of gates"):
            again.check_again(other)


def test_after_a_failed_commit_the_journal_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 3)
        acknowledged = journal.durable_seq
        blocker = sqlite3.connect(tmp_path / "one" / FILE, isolation_level=None)
        journal._database.execute("pragma busy_timeout = 0")  # waiting would only make the test slow
        blocker.execute("begin immediate")
        instant(journal, 3)
        with pytest.raises(CommitFailed, match=r"^the journal of run 'one' could not be written"):
            journal.commit()
        blocker.execute("rollback")
        blocker.close()
        for attempt in (journal.commit, lambda: instant(journal, 4)):
            with pytest.raises(CommitFailed):
                attempt()
        assert journal.durable_seq == acknowledged

    assert shared(contents(Run.open(tmp_path / "one")))["ticks"][-1]["market_seq"] == 3 * EVENTS
