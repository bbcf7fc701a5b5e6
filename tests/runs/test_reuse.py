"""A second run on the same market takes perception over: the same bytes, none of the work."""

from typing import Any

import pytest

from alphastrike.config.settings import Settings
from alphastrike.journal.manifest import Manifest, chain_faults
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs import recorder
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from alphastrike.runs.reuse import PERCEPTION_TABLES
from alphastrike.runs.verify import verify
from tests.runs.conftest import Recorded


@pytest.fixture
def nothing_is_perceived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let perception fail: what still comes out was not computed."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("perception was computed again")

    monkeypatch.setattr(recorder, "perceive", refuse)


def of_perception(manifest: Manifest) -> list[tuple[str, str]]:
    return [(s.file, s.digest) for s in manifest.segments if s.table in PERCEPTION_TABLES]


def test_perception_tables_are_all_of_the_stages_up_to_the_forecasts() -> None:
    assert PERCEPTION_TABLES[0] == "gates"
    assert PERCEPTION_TABLES[-1] == "forecasts"
    assert {"features", "health", "signals", "weights", "retirements"} <= set(PERCEPTION_TABLES)
    assert not {"leverage", "targets", "orders", "equity"} & set(PERCEPTION_TABLES)


@pytest.mark.usefixtures("nothing_is_perceived")
def test_another_policy_takes_it_over_byte_for_byte(own: Recorded) -> None:
    told: list[str] = []
    made = record(own.root, "small", "no-llm", settings=Settings(), on_reuse=told.append)

    assert told == ["first"]
    assert of_perception(made) == of_perception(own.run.manifest)
    assert made.perception_digest == own.run.manifest.perception_digest
    assert chain_faults(made) == []


def test_what_was_taken_over_is_what_is_computed_anew(own: Recorded) -> None:
    taken = record(own.root, "small", "no-llm", name="taken", settings=Settings())
    anew = record(own.root, "small", "no-llm", name="anew", settings=Settings(), reuse=False)

    assert taken.digest == anew.digest
    assert sorted((s.table, s.digest) for s in taken.segments) == sorted((s.table, s.digest) for s in anew.segments)
    assert taken.tables == anew.tables
    assert verify(own.root, open_run(own.root, "taken")).is_identical


@pytest.mark.usefixtures("nothing_is_perceived")
def test_account_settings_may_differ(own: Recorded) -> None:
    settings = Settings.model_validate({"account": {"start_equity": 5_000.0}})
    assert record(own.root, "small", "rules", settings=settings).perception_digest


@pytest.mark.usefixtures("nothing_is_perceived")
def test_other_perception_settings_another_market_or_a_damaged_run_give_nothing_to_take(own: Recorded) -> None:
    other = Settings.model_validate({"perception": {"conviction": {"window_days": 30}}})
    with pytest.raises(AssertionError, match="computed again"):
        record(own.root, "small", "rules", settings=other)

    simulate_market(own.root, "other", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 40, MICROS_PER_HOUR, seed=4)
    with pytest.raises(AssertionError, match="computed again"):
        record(own.root, "other", "rules", settings=Settings())

    segment = next(s for s in own.run.manifest.segments if s.table == "forecasts")
    file = own.run.folder / segment.file
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(AssertionError, match="computed again"):
        record(own.root, "small", "rules", settings=Settings())
