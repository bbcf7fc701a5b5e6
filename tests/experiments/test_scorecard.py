"""The scorecard counts what it says, on the very interval that replay prints; a small one is held to its targets."""

import json
from collections.abc import Sequence
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

from alphastrike.model.units import MICROS_PER_DAY
from experiments.scorecard import (
    CRASH,
    GENERATORS,
    NULLS,
    RANDOM,
    SEEDS,
    TRUTH_WORLDS,
    USUAL,
    main,
    scorecard,
)
from experiments.scorecard_scores import NULL, Mean, Share, keeps_coverage, keeps_level, score, truth_of
from experiments.scorecard_worlds import (
    NOWHERE,
    ArmPath,
    Contest,
    Generator,
    Outcome,
    Reach,
    SmallWorld,
    judged,
    outcomes,
)
from replay.effect import Spell, returns, sampled
from replay.inference import EPISODES_MIN

SHORT = Generator("short", (Contest("rules"), *NULLS), days=120)


def told(effects: Sequence[float], half_width: float, episodes: int = 20) -> list[Outcome]:
    return [
        Outcome(effect, reach(effect, half_width), reach(effect, 0.5), reach(effect, 9.0), episodes, 7.0, 11.0)
        for effect in effects
    ]


def reach(middle: float, half_width: float) -> Reach:
    return Reach(middle - half_width, middle + half_width)


# What is counted.


def test_coverage_and_calls_are_counted_on_both_sides() -> None:
    scored = score(told([-3.0, -0.5, 0.0, 0.5, 1.5, 4.0], 1.0), Mean(1.0, 0.1, 100))
    # The intervals: -4 to -2, -1.5 to 0.5, -1 to 1, -0.5 to 1.5, 0.5 to 2.5, 3 to 5.
    assert (scored.covered.value, scored.above.value, scored.below.value) == (3 / 6, 1 / 6, 2 / 6)
    assert (scored.better.value, scored.worse.value, scored.called.value) == (2 / 6, 1 / 6, 3 / 6)
    assert scored.half_width == 1.0
    assert scored.truth_error == pytest.approx(0.1)
    assert scored.bias.value == pytest.approx(2.5 / 6 - 1.0)
    assert scored.bias.error > scored.seen.error
    assert (scored.percentile.covered.value, scored.percentile.called.value) == (2 / 6, 3 / 6)
    assert (scored.student.covered.value, scored.student.called.value) == (1.0, 0.0)


def test_worlds_without_an_interval_are_told_and_not_judged() -> None:
    silent = [Outcome(9.0, NOWHERE, NOWHERE, NOWHERE, 4, nan, nan)] * 3
    scored = score([*told([0.0], 1.0), *silent], NULL)
    assert scored.covered == Share.of(1, 1)
    assert scored.silent.value == 0.75
    assert scored.seen.worlds == 1
    assert truth_of([*told([1.0, 3.0], 1.0), *silent]).value == 2.0


def test_where_the_truth_is_known_by_arithmetic_the_score_is_too() -> None:
    drawn = np.random.default_rng(1).normal(0.3, 1.0, 40_000).tolist()
    scored = score(told(drawn, 1.96), Mean(0.3, 0.0, 1))
    assert scored.covered.value == pytest.approx(0.95, abs=4 * scored.covered.error)
    assert scored.width_ratio == pytest.approx(1.0, abs=0.02)
    assert scored.better.value == pytest.approx(0.0485, abs=4 * scored.better.error)
    assert keeps_coverage(scored)


@pytest.mark.parametrize(
    ("hits", "worlds", "keeps"),
    [(475, 500, True), (500, 500, False), (440, 500, False), (455, 500, True), (38, 40, True), (30, 40, False)],
)
def test_a_target_is_kept_within_the_monte_carlo_error(hits: int, worlds: int, keeps: bool) -> None:
    scored = score(told([0.0] * hits + [9.0] * (worlds - hits), 1.0), NULL)
    assert keeps_coverage(scored) is keeps
    assert scored.covered.worlds == worlds


def test_a_share_of_none_is_not_defined_and_a_certain_one_has_an_error() -> None:
    assert np.isnan(Share.of(0, 0).value)
    assert 0.0 < Share.of(0, 100).error < 0.02


# What is judged.


@pytest.fixture(scope="module")
def world() -> SmallWorld:
    return SmallWorld(SHORT, 1)


def test_the_same_seed_gives_the_same_outcomes() -> None:
    once, again = (outcomes(SHORT, 1) for _ in range(2))
    assert repr(once) == repr(again)
    assert repr(outcomes(SHORT, 2)) != repr(once)


def test_arms_are_moved_as_a_whole_and_keep_their_lives(world: SmallWorld) -> None:
    moved, elsewhere = (world.path(f"moved:seed={seed}") for seed in (1, 2))
    plan, ticks = world.plan(), world.market.ticks
    assert len(moved.spells) == len(elsewhere.spells) == len(plan)
    interval, start = world.market.interval, world.market.start
    lives = sorted(entry.expires - start - entry.tick * interval for entry in plan)
    assert sorted(spell.end - spell.begin for spell in moved.spells) == lives
    assert {(spell.begin - start) // interval for spell in moved.spells} != {entry.tick for entry in plan}
    assert all(0 <= (spell.begin - start) // interval < ticks for spell in moved.spells)
    assert moved.daily.tolist() != elsewhere.daily.tolist()


def test_unmoved_interventions_make_the_guardian_s_own_path(world: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    class Still:
        def integers(self, _low: int, _high: int) -> int:
            return 0

    monkeypatch.setattr(np.random, "default_rng", lambda _seed: Still())
    still, own = world.path("moved:seed=1"), world.path("rules")
    assert still.daily.tolist() == own.daily.tolist()
    assert sorted(still.spells) == sorted(own.spells)


def test_a_branch_in_which_nothing_stands_is_the_arm_of_nobody(world: SmallWorld) -> None:
    tables = world.tables("no-llm")
    daily = returns(sampled(tables["equity"], world.ground.start_equity, MICROS_PER_DAY)[1])
    assert world.path("no-llm").daily.tolist() == daily.tolist()


def test_too_few_episodes_have_no_interval(world: SmallWorld) -> None:
    own, nobody = world.path("rules"), world.path("no-llm")
    few = ArmPath(own.daily, own.spells[: EPISODES_MIN - 1])
    assert not judged(few, nobody).has_interval
    assert judged(own, nobody).has_interval
    assert not judged(own, nobody, has_interval=False).has_interval
    assert judged(few, nobody).effect == judged(own, nobody).effect
    assert judged(own, own).printed.holds(0.0)


def test_intervals_beside_the_printed_one_are_of_the_same_estimate(world: SmallWorld) -> None:
    found = judged(world.path("rules"), world.path("no-llm"))
    assert found.student.low + found.student.high == pytest.approx(2.0 * found.effect)
    assert found.printed.low + found.printed.high == pytest.approx(2.0 * found.effect)
    assert found.printed != found.student
    assert found.percentile.holds(found.effect)


def test_days_that_count_are_as_many_as_are_alike() -> None:
    days, spells = np.zeros(120), tuple(Spell(day, day + 1) for day in range(EPISODES_MIN))
    days[5::20] = np.expm1(0.01)
    found = judged(ArmPath(days, spells), ArmPath(np.zeros(120), ()))
    assert found.has_interval
    assert found.days_that_count == pytest.approx(6.0)


# The card itself, small.


def test_a_very_small_card_is_written_and_does_not_depend_on_the_processes(tmp_path: Path) -> None:
    generator = replace(SHORT, contests=(Contest("rules"), RANDOM))
    alone, shared = (scorecard([generator], seeds=3, truth_worlds=2, processes=processes) for processes in (1, 2))
    # Compared as text: NaN does not equal itself.
    assert repr(alone) == repr(shared)
    assert [each.score.truth.worlds for each in alone.scored] == [2, 0]
    assert [each.is_null for each in alone.scored] == [False, True]


def test_the_command_writes_the_page_and_every_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import experiments.scorecard as card

    monkeypatch.setattr(card, "GENERATORS", (replace(SHORT, contests=(Contest("rules"), RANDOM)),))
    page, file = tmp_path / "scorecard.md", tmp_path / "out" / "scorecard.json"
    worlds = ["--only", "intervals", "--seeds", "2", "--truth-worlds", "2", "--processes", "1"]
    arguments = [*worlds, "--page", str(page), "--json", str(file)]
    assert main(arguments) == 0
    assert str(page) in capsys.readouterr().out
    written = page.read_text()
    for part in ("## Coverage", "## Bias", "## False positives", "## Power", "`random:seed=1` against `random:seed=2`"):
        assert part in written
    told = json.loads(file.read_text())
    assert (told["seeds"], told["truth_worlds"]) == (2, 2)
    assert [each["arm"] for each in told["scores"]] == ["rules", "random:seed=1"]
    assert told["scores"][0]["covered"]["worlds"] + 2 * told["scores"][0]["silent"]["value"] == 2


def test_the_page_of_the_manual_is_of_these_worlds_and_keeps_most_targets(project: Path) -> None:
    text = (project / "docs" / "scorecard.md").read_text("utf-8")
    assert f"{SEEDS:,} worlds judged of each generator, {TRUTH_WORLDS:,} *other* worlds" in text
    for generator in GENERATORS:
        for contest in generator.contests:
            against = f" against `{contest.against}`" if contest in NULLS else ""
            assert f"| {generator.name} | `{contest.arm}`{against} |" in text
    coverage, null = (text.partition(heading)[2].partition("\n## ")[0] for heading in ("## Coverage", "## False"))
    # Wider than promised costs power; narrower would be a false promise.
    assert "| less |" not in coverage
    assert "| more |" not in null
    assert coverage.count("| yes |") >= 3


@pytest.mark.slow
def test_a_small_card_keeps_its_targets() -> None:
    """Forty worlds of two generators: bounds so wide that luck passes, and a broken interval does not."""
    worlds = (replace(USUAL, contests=(Contest("rules"), RANDOM)), replace(CRASH, contests=(Contest("rules"),)))
    usual, null, crash = (each.score for each in scorecard(worlds, seeds=40, truth_worlds=60, processes=2).scored)
    for scored in (usual, null, crash):
        assert keeps_coverage(scored)
        assert scored.truth_error < 0.1
        assert 0.5 < scored.width_ratio < 2.0
    assert keeps_level(null)
    # What is planted is there, and is found more often than chance would.
    assert crash.truth.value > 10.0 * crash.truth.error
    assert crash.better.value > 0.2
    assert crash.worse.value == 0.0
