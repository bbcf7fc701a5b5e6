"""Halts on realised losses: when they begin and when they lift."""

from alphastrike.model.compiled import step


@step
def drawdown_of(equity: float, peak: float) -> float:
    """Return how far equity stands below its peak, 0-1; 0 when there is no positive peak."""
    if peak <= 0.0:
        return 0.0
    return max((peak - equity) / peak, 0.0)


@step
def daily_loss(equity: float, day_start_equity: float) -> float:
    """Return the loss since the start of the UTC day as a fraction of that day's first equity, 0 for a gain."""
    if day_start_equity <= 0.0:
        return 0.0
    return max((day_start_equity - equity) / day_start_equity, 0.0)


@step
def is_halt_over(now: int, since: int, halt_for: int) -> bool:
    """Tell whether a latched halt lifts by itself; ``halt_for`` 0 means never (microseconds)."""
    return halt_for > 0 and now - since >= halt_for
