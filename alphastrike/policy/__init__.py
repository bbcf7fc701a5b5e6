"""The LLM layer: what is shown, what may be said, and who answers.

What a user's own policy needs can be imported from here.
"""

from alphastrike.journal.codes import Rule, Tool
from alphastrike.policy.situation import LiveIntervention, Situation, SymbolReport
from alphastrike.policy.tools import (
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    Advice,
    DisableAsset,
    DisableShorts,
    NoAction,
    SendAlert,
)

__all__ = [
    "AdjustConviction",
    "AdjustLeverage",
    "AdjustPositionSize",
    "Advice",
    "DisableAsset",
    "DisableShorts",
    "LiveIntervention",
    "NoAction",
    "Rule",
    "SendAlert",
    "Situation",
    "SymbolReport",
    "Tool",
]
