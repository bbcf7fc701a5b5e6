"""The scorecard's studies: a fair game is fair, what is planted lies where it is said to, and the counting is right."""

import json
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import run_account
from alphastrike.policy.policies import NoLlm
from experiments.scorecard import main
from experiments.scorecard_scores import Mean
from experiments.scorecard_text import begins, ends, laid_together
from experiments.scorecard_tuning import (
    NOISES,
    PLANTED,
    PLANTS,
    POINTS,
    SEEDS,
    Found,
    Grid,
    Inquiry,
    Tally,
    Tunings,
    exactly,
    growth,
    tunings,
)
from experiments.scorecard_tuning import _objective as objective_in
from experiments.scorecard_tuning_text import GATES, tuning_part
from experiments.scorecard_tuning_worlds import BLOCKS_A_DAY, COSTLY, LOSSES, NOISE, Kind, Spells, basis_in

SHORT = 260
FEW = 8
FAIR, PLANT = (
    Inquiry("no costs", replace(NOISE, days=SHORT), is_fair=True),
    Inquiry("losses alone", replace(LOSSES, days=SHORT), (PLANTED,)),
)


def found(
    failed: tuple[str, ...] = (), losses: float | None = 10, truth: float = 0.1, is_promoted: bool = False
) -> Found:
    standing = tuple((gate, "failed" if gate in failed else "passed") for gate in GATES)
    point = {} if losses is None else {PLANTED: losses}
    return Found(1, point, 0.2, 0.0, standing, is_promoted, nan if losses is None else truth, 0.0, 0.1, 0.001)


GRID = Grid("losses", (8, 9, 10, 11, 12), tuple(Mean(worth, 0.01, 40) for worth in (0.1, 0.2, 0.4, 0.3, 0.2)), (0,) * 5)


# What is counted.


def test_a_tally_counts_what_was_found() -> None:
    through = found(is_promoted=True, truth=0.3)
    tally = Tally(
        PLANT,
        (
            through,
            found(("walk-forward",), 9),
            found(("walk-forward", "overfitting"), 12),
            found(("evidence",), None),
        ),
    )
    assert tally.promoted == (through,)
    assert tally.gates == {"walk-forward": 2, "overfitting": 1, "evidence": 1}
    assert tally.only == {"walk-forward": 1, "evidence": 1}
    assert (tally.near(GRID).value, tally.exact(GRID).value) == (0.5, 0.25)
    assert tally.truth.value == pytest.approx(0.5 / 3)


@pytest.mark.parametrize(("value", "is_near"), [(8, False), (9, True), (10, True), (11, True), (12, False)])
def test_near_is_a_tenth_of_the_optimum_or_a_step(value: float, is_near: bool) -> None:
    assert GRID.optimum == 10
    assert GRID.is_near(value) is is_near
    finer = Grid("x", (0.18, 0.19, 0.20, 0.21, 0.22), GRID.worth, (0,) * 5)
    assert [finer.is_near(other) for other in (0.17, 0.18, 0.22, 0.23)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 100, 0.0, 0.0362), (5, 100, 0.0164, 0.1128), (80, 100, 0.7082, 0.8733), (100, 100, 0.9638, 1.0)],
)
def test_the_interval_of_a_share_is_the_exact_one(hits: int, of: int, low: float, high: float) -> None:
    assert exactly(hits, of) == pytest.approx((low, high), abs=1e-4)


def test_a_part_is_laid_in_and_the_others_stay() -> None:
    page = laid_together("", {"intervals": "# Page\n"})
    assert page == "# Page\n"
    both = laid_together(page, {"tuning": "## Tuning\n\nfirst"})
    assert both == f"# Page\n\n{begins('tuning')}\n\n## Tuning\n\nfirst\n\n{ends('tuning')}\n"
    assert laid_together(both, {"tuning": "## Tuning\n\nagain"}) == both.replace("first", "again")
    assert laid_together(both, {"intervals": "# Other\n"}) == both.replace("Page", "Other")
    three = laid_together(both, {"moments": "## Moments"})
    assert three.index("# Page") < three.index("## Moments") < three.index("## Tuning")
    assert laid_together(three, {}) == three
    parts = {"intervals": "# Page", "moments": "## Moments", "tuning": "## Tuning\n\nfirst"}
    assert laid_together("", parts) == laid_together("old", parts) == three


# The worlds.


def sequence(kind: Kind, seed: int) -> list[bool]:
    """Which trades of the account win, as it makes them."""
    basis = basis_in(kind, seed)
    tables = run_account(basis.market, basis.inputs, basis.settings, AskedPolicy(NoLlm())).tables
    return [bool(net > 0.0) for net in tables["trades"]["net_pnl"]]


def test_the_account_trades_what_is_planted() -> None:
    kind = replace(LOSSES, days=120)
    wins = sequence(kind, 1)
    assert len(wins) == pytest.approx(120 * BLOCKS_A_DAY, abs=3)
    course = kind.draw(np.random.default_rng([1, *kind.name.encode()]), kind.days)
    moves = course.returns.reshape(-1, 2).sum(axis=1) * course.sides[:, 0]
    assert np.mean([win == (move > 0.0) for win, move in zip(wins, moves, strict=False)]) > 0.99
    after = {length: following(wins, length, Spells().good) for length in (6, Spells().warning)}
    assert after[6] > 0.5 > after[Spells().warning] + 0.2


def following(wins: list[bool], run: int, trades: int) -> float:
    """Share of trades won after a run of exactly so many losses, or of at least as many where it goes on."""
    won = []
    for end in range(run, len(wins) - trades):
        is_run = not any(wins[end - run : end]) and (end == run or wins[end - run - 1])
        if is_run and (wins[end] or run == Spells().warning):
            won += wins[end : end + trades]
    return float(np.mean(won))


def test_nothing_is_charged_in_a_fair_game_and_something_in_the_other() -> None:
    for kind, is_free in ((NOISE, True), (COSTLY, False)):
        basis = basis_in(replace(kind, days=60), 1)
        tables = run_account(basis.market, basis.inputs, basis.settings, AskedPolicy(NoLlm())).tables
        paid = float(tables["equity"]["fees"][-1] + tables["equity"]["slippage"][-1])
        assert len(tables["trades"]) > 60
        assert paid < 0.1 if is_free else paid > 100.0


def test_a_world_is_its_seeds() -> None:
    once, again, other = (basis_in(FAIR.kind, seed).market for seed in (1, 1, 2))
    assert once.content_hash == again.content_hash != other.content_hash


@pytest.mark.slow
def test_points_of_a_fair_game_are_worth_nothing() -> None:
    """The boldest point: asked after every second loss, and cut to a tenth for a week."""
    bold = {"losses": 2, "cooldown_hours": 6, "loss_streak_multiplier": 0.1, "loss_streak_hours": 168}
    worth = Mean.of([growth(objective_in(NOISE, seed)(bold)) for seed in range(900, 1_000)])
    assert abs(worth.value) < 3.0 * worth.error
    assert worth.error < 0.005


# Small cards.


@pytest.fixture(scope="module")
def small() -> Tunings:
    return tunings((FAIR, PLANT), seeds=2, points=FEW, grid_worlds=2)


def test_a_small_card_does_not_depend_on_the_processes(small: Tunings) -> None:
    shared = tunings((PLANT,), seeds=1, points=FEW, grid_worlds=2, processes=2)
    assert (shared.tallies[0].found, shared.grids) == (small.tallies[1].found[:1], small.grids)


def test_noise_is_not_promoted_and_what_is_planted_is_near(small: Tunings) -> None:
    fair, plant = small.tallies
    assert fair.promoted == ()
    assert all(len(each.failed) > 1 for each in fair.found)
    assert 0.0 < sum(each.drag for each in fair.found) < 0.2 * sum(each.luck for each in fair.found)
    grid = small.grids[0]
    assert grid.optimum == Spells().warning
    assert plant.near(grid).value >= 0.5
    assert all(each.truth > 0.0 for each in plant.found)


def test_the_part_says_what_was_counted(small: Tunings) -> None:
    text = tuning_part(small)
    for heading in ("## Tuning", "### Pure noise", "### A planted optimum", "### What the gates stopped"):
        assert heading in text
    assert f"{FEW} points by TPE" in text
    assert "| no costs | 2 | 0 | 0 % to 84.2 % | yes |" in text
    assert "**best**" in next(line for line in text.splitlines() if line.startswith("| 10 |"))


def test_one_part_is_made_without_losing_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], small: Tunings
) -> None:
    monkeypatch.setattr("experiments.scorecard_tuning.tunings", lambda **_asked: small)
    page, file = tmp_path / "scorecard.md", tmp_path / "scorecard.json"
    page.write_text("# Intervals\n")
    file.write_text('{"scores": [1]}')
    assert main(["--only", "tuning", "--page", str(page), "--json", str(file)]) == 0
    assert str(page) in capsys.readouterr().out
    assert page.read_text().startswith(f"# Intervals\n\n{begins('tuning')}\n\n## Tuning")
    told = json.loads(file.read_text())
    assert told["scores"] == [1]
    assert [each["name"] for each in told["tuning"]["inquiries"]] == ["no costs", "losses alone"]
    assert len(told["tuning"]["inquiries"][0]["studies"]) == 2


@pytest.mark.slow
def test_twenty_studies_keep_their_promises() -> None:
    inquiries = (NOISES[0], PLANTS[0])
    card = tunings(inquiries, seeds=20, grid_worlds=10, processes=2)
    noise, plant = card.tallies
    assert len(noise.promoted) <= 2
    assert card.grids[0].optimum == Spells().warning
    assert plant.near(card.grids[0]).value >= 0.7
    assert len(plant.promoted) >= 4
    assert Mean.of([each.truth for each in plant.promoted]).value > 0.1


def test_the_page_of_the_manual_keeps_the_promises(project: Path) -> None:
    text = (project / "docs" / "scorecard.md").read_text("utf-8")
    part = text.partition(begins("tuning"))[2].partition(ends("tuning"))[0]
    assert f"{POINTS} points by TPE" in part
    for row in (f"| no costs | {SEEDS} | ", f"| losses | losses alone | {SEEDS} | "):
        assert "| yes |" in next(line for line in part.splitlines() if line.startswith(row))
