"""Replaying a real run: the recording is the run again, other policies differ only where they act."""

import json
from pathlib import Path

import numpy as np
import pytest

from alphastrike.engine.history import run_account
from alphastrike.journal.codes import Change
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.runs.computed import recorded_inputs
from alphastrike.runs.recorder import recorded_settings
from alphastrike.runs.registry import market_of
from replay.arms import Moment, Recorded, recorded_answers
from replay.compare import Arm, Comparison, first_difference
from replay.measures import PARTS
from replay.rerun import compare
from replay.verdict import Standing, verdicts
from reports.counterfactual import as_json
from tests.replay.runs import SEEDED, RecordedRuns


@pytest.fixture(scope="module")
def compared(recorded: RecordedRuns) -> Comparison:
    return compare(recorded.root, recorded.open("guarded"), ["no-llm", "recorded", SEEDED, "rules"], threads=2)


def arm(comparison: Comparison, name: str) -> Arm:
    return next(each for each in comparison.arms if each.name == name)


def test_the_run_has_something_to_replay(recorded: RecordedRuns) -> None:
    run = recorded.open("guarded")
    assert run.manifest.rows_of("situations") >= 10
    assert run.manifest.rows_of("trades") >= 20


@pytest.mark.parametrize("name", ["guarded", "slow", "late", "broken"])
def test_the_recorded_answers_give_the_run_again_bit_for_bit(recorded: RecordedRuns, name: str) -> None:
    comparison = compare(recorded.root, recorded.open(name), ["recorded"])
    factual, again = comparison.arms
    assert first_difference(factual, again) == ""
    assert factual.digest == again.digest
    assert comparison.effects[0].identical
    assert verdicts(comparison)[0].standing is Standing.IDENTICAL


def test_the_runs_hold_what_makes_a_recording_hard(recorded: RecordedRuns) -> None:
    slow, late, broken = (recorded.open(name).rows("advice") for name in ("slow", "late", "broken"))
    assert np.any(slow["event_time"] > slow["asked"])
    assert np.any(late["late"] == 1)
    assert np.any(broken["failed"] != "")
    assert set(broken["policy"]) == {"rules"}


def test_asking_the_recorded_policy_again_gives_the_recorded_arm(compared: Comparison) -> None:
    assert first_difference(arm(compared, "recorded"), arm(compared, "rules (again)")) == ""


def test_arms_share_everything_before_the_first_intervention(compared: Comparison) -> None:
    applied = compared.factual.tables["interventions"]
    first = int(applied["event_time"][applied["change"] == Change.APPLIED][0])
    ours, theirs = (arm(compared, name).tables["equity"] for name in ("rules", "no-llm"))
    before = ours["event_time"] <= first
    assert np.array_equal(ours["equity"][before], theirs["equity"][before])
    assert not np.array_equal(ours["equity"], theirs["equity"])


def test_every_arms_parts_add_up_to_the_cent(compared: Comparison) -> None:
    for own, each in zip(compared.metrics, compared.arms, strict=True):
        last = each.tables["equity"][-1]
        assert own.parts.total == pytest.approx(float(last["equity"]) - compared.origin.start_equity, abs=0.005)
    for effect in compared.effects:
        assert effect.parts.total == pytest.approx(effect.differences["net_pnl"], abs=0.01)
        assert set(effect.parts._fields) == set(PARTS)


def test_no_llm_intervenes_nowhere(compared: Comparison) -> None:
    alone = compared.metrics[1]
    assert alone.situations > 0
    assert (alone.interventions, alone.episodes) == (0, 0)


def test_threads_change_nothing(recorded: RecordedRuns, compared: Comparison) -> None:
    alone = compare(recorded.root, recorded.open("guarded"), ["no-llm", "recorded", SEEDED, "rules"], threads=1)
    assert as_json(alone) == as_json(compared)
    assert json.dumps(as_json(alone), allow_nan=False)


def test_an_effect_until_expiry_is_the_change_of_the_equity_ratio(compared: Comparison) -> None:
    ours, theirs = (arm(compared, name).tables["equity"] for name in ("rules", "no-llm"))
    checked = 0
    for answer in compared.answers["rules"]:
        for call in answer.calls:
            made = call.intervention
            if made is None or made.censored:
                continue
            ends = [int(np.flatnonzero(ours["event_time"] == time)[0]) for time in made.active]
            ratio = np.asarray(ours["equity"])[ends] / np.asarray(theirs["equity"])[ends]
            assert made.effect == pytest.approx(float(np.log(ratio[1] / ratio[0])), abs=1e-12)
            checked += 1
    assert checked >= 5


def test_a_situation_the_recording_does_not_hold_is_named(recorded: RecordedRuns) -> None:
    run = recorded.open("guarded")
    recording = Recorded.of(run)
    known = next(iter(recording.answers))
    unknown = {
        Moment(moment.market_seq + 1, moment.rule, moment.symbol): answer
        for moment, answer in recording.answers.items()
    }
    market = market_of(recorded.root, run)
    inputs = recorded_inputs(run, market)
    with pytest.raises(
        DataError, match=rf"'guarded' holds no answer to {known.rule.name.lower()} .*{known.market_seq}"
    ):
        run_account(market, inputs, recorded_settings(run), Recorded(run.name, unknown))


def test_a_run_that_this_version_does_not_reproduce_is_refused(
    recorded: RecordedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = recorded.open("guarded")
    tables = {kind: run.rows(kind) for kind in ("situations", "advice", "tool_calls")}
    tables["tool_calls"]["value"][0] = 0.25
    changed = Recorded(run.name, recorded_answers(tables, run.symbols))
    monkeypatch.setattr(Recorded, "of", classmethod(lambda _cls, _run: changed))
    with pytest.raises(DataError, match=r"does not reproduce run 'guarded': .* differ"):
        compare(recorded.root, run, ["no-llm"])


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("no-lm", "did you mean no-llm"),
        ("always:tool=panic", "tool 'panic' is unknown"),
        ("random:seed=minus", "no whole number"),
    ],
)
def test_an_unknown_policy_is_one_clear_line(recorded: RecordedRuns, policy: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        compare(recorded.root, recorded.open("guarded"), [policy])
    assert "\n" not in str(caught.value)


def test_the_origin_says_how_to_make_it_again(compared: Comparison, recorded: RecordedRuns) -> None:
    making, recording, replaying = compared.origin.commands
    assert making.startswith("alphastrike simulate --name small --symbols BTCUSDT,ETHUSDT,SOLUSDT --interval 1h")
    assert "--days 100 --seed 3" in making
    assert "--set account.triggers.losses=2" in recording
    assert f"--policy {SEEDED}" in replaying
    assert all(str(Path(recorded.root)) in command for command in compared.origin.commands)
    assert ("account.triggers.losses", "2", "5") in compared.origin.settings_changed
    assert compared.origin.instruments_assumed == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
