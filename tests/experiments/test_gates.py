"""Gates tell a planted optimum from the best of many that are worth nothing, and say what they found."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from experiments.gates import Evidence, evidence, gates
from experiments.objective import Cut, Days, Trial
from experiments.space import SPACE
from experiments.study import Done
from experiments.walking import plateau_share, walk, winner

CUT = Cut(folds=(Days(60, 120), Days(120, 180), Days(180, 240), Days(240, 300)), gap=8, holdout=Days(308, 370))
LOSSES = tuple(knob for knob in SPACE if knob.name == "losses")
FILLS = {"optimistic": 0.2, "base": 0.1, "pessimistic": 0.05}
NAMES = (
    "evidence",
    "walk-forward",
    "overfitting",
    "deflated Sharpe",
    "superior ability",
    "fill band",
    "hold-out",
)


def trial(differences: np.ndarray, losses: float = 5, asked: int = 1, interventions: int = 30) -> Trial:
    days = len(differences)
    return Trial({"losses": losses}, differences, np.full(days, asked), interventions, 20, 0.1)


def done(place: int, found: Trial) -> Done:
    return Done(place, found, found.value(CUT))


def study(edge: Callable[[int], float], points: int = 12, seed: int = 1, noise: float = 0.01) -> list[Done]:
    """Points whose days are noise of their own and of all, around an edge of each; only the edge is worth anything."""
    random = np.random.default_rng(seed)
    common = random.normal(0.0, noise, 370)
    return [
        done(place, trial((0.3 * common + random.normal(0.0, noise, 370) + edge(place))[:300], losses=2 + place % 11))
        for place in range(points)
    ]


def planted(place: int) -> float:
    return 0.004 - 0.0006 * abs(place - 5)


def holdout(mean: float) -> Trial:
    return trial(np.concatenate([np.zeros(308), np.full(62, mean)]))


def weighed(trials: list[Done]) -> Evidence:
    return evidence(trials, CUT, 1.0)


@cache
def found_planted() -> Evidence:
    return weighed(study(planted))


def test_a_planted_optimum_passes_every_gate() -> None:
    found = found_planted()
    assert found.best is not None
    assert found.best.place == 5
    judged = gates(found, CUT, FILLS, holdout(0.001))
    assert [gate.name for gate in judged] == list(NAMES)
    assert [gate.standing for gate in judged] == ["passed"] * len(NAMES)
    assert found.headline is not None
    assert found.headline.low < found.stitched < found.headline.high


@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_many_worth_nothing_fails(seed: int) -> None:
    found = weighed(study(lambda _place: 0.0, points=20, seed=seed))
    assert found.best is not None
    assert (found.best.value or 0.0) > 0.0, "it looks good all the same"
    judged = {gate.name: gate for gate in gates(found, CUT, FILLS, holdout(0.001))}
    assert not judged["deflated Sharpe"].passed
    assert not judged["walk-forward"].passed or not judged["superior ability"].passed


@pytest.mark.parametrize(
    ("fills", "last", "failed"),
    [
        (FILLS, 0.001, []),
        ({**FILLS, "pessimistic": -0.01}, 0.001, ["fill band"]),
        ({**FILLS, "pessimistic": None}, 0.001, ["fill band"]),
        (FILLS, 0.0, ["hold-out"]),
        (FILLS, -0.001, ["hold-out"]),
    ],
)
def test_each_of_the_last_gates_stands_alone(fills: dict[str, float | None], last: float, failed: list[str]) -> None:
    judged = gates(found_planted(), CUT, fills, holdout(last))
    assert [gate.name for gate in judged if not gate.passed] == failed


def test_what_nobody_looked_at_is_open_and_not_passed() -> None:
    judged = gates(found_planted(), CUT)
    assert [(gate.name, gate.standing) for gate in judged[-2:]] == [("fill band", "open"), ("hold-out", "open")]
    assert "62 days" in judged[-1].found


def test_points_that_came_to_nothing_count_among_those_looked_at() -> None:
    few = found_planted()
    silent = [done(12 + n, trial(np.zeros(300), asked=0)) for n in range(200)]
    many = weighed([*study(planted), *silent])
    assert few.deflated is not None
    assert many.deflated is not None
    assert many.best is not None
    assert many.best.place == 5
    assert many.deflated.trials == 212
    assert many.deflated.expected > few.deflated.expected


def test_without_a_point_that_was_asked_about_there_is_one_gate_and_it_fails() -> None:
    found = weighed([done(0, trial(np.zeros(300), asked=0))])
    assert found.best is None
    assert [(gate.name, gate.passed) for gate in gates(found, CUT)] == [("evidence", False)]
    assert found.stitched == 0.0


def test_points_that_never_moved_are_weighed_and_fail() -> None:
    found = weighed([done(place, trial(np.zeros(300))) for place in range(3)])
    assert found.best is not None
    assert found.headline is None
    assert "too little happened" in gates(found, CUT)[1].found
    assert not any(gate.passed for gate in gates(found, CUT)[1:])


def test_a_fold_is_chosen_for_from_its_own_past_alone() -> None:
    early, late = np.zeros(300), np.zeros(300)
    early[:112], late[112:] = 0.001, 0.002
    stitched = walk([done(0, trial(early)), done(1, trial(late))], CUT, 1.0)
    assert [step.place for step in stitched.steps] == [0, 0, 1, 1]
    assert [step.value for step in stitched.steps] == pytest.approx([52 / 60 * 0.365, 0.0, 0.73, 0.73])
    assert stitched.steps[0].past == pytest.approx(0.365)
    assert len(stitched.differences) == 240
    assert stitched.differences.sum() == pytest.approx(52 * 0.001 + 120 * 0.002)
    later = late.copy()
    later[240:] = -1.0
    again = walk([done(0, trial(early)), done(1, trial(later))], CUT, 1.0)
    assert [step.place for step in again.steps] == [0, 0, 1, 1], "what comes after is not looked at"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (trial(np.full(300, -0.001)), "worth less than nothing"),
        (trial(np.full(300, 0.001), asked=0), "no evidence"),
        (trial(np.full(300, 0.001), interventions=301), "too many interventions"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_nobody_is_asked_where_nothing_may_be_chosen(found: Trial, why: str) -> None:
    stitched = walk([done(0, found)], CUT, 1.0)
    assert [step.place for step in stitched.steps] == [None] * 4, why
    assert not stitched.differences.any()


def test_of_equal_points_the_first_wins_and_those_that_ask_too_much_never() -> None:
    flat = [done(place, trial(np.full(300, 0.001))) for place in range(3)]
    loud = done(3, trial(np.full(300, 0.01), interventions=301))
    best = winner([*flat, loud], 1.0)
    assert best is not None
    assert best.place == 0
    assert winner([loud], 1.0) is None


@pytest.mark.parametrize(
    ("values", "share"),
    [({5: 1.0, 6: 0.95, 4: 0.5}, 0.5), ({5: 1.0, 6: 0.95, 4: 0.9}, 1.0), ({5: 1.0, 12: 1.0}, float("nan"))],
)
def test_a_plateau_is_the_share_of_near_points_worth_nearly_as_much(values: dict[int, float], share: float) -> None:
    points = [
        done(place, trial(np.full(300, value / 365.0), losses=losses))
        for place, (losses, value) in enumerate(values.items())
    ]
    assert plateau_share(points, points[0], LOSSES) == pytest.approx(share, nan_ok=True)
