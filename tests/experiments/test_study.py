"""A study asks the same points whoever works on it, evaluates each once, and goes on where it was left."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alphastrike.config.resolve import resolve
from alphastrike.model.errors import ConfigurationError
from experiments.asking import BATCH, Sampler, batch, grid_size
from experiments.leases import LOCK, Leases
from experiments.objective import Cut, Days, Trial
from experiments.space import SPACE, Knob, knobs_for, settings_with, values_of
from experiments.study import Study, StudyFacts

CUT = Cut(folds=(Days(10, 20), Days(20, 30)), gap=2, holdout=Days(32, 40))
TUNED = ("losses", "drawdown_above")


def facts(name: str = "small", sampler: Sampler = "tpe", trials: int = BATCH + 2, seed: int = 1) -> StudyFacts:
    first = {knob: value for knob, value in values_of(resolve()).items() if knob in TUNED}
    return StudyFacts(name, "m", "0" * 32, "rules", sampler, seed, trials, TUNED, first, "d", 1.0, CUT)


def hill(values: dict[str, float]) -> Trial:
    """Worth most at seven losses and a drawdown of a fifth; no evidence where few losses are not enough."""
    height = -((values["losses"] - 7) ** 2) / 100.0 - (values["drawdown_above"] - 0.2) ** 2
    asked = np.full(30, 0 if values["losses"] == 12 else 1)
    return Trial(dict(values), np.full(30, height / 365), asked.astype(np.int64), 3, 3, 0.1)


def worked(
    url: str, about: StudyFacts, workers: int = 1, evaluate: Callable[[dict[str, float]], Trial] = hill
) -> Study:
    study = Study.create(url, about)
    threads = [threading.Thread(target=Study.open(url, about.name).work, args=(evaluate,)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return study


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.mark.parametrize(("sampler", "workers"), [("tpe", 2), ("tpe", 4), ("nsga2", 2), ("random", 4)])
def test_one_seed_asks_the_same_points_with_any_number_of_workers(url: str, sampler: Sampler, workers: int) -> None:
    alone = worked(url, facts("alone", sampler)).done()
    together = worked(url, facts("together", sampler), workers=workers).done()
    assert [done.place for done in alone] == list(range(BATCH + 2))
    assert [(done.place, done.trial.values, done.value) for done in alone] == [
        (done.place, done.trial.values, done.value) for done in together
    ]


def test_another_seed_asks_other_points() -> None:
    points = [batch(0, BATCH, SPACE, "random", seed, [], values_of(resolve()), 3) for seed in (1, 2)]
    assert points[0][0].values == points[1][0].values
    assert all(one.values != other.values for one, other in zip(points[0][1:], points[1][1:], strict=True))


def test_what_is_configured_is_tried_first(url: str) -> None:
    assert worked(url, facts(trials=1)).done()[0].trial.values == facts().first


def test_a_study_keeps_what_a_point_came_to_bit_for_bit(url: str) -> None:
    for done in worked(url, facts()).done():
        again = hill(done.trial.values)
        assert np.array_equal(done.trial.differences, again.differences)
        assert np.array_equal(done.trial.asked, again.asked)
        assert done.value == again.value(CUT)


def test_a_point_asked_about_too_seldom_is_no_evidence(url: str) -> None:
    study = worked(url, facts(sampler="grid", trials=9))
    by_losses = {int(done.trial.values["losses"]): done.value for done in study.done()}
    assert sorted(by_losses) == [2, 7, 12]
    assert by_losses[12] is None
    assert by_losses[7] is not None


def test_a_point_of_a_lost_worker_is_evaluated_again_and_counted_once(url: str) -> None:
    about = facts(trials=BATCH)
    study = Study.create(url, about)
    taken = threading.Event()
    evaluated: list[float] = []

    class GoneError(Exception):
        pass

    def lost(_values: dict[str, float]) -> Trial:
        taken.set()
        raise GoneError

    with pytest.raises(GoneError):
        study.work(lost, seconds=0.3)
    assert taken.is_set()

    def counted(values: dict[str, float]) -> Trial:
        evaluated.append(values["losses"])
        return hill(values)

    Study.open(url, about.name).work(counted, seconds=0.3)
    assert len(evaluated) == BATCH
    assert [done.trial.values for done in study.done()] == [
        done.trial.values for done in worked(url, facts("undisturbed", trials=BATCH)).done()
    ]


def test_an_asker_that_takes_over_half_a_batch_asks_the_same(url: str) -> None:
    whole = worked(url, facts("whole", trials=BATCH + 5)).done()
    study = Study.create(url, facts("half", trials=BATCH + 5))
    study.work(hill, stop=lambda: len(study.done()) == BATCH)
    there = study._trials()
    earlier = [there[place] for place in sorted(there)][:BATCH]
    asked = batch(1, 5, study.knobs, "tpe", 1, earlier, study.facts.first, 3)
    if len(there) == BATCH:
        from experiments.study import _waiting

        for one in asked[:3]:
            study._study.add_trial(_waiting(one.place, one.values, one.notes, study.knobs))
    study.work(hill)
    assert [done.trial.values for done in study.done()] == [done.trial.values for done in whole]


def test_a_study_goes_on_only_as_itself(url: str) -> None:
    worked(url, facts(trials=BATCH))
    with pytest.raises(ConfigurationError, match="is there already"):
        Study.create(url, facts(trials=BATCH))
    with pytest.raises(ConfigurationError, match="was made with seed 1, now it is 2"):
        Study.create(url, facts(trials=BATCH, seed=2), resume=True)
    longer = Study.create(url, facts(trials=BATCH + 5), resume=True)
    longer.work(hill)
    assert len(longer.done()) == BATCH + 5
    with pytest.raises(ConfigurationError, match="there is no study 'nowhere'"):
        Study.open(url, "nowhere")


def test_a_lease_is_one_takers_until_it_runs_out(url: str) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(url)
    one, other = (Leases(engine, "s", holder, 30.0) for holder in ("one", "other"))
    one.prepare()
    assert one.take(LOCK)
    assert one.take(LOCK)
    assert not other.take(LOCK)
    assert other.take("point 1")
    assert one.holders() == {LOCK: "one", "point 1": "other"}
    one.release(LOCK)
    other.release(LOCK)
    assert other.take(LOCK)
    hasty = Leases(engine, "s", "hasty", 0.0)
    assert hasty.take("point 2")
    assert one.take("point 2")


def test_who_works_longer_than_a_lease_keeps_it(url: str) -> None:
    from sqlalchemy import create_engine, text

    leases = Leases(create_engine(url), "s", "slow", 0.3)
    leases.prepare()

    def renewed() -> int:
        with leases.engine.begin() as connection:
            return int(connection.execute(text("select taken from alphastrike_leases")).scalar_one())

    assert leases.take("point 0")
    with leases.kept("point 0"):
        waited = threading.Event()
        for _ in range(300):
            if renewed() >= 4 or waited.wait(0.1):
                break
    assert renewed() >= 4
    after = renewed()
    waited.wait(0.3)
    assert renewed() == after


def test_every_point_of_the_space_is_a_valid_configuration() -> None:
    settings = resolve()
    random = np.random.default_rng(3)
    for _ in range(50):
        values = {knob.name: knob.at(int(random.integers(0, knob.steps + 1))) for knob in SPACE}
        assert values_of(settings_with(settings, values)) == values


def test_what_is_configured_is_near_a_point_of_the_space() -> None:
    settings = resolve()
    assert settings_with(settings, {}) == settings
    near = settings_with(settings, values_of(settings))
    assert near.account.triggers._replace(drawdown_rearm=0.1) == settings.account.triggers
    assert near.policy.guardian == settings.policy.guardian


def test_only_the_guardian_has_sizes_to_tune() -> None:
    assert {knob.name for knob in knobs_for("rules")} - {knob.name for knob in knobs_for("no-llm")} >= {
        "loss_streak_multiplier"
    }


@pytest.mark.parametrize("knob", SPACE, ids=lambda knob: knob.name)
def test_a_knobs_values_lie_on_its_grid(knob: Knob) -> None:
    assert knob.at(0) == knob.low
    assert knob.at(knob.steps) == pytest.approx(knob.high)
    assert all(knob.nearest(knob.at(place)) == knob.at(place) for place in range(knob.steps + 1))
    assert knob.nearest(knob.low - 1.0) == knob.low


def test_a_grid_beyond_reason_is_refused() -> None:
    assert grid_size(SPACE[:2], 3) == 9
    with pytest.raises(ConfigurationError, match="1,594,323 points"):
        grid_size(SPACE, 3)
