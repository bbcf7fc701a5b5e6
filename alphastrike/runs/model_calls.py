"""What a run asked of its model: into the journal, and out of it again to be checked and shown.

Calls and answers are inputs: nobody can derive them anew. In a run over history they take numbers of their own, each
after the tick that asked, so that ``seq`` counts every input; ``market_seq`` stays the market's.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.journal.codes import Change
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.reader import Run
from alphastrike.journal.tables import Rows
from alphastrike.model.compiled import Records
from alphastrike.model.errors import AlphaStrikeError
from alphastrike.model.symbols import SymbolTable
from alphastrike.policy.recorded_answers import answer_key, answer_text, key_of
from alphastrike.policy.settings import LlmSettings
from alphastrike.policy.situation import Situation, situation_from

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation
    from alphastrike.policy.llm.policy import LlmPolicy
    from alphastrike.policy.llm.sources import CallKey, RecordedCalls

CALLS: Final = "llm_calls"
ANSWERS: Final = "llm_answers"

_FOLLOWING: Final = frozenset({"advice", "tool_calls", "alerts"})
"""Kinds whose rows follow from answers, never from the market alone."""

Tables = Mapping[str, Any]
"""Records by kind."""


def call_tables(talks: Sequence["Conversation"]) -> dict[str, tuple[Kind, Records]]:
    """Return the rows of both kinds for conversations in the order in which they were held.

    They stand where their situations were asked.
    """
    from alphastrike.policy.llm.rows import answer_row, call_rows

    rows: dict[str, list[tuple[Any, ...]]] = {CALLS: [], ANSWERS: []}
    for talk in talks:
        seq = talk.situation.market_seq
        key = answer_key(talk.situation.situation, is_followed=False)
        rows[CALLS] += [(seq, *row) for row in call_rows(talk, key)]
        rows[ANSWERS].append((seq, *answer_row(talk, key)))
    return {
        name: (KINDS[name], np.array(found, dtype=KINDS[name].record).view(np.recarray)) for name, found in rows.items()
    }


class InputNumbers:
    """The numbering of a history run with a model: which ``seq`` a row of each kind gets."""

    def __init__(self, calls: Rows, answers: Rows) -> None:
        """Number the inputs of a model: at each tick its calls, then its answers.

        Args:
            calls: rows of ``llm_calls``, in order.
            answers: rows of ``llm_answers``, in order.
        """
        at = [np.asarray(rows["market_seq"], dtype=np.int64) for rows in (calls, answers)]
        both = np.concatenate(at)
        order = np.argsort(both, kind="stable")
        self._at = both[order]
        place = np.empty(len(both), dtype=np.int64)
        place[order] = np.arange(1, len(both) + 1)
        self._own = {CALLS: at[0] + place[: len(at[0])], ANSWERS: at[1] + place[len(at[0]) :]}

    def seq(self, kind: str, rows: Rows) -> npt.NDArray[np.int64]:
        """Return ``seq`` of each row: its market number and the model's inputs before it."""
        if kind in self._own:
            return self._own[kind]
        market_seq = np.asarray(rows["market_seq"], dtype=np.int64)
        after = np.searchsorted(self._at, market_seq, side="right")
        if kind in _FOLLOWING:
            return market_seq + after
        before = np.searchsorted(self._at, market_seq, side="left")
        if kind == "interventions":
            return market_seq + np.where(rows["change"] == int(Change.APPLIED), after, before)
        return market_seq + before


def situations_of(tables: Tables, symbols: SymbolTable, settings: Settings, only: int | None = None) -> list[Situation]:
    """Return every situation that the records hold, as the policy was shown it, in order of number.

    Args:
        tables: records of the kinds ``situations``, ``situation_symbols`` and ``interventions``.
        symbols: the run's.
        settings: the run's.
        only: number of the one wanted, when not all are.
    """
    lines = tables["situation_symbols"]
    changes = tables["interventions"]
    rows = tables["situations"]
    found = []
    for row in rows if only is None else rows[rows["situation"] == only]:
        number = int(row["situation"])
        own = lines[lines["situation"] == number]
        found.append(situation_from(row, own, _live(changes, row), symbols, settings.baseline()))
    return found


def _live(changes: Records, row: Records) -> list[Records]:
    """Return the interventions that were live when a situation was asked: begun before, and not ended by its tick."""
    begun = changes[(changes["change"] == int(Change.APPLIED)) & (changes["market_seq"] < row["market_seq"])]
    # A tick ends what has expired before it asks; a person revokes after it.
    expired = changes[(changes["change"] == int(Change.EXPIRED)) & (changes["market_seq"] <= row["market_seq"])]
    revoked = changes[(changes["change"] == int(Change.REVOKED)) & (changes["market_seq"] < row["market_seq"])]
    over = {*expired["intervention"].tolist(), *revoked["intervention"].tolist()}
    return [one for one in begun if int(one["intervention"]) not in over]


@dataclass(frozen=True)
class Asked:
    """One call of a run."""

    key: "CallKey"
    row: Records
    """Of ``llm_calls``."""


def calls_of(run: Run) -> list[Asked]:
    """Return the calls of a run's own account, in order."""
    rows = run.rows(CALLS)
    if not len(rows):
        return []
    from alphastrike.policy.llm.sources import CallKey

    found = []
    for row in rows:
        number, is_followed = key_of(str(row["key"]))
        if not is_followed:
            found.append(Asked(CallKey(number, int(row["sample"]), int(row["attempt"])), row))
    return found


def model_settings(run: Run, settings: Settings) -> LlmSettings:
    """Return the model's settings in a run: those it was recorded with, and the options of its policy's name."""
    from alphastrike.policy.llm.composing import with_options

    _, _, typed = run.manifest.policy.partition(":")
    options = dict(part.split("=", 1) for part in typed.split(",") if part)
    return with_options(settings.llm, options)


def asking_again(run: Run, settings: Settings, calls: Sequence[Asked]) -> "tuple[LlmPolicy, RecordedCalls]":
    """Return the run's policy as it was, with calls of the run in place of a server, errors too.

    Args:
        run: the run.
        settings: its settings.
        calls: those about one situation.
    """
    from alphastrike.policy.llm.completion import Identity
    from alphastrike.policy.llm.policy import LlmPolicy
    from alphastrike.policy.llm.rows import completion_of, prompt_of_row
    from alphastrike.policy.llm.sources import RecordedCalls

    first = calls[0].row
    source = RecordedCalls({one.key: completion_of(one.row) for one in calls})
    policy = LlmPolicy(
        run.manifest.policy,
        model_settings(run, settings),
        prompt_of_row(first),
        Identity("", str(first["digest"]), is_remote=False),
        source,
        ttl_hours=settings.policy.ttl_hours,
    )
    return policy, source


def call_faults(run: Run, settings: Settings, tables: Tables, symbols: SymbolTable) -> list[str]:
    """Return in one line each what a run states about its model and is not so.

    Each prompt is rendered again from its situation and compared by hash, and each recorded response read again must
    give the recorded answer.
    """
    faults: list[str] = []
    calls: dict[int, list[Asked]] = defaultdict(list)
    for one in calls_of(run):
        calls[one.key.situation].append(one)
    if not calls:
        return []
    answers = {key_of(str(row["key"])): row for row in run.rows(ANSWERS)}
    by_number = {situation.situation: situation for situation in situations_of(tables, symbols, settings)}
    for number, made in calls.items():
        where = f"llm_calls: situation {number}"
        if number not in by_number:
            faults.append(f"{where} was asked about, and is none of the run's")
            continue
        policy, source = asking_again(run, settings, made)
        try:
            answered = policy.answer(by_number[number])
        except AlphaStrikeError as error:
            faults.append(f"{where}: {error}".rstrip("."))
            continue
        faults += [f"{where}, {fault}" for fault in _request_faults(made, source)]
        row = answers.get((number, False))
        if row is None:
            faults.append(f"{where} has calls and no answer")
        elif answer_text(answered) != row["answer"]:
            faults.append(f"{where}: its responses, read again, give another answer than the recorded one")
    return faults


def _request_faults(made: Sequence[Asked], source: "RecordedCalls") -> Iterator[str]:
    """Say which requests are not those that the situation leads to now."""
    for one in made:
        place = f"sample {one.key.sample}, attempt {one.key.attempt}"
        request = source.asked.get(one.key)
        if request is None:
            yield f"{place}: the responses, read again, do not lead to this call"
        elif request.key != one.row["request_key"]:
            held = json.loads(str(one.row["parts"]))
            parts = [name for name, digest in request.parts.items() if held.get(name) != digest]
            yield (
                f"{place}: the prompt rendered again is not what was asked; they differ in "
                f"{', '.join(parts) or 'the recorded key'}"
            )
