"""Verify finds what was done to a run: a flipped bit by its file, a changed value by event, field and both values."""

import random
import shutil
from pathlib import Path

import pytest

from alphastrike.journal.manifest import read_manifest
from alphastrike.journal.segments import CHECKPOINTS
from alphastrike.runs.environment import machine, versions
from alphastrike.runs.verify import ACCOUNT, BYTES, EVERYTHING, Verification, unlike, verification, verify
from tests.runs.conftest import Recorded
from tests.runs.forging import edit_facts, flip, rewrite, seal_again, with_row_twice, with_value, without_row


def compared(own: Recorded) -> Verification:
    """What ``verify`` says, with the run computed once for all tests."""
    return verification(own.run, lambda: own.computed, EVERYTHING)


def test_a_run_is_identical_to_what_its_inputs_give(recorded: Recorded) -> None:
    found = verify(recorded.root, recorded.run)

    assert found.is_identical
    assert found.findings == ()
    assert found.level == EVERYTHING
    assert found.digest == recorded.run.manifest.digest
    assert found.tables == len(recorded.computed.tables)
    assert found.rows == sum(recorded.run.manifest.rows_of(name) for name in recorded.computed.tables)


def test_quick_looks_at_the_bytes_alone(own: Recorded) -> None:
    assert verify(own.root, own.run, quick=True).level == BYTES
    assert verify(own.root, own.run, quick=True).is_identical
    rewrite(own.run, "fills", with_value("price", 0, 1.0))
    assert verify(own.root, own.run, quick=True).is_identical, "the chain was computed anew: only re-deriving tells"


@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_bit_anywhere_in_any_segment_is_reported_with_its_file(own: Recorded, seed: int) -> None:
    chance = random.Random(seed)
    segment = chance.choice(own.run.manifest.segments)
    path = own.run.folder / segment.file
    flip(path, chance.randrange(path.stat().st_size), chance.randrange(8))

    found = compared(own)

    assert [finding.file for finding in found.findings if finding.file] == [segment.file]
    assert found.findings[0].text.startswith(
        f"{segment.file}: the bytes of this segment of {segment.table} were changed"
    )
    assert {f.difference.table for f in found.findings if f.difference} <= {segment.table}


@pytest.mark.parametrize("table", ["candles", "funding", "instruments", "margin_tiers"])
def test_a_flipped_bit_of_the_market_is_reported_with_its_file(own: Recorded, table: str) -> None:
    path = own.root / "markets" / "small" / f"{table}.parquet"
    flip(path, path.stat().st_size // 2)

    (finding,) = verify(own.root, own.run).findings

    assert str(path) in finding.text
    assert "cannot be re-derived" in finding.text


CHANGES = [
    ("ticks", "event_time", 5),
    ("features", "momentum_168", 900),
    ("signals", "market_seq", 40),
    ("forecasts", "conviction", 3000),
    ("forecasts", "direction", 6000),
    ("targets", "quantity_target", 1),
    ("risk_verdicts", "limit", 0),
    ("orders", "quantity", 2),
    ("fills", "price", 3),
    ("fills", "fee", 0),
    ("funding_payments", "paid", 7),
    ("trades", "net_pnl", 0),
    ("equity", "equity", 4000),
    ("triggers", "value", 0),
    ("situations", "drawdown", 0),
    ("situation_symbols", "recent_pnl", 1),
    ("tool_calls", "value", 0),
    ("interventions", "after", 0),
    ("leverage", "leverage", 2),
]


@pytest.mark.parametrize(("table", "field", "row"), CHANGES)
def test_one_changed_value_under_a_new_chain_is_reported_with_event_field_and_both_values(
    own: Recorded, table: str, field: str, row: int
) -> None:
    honest = own.run.table(table).slice(row, 1).to_pylist()[0]
    was = honest[field]
    value = was + 1.0 if isinstance(was, float) else was + 1 if isinstance(was, int) else was.replace(microsecond=1)
    rewrite(own.run, table, with_value(field, row, value))

    (finding,) = compared(own).findings

    found = finding.difference
    assert found is not None
    assert (found.table, found.field, found.part) == (table, field, honest["part"])
    assert found.seq == honest["seq"]
    if isinstance(was, float):
        assert (float(found.recorded), float(found.rederived)) == (value, was)
    if "symbol" in honest:
        assert found.symbol == (honest["symbol"] or "all")
    assert finding.cause.startswith("data: ")


def test_a_changed_value_under_the_old_chain_is_reported_with_file_and_event(own: Recorded) -> None:
    rewrite(own.run, "trades", with_value("net_pnl", 2, 1e6), reseal=False)

    by_chain, by_value = compared(own).findings

    assert by_chain.file == "trades-000001.parquet"
    assert "net_pnl is 1000000.0 as recorded" in by_value.text
    assert by_value.cause == "data: the file was changed after it was sealed"


def test_a_row_taken_out_or_put_in_is_named(own: Recorded) -> None:
    rewrite(own.run, "fills", without_row(3))
    rewrite(own.run, "trades", with_row_twice(1))

    texts = [finding.text for finding in compared(own).findings]

    assert len(texts) == 2
    assert any(t.startswith("fills seq ") and "the row is missing from the record" in t for t in texts)
    assert any(t.startswith("trades seq ") and "recorded but was not re-derived" in t for t in texts)


def test_a_run_made_under_other_settings_than_stated_points_at_the_configuration(own: Recorded) -> None:
    settings = read_manifest(own.run.folder).settings
    settings["account"]["sizing"]["exposure_per_trade"] *= 0.5
    edit_facts(own.run.folder, reseal=True, settings=settings)

    found = verify(own.root, own.run)

    first = found.findings[0]
    assert first.difference is not None
    assert first.difference.table == "targets"
    assert first.cause.startswith("configuration: ")
    assert {f.cause for f in found.findings if f.difference and f is not first} == {"follows from targets"}
    assert any(finding.text.startswith("digest is ") for finding in found.findings)


def test_settings_edited_without_the_chain_are_noticed_by_the_chain_too(own: Recorded) -> None:
    settings = read_manifest(own.run.folder).settings
    settings["account"]["venue"]["taker_fee_scale"] = 3.0
    edit_facts(own.run.folder, reseal=False, settings=settings)

    found = verify(own.root, own.run)

    assert found.findings[0].file == "manifest.json"
    assert found.findings[0].cause == "configuration: the manifest was edited"
    assert "unknown key" in found.findings[1].text


def test_an_edited_digest_is_noticed_with_and_without_the_chain(own: Recorded) -> None:
    edit_facts(own.run.folder, reseal=False, digest="0" * 32)
    assert "a closing fact was changed" in compared(own).findings[0].text

    seal_again(own.run.folder, {})
    (finding,) = compared(own).findings
    assert finding.text == f"digest is {'0' * 32} as recorded, {own.computed.digest} re-derived"


def test_an_unreadable_segment_is_named_and_the_others_are_still_compared(own: Recorded) -> None:
    folder = own.run.folder
    (folder / "forecasts-000001.parquet").write_bytes(b"PAR1 and no more")
    (folder / "equity-000001.parquet").unlink()
    rewrite(own.run, "fills", with_value("price", 0, 1.0), reseal=False)

    found = compared(own)

    assert [finding.file for finding in found.findings if finding.file] == [
        "forecasts-000001.parquet",
        "fills-000001.parquet",
        "equity-000001.parquet",
    ]
    assert [f.difference.table for f in found.findings if f.difference] == ["fills"]


def test_files_that_no_segment_names_are_reported(own: Recorded) -> None:
    shutil.copy(own.run.folder / "fills-000001.parquet", own.run.folder / "fills-000002.parquet")

    (finding,) = compared(own).findings

    assert finding.text == "fills-000002.parquet: no segment of the manifest"


def test_a_changed_checkpoint_is_reported_with_its_situation(own: Recorded) -> None:
    state = bytearray(own.run.table(CHECKPOINTS)["state"][0].as_py())
    state[100] ^= 1
    rewrite(own.run, CHECKPOINTS, with_value("state", 0, bytes(state)))

    (finding,) = compared(own).findings

    assert finding.text == "checkpoints: the state at situation 1 differs, first at byte 100"


def test_elsewhere_the_account_is_re_derived_from_the_recorded_forecasts(own: Recorded) -> None:
    there = machine() | {"processor": "another"}
    edit_facts(own.run.folder, reseal=True, machine=there)

    found = verify(own.root, own.run)

    assert found.is_identical
    assert found.level == ACCOUNT
    assert found.elsewhere == (f"processor another → {machine()['processor']}",)

    rewrite(own.run, "features", with_value("momentum_168", 900, 0.123))
    assert verify(own.root, own.run).is_identical, "perception is not computed elsewhere: its last bits may differ"
    rewrite(own.run, "fills", with_value("price", 3, 1.0))
    (finding,) = verify(own.root, own.run).findings
    assert "price is 1.0 as recorded" in finding.text


def test_a_changed_forecast_is_found_elsewhere_by_what_follows_from_it(own: Recorded) -> None:
    edit_facts(own.run.folder, reseal=True, versions=versions() | {"numba": "0.1"})
    entry = own.run.rows("targets")[0]
    row = next(
        place
        for place, made in enumerate(own.run.rows("forecasts"))
        if (made.market_seq, made.symbol) == (entry.market_seq, entry.symbol)
    )
    rewrite(own.run, "forecasts", with_value("conviction", row, 0.0))

    found = verify(own.root, own.run)

    assert found.level == ACCOUNT
    assert found.findings[0].difference is not None
    assert found.findings[0].difference.table == "targets"


def test_only_what_can_move_a_bit_makes_another_place() -> None:
    class Stated:
        versions = versions() | {"duckdb": "9", "pyarrow": "9", "alphastrike": "9"}
        machine = machine()

    assert unlike(Stated(), versions(), machine()) == ()  # type: ignore[arg-type] # only these two facts are read
    Stated.versions["python"] = "3.99"
    assert unlike(Stated(), versions(), machine()) == (f"python 3.99 → {versions()['python']}",)  # type: ignore[arg-type] # as above


def test_a_missing_market_is_a_finding_and_the_chain_is_checked_all_the_same(own: Recorded) -> None:
    shutil.rmtree(own.root / "markets" / "small")
    path: Path = own.run.folder / "fills-000001.parquet"
    flip(path, 100)

    by_chain, by_market = verify(own.root, own.run).findings

    assert by_chain.file == path.name
    assert "there is no market 'small'" in by_market.text
