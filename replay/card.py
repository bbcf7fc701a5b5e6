"""One decision of a run by itself: what was seen, what was said, what each other tool would have done."""

from dataclasses import dataclass
from pathlib import Path

from alphastrike.journal.codes import Change
from alphastrike.journal.reader import Run
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.situation import Situation
from alphastrike.runs.transcript import Told, situation_named, transcript
from replay.decisions import Decision, decision_of
from replay.ground import ground_of
from replay.worth import Worth, worths_of


@dataclass(frozen=True, slots=True)
class Card:
    """One situation of a run."""

    run: str
    digest: str
    policy: str
    start_equity: float
    situation: Situation
    """As the policy was shown it."""
    told: Told
    """What was answered, and what became of every call."""
    decision: Decision
    """What every action of the grid was worth."""
    worths: tuple[Worth, ...]
    """What the answer's interventions were worth, without Shapley values: those depend on all the others."""


def card_of(root: Path, run: Run, number: int, *, threads: int = 1, progress: Progress = silent) -> Card:
    """Take one decision of a recorded run apart.

    Raises:
        ConfigurationError: the run has no such situation.
        DataError: the run is damaged.
    """
    situation = situation_named(run, number)
    ground = ground_of(root, run)
    rows = run.rows("interventions")
    begun = rows[(rows["change"] == Change.APPLIED) & (rows["situation"] == number)]["intervention"].tolist()
    return Card(
        run=run.name,
        digest=run.manifest.digest,
        policy=run.manifest.policy,
        start_equity=ground.start_equity,
        situation=situation,
        told=transcript(run, number)[0],
        decision=decision_of(run, ground, number),
        worths=worths_of(ground, run, begun, threads=threads, progress=progress) if begun else (),
    )
