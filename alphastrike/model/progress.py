"""How long work tells how far it is, without knowing who looks."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, units done, units in all); a stage may be reported many times."""


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
