"""From a study to the file that everything reads: the last gates, the hold-out, thresholds and their origin."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.model.progress import Progress, silent
from experiments.gates import Evidence, Gate, evidence, gates
from experiments.objective import Objective
from experiments.space import ACTIONS, settings_with
from experiments.study import Done, Study
from experiments.tuned import OPENED, PROMOTED, Opened, opened
from experiments.tuning import Basis
from replay.fills import BAND, under

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Table

TRIGGERS: Final = (
    "win_rate_below",
    "win_rate_rearm",
    "win_rate_window",
    "drawdown_above",
    "drawdown_rearm",
    "losses",
    "cooldown_hours",
)
"""Settings of ``account.triggers`` that the space reaches."""
GUARDIAN: Final = tuple(knob.name for knob in ACTIONS)


@dataclass(frozen=True)
class Judged:
    """A study's best point before every gate."""

    best: Done | None
    gates: tuple[Gate, ...]
    opened: Opened | None

    @property
    def failed(self) -> tuple[Gate, ...]:
        """Gates that were looked at and not passed."""
        return tuple(gate for gate in self.gates if not gate.passed and not gate.is_open)

    @property
    def is_through(self) -> bool:
        """Whether every gate was passed; one that nobody looked at was not."""
        return all(gate.passed for gate in self.gates)


def judge(study: Study, basis: Basis, *, opens: bool = False, progress: Progress = silent) -> Judged:
    """Put a study's best point before every gate.

    The hold-out is opened last, only when every other gate is passed or ``opens`` says so, and once: the study notes
    for which point before anything is seen, and it never tells of another one.
    """
    facts = study.facts
    found = evidence(study.done(), facts.cut, facts.calls_a_day_max)
    if found.best is None:
        return Judged(None, gates(found, facts.cut), opened(study))
    values = found.best.trial.values
    fills: dict[str, float | None] = {}
    for done, model in enumerate(BAND):
        progress("fills", done, len(BAND))
        market, settings = under(model, basis.market, basis.settings)
        objective = replace(basis, market=market, settings=settings).objective(facts)
        fills[model.name] = objective(values).value(facts.cut)
    progress("fills", len(BAND), len(BAND))
    closed = gates(found, facts.cut, fills)
    if not opens and any(not gate.passed for gate in closed[:-1]):
        return Judged(found.best, closed, opened(study))
    return _with_holdout(study, found, fills, basis.objective(facts))


def _with_holdout(study: Study, found: Evidence, fills: Mapping[str, float | None], objective: Objective) -> Judged:
    best = found.best
    assert best is not None, "the hold-out is opened for a point"
    before = opened(study)
    if before is not None and before.place != best.place:
        closed = gates(found, study.facts.cut, fills)
        spent = Gate("hold-out", False, f"opened for point {before.place} already", closed[-1].asked)
        return Judged(best, (*closed[:-1], spent), before)
    if before is None:
        before = Opened(best.place, datetime.now(UTC).isoformat(timespec="seconds"))
        study.note(OPENED, before._asdict())
    trial = objective.holdout(best.trial.values)
    return Judged(best, gates(found, study.facts.cut, fills, trial), before)


def origin(study: Study, judged: Judged, override: str = "") -> str:
    """Return where promoted thresholds come from, in one line."""
    assert judged.best is not None, "a point is promoted"
    told = f"study {study.facts.name} point {judged.best.place}, market {study.facts.market_hash}"
    if not override:
        return told
    return f"{told}, against the gates {', '.join(gate.name for gate in judged.failed) or 'none'}: {override}"


def promote(study: Study, judged: Judged, file: Path, override: str = "") -> str:
    """Write a study's best point into a file of settings, note it in the study, and return its origin.

    Only the triggers, the guardian where it is what was tuned, and their origin are changed; the rest of the file
    stays as it is, comments and order too. The file is written whole or not at all.

    Raises:
        ConfigurationError: no point or a gate that was not passed, without ``override``; or the file is malformed.
        TryAgainError: the file cannot be written.
    """
    if judged.best is None:
        raise ConfigurationError(f"study {study.facts.name!r} has no point with evidence: there is nothing to promote.")
    if not judged.is_through and not override:
        reasons = "; ".join(f"{gate.name} ({gate.found}; asked: {gate.asked})" for gate in judged.failed)
        raise ConfigurationError(
            f"study {study.facts.name!r} is not promoted: {reasons}. --override REASON writes it all the same."
        )
    told = origin(study, judged, "" if judged.is_through else override)
    settings = settings_with(Settings.model_validate(study.facts.configured), judged.best.trial.values)
    _write(file, _changed(file, settings, study.facts.policy, told))
    earlier: list[dict[str, Any]] = study.noted(PROMOTED) or []
    entry = {
        "place": judged.best.place,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "failed": [gate.name for gate in judged.failed],
        "override": "" if judged.is_through else override,
    }
    study.note(PROMOTED, [*earlier, entry])
    return told


def check_file(file: Path) -> None:
    """Find what is wrong with the file of settings before anything is spent on it: a hold-out is opened once.

    Raises:
        ConfigurationError: the file is malformed or holds an unknown key.
        TryAgainError: its folder is not there.
    """
    if not file.parent.is_dir():
        raise TryAgainError(f"cannot write {file}: there is no folder {file.parent}. Choose another --config.")
    if file.exists():
        resolve(file)


def elsewhere(study: Study, file: Path) -> bool:
    """Tell whether a file's settings beside the thresholds are others than the study was made under."""
    ours, theirs = dict(study.facts.configured), resolve(file).as_dict()
    for tree in (ours, theirs):
        tree["account"] = {**tree["account"], "triggers": None}
        tree["policy"] = {**tree["policy"], "guardian": None, "thresholds_from": None}
    return ours != theirs


def _changed(file: Path, settings: Settings, policy: str, told: str) -> str:
    """Return the text of a file of settings with the thresholds in it."""
    import tomlkit

    if file.exists():
        resolve(file)
        document = tomlkit.parse(file.read_text(encoding="utf-8"))
    else:
        document = tomlkit.document()
    triggers = settings.account.triggers._asdict()
    _lay_in(document, ("account", "triggers"), {name: triggers[name] for name in TRIGGERS})
    if policy == "rules":
        guardian = settings.policy.guardian._asdict()
        _lay_in(document, ("policy", "guardian"), {name: guardian[name] for name in GUARDIAN})
    _lay_in(document, ("policy",), {"thresholds_from": told})
    return tomlkit.dumps(document)


def _lay_in(document: "TOMLDocument", path: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """Set values of a section, which is made where it is not there."""
    import tomlkit

    branch: TOMLDocument | Table = document
    for depth, key in enumerate(path, start=1):
        if key not in branch:
            branch[key] = tomlkit.table(is_super_table=depth < len(path))
        branch = branch[key]  # a section, or the file was refused
    for key, value in values.items():
        branch[key] = value


def _write(file: Path, text: str) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-", suffix=".part")
    except OSError as error:
        raise TryAgainError(f"cannot write {file}: {error.strerror}. Choose another --config.") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as fresh:
            fresh.write(text)
            fresh.flush()
            os.fsync(fresh.fileno())
        # What was written must be what is meant before it takes the file's place.
        resolve(part)
        part.chmod(file.stat().st_mode if file.exists() else 0o644)
        part.replace(file)
    except OSError as error:
        raise TryAgainError(f"cannot write {file}: {error.strerror}. Free space or choose another --config.") from error
    finally:
        part.unlink(missing_ok=True)
