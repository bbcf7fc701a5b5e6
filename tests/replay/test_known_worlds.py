"""Verdicts where the truth is known: better where de-risking helps, not better by chance, none on little."""

from pathlib import Path

import pytest

from alphastrike.config.resolve import resolve
from alphastrike.market.planted import plant_named
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from experiments.scorecard_worlds import FREQUENT, SYMBOLS, WATCHFUL, ArmPath, judged
from replay.compare import Comparison
from replay.effect import active_times, returns, sampled
from replay.inference import EPISODES_MIN
from replay.rerun import compare
from replay.verdict import Standing, verdict
from tests.replay.runs import OFTEN, RecordedRuns


def compared(
    root: Path, policy: str, against: str, *, plant: str = "", days: int = 180, seed: int = 1, watchful: bool = False
) -> Comparison:
    """Record the first policy on a market and replay it under the second."""
    settings = resolve(None, WATCHFUL if watchful else FREQUENT)
    planted = plant_named(plant) if plant else None
    simulate_market(root, "known", SYMBOLS, days, MICROS_PER_HOUR, seed, plant=planted)
    record(root, "known", policy, name="known", settings=settings)
    return compare(root, open_run(root, "known"), [against])


def test_where_less_size_truly_helps_the_guardian_is_better(data_root: Path) -> None:
    plant = "leverage-crash:dose=1.5"
    done = compared(data_root, "no-llm", "rules", plant=plant, watchful=True)
    said = verdict(done.effects[0])
    assert said.standing is Standing.BETTER
    assert "rules grew more than no-llm" in said.headline
    assert done.effects[0].episodes >= EPISODES_MIN
    # And the page says how the market was made.
    assert f"--plant {plant}" in done.origin.commands[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_tool_on_a_usual_market_is_not_better(data_root: Path, seed: int) -> None:
    done = compared(data_root, "no-llm", "random:seed=1", seed=seed)
    said = verdict(done.effects[0])
    assert said.standing is Standing.NOT_BETTER
    assert said.headline.startswith("Not better: random:seed=1")
    assert done.effects[0].episodes >= EPISODES_MIN


def test_five_interventions_are_not_enough_evidence(data_root: Path) -> None:
    done = compared(data_root, "rules", "no-llm", days=48, seed=2)
    assert done.metrics[0].interventions == 5
    said = verdict(done.effects[0])
    assert said.standing is Standing.NOT_ENOUGH
    assert said.headline.startswith("Not enough evidence")
    assert f"at least {EPISODES_MIN - done.effects[0].episodes} more" in said.evidence


def test_the_scorecard_judges_the_interval_that_replay_prints(recorded: RecordedRuns) -> None:
    assert FREQUENT == OFTEN
    done = compare(recorded.root, recorded.open("guarded"), ["no-llm"])
    start = done.origin.start_equity
    factual, other = (
        ArmPath(
            returns(sampled(arm.tables["equity"], start, MICROS_PER_DAY)[1]), tuple(active_times(arm.tables).values())
        )
        for arm in done.arms
    )
    scored, printed = judged(other, factual), done.effects[0]
    assert printed.growth is not None
    assert (scored.printed.low, scored.printed.high) == (printed.growth.low, printed.growth.high)
    assert scored.block_days == printed.growth.block_days
    assert scored.episodes == printed.episodes
    assert scored.effect == pytest.approx(printed.differences["log_growth"], rel=1e-9)
