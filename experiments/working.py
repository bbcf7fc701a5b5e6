"""Several processes of this machine on one study: this one, which tells how far it is, and others beside it."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from experiments.objective import Objective
from experiments.study import Done, Study


def work_together(
    study: Study,
    objective: Objective,
    workers: int,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_done: Callable[[Done], None] = lambda _: None,
    on_seen: Callable[[Mapping[int, float | None]], None] = lambda _: None,
) -> None:
    """Work on a study with so many processes until it is done or ``stop`` says so.

    One that dies is not replaced: its points run out of their lease, and this process evaluates them. Whatever ends
    this one ends the others; what they had evaluated is kept.

    Args:
        study: what to work on.
        objective: of its market, settings and policy.
        workers: processes, this one among them.
        stop: asked between two points.
        on_done: told of every point that this process evaluated.
        on_seen: told place and value of all that anybody evaluated, whenever this process looks.
    """
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    others = [
        context.Process(target=_work, args=(study.url, study.facts.name, objective, ended), daemon=True)
        for _ in range(workers - 1)
    ]
    try:
        with _deaf():
            for process in others:
                process.start()
        study.work(objective, stop=stop, on_done=on_done, on_seen=on_seen)
    finally:
        ended.set()
        for process in others:
            process.join()


def _work(url: str, name: str, objective: Objective, ended: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Study.open(url, name).work(objective, stop=ended.is_set)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes that begin inside not hear Ctrl-C: the one at the terminal ends them in order."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
