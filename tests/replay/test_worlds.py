"""Many worlds: who plays in them, that they are the same however they are computed, and how their effects are told."""

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

from alphastrike.model.errors import ConfigurationError
from replay.rerun import compare
from replay.worlds import QUANTILES, Spread, Worlds, WorldTask, evaluate_world, run_worlds, spread
from tests.replay.runs import SEEDED, RecordedRuns

ARMS = ("no-llm", SEEDED)


@pytest.fixture(scope="module")
def worlds(recorded: RecordedRuns) -> Worlds:
    return run_worlds(recorded.root, recorded.open("guarded"), ["no-llm", "recorded", SEEDED], 4, seed=2)


def test_every_arm_has_one_effect_a_world(worlds: Worlds) -> None:
    assert worlds.factual == "rules"
    assert worlds.arms == ARMS
    assert worlds.count == 4
    assert worlds.left_out == (("recorded", "it is the factual arm"),)
    for arm in worlds.arms:
        assert worlds.effects[arm].shape == (4,)
        assert np.any(worlds.effects[arm] != 0.0)
    assert len(set(worlds.growth)) == 4


def test_world_k_is_the_same_whatever_their_number_and_on_two_processes(recorded: RecordedRuns, worlds: Worlds) -> None:
    told: list[tuple[str, int, int]] = []
    two = run_worlds(
        recorded.root,
        recorded.open("guarded"),
        ["no-llm"],
        2,
        seed=2,
        processes=2,
        progress=lambda *done: told.append(done),
    )
    assert two.effects["no-llm"].tobytes() == worlds.effects["no-llm"][:2].tobytes()
    assert two.growth.tobytes() == worlds.growth[:2].tobytes()
    assert two.likenesses == worlds.likenesses[:2]
    assert told == [("worlds", 0, 2), ("worlds", 1, 2), ("worlds", 2, 2)]


def test_the_recorded_history_stands_beside_its_worlds(recorded: RecordedRuns, worlds: Worlds) -> None:
    compared = compare(recorded.root, recorded.open("guarded"), ["no-llm", SEEDED])
    for effect in compared.effects:
        assert worlds.here[effect.arm] == effect.differences["log_growth"]


@pytest.mark.slow
def test_whatever_ends_the_work_leaves_no_process_behind(recorded: RecordedRuns) -> None:
    def interrupted(_stage: str, done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    before = set(multiprocessing.active_children())
    with pytest.raises(KeyboardInterrupt):
        run_worlds(recorded.root, recorded.open("guarded"), ["no-llm"], 500, processes=2, progress=interrupted)
    for process in set(multiprocessing.active_children()) - before:
        process.join(20.0)
        assert not process.is_alive()


def test_a_task_can_be_sent_and_its_world_comes_back(recorded: RecordedRuns, worlds: Worlds) -> None:
    run = recorded.open("guarded")
    task = WorldTask(recorded.root, "guarded", ("rules", "no-llm", "rules"), 3, 2, 30.0)
    world = pickle.loads(pickle.dumps(evaluate_world(pickle.loads(pickle.dumps(task)))))
    assert world.growth[0] == worlds.growth[3]
    assert world.growth[1] - world.growth[0] == worlds.effects["no-llm"][3]
    assert world.growth[2] == world.growth[0], f"the same policy in the same world of {run.name}"


def test_a_model_is_represented_by_its_stub_or_left_out(recorded: RecordedRuns) -> None:
    run = recorded.open("guarded")
    beside = run_worlds(recorded.root, run, ["llm:prompt=calm", "no-llm", "oracle"], 2)
    assert beside.arms == ("no-llm",)
    assert [arm for arm, _ in beside.left_out] == ["llm:prompt=calm", "oracle"]
    other = recorded.open("slow")
    stood = run_worlds(recorded.root, other, ["llm:prompt=calm"], 2)
    assert stood.stubs == (("llm:prompt=calm", "rules"),)
    guardian = run_worlds(recorded.root, other, ["rules"], 2)
    assert stood.effects["llm:prompt=calm"].tobytes() == guardian.effects["rules"].tobytes()


@pytest.mark.parametrize(
    ("policies", "count", "block_days", "said"),
    [
        (["no-llm"], 1, 30.0, "1 worlds are no distribution"),
        (["no-llm"], 5, 20.0, "too short"),
        (["no-llm"], 5, 60.0, "need 180"),
        (["no-lm"], 5, 30.0, "did you mean no-llm"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    recorded: RecordedRuns, policies: list[str], count: int, block_days: float, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        run_worlds(recorded.root, recorded.open("guarded"), policies, count, block_days=block_days)
    assert "\n" not in str(caught.value)


def test_nothing_is_written(recorded: RecordedRuns) -> None:
    def files(root: Path) -> list[Path]:
        return sorted(root.rglob("*"))

    before = files(recorded.root)
    evaluate_world(WorldTask(recorded.root, "guarded", ("rules",), 0, 1, 30.0))
    assert files(recorded.root) == before


def test_a_spread_is_what_its_effects_say() -> None:
    told = spread(np.array([-0.1, 0.0, 0.0, 0.1, 0.3]))
    assert isinstance(told, Spread)
    assert told.mean == pytest.approx(0.06)
    assert told.error == pytest.approx(np.std([-0.1, 0.0, 0.0, 0.1, 0.3], ddof=1) / np.sqrt(5.0))
    assert (told.positive, told.none) == (0.4, 0.4)
    assert told.quantiles[QUANTILES.index(0.5)] == 0.0
    # Wilson's interval of 2 of 5.
    assert told.positive_low == pytest.approx(0.1176, abs=1e-4)
    assert told.positive_high == pytest.approx(0.7693, abs=1e-4)


def test_a_lost_account_stays_in_the_distribution() -> None:
    told = spread(np.array([-np.inf, 0.1, 0.2, 0.3]))
    assert told.mean == -np.inf
    assert np.isnan(told.error)
    assert told.quantiles[0] == -np.inf
    assert told.quantiles[QUANTILES.index(0.5)] == 0.1
    assert told.positive == 0.75


def test_certainty_is_never_claimed_from_a_few_worlds() -> None:
    told = spread(np.full(10, 0.2))
    assert told.positive == 1.0
    assert told.positive_high == pytest.approx(1.0)
    assert told.positive_low == pytest.approx(0.7225, abs=1e-4)


def test_worlds_say_how_alike_they_are(worlds: Worlds) -> None:
    assert len(worlds.likenesses) == worlds.count
    assert worlds.original.clustering[0] > 0.0
    clustering = np.mean([one.clustering[0] for one in worlds.likenesses])
    assert clustering > 0.5 * worlds.original.clustering[0]
    correlation = np.mean([one.correlation for one in worlds.likenesses])
    assert correlation == pytest.approx(worlds.original.correlation, abs=0.1)
