"""How far the work is: bars with rate and time left on a terminal, a line a finished stage elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alphastrike.cli.console import err, figure, note
from alphastrike.model.progress import Progress, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, TaskID


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """Give the function that stages report to; nothing is shown when ``quiet``.

    A stage that reports a total of 0 does not know how much there is. Everything goes to stderr, so that results can be
    piped. The bars are taken down in order also when the work fails.
    """
    if quiet:
        yield silent
    elif err().is_terminal:
        with _bars() as bars:
            yield _Drawn(bars).report
    else:
        yield _Told().report


@dataclass
class _Drawn:
    """Stages as rich bars."""

    bars: "Bars"
    tasks: "dict[str, TaskID]" = field(default_factory=dict)

    def report(self, stage: str, done: int, total: int) -> None:
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, total=total or None)
        self.bars.update(self.tasks[stage], completed=done, total=total or None)


@dataclass
class _Told:
    """Stages as lines, each once it has finished."""

    started: dict[str, float] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)

    def report(self, stage: str, done: int, total: int) -> None:
        begun = self.started.setdefault(stage, time.monotonic())
        if done < total or total == 0 or stage in self.finished:
            return
        self.finished.add(stage)
        note(f"{stage}: {figure(total, 0)} in {figure(time.monotonic() - begun, 1)} s")


def _bars() -> "Bars":
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("  {task.description}", markup=False), BarColumn(bar_width=24), _amount(), _time(), console=err()
    )


def _amount() -> "ProgressColumn":
    """Return the column that says units done, of how many, and how many a second."""
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Amount(ProgressColumn):
        def render(self, task: Task) -> Text:
            total = f" of {figure(task.total, 0)}" if task.total is not None and not task.finished else ""
            rate = task.finished_speed or task.speed
            pace = f", {figure(rate, 0 if rate >= 10 else 1)} a second" if rate else ""
            return Text(f"{figure(task.completed, 0)}{total}{pace}")

    return Amount()


def _time() -> "ProgressColumn":
    """Return the column that says how long is left, or how long it took."""
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Time(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            if task.finished or task.time_remaining is None:
                taken = task.finished_time if task.finished else task.elapsed
                return Text(f"{figure(taken, 1)} s")
            minutes, seconds = divmod(int(task.time_remaining), 60)
            return Text(f"{minutes}:{seconds:02d} left")

    return Time()
