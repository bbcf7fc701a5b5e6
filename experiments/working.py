"""Several processes of this machine on one study: this one, which tells how far it is, and others beside it."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from typing import Any

from experiments.objective import Objective
from experiments.study import Done, Study

Told = tuple[int, float | None]
"""Place and value of a point that somebody evaluated."""


def work_together(
    study: Study,
    objective: Objective,
    workers: int,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_done: Callable[[int, float | None], None] = lambda _place, _value: None,
) -> None:
    """Work on a study with so many processes until it is done or ``stop`` says so.

    One that dies is not replaced: its points run out of their lease, and this process evaluates them. Whatever ends
    this one ends the others; what they had evaluated is kept.

    Args:
        study: what to work on.
        objective: of its market, settings and policy.
        workers: processes, this one among them.
        stop: asked between two points.
        on_done: told place and value of every point evaluated by any of them.
    """
    context = multiprocessing.get_context("spawn")
    told: SimpleQueue[Told] = context.SimpleQueue()
    ended = context.Event()

    def should_stop() -> bool:
        while not told.empty():
            on_done(*told.get())
        return stop()

    def own(done: Done) -> None:
        on_done(done.place, done.value)

    others = [
        context.Process(target=_work, args=(study.url, study.facts.name, objective, told, ended), daemon=True)
        for _ in range(workers - 1)
    ]
    try:
        with _deaf():
            for process in others:
                process.start()
        study.work(objective, stop=should_stop, on_done=own)
    finally:
        ended.set()
        for process in others:
            # One that waits for room to tell us is let go on.
            while process.is_alive():
                should_stop()
                process.join(0.05)
        should_stop()


def _work(url: str, name: str, objective: Objective, told: Any, ended: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Study.open(url, name).work(objective, stop=ended.is_set, on_done=lambda done: told.put((done.place, done.value)))


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that begin inside not hear Ctrl-C: the one at the terminal ends them in order."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
