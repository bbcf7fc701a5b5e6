"""The recording of a run gives the run again: late, failed, rejected and crowded-out answers among the others."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastrike.policy.policies import Answered, Random
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import AdjustConviction, AdjustLeverage, AdjustPositionSize, NoAction, RejectedCall
from replay.arms import Recorded, recorded_answers
from tests.engine.worlds import World, eventful, same


class Moody:
    """Answers well, badly, late and too much, by the number of the situation."""

    name = "moody"

    def answer(self, situation: Situation) -> Answered:
        symbol = situation.focus
        good = AdjustPositionSize(symbol=symbol, multiplier=0.5, reason="good")
        strange = AdjustPositionSize(symbol="DOGEUSDT", multiplier=0.5, reason="who?")
        loose = AdjustConviction(symbol=symbol, threshold=80, reason="loose")
        crowd = tuple(AdjustLeverage(new_leverage=3.0, reason="again", ttl_hours=168) for _ in range(4))
        rejected = RejectedCall("unknown_tool: 'moon' is no tool", words="to the moon")
        hour = 3_600_000_000
        answers = (
            Answered((good,), 0),
            Answered((strange, loose), 0),
            Answered((strange, strange, strange, strange), 0),
            Answered((rejected,), 0, failed="moody gave no usable call"),
            Answered((), 0, failed="moody raised"),
            Answered((good, strange), hour // 2),
            Answered((good,), 9 * hour),
            Answered(crowd, 0),
            Answered((NoAction(reason="fine"),), 0),
        )
        return answers[situation.situation % len(answers)]


def replayed(made: World, **options: Any) -> bool:
    run = made.run(**options)
    recording = Recorded("made", recorded_answers(run.tables, made.market.symbols))
    again = made.run(answer=recording)
    assert again.state == run.state
    return same(again.tables, run.tables)


@pytest.mark.parametrize("mode", ["rules", "halt", "no_action"])
@pytest.mark.parametrize("seed", range(4))
def test_a_recording_of_bad_answers_gives_the_bits_of_its_run(seed: int, mode: str) -> None:
    made = eventful(seed)
    policy = made.settings.policy.model_copy(update={"on_failure": mode, "deadline_s": 7_200.0})
    made = World(made.market, made.inputs, made.settings.model_copy(update={"policy": policy}))
    assert replayed(made, answer=Moody())


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_a_recording_gives_the_bits_of_its_run(seed: int) -> None:
    assert replayed(eventful(seed, ticks=240), policy=Random(seed))
