"""Another answer to one situation: forked, run on, kept as a run of its own, and made again from it."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alphastrike.cli.main import main
from alphastrike.journal.codes import Change
from alphastrike.journal.manifest import chain_faults
from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import silent
from alphastrike.runs import recorder
from alphastrike.runs.registry import list_runs, open_run
from alphastrike.runs.reuse import PERCEPTION_TABLES
from alphastrike.runs.transcript import situation_named
from alphastrike.runs.verify import EVERYTHING, verify
from replay.branch import run_branches
from replay.calls import calls_named, judged_calls
from replay.ground import ground_of
from replay.horizons import HORIZONS
from replay.rerun import compare
from replay.what_if import Mode, WhatIf, fork
from tests.replay.runs import RecordedRuns
from tests.runs.forging import edit_facts, rewrite, with_value

AT = 9


@pytest.fixture
def own(recorded: RecordedRuns, tmp_path: Path) -> RecordedRuns:
    """The same runs in a data root of the test's own."""
    shutil.copytree(recorded.root, tmp_path / "data")
    return RecordedRuns(tmp_path / "data")


def asked(recorded: RecordedRuns, run: str, number: int, *tools: str, mode: Mode | None = None) -> WhatIf:
    return fork(recorded.root, recorded.open(run), number, tools, mode=mode, keep_as=None)[0].what_if


def kept(own: RecordedRuns, run: str, number: int, *tools: str, mode: Mode | None = None, name: str = "") -> Run:
    origin = own.open(run)
    forked, called = fork(own.root, origin, number, tools, mode=mode, keep_as=name)
    return own.open(forked.keep(own.root, origin, called).name)


def moving(recorded: RecordedRuns, run: str = "guarded") -> int:
    """Return a situation at which shutting the symbol off moves something, with later ones behind it."""
    for number in range(3, recorded.open(run).manifest.rows_of("situations") - 3):
        if any(one.effect for one in asked(recorded, run, number, "disable_asset:duration_hours=168").outcome.readings):
            return number
    raise AssertionError("nothing moves")


@pytest.fixture(scope="module")
def at(recorded: RecordedRuns) -> int:
    return moving(recorded)


@pytest.mark.parametrize("run", ["guarded", "slow"])
@pytest.mark.parametrize("mode", ["adaptive", "frozen"])
def test_the_recorded_answer_given_again_changes_nothing(recorded: RecordedRuns, run: str, mode: Mode) -> None:
    origin = recorded.open(run)
    call = next(row for row in origin.rows("tool_calls") if row["intervention"] and row["situation"] > AT)
    names = {1: "adjust_conviction:threshold={:.0f}", 2: "adjust_position_size:multiplier={}"}
    names |= {3: "adjust_leverage:new_leverage={}", 4: "disable_shorts", 5: "disable_asset:duration_hours={:.0f}"}
    typed = names[int(call["tool"])].format(float(call["value"]))
    life = f"{',' if ':' in typed else ':'}ttl_hours={call['ttl_hours']}" if int(call["tool"]) != 5 else ""
    told = asked(recorded, run, int(call["situation"]), typed + life, mode=mode)
    assert [one.effect for one in told.outcome.readings] == [0.0] * len(told.outcome.readings)


def test_frozen_is_the_branch_of_the_other_plan_bit_for_bit(recorded: RecordedRuns, at: int) -> None:
    run = recorded.open("guarded")
    ground = ground_of(recorded.root, run)
    ticks = range(ground.forks[at].tick + 1, ground.market.ticks)
    without = tuple(entry for entry in ground.plan if entry.situation != at)
    sampled = run_branches(ground, ground.forks[at], [ground.plan, without], ticks).samples["equity"]
    forked, _ = fork(recorded.root, run, at, ["no_action"], mode="frozen", keep_as=None)
    assert np.array_equal(np.asarray(forked.account.tables["equity"]["equity"])[ticks.start :], sampled[1])
    assert np.array_equal(np.asarray(run.rows("equity")["equity"])[ticks.start :], sampled[0])


def test_a_branch_shares_its_past_with_the_run_and_asks_as_its_mode_says(recorded: RecordedRuns, at: int) -> None:
    run = recorded.open("guarded")
    forked, _ = fork(recorded.root, run, at, ["disable_asset:duration_hours=168"], keep_as=None)
    frozen, _ = fork(recorded.root, run, at, ["disable_asset:duration_hours=168"], mode="frozen", keep_as=None)
    time = forked.what_if.situation.event_time
    for made in (forked, frozen):
        for kind in ("equity", "fills", "situations", "situation_symbols", "advice"):
            theirs, mine = run.rows(kind), made.account.tables[kind]
            before = theirs["event_time"] < time
            assert np.array_equal(theirs[before], mine[mine["event_time"] < time]), kind
    assert max(frozen.account.tables["situations"]["situation"]) == at
    assert max(forked.account.tables["situations"]["situation"]) > at
    begun = frozen.account.tables["interventions"]
    later = begun[(begun["change"] == Change.APPLIED) & (begun["situation"] > at)]
    recorded_later = run.rows("interventions")
    recorded_later = recorded_later[(recorded_later["change"] == Change.APPLIED) & (recorded_later["situation"] > at)]
    assert np.array_equal(later["event_time"], recorded_later["event_time"])
    assert np.array_equal(later["expires"], recorded_later["expires"])


def test_readings_are_at_the_horizons_and_their_parts_add_up(recorded: RecordedRuns, at: int) -> None:
    told = asked(recorded, "guarded", at, "disable_asset:duration_hours=168")
    assert [one.mode for one in told.outcomes] == ["adaptive", "frozen"]
    for outcome in told.outcomes:
        assert [one.horizon for one in outcome.readings] == list(HORIZONS)
        for one in outcome.readings:
            assert one.parts.total == pytest.approx(one.branch - one.recorded, abs=0.005)
            assert one.effect == pytest.approx(np.log(one.branch / one.recorded))
            if one.horizon.micros is not None:
                assert one.time == told.applied + one.horizon.micros


def test_horizons_beyond_the_end_are_left_out(recorded: RecordedRuns) -> None:
    last = recorded.open("guarded").manifest.rows_of("situations")
    told = asked(recorded, "guarded", last, "no_action")
    assert told.outcome.readings[-1].horizon is HORIZONS[-1]


def test_calls_wait_as_long_as_the_answer_in_whose_place_they_stand(recorded: RecordedRuns) -> None:
    told = asked(recorded, "slow", AT, "disable_asset")
    assert told.applied - told.situation.event_time == 5_400_000_000
    overdue = asked(recorded, "late", AT, "disable_asset")
    assert overdue.applied == overdue.situation.deadline


@pytest.mark.parametrize("run", ["guarded", "slow", "broken"])
def test_an_adaptive_branch_is_made_again_from_its_manifest_alone(own: RecordedRuns, run: str) -> None:
    child = kept(own, run, AT, "disable_asset:duration_hours=72", "no_action")
    parent = own.open(run).manifest
    stated = child.manifest.parent
    assert stated is not None
    assert (stated.run, stated.digest, stated.situation, stated.mode) == (run, parent.digest, AT, "adaptive")
    row = own.open(run).table("situations").to_pylist()[AT - 1]
    assert stated.seq == row["seq"]
    assert [call["tool"] for call in stated.calls or ()] == ["disable_asset", "no_action"]
    assert child.name.startswith(f"{run}-at-{AT}-disable_asset-")
    of_perception = [(s.file, s.digest) for s in parent.segments if s.table in PERCEPTION_TABLES]
    assert [(s.file, s.digest) for s in child.manifest.segments if s.table in PERCEPTION_TABLES] == of_perception
    assert chain_faults(child.manifest) == []
    shutil.rmtree(own.open(run).folder)
    found = verify(own.root, child)
    assert found.findings == ()
    assert found.level == EVERYTHING


def test_a_frozen_branch_needs_its_parent_and_names_it(own: RecordedRuns, at: int) -> None:
    child = kept(own, "guarded", at, "no_action", mode="frozen", name="frozen")
    assert verify(own.root, child).is_identical
    edit_facts(own.open("guarded").folder, reseal=True, digest="f" * 32)
    (finding,) = verify(own.root, child).findings
    assert "'guarded' with digest" in finding.text
    assert "f" * 32 in finding.text
    shutil.rmtree(own.root / "runs" / "guarded")
    (finding,) = verify(own.root, child).findings
    assert "frozen branch of 'guarded'" in finding.text
    assert "not here" in finding.text


def test_what_stands_in_a_changed_parent_is_found(own: RecordedRuns, at: int) -> None:
    child = kept(own, "guarded", at, "no_action", mode="frozen", name="frozen")
    origin = own.open("guarded")
    rows = origin.rows("interventions")
    place = int(np.flatnonzero((rows["situation"] > at) & (rows["change"] == Change.APPLIED))[0])
    rewrite(origin, "interventions", with_value("value", place, 0.1))
    assert not verify(own.root, child).is_identical


def test_a_tampered_branch_is_found(own: RecordedRuns) -> None:
    child = kept(own, "guarded", AT, "disable_asset", name="child")
    rewrite(child, "equity", with_value("equity", 1_500, 1.0))
    assert any("equity" in finding.text for finding in verify(own.root, child).findings)
    again = kept(own, "guarded", AT, "disable_asset", name="again")
    stated = again.manifest.parent
    assert stated is not None
    other = stated.model_copy(update={"situation": AT - 1})
    edit_facts(again.folder, reseal=False, parent=other)
    assert any("opening fact" in finding.text for finding in verify(own.root, open_run(own.root, "again")).findings)
    edit_facts(again.folder, reseal=True, parent=other)
    assert not verify(own.root, open_run(own.root, "again")).is_identical


def test_a_branch_can_be_forked_again(own: RecordedRuns, at: int) -> None:
    child = kept(own, "guarded", at, "disable_asset:duration_hours=168", name="child")
    later = at + 1
    assert child.manifest.rows_of("situations") > later
    grandchild = kept(own, "child", later, "adjust_leverage:new_leverage=1", name="grandchild")
    earlier = kept(own, "child", at - 1, "adjust_leverage:new_leverage=1", name="earlier")
    frozen = kept(own, "child", later, "no_action", mode="frozen", name="frozen")
    for one in (grandchild, earlier, frozen):
        assert verify(own.root, one).findings == (), one.name
    assert grandchild.manifest.parent is not None
    assert grandchild.manifest.parent.parent == child.manifest.parent
    _, record, first, second, _ = compare(own.root, grandchild, ["recorded"]).origin.commands
    assert "--policy rules --name guarded" in record
    assert f"what-if guarded --situation {at} --tool disable_asset:symbol=" in first
    assert "--mode adaptive --name child" in first
    assert f"what-if child --situation {later} --tool adjust_leverage:new_leverage=1 " in second


def test_a_branch_is_a_run_to_every_other_command(own: RecordedRuns, capsys: pytest.CaptureFixture[str]) -> None:
    child = kept(own, "guarded", AT, "disable_asset", name="child")
    data = ["--data", str(own.root)]
    assert main(["runs", *data]) == 0
    assert f"guarded at {AT}" in capsys.readouterr().out
    assert main(["sql", "child", "select count(*) n from forecasts", *data]) == 0
    assert f"{child.manifest.rows_of('forecasts'):,}" in capsys.readouterr().out
    assert compare(own.root, child, ["recorded"]).effects[0].identical
    frozen = kept(own, "guarded", AT, "disable_asset", mode="frozen", name="frozen")
    assert compare(own.root, frozen, ["recorded"]).effects[0].identical
    assert main(["explain", "frozen", "--situation", str(AT), *data]) == 0
    assert "Answered by what-if" in capsys.readouterr().out
    assert main(["explain", "frozen", *data]) == 2
    assert "'frozen' is a frozen branch" in capsys.readouterr().err


def test_a_run_that_this_version_does_not_reproduce_is_refused(own: RecordedRuns) -> None:
    run = own.open("guarded")
    rewrite(run, "equity", with_value("equity", 10, 1.0))
    with pytest.raises(DataError, match="does not reproduce run 'guarded'"):
        asked(own, "guarded", AT, "no_action")


def test_a_run_of_another_version_can_be_asked_but_not_branched(own: RecordedRuns) -> None:
    folder = own.open("guarded").folder
    edit_facts(folder, reseal=True, versions={**own.open("guarded").manifest.versions, "source": "0" * 32})
    assert asked(own, "guarded", AT, "no_action").outcome.readings
    with pytest.raises(DataError, match="recorded by another version"):
        fork(own.root, own.open("guarded"), AT, ["no_action"])


BAD = [
    (["--situation", "9999", "--tool", "no_action"], "has no situation 9999. It has"),
    (["--situation", "3", "--tool", "disable_aset"], "did you mean disable_asset"),
    (["--situation", "3", "--tool", "disable_asset:symbol=SOLUSD"], "did you mean SOLUSDT"),
    (["--situation", "3", "--tool", "disable_asset:duration=24"], "did you mean duration_hours"),
    (["--situation", "3", "--tool", "disable_asset:duration_hours=999"], "must be at most 168, was 999"),
    (["--situation", "3", "--tool", "disable_asset:duration_hours=long"], "not of the right type"),
    (["--situation", "3", "--tool", "disable_asset:duration_hours"], "is not KEY=VALUE"),
    (["--situation", "3", *(["--tool", "no_action"] * 4)], "one to 3 calls"),
    (["--situation", "3", "--tool", "no_action", "--name", "slow"], "a run called 'slow' exists"),
    (["--situation", "3", "--tool", "no_action", "--name", "a/b"], "a/b"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD)
def test_bad_input_is_one_line_and_nothing_is_computed(
    recorded: RecordedRuns,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was computed")

    monkeypatch.setattr(recorder, "run_account", refuse)
    before = sorted(path.name for path in (recorded.root / "runs").iterdir())
    assert main(["what-if", "guarded", *arguments, "--data", str(recorded.root)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in (recorded.root / "runs").iterdir()) == before


def test_a_call_that_would_be_rejected_is_refused_with_its_reason(recorded: RecordedRuns) -> None:
    situation = situation_named(recorded.open("guarded"), AT)
    strict = replace(situation, baseline=situation.baseline._replace(conviction_floor=90.0))
    calls = calls_named(["adjust_conviction:threshold=85"], strict)
    with pytest.raises(ConfigurationError, match=r"would be rejected in situation 9: loosens_risk: threshold 85"):
        judged_calls(calls, strict, 24, 64)
    assert len(judged_calls(calls, situation, 24, 64)) == 1
    with pytest.raises(ConfigurationError, match="no_slot"):
        judged_calls(calls, situation, 24, situation.live_interventions)


def test_it_says_what_would_have_moved_then_the_paths_the_parts_and_where_the_branch_is(
    own: RecordedRuns, at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = "disable_asset:duration_hours=168"
    arguments = ["what-if", "guarded", "--situation", str(at), "--tool", tool, "--data", str(own.root), "--quiet"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    words = [
        "would have left the account",
        "Answered by rules",
        "adaptive:",
        "until UTC",
        "= price",
        "frozen:",
        "Saved as run",
    ]
    places = [said.index(word) for word in words]
    assert places == sorted(places)
    assert max(len(line.rstrip()) for line in said.splitlines()[3:]) < 160
    name = next(entry.name for entry in list_runs(own.root) if entry.manifest and entry.manifest.parent)
    assert f"alphastrike verify {name}" in said
    assert main(["verify", name, "--data", str(own.root), "--quiet"]) == 0


def test_as_json_and_unsaved(recorded: RecordedRuns, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = len(list_runs(recorded.root))
    arguments = ["what-if", "guarded", "--situation", str(at), "--tool", "no_action", "--data", str(recorded.root)]
    assert main([*arguments, "--json", "--no-save", "--mode", "frozen"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["mode"] for one in told["branches"]] == ["frozen", "adaptive"]
    assert told["saved"] is None
    assert told["branches"][0]["horizons"][-1]["after"] == "end"
    assert len(list_runs(recorded.root)) == before


def test_an_interruption_leaves_nothing_behind(own: RecordedRuns) -> None:
    forked, name = fork(own.root, own.open("guarded"), AT, ["no_action"])

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "write" and done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forked.keep(own.root, own.open("guarded"), name, interrupt)
    assert sorted(path.name for path in (own.root / "runs").iterdir()) == ["broken", "guarded", "late", "slow"]
    forked.keep(own.root, own.open("guarded"), name, silent)


def test_a_run_cannot_be_forked_where_it_was_not_asked(recorded: RecordedRuns) -> None:
    with pytest.raises(ConfigurationError, match="numbered from 1"):
        asked(recorded, "guarded", 9_999, "no_action")


def test_paths_that_never_part_are_the_same_at_once(recorded: RecordedRuns) -> None:
    for number in range(1, recorded.open("guarded").manifest.rows_of("situations") + 1):
        told = asked(recorded, "guarded", number, "no_action").outcomes[1]
        if all(value == 0.0 for _, value in told.trail):
            assert told.same_from is not None
            return
    raise AssertionError("every answer moved something")


@pytest.mark.parametrize("command", [["what-if", "--tool", "no_action", "--no-save"], ["explain"]])
def test_one_decision_loads_no_statistics(recorded: RecordedRuns, project: Path, command: list[str]) -> None:
    name, *more = command
    asked_for = [name, "guarded", "--situation", str(AT), *more, "--data", str(recorded.root), "--quiet"]
    listed = "import sys; from alphastrike.cli.main import main; main(sys.argv[1:]); print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", listed, *asked_for], cwd=project, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "replay.branch" in loaded
    assert not loaded & {"arch", "statsmodels", "scipy.stats", "bokeh", "pandas", "duckdb", "jinja2"}
