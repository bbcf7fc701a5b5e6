"""When the strategy opens a position."""

from typing import Annotated, NamedTuple

from annotated_types import Ge, Le

from alphastrike.model.compiled import step


class EntryParams(NamedTuple):
    """Levels of conviction between which a position lives."""

    conviction_floor: Annotated[float, Ge(0), Le(100)] = 80.0
    """Entries need at least this conviction (points)."""
    exit_level: Annotated[float, Ge(0), Le(100)] = 20.0
    """A position is left when conviction falls below it (points)."""


@step
def entry_direction(
    direction: int,
    conviction: float,
    conviction_floor: float,
    shorts_allowed: bool,
    asset_enabled: bool,
) -> int:
    """Return the side to enter, -1, 0 or +1: the forecast's, where conviction and the controls allow it."""
    if not asset_enabled or conviction < conviction_floor:
        return 0
    if direction < 0 and not shorts_allowed:
        return 0
    return direction
