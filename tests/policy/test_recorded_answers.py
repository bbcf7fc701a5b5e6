"""An answer survives its journey through the journal."""

import pytest

from alphastrike.journal.codes import Tool
from alphastrike.model.errors import DataError
from alphastrike.policy.policies import Answered
from alphastrike.policy.recorded_answers import answer_of, answer_text
from alphastrike.policy.tools import (
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    DisableAsset,
    DisableShorts,
    NoAction,
    RejectedCall,
    SendAlert,
)


@pytest.mark.parametrize(
    "answered",
    [
        Answered((NoAction(reason="calm"),), 5),
        Answered(
            (
                AdjustConviction(symbol="BTCUSDT", threshold=90, reason="a", ttl_hours=7),
                AdjustPositionSize(symbol="ETHUSDT", multiplier=0.5, reason="“quoted” \\ and\nbroken"),
                DisableAsset(symbol="SOLUSDT", duration_hours=24, reason="c"),
            ),
            1_234_567,
            "",
            (("fence", 2),),
        ),
        Answered((AdjustLeverage(new_leverage=2.5, reason="d"), DisableShorts(symbol="BTCUSDT", reason="e")), 0),
        Answered((SendAlert(severity="warning", message="f"),), 1),
        Answered((RejectedCall("malformed: x", Tool.UNKNOWN, None, 0.0, "y"),), 9, "gave no usable call"),
        Answered((), 3, "raised ValueError"),
    ],
)
def test_what_was_answered_is_read_back(answered: Answered) -> None:
    assert answer_of(answer_text(answered), answered.latency_us) == answered


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"calls": 3}', '{"calls": [{"tool": "buy"}], "failed": "", "drifts": []}']
)
def test_what_is_no_answer_is_told(text: str) -> None:
    with pytest.raises(DataError, match="recorded answer"):
        answer_of(text, 0)
