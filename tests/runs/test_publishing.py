"""Runs and markets in an object store: what comes back is what was sent, or nothing is."""

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.journal.manifest import FILE
from alphastrike.market.simulate import simulate_market
from alphastrike.market.store import find_market, open_market
from alphastrike.model.errors import ConfigurationError, DataError, TryAgainError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs import object_store
from alphastrike.runs.object_store import ObjectStore
from alphastrike.runs.publishing import at_hand, pull, push
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import list_runs, open_run
from alphastrike.runs.verify import verify
from tests.replay.runs import often
from tests.runs.s3 import prefix_of, s3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3() as address:
        yield address


@pytest.fixture
def store(endpoint: str, request: pytest.FixtureRequest) -> ObjectStore:
    return prefix_of(endpoint, request.node.name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    simulate_market(root, "small", ("BTCUSDT", "ETHUSDT"), 40, MICROS_PER_HOUR, 3)
    record(root, "small", "rules", name="guarded", settings=often())
    return root


def test_a_run_comes_back_from_an_object_store_bit_for_bit(root: Path, store: ObjectStore, tmp_path: Path) -> None:
    pushed = push(root, "guarded", store)
    assert [(one.kind, one.name) for one in pushed] == [("market", "small"), ("run", "guarded")]
    assert all(one.files > 0 for one in pushed)
    assert [one.files for one in push(root, "guarded", store)] == [0, 0]
    pulled = pull(store.under("runs", "guarded"), tmp_path)
    assert [one.identity for one in pulled] == [one.identity for one in pushed]
    for folder in ("runs/guarded", "markets/small"):
        files = {file.name: file.read_bytes() for file in (root / folder).iterdir()}
        assert files == {file.name: file.read_bytes() for file in (tmp_path / folder).iterdir()}
    assert verify(tmp_path, open_run(tmp_path, "guarded")).is_identical
    assert [one.files for one in pull(store.under("runs", "guarded"), tmp_path)] == [0, 0]
    assert open_market(tmp_path, "small").content_hash == open_market(root, "small").content_hash


def test_a_run_named_by_its_address_is_read_from_a_copy_that_nobody_changes(
    root: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(root, "guarded", store)
    address = store.under("runs", "guarded").address
    query = "select count(*) as n, sum(equity) as total from equity, (select max(close) as top from candles)"
    asked = ["sql", "--json", address, query, "--data", str(tmp_path)]
    assert main(asked) == 0
    from_afar = capsys.readouterr().out
    assert main(["sql", "--json", "guarded", query, "--data", str(root)]) == 0
    assert from_afar == capsys.readouterr().out
    kept, name = at_hand(tmp_path, address)
    assert (kept.parent, name) == (tmp_path / "fetched", "guarded")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in kept.rglob("*") if file.is_file()}
    assert modes == {0o444}
    before = {file: file.stat().st_mtime_ns for file in kept.rglob("*")}
    assert main(["verify", address, "--quick", "--data", str(tmp_path)]) == 0
    assert {file: file.stat().st_mtime_ns for file in kept.rglob("*")} == before
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == [kept.name]


def test_what_is_computed_of_a_run_on_an_object_store_is_what_is_computed_here(
    root: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(root, "guarded", store)
    address = store.under("runs", "guarded").address
    told = []
    for run, data, out in ((address, tmp_path / "afar", "a"), ("guarded", root, "b")):
        assert main(["replay", run, "--data", str(data), "--out", str(tmp_path / out), "--json", "-q"]) == 0
        numbers = json.loads(capsys.readouterr().out)
        told.append({key: value for key, value in numbers.items() if key not in ("page", "commands", "origin")})
    assert told[0] == told[1]


def test_a_branch_of_a_run_elsewhere_is_told_and_not_kept(
    root: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(root, "guarded", store)
    address = store.under("runs", "guarded").address
    asked = ["--situation", "1", "--tool", "no_action", "--json", "-q"]
    assert main(["what-if", address, *asked, "--data", str(tmp_path)]) == 2
    assert "pull the run first, or pass --no-save" in capsys.readouterr().err
    told = []
    for run, data in ((address, tmp_path), ("guarded", root)):
        assert main(["what-if", run, *asked, "--no-save", "--data", str(data)]) == 0
        told.append({key: value for key, value in json.loads(capsys.readouterr().out).items() if key != "trials"})
    assert told[0] == told[1]


def test_nothing_is_there_until_all_of_it_is(
    root: Path, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ObjectStore.send
    sent: list[str] = []

    def gone(self: ObjectStore, name: str, file: Path) -> None:
        if name.startswith("equity"):
            raise TryAgainError("the line went dead")
        sent.append(name)
        send(self, name, file)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "send", gone)
        with pytest.raises(TryAgainError, match="went dead"):
            push(root, "guarded", store)
    run = store.under("runs", "guarded")
    assert run.read(FILE) is None
    with pytest.raises(ConfigurationError, match=r"there is no run at s3://tapes/"):
        pull(run, tmp_path)
    assert list_runs(tmp_path) == []
    segments = len(open_run(root, "guarded").manifest.segments)
    again = push(root, "guarded", store)
    assert 0 < again[-1].files < segments
    assert pull(run, tmp_path)[-1].files == segments


def test_every_byte_is_compared_before_a_run_gets_its_name(root: Path, store: ObjectStore, tmp_path: Path) -> None:
    push(root, "guarded", store)
    run = store.under("runs", "guarded")
    key = next(name for name in run.sizes() if "/equity-" in name)
    whole = run.read(key)
    assert whole is not None
    run.write(key, whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=r"equity-000001.parquet is not what was sealed"):
        pull(run, tmp_path)
    with pytest.raises(DataError, match="is not what was sealed"):
        at_hand(tmp_path, run.address)
    assert not list((tmp_path / "runs").iterdir())
    assert not list((tmp_path / "fetched").iterdir())
    run.write(key, whole)
    stated = json.loads(run.read(FILE) or b"")
    run.write(FILE, json.dumps({**stated, "policy": "no-llm"}).encode())
    with pytest.raises(DataError, match="an opening fact was changed after sealing"):
        pull(run, tmp_path)
    run.write(FILE, b"{")
    with pytest.raises(DataError, match="is damaged"):
        pull(run, tmp_path)


def test_a_manifest_cannot_write_outside_of_its_run(root: Path, store: ObjectStore, tmp_path: Path) -> None:
    from alphastrike.journal.manifest import RunFacts, sealed

    manifest = open_run(root, "guarded").manifest
    segments = [manifest.segments[0].model_copy(update={"file": "../../escaped"}), *manifest.segments[1:]]
    facts = RunFacts(**{name: getattr(manifest, name) for name in RunFacts.model_fields})
    store.under("runs", "guarded").write(FILE, sealed(facts, manifest.tables, segments).model_dump_json().encode())
    with pytest.raises(DataError, match="which is not inside a run"):
        pull(store.under("runs", "guarded"), tmp_path)


def test_a_damaged_market_is_not_fetched(root: Path, store: ObjectStore, tmp_path: Path) -> None:
    push(root, "markets/small", store)
    market = store.under("markets", "small")
    key = next(name for name in market.sizes() if name.endswith("/candles.parquet"))
    market.write(key, (market.read(key) or b"")[:-5])
    with pytest.raises(DataError, match="does not hold what its manifest says"):
        pull(market, tmp_path)
    assert find_market(tmp_path, "small") is None


def test_another_run_of_that_name_is_never_replaced(root: Path, store: ObjectStore, tmp_path: Path) -> None:
    push(root, "guarded", store)
    shutil.copytree(root / "markets", tmp_path / "markets")
    record(tmp_path, "small", "no-llm", name="guarded", settings=often())
    with pytest.raises(ConfigurationError, match=r"is another run\. Publish this one under another address"):
        push(tmp_path, "guarded", store)
    with pytest.raises(ConfigurationError, match=r"is another run\. Remove it, or pull into another --data"):
        pull(store.under("runs", "guarded"), tmp_path)
    assert open_run(tmp_path, "guarded").manifest.policy == "no-llm"


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("s3://key:secret@tapes/x", "an address holds no keys"),
        ("s3://tapes/x?secret_key=secret", "not 'secret_key'"),
        ("gs://tapes/x", "gs://tapes/x is no address of an object store"),
        ("s3://", "is no address of an object store"),
    ],
)
def test_an_address_holds_no_keys(address: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as refused:
        ObjectStore.at(address)
    assert "secret@" not in str(refused.value)
    assert "=secret" not in str(refused.value)


def test_what_is_no_run_is_said_in_one_line(store: ObjectStore, tmp_path: Path, root: Path) -> None:
    push(root, "guarded", store)
    with pytest.raises(ConfigurationError, match=r"there is no run at .*/runs/gone.*\. There: guarded\."):
        pull(store.under("runs", "gone"), tmp_path)
    with pytest.raises(ConfigurationError, match="a run's address ends in runs/NAME"):
        pull(store, tmp_path)
    with pytest.raises(ConfigurationError, match="there is no such bucket"):
        push(root, "guarded", ObjectStore("nowhere/x", store.options))


def test_a_store_that_does_not_answer_is_to_be_tried_again(
    endpoint: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "_ATTEMPTS", 1)
    with pytest.raises(TryAgainError, match="cannot be used now"):
        push(root, "guarded", ObjectStore.at("s3://tapes/x?endpoint_override=http://127.0.0.1:1&region=us-east-1"))
