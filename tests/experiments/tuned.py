"""How the study of the tests is made."""

from typing import Final

from tests.replay.runs import OFTEN

NEVER: Final = (
    *OFTEN,
    "account.triggers.losses=50",
    "account.triggers.win_rate_below=0",
    "account.triggers.drawdown_above=1.0",
)
TRIALS: Final = 12
ONLY: Final = ("losses", "drawdown_above", "cooldown_hours", "loss_streak_multiplier")
SEARCH: Final = ("--trials", str(TRIALS), "--folds", "2", "--calls-a-day", "5", "--only", ",".join(ONLY))
HOW: Final = (*SEARCH, "--no-track")
REFERENCE: Final = "reference"
"""Name of the study: one worker, undisturbed."""
