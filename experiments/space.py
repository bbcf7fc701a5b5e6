"""What tuning may change: when the policy is asked, and how much and how long the guardian acts. All of it is here.

A value of the search space is not always a setting: what has to stay in order (a level that re-arms beside the one
that fires) is searched as the distance between the two, so that every point of the space is a valid configuration.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from alphastrike.config.settings import Settings

Values = Mapping[str, float]
"""A point of the space by name of its knobs; whole numbers for whole knobs."""


class Knob(NamedTuple):
    """One dimension of the space."""

    name: str
    low: float
    high: float
    step: float
    meaning: str

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self.step == int(self.step) and self.low == int(self.low)

    @property
    def steps(self) -> int:
        """Number of its values less one."""
        return round((self.high - self.low) / self.step)

    def at(self, place: int) -> float:
        """Return its value number ``place``, from 0."""
        value = round(self.low + place * self.step, 10)
        return int(value) if self.is_whole else value

    def nearest(self, value: float) -> float:
        """Return the value of the grid that lies nearest."""
        return self.at(min(max(round((value - self.low) / self.step), 0), self.steps))


TRIGGERS: Final = (
    Knob("win_rate_below", 0.20, 0.55, 0.01, "rolling win rate below which the trigger fires"),
    Knob("win_rate_hysteresis", 0.01, 0.15, 0.01, "win rate above that at which it is armed again"),
    Knob("win_rate_window", 10, 50, 1, "closed trades looked at"),
    Knob("drawdown_above", 0.03, 0.35, 0.01, "drawdown beyond which the trigger fires"),
    Knob("drawdown_hysteresis", 0.10, 0.90, 0.05, "share of that drawdown to be won back until it is armed again"),
    Knob("losses", 2, 12, 1, "consecutive losing trades"),
    Knob("cooldown_hours", 6, 168, 6, "hours in which the same trigger is not asked about again"),
)
ACTIONS: Final = (
    Knob("loss_streak_multiplier", 0.1, 0.9, 0.1, "the guardian's size after a loss streak"),
    Knob("loss_streak_hours", 6, 168, 6, "for how long"),
    Knob("drawdown_multiplier", 0.1, 0.9, 0.1, "the guardian's size in a drawdown"),
    Knob("drawdown_hours", 6, 168, 6, "for how long"),
    Knob("win_rate_floor", 80, 95, 1, "the guardian's conviction floor at a low win rate"),
    Knob("win_rate_hours", 6, 168, 6, "for how long"),
)
SPACE: Final = (*TRIGGERS, *ACTIONS)
"""In the order in which a sampler is asked for them."""

LONGEST_HOURS: Final = int(max(knob.high for knob in ACTIONS if knob.name.endswith("_hours")))
"""Longest life of an intervention anywhere in the space."""


def knobs_for(policy: str) -> tuple[Knob, ...]:
    """Return the knobs that can matter when this policy answers: only the guardian has sizes of its own."""
    return SPACE if policy == "rules" else TRIGGERS


def values_of(settings: Settings) -> dict[str, float]:
    """Return the point of the space nearest to what is configured."""
    triggers, guardian = settings.account.triggers, settings.policy.guardian
    exact = {
        "win_rate_below": triggers.win_rate_below,
        "win_rate_hysteresis": triggers.win_rate_rearm - triggers.win_rate_below,
        "win_rate_window": triggers.win_rate_window,
        "drawdown_above": triggers.drawdown_above,
        "drawdown_hysteresis": 1.0 - triggers.drawdown_rearm / triggers.drawdown_above,
        "losses": triggers.losses,
        "cooldown_hours": triggers.cooldown_hours,
        **{knob.name: getattr(guardian, knob.name) for knob in ACTIONS},
    }
    return {knob.name: knob.nearest(exact[knob.name]) for knob in SPACE}


def settings_with(settings: Settings, values: Values) -> Settings:
    """Return the settings with a point of the space in their place; what it does not name stays as configured."""
    at = {**values_of(settings), **values} if values else {}
    triggers = dict(settings.account.triggers._asdict())
    guardian = dict(settings.policy.guardian._asdict())
    for name in values:
        match name:
            case "win_rate_below" | "win_rate_hysteresis":
                triggers["win_rate_below"] = at["win_rate_below"]
                triggers["win_rate_rearm"] = round(min(at["win_rate_below"] + at["win_rate_hysteresis"], 1.0), 10)
            case "drawdown_above" | "drawdown_hysteresis":
                triggers["drawdown_above"] = at["drawdown_above"]
                triggers["drawdown_rearm"] = round(at["drawdown_above"] * (1.0 - at["drawdown_hysteresis"]), 10)
            case "win_rate_window" | "losses":
                triggers[name] = int(at[name])
            case "cooldown_hours":
                triggers[name] = float(at[name])
            case _:
                guardian[name] = at[name]
    tree = settings.as_dict()
    tree["account"]["triggers"] = triggers
    tree["policy"]["guardian"] = guardian
    return Settings.model_validate(tree)
