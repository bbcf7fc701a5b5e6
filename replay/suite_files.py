"""The situation suite as files: Parquet for whoever scores prompts and models on it, JSONL for whoever tunes them.

``docs/suite.md`` describes both. A file is written whole or not at all; the same suite gives the same bytes.
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.errors import DataError, TryAgainError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.llm.report import rendered, report_of
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import PALETTE
from replay.cases import CHOSEN
from replay.decisions import ActionValue, Decision, Suite, suite_from
from replay.horizons import PRIMARY, SUITE_HORIZONS

VERSION: Final = 1
"""Of the columns and keys."""

_TOOLS: Final = {int(tool) for tool in PALETTE}
_ABOUT: Final = b"alphastrike.suite"
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
SCHEMA: Final = pa.schema(
    [
        pa.field("situation", pa.int64(), nullable=False),
        pa.field("asked", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("rule", _NAME, nullable=False),
        pa.field("scope", _NAME),
        pa.field("focus", _NAME, nullable=False),
        pa.field("episode", pa.int64()),
        pa.field("cluster", pa.int64(), nullable=False),
        pa.field("action", _NAME, nullable=False),
        pa.field("tool", _NAME, nullable=False),
        pa.field("symbol", _NAME),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("ttl_hours", pa.int64(), nullable=False),
        pa.field("is_chosen", pa.bool_(), nullable=False),
        pa.field("is_redundant", pa.bool_(), nullable=False),
        pa.field("horizon", _NAME, nullable=False),
        pa.field("horizon_hours", pa.float64()),
        pa.field("advantage_log_equity", pa.float64()),
        pa.field("regret_log_equity", pa.float64()),
        pa.field("is_best", pa.bool_(), nullable=False),
    ]
)
"""One row a situation × action × horizon."""


class SuiteFiles(NamedTuple):
    """Where a suite lies."""

    parquet: Path
    jsonl: Path


def write_suite(suite: Suite, situations: Sequence[Situation], folder: Path, name: str) -> SuiteFiles:
    """Write ``NAME.suite.parquet`` and ``NAME.suite.jsonl`` into a folder, which is made.

    Args:
        suite: what is written.
        situations: as the policy was shown them, one for every decision and in the same order.
        folder: of the files.
        name: of the files; letters, digits, dot and dash.

    Raises:
        DataError: a symbol's name may not be shown to a model.
        TryAgainError: the folder cannot be written, or the disk is full.
    """
    files = SuiteFiles(folder / f"{name}.suite.parquet", folder / f"{name}.suite.jsonl")
    lines = "".join(f"{line}\n" for line in suite_lines(suite, situations))
    _written(files.parquet, lambda part: pq.write_table(suite_table(suite), part, compression="zstd"))
    _written(files.jsonl, lambda part: _fill(part, lines))
    return files


def read_suite(path: Path) -> Suite:
    """Return the suite of a Parquet file of :func:`write_suite`, its regret computed anew; plans are not in it.

    Raises:
        DataError: it is none, or of another version.
    """
    try:
        table = pq.read_table(path, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not readable: {_first_line(error)}. Write the suite again.") from None
    about = json.loads((table.schema.metadata or {}).get(_ABOUT, b"{}"))
    if about.get("version") != VERSION or table.schema.remove_metadata() != SCHEMA:
        raise DataError(f"{path} is no situation suite of version {VERSION}. Write it again.")
    rows = table.to_pylist()
    decisions = [_decision(list(own)) for _, own in groupby(rows, key=lambda row: row["situation"])]
    return suite_from(about["run"], about["policy"], tuple(decisions))


def suite_table(suite: Suite) -> pa.Table:
    """Return the suite as a table of ``SCHEMA``."""
    rows = [row for decision in suite.decisions for row in _rows(decision)]
    about = {"version": VERSION, "run": suite.run, "policy": suite.policy}
    columns = {field.name: [row[field.name] for row in rows] for field in SCHEMA}
    arrays = [pa.array(columns[field.name], type=_plain(field.type)).cast(field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA).replace_schema_metadata({_ABOUT: json.dumps(about).encode()})


def suite_lines(suite: Suite, situations: Sequence[Situation]) -> Iterator[str]:
    """Yield one JSON object a situation, on one line."""
    for decision, situation in zip(suite.decisions, situations, strict=True):
        assert decision.situation == situation.situation, "a decision and its situation have different numbers"
        yield json.dumps(
            {
                "version": VERSION,
                "run": suite.run,
                "situation": decision.situation,
                "rule": decision.rule.name.lower(),
                "scope": decision.scope or "account",
                "focus": decision.focus,
                "cluster": decision.cluster,
                "report": report_fields(situation),
                "unit": "log equity over no_action",
                "primary_horizon": PRIMARY.label,
                "actions": [_action(action) for action in decision.actions],
                "best": {
                    horizon.label: label or None for horizon, label in zip(SUITE_HORIZONS, decision.best, strict=True)
                },
                "chosen": {
                    "action": decision.chosen,
                    "by": suite.policy,
                    "interventions": list(_stood(decision, situation)),
                },
                "regret": _by_horizon(decision.regret),
            },
            separators=(",", ":"),
            allow_nan=False,
        )


def report_fields(situation: Situation) -> dict[str, Any]:
    """Return the report on a situation as a model is shown it: fixed labels and relative numbers, no time, no price."""
    sections = rendered(report_of(situation, mask=False))

    def lines(section: str) -> list[str]:
        return [] if sections[section] == "none" else sections[section].splitlines()

    symbols = [line.split(" ", 1) for line in lines("symbols")]
    return {
        "fired": json.loads(sections["fired"]),
        "account": json.loads(sections["account"]),
        "symbols": [{"symbol": name, **json.loads(rest)} for name, rest in symbols],
        "interventions": [json.loads(line) for line in lines("interventions")],
    }


def _rows(decision: Decision) -> Iterator[dict[str, Any]]:
    for action in decision.actions:
        for place, horizon in enumerate(SUITE_HORIZONS):
            yield {
                "situation": decision.situation,
                "asked": decision.asked,
                "rule": decision.rule.name.lower(),
                "scope": decision.scope,
                "focus": decision.focus,
                "episode": decision.episode,
                "cluster": decision.cluster,
                "action": action.label,
                "tool": action.tool.name.lower(),
                "symbol": action.symbol,
                "value": action.value,
                "ttl_hours": action.ttl_hours,
                "is_chosen": action.is_chosen,
                "is_redundant": action.is_redundant,
                "horizon": horizon.label,
                "horizon_hours": None if horizon.micros is None else horizon.micros / MICROS_PER_HOUR,
                "advantage_log_equity": _known(action.advantage[place]),
                "regret_log_equity": _known(decision.regret[place]),
                "is_best": action.label == decision.best[place],
            }


def _decision(rows: list[dict[str, Any]]) -> Decision:
    """Return the decision whose rows these are."""
    first = rows[0]
    by_action = [list(own) for _, own in groupby(rows, key=lambda row: row["action"])]
    actions = tuple(
        ActionValue(
            own[0]["action"],
            Tool[own[0]["tool"].upper()],
            own[0]["symbol"],
            own[0]["value"],
            own[0]["ttl_hours"],
            own[0]["is_chosen"],
            own[0]["is_redundant"],
            tuple(_number(row["advantage_log_equity"]) for row in own),
            (),
        )
        for own in by_action
    )
    best = {row["horizon"]: row["action"] for row in rows if row["is_best"]}
    return Decision(
        situation=first["situation"],
        asked=pa.scalar(first["asked"], SCHEMA.field("asked").type).value,
        rule=Rule[first["rule"].upper()],
        scope=first["scope"],
        focus=first["focus"],
        episode=first["episode"],
        cluster=first["cluster"],
        chosen=next(action.label for action in actions if action.is_chosen),
        actions=actions,
        best=tuple(best.get(horizon.label, "") for horizon in SUITE_HORIZONS),
        regret=tuple(_number(row["regret_log_equity"]) for row in by_action[0]),
    )


def _action(action: ActionValue) -> dict[str, Any]:
    return {
        "action": action.label,
        "tool": _tool(action.tool),
        "symbol": action.symbol,
        "arguments": _arguments(action.tool, action.value),
        "ttl_hours": action.ttl_hours,
        "is_of_the_grid": action.label != CHOSEN,
        "is_redundant": action.is_redundant,
        "advantage": _by_horizon(action.advantage),
    }


def _stood(decision: Decision, situation: Situation) -> Iterator[dict[str, Any]]:
    """Yield what the answer made, every intervention of it."""
    for entry in next(action.plan for action in decision.actions if action.is_chosen):
        tool = Tool(entry.tool) if entry.tool in _TOOLS else Tool.UNKNOWN
        yield {
            "tool": _tool(tool),
            "symbol": None if entry.symbol < 0 else situation.symbols[entry.symbol],
            "arguments": _arguments(tool, entry.value),
        }


def _tool(tool: Tool) -> str:
    return "halt" if tool is Tool.UNKNOWN else tool.name.lower()


def _arguments(tool: Tool, value: float) -> dict[str, float]:
    argument = PALETTE[tool].argument if tool in PALETTE else ""
    return {argument: value} if argument else {}


def _by_horizon(values: Sequence[float]) -> Mapping[str, float | None]:
    return {horizon.label: _known(value) for horizon, value in zip(SUITE_HORIZONS, values, strict=True)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")


def _fill(part: Path, text: str) -> None:
    part.write_text(text, encoding="utf-8")


def _written(path: Path, fill: Callable[[Path], None]) -> None:
    """Let a file be filled beside its place and put there: a reader sees the old one or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    except OSError as error:
        raise TryAgainError(f"cannot write {path}: {error.strerror}. Choose another folder with --out.") from error
    part = Path(name)
    os.close(handle)
    try:
        fill(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise TryAgainError(f"cannot write {path}: {error.strerror}. Free space or choose another --out.") from error
    finally:
        part.unlink(missing_ok=True)
