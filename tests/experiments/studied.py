"""A study on a recorded run, and a worker of it: ``python -m tests.experiments.studied URL NAME ROOT [SWITCHES]``."""

import argparse
import sys
from pathlib import Path

from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.computed import recorded_inputs
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import market_of, open_run
from experiments import study as studies
from experiments.asking import Sampler
from experiments.objective import Cut, Days, Objective, Trial
from experiments.space import Values, values_of
from experiments.study import Study, StudyFacts
from tests.replay.runs import often

RUN = "tuned"
CUT = Cut(folds=(Days(30, 45), Days(45, 60)), gap=8, holdout=Days(68, 80))
TUNED = ("win_rate_below", "drawdown_above", "losses", "cooldown_hours", "loss_streak_multiplier", "loss_streak_hours")


def make_run(root: Path) -> Path:
    """Record the run that studies of the tests are on; return its data root."""
    simulate_market(root, "small", ("BTCUSDT", "ETHUSDT"), 80, MICROS_PER_HOUR, 3)
    record(root, "small", "rules", name=RUN, settings=often())
    return root


def objective_of(root: Path) -> Objective:
    run = open_run(root, RUN)
    market = market_of(root, run)
    return Objective(market, recorded_inputs(run, market), often(), "rules", CUT)


def facts(name: str, trials: int = 20, sampler: Sampler = "tpe", at_once: int = 8) -> StudyFacts:
    first = {knob: value for knob, value in values_of(often()).items() if knob in TUNED}
    return StudyFacts(
        name, "small", "0" * 32, "rules", sampler, 5, trials, TUNED, first, "d", 3.0, CUT, at_once=at_once
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("root", type=Path)
    parser.add_argument("--lease", type=float, default=2.0)
    parser.add_argument("--stall-in-point", type=int, help="hang in the evaluation of this worker's n-th point, from 1")
    parser.add_argument("--stall-in-asking", type=int, help="hang while asking, before this place is added")
    arguments = parser.parse_args()
    if arguments.stall_in_asking is not None:
        _hang_before(arguments.stall_in_asking)
    evaluate = objective_of(arguments.root)
    begun = 0

    def evaluated(values: Values) -> Trial:
        nonlocal begun
        begun += 1
        if begun == arguments.stall_in_point:
            _hang()
        return evaluate(values)

    Study.open(arguments.url, arguments.name).work(
        evaluated, seconds=arguments.lease, on_done=lambda done: _say(f"done {done.place}")
    )


def _hang_before(place: int) -> None:
    """Make the asker hang while it holds the lock and has asked half of a batch."""
    waiting = studies._waiting

    def late(at: int, *rest: object) -> object:
        if at == place:
            _hang()
        return waiting(at, *rest)  # type: ignore[arg-type]

    studies._waiting = late  # type: ignore[assignment]


def _hang() -> None:
    _say("hanging")
    sys.stdin.read()  # until whoever started this process closes it


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
