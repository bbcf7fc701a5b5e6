"""The verdict where the truth is known: worlds of a generator that was told what is worth doing in them."""

from dataclasses import replace
from functools import cache

import pytest

from experiments.scorecard_worlds import FREQUENT, SYMBOLS, WATCHFUL, Contest, Generator, SmallWorld
from replay.compare import Arm, Comparison, comparison
from replay.verdict import Standing, summary, verdicts
from tests.replay.test_verdict import ORIGIN

START_EQUITY = 100_000.0


@cache
def world_of(generator: Generator, seed: int) -> SmallWorld:
    return SmallWorld(generator, seed)


def compared(generator: Generator, seed: int, factual: str, arm: str) -> Comparison:
    world = world_of(generator, seed)
    arms = [Arm(name, name, world.tables(name), "", is_factual=name == factual) for name in (factual, arm)]
    return comparison(replace(ORIGIN, start_equity=START_EQUITY, symbols=SYMBOLS), arms)


@pytest.mark.parametrize(
    ("plant", "overrides", "days", "seed", "factual", "arm", "standing", "said"),
    [
        # A tool drawn by lot for a model: it learns nothing from what it is shown.
        ("", FREQUENT, 180, 1, "no-llm", "random:seed=1", Standing.NOT_BETTER,
            "Not better: random:seed=1 grew no more than no-llm on this history"),
        # Crashes that punish leverage: whoever takes risk off when losses begin is better off.
        ("leverage-crash", WATCHFUL, 180, 1, "no-llm", "rules", Standing.BETTER,
            "On this history rules grew more than no-llm, and the interval leaves out zero."),
        ("leverage-crash", WATCHFUL, 180, 1, "rules", "no-llm", Standing.WORSE, "rules was worth having"),
        # The same crashes, seen for too short a time.
        ("leverage-crash", WATCHFUL, 60, 2, "no-llm", "rules", Standing.NOT_ENOUGH, "Not enough evidence"),
    ],
)  # fmt: skip
def test_the_verdict_in_a_world_with_a_known_answer(
    plant: str, overrides: tuple[str, ...], days: int, seed: int, factual: str, arm: str, standing: Standing, said: str
) -> None:
    found = compared(Generator("known", (Contest("rules"),), plant, overrides, days), seed, factual, arm)
    (judged,) = verdicts(found)
    assert judged.standing is standing
    assert said in summary(found)
    if standing is Standing.NOT_ENOUGH:
        assert found.effects[0].growth is None
        assert judged.evidence == "5 episodes; at least 5 more before an interval is worth printing."
    else:
        assert found.effects[0].episodes >= 10
