"""Keeping a branch as a run: its account half as computed, its perception that of its parent, byte for byte."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphastrike.engine.history import AccountRun
from alphastrike.journal.folders import check_run_name
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.manifest import Manifest, Parent, RunFacts
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import RunWriter
from alphastrike.journal.tables import Rows
from alphastrike.market.market import Market
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.recorded_answers import key_of
from alphastrike.policy.tools import ToolCall
from alphastrike.runs.computed import computed_on
from alphastrike.runs.environment import bits_decided_by, machine, versions
from alphastrike.runs.model_calls import ANSWERS, CALLS, InputNumbers, call_tables
from alphastrike.runs.recorder import default_name, include_market, write_computed
from alphastrike.runs.registry import runs_folder, unused_name
from alphastrike.runs.reuse import PERCEPTION_TABLES, is_perception_whole

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation


def branch_name(root: Path, origin: Run, situation: int, calls: Sequence[ToolCall]) -> str:
    """Return what a branch is called unless told otherwise: RUN-at-N-TOOL, with a number when that is taken."""
    said = "-".join(
        "-".join(str(part) for part in (call.code.name.lower(), call.about or "", f"{call.value:g}" * bool(call.value)))
        for call in calls
    )
    return unused_name(root, default_name(f"{origin.name}-at-{situation}", said.replace("--", "-")))


def check_can_be_kept(root: Path, origin: Run, name: str) -> None:
    """Refuse what could not be kept in the end, before anything is computed.

    Raises:
        ConfigurationError: the name is no folder's or taken, or the run is a live one.
        DataError: another version recorded the run.
    """
    check_run_name(name)
    if (runs_folder(root) / name).exists():
        raise ConfigurationError(f"a run called {name!r} exists ({runs_folder(root) / name}). Choose another --name.")
    stated = origin.manifest
    if origin.is_live:
        raise ConfigurationError(
            f"{origin.name!r} is a live run: it holds its market as it came, and a branch of it cannot be kept. Pass "
            "--no-save for the figures alone."
        )
    if bits_decided_by(stated.versions, stated.machine) != bits_decided_by(versions(), machine()):
        raise DataError(
            f"run {origin.name!r} was recorded by another version or on another machine: a branch kept here would be "
            "made of both. Record it again, or pass --no-save for the figures alone."
        )


def record_branch(
    root: Path,
    origin: Run,
    parent: Parent,
    market: Market,
    account: AccountRun,
    *,
    name: str,
    talks: "Sequence[Conversation]" = (),
    progress: Progress = silent,
) -> Manifest:
    """Write a branch of a recorded run. Whatever interrupts it leaves nothing behind.

    Args:
        root: the data root.
        origin: the run it left.
        parent: where it left, and what it did there.
        market: of both.
        account: its account half over the whole market.
        name: what it is called.
        talks: with a model, in the branch alone.
        progress: told of the writing.

    Raises:
        ConfigurationError: a run of that name was made meanwhile.
        DataError: the parent's files are damaged.
        TryAgainError: the disk is full.
    """
    created = datetime.now(UTC)
    facts = origin.manifest
    if not is_perception_whole(origin):
        raise DataError(
            f"files of run {origin.name!r} were changed after sealing; `alphastrike verify {origin.name} --quick` "
            "names them. Restore them, or pass --no-save for the figures alone."
        )
    computed = computed_on(market, facts.perception_digest, account)
    with RunWriter(runs_folder(root) / name, market.symbols) as writer:
        calls = _calls(origin, parent.situation, talks) if origin.numbers_inputs else None
        if calls is None:
            writer.take_over(origin.folder, facts, PERCEPTION_TABLES)
        else:
            # Other calls of the model give the rows of perception other numbers: their values are the parent's.
            numbers = InputNumbers(calls[CALLS][1], calls[ANSWERS][1])
            for table in PERCEPTION_TABLES:
                rows = origin.rows(table)
                writer.append(origin.kind(table), rows, numbers.seq(table, rows))
        write_computed(writer, computed, progress, calls)
        if origin.is_self_contained:
            include_market(writer, origin.folder, facts.market.name)
        return writer.seal(
            RunFacts(
                name=name,
                created=created,
                market=facts.market,
                policy=facts.policy,
                parent=parent,
                seed=facts.seed,
                settings=facts.settings,
                versions=versions(),
                machine=machine(),
                symbols=facts.symbols,
                digest=computed.digest,
                account_digest=computed.account_digest,
                perception_digest=computed.perception_digest,
            )
        )


def _calls(origin: Run, situation: int, talks: "Sequence[Conversation]") -> Mapping[str, tuple[Kind, Rows]]:
    """Return what the model was asked up to the fork, and in the branch after it."""
    later = call_tables(talks)
    return {
        name: (KINDS[name], _joined(_earlier(origin, name, situation), later[name][1])) for name in (CALLS, ANSWERS)
    }


def _earlier(origin: Run, name: str, situation: int) -> Records:
    rows = origin.rows(name)
    return rows[np.array([key_of(str(key))[0] < situation for key in rows["key"]], dtype=np.bool_)]


def _joined(*parts: Any) -> Any:
    return np.concatenate(parts).view(np.recarray)
