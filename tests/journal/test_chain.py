"""The chain: no byte of a file and no fact of a manifest changes unnoticed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphastrike.journal.manifest import (
    Manifest,
    MarketReference,
    Parent,
    RunFacts,
    chain_faults,
    chain_start,
    read_manifest,
    write_manifest,
)
from alphastrike.journal.reader import Run
from alphastrike.model.errors import DataError
from tests.builders import write_run


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "sealed"
    write_run(folder)
    return folder


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_flipped_bit_of_any_segment_is_named_and_never_read(sealed: Path, data: st.DataObject) -> None:
    segment = data.draw(st.sampled_from(read_manifest(sealed).segments))
    path = sealed / segment.file
    whole = path.read_bytes()
    offset = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytearray(whole)
    flipped[offset] ^= 1 << bit
    path.write_bytes(flipped)
    try:
        run = Run.open(sealed)
        with pytest.raises(DataError, match=f"segment {segment.file} of {segment.table} was changed after sealing"):
            run.table(segment.table)
        with pytest.raises(DataError, match=segment.file):
            run.sql(f"select * from {segment.table}")
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("fact", "value", "said"),
    [
        ("settings", {"account": {"start_equity": 100_000.5}}, "an opening fact was changed"),
        ("policy", "no-llm", "an opening fact was changed"),
        ("market", {"name": "handmade", "content_hash": "c0ffef"}, "an opening fact was changed"),
        ("seed", 2, "an opening fact was changed"),
        ("symbols", ["ETHUSDT", "BTCUSDT", "SOLUSDT"], "an opening fact was changed"),
        ("versions", {"alphastrike": "9.9"}, "an opening fact was changed"),
        ("parent", {"run": "other", "digest": "", "situation": 1}, "an opening fact was changed"),
        ("digest", "e" * 32, "a closing fact was changed"),
        ("account_digest", "e" * 32, "a closing fact was changed"),
        ("state", "stopped", "a closing fact was changed"),
    ],
)  # fmt: skip
def test_an_edited_manifest_is_noticed(sealed: Path, tmp_path: Path, fact: str, value: Any, said: str) -> None:
    stated = json.loads((sealed / "manifest.json").read_text())
    assert stated[fact] != value
    (tmp_path / "manifest.json").write_text(json.dumps(stated | {fact: value}))

    faults = chain_faults(read_manifest(tmp_path))

    assert len(faults) == 1
    assert said in faults[0]


def test_an_edited_missing_or_reordered_segment_entry_is_noticed(sealed: Path) -> None:
    manifest = read_manifest(sealed)
    first, second, *rest = manifest.segments

    def with_segments(*segments: Any) -> list[str]:
        return chain_faults(manifest.model_copy(update={"segments": segments}))

    assert chain_faults(manifest) == []
    assert (
        "entry of segment features-000001.parquet"
        in with_segments(first.model_copy(update={"digest": "0" * 64}), second, *rest)[0]
    )
    assert with_segments(second, *rest)
    assert with_segments(second, first, *rest)
    assert with_segments(*manifest.segments[:-1])
    assert with_segments()


def branch(parent: Parent) -> RunFacts:
    return RunFacts(
        name="branch",
        created=datetime(2024, 5, 2, tzinfo=UTC),
        market=MarketReference(name="small", content_hash="c0ffee"),
        policy="rules",
        parent=parent,
        seed=0,
        settings={},
        versions={},
        machine={},
        symbols=("BTCUSDT",),
        digest="",
        account_digest="",
        perception_digest="",
    )


def test_a_branch_sealed_when_only_its_place_was_stated_has_the_chain_it_had_then() -> None:
    place = Parent(run="older", digest="d" * 32, situation=4)
    assert chain_start(branch(place)) == "9e1a33ddbcaad3fba7f707f2e7c4604b20ad84192f9eb65b17d05a4551aa40ae"


@pytest.mark.parametrize(
    "more",
    [
        {"seq": 5},
        {"mode": "frozen"},
        {"calls": ()},
        {"calls": ({"tool": "no_action", "reason": "what if"},)},
        {"latency": 0},
        {"parent": Parent(run="oldest", digest="e" * 32, situation=1)},
    ],
)
def test_all_that_is_said_of_a_branch_is_covered(more: dict[str, Any]) -> None:
    place = Parent(run="older", digest="d" * 32, situation=4)
    assert chain_start(branch(place.model_copy(update=more))) != chain_start(branch(place))


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    settings = {"a": {"b": [0.1, 1e-300, None, "ü", True, 10**15]}}
    manifest = write_run(tmp_path / "whole", settings=settings)

    assert read_manifest(tmp_path / "whole") == manifest
    assert chain_faults(read_manifest(tmp_path / "whole")) == []
    text = (tmp_path / "whole" / "manifest.json").read_text()
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text.count("\n") > 50, "a manifest is for people to read too"


@pytest.mark.parametrize(
    ("what", "text", "said"),
    [
        ("cut short", '{"schema_version": 1, "name": "x', "is damaged"),
        ("empty", "", "is damaged"),
        ("not text", "\udcff", "is damaged"),
        ("no object", "[]", "states no schema_version"),
        ("no schema", "{}", "states no schema_version"),
        ("newer", '{"schema_version": 2, "name": "x"}', "has schema 2, this version reads up to 1"),
        ("facts missing", '{"schema_version": 1, "name": "x"}', "Field required"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_read_names_the_file(tmp_path: Path, what: str, text: str, said: str) -> None:
    (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(DataError) as caught:
        read_manifest(tmp_path)

    assert said in str(caught.value)
    assert str(tmp_path / "manifest.json") in str(caught.value)


def test_a_folder_without_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a run: it has no"):
        read_manifest(tmp_path)


def test_an_unknown_fact_in_a_manifest_is_damage_not_ignored(sealed: Path, tmp_path: Path) -> None:
    manifest: Manifest = read_manifest(sealed)
    path = write_manifest(manifest, tmp_path)
    stated = json.loads(path.read_text()) | {"verified": True}
    path.write_text(json.dumps(stated))

    with pytest.raises(DataError, match="verified: Extra inputs are not permitted"):
        read_manifest(tmp_path)
