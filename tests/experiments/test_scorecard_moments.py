"""Situations and triggers in worlds whose truth is known: the counting, and a fair game in which nothing helps."""

import json
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from experiments.scorecard import main
from experiments.scorecard_moments import SEEDS, WATCHES, Seen, Watched, counted, pooled, seen, watched
from experiments.scorecard_moments_text import moments_part
from experiments.scorecard_scores import NULL, Mean, Share
from experiments.scorecard_text import begins, ends

SHORT = tuple(replace(watch, kind=replace(watch.kind, days=100)) for watch in WATCHES)


def world(total: float, low: float = nan, high: float = nan, precision: tuple[float, float] = (0.4, 0.6)) -> Seen:
    return Seen(total, 10, 10, low, high, 0.5, *precision, 0.45)


def test_worlds_are_held_against_the_truth() -> None:
    worlds = [
        world(1.0, -1.0, 1.0),
        world(1.0, 0.1, 1.0, (0.46, 0.7)),
        world(1.0, -1.0, -0.1, (0.2, 0.4)),
        world(1.0),
        world(1.0, -0.2, 0.3, (nan, nan)),
    ]
    found = counted("x", worlds, NULL)
    assert (found.covered, found.better, found.worse) == (Share.of(2, 4), Share.of(1, 4), Share.of(1, 4))
    assert (found.above, found.below) == (Share.of(1, 4), Share.of(1, 4))
    assert (found.situations, found.precision.worlds) == (10.0, 4)
    assert counted("x", worlds, Mean(0.25, 0.01, 9)).covered == Share.of(3, 4)


def test_a_mean_over_worlds_is_one_over_their_situations() -> None:
    few, many = world(1.0)._replace(situations=1), world(3.0)._replace(situations=9)
    assert pooled([few, many]).value == pytest.approx(0.4)
    assert pooled([few, few]).error == 0.0


@pytest.fixture(scope="module")
def small() -> tuple[Watched, ...]:
    return watched(SHORT, seeds=2)


def test_a_small_card_does_not_depend_on_the_processes_and_is_told(small: tuple[Watched, ...]) -> None:
    assert repr(watched(SHORT, seeds=2, processes=2)) == repr(small)
    noise, losses = small
    assert noise.truth == NULL
    assert losses.truth.worlds == 2
    assert 0.0 < noise.base.value < 1.0
    assert min(noise.situations, losses.situations) > 10
    text = moments_part(small, 2)
    assert "| noise | 0 | " in text
    assert "| losses, asked after 8 | " in text


def test_askings_whose_actions_overlap_are_one_cluster() -> None:
    found = seen(SHORT[1].kind, 1)
    # Symbol and account are asked about at the same tick.
    assert 2 * found.clusters <= found.situations
    assert found.low < found.total / found.situations < found.high


def test_the_command_makes_this_part_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: tuple[Watched, ...]
) -> None:
    monkeypatch.setattr("experiments.scorecard_moments.watched", lambda **_asked: small)
    page, file = tmp_path / "scorecard.md", tmp_path / "scorecard.json"
    page.write_text("# Intervals\n")
    assert main(["--only", "moments", "--page", str(page), "--json", str(file)]) == 0
    assert page.read_text().startswith(f"# Intervals\n\n{begins('moments')}\n\n## Situations")
    assert [each["name"] for each in json.loads(file.read_text())["moments"]] == [watch.name for watch in WATCHES]


@pytest.mark.slow
def test_in_a_fair_game_neither_situations_nor_triggers_are_called() -> None:
    fair, warned = watched(seeds=40, processes=2)
    assert fair.covered.is_within(0.93, 0.97)
    assert fair.above.value < 0.15
    assert warned.covered.is_within(0.93, 0.97)
    assert warned.above.value > 0.5
    assert warned.truth.value > 5.0 * warned.truth.error


def test_the_page_of_the_manual_holds_what_was_counted(project: Path) -> None:
    text = (project / "docs" / "scorecard.md").read_text("utf-8")
    part = text.partition(begins("moments"))[2].partition(ends("moments"))[0]
    assert f"{SEEDS:,} worlds of two kinds" in part
    for watch in WATCHES:
        assert part.count(f"| {watch.name} | ") == 2
