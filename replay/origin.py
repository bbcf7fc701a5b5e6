"""Where a comparison comes from: market, assumptions, configuration, versions, and the commands that make it again."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from alphastrike.config.settings import Settings
from alphastrike.journal.manifest import Parent
from alphastrike.journal.reader import Run
from alphastrike.market.intervals import interval_text
from alphastrike.market.manifest import MarketManifest
from alphastrike.market.store import find_market
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_SECOND
from alphastrike.policy.tools import call_of
from alphastrike.runs.environment import SOURCE, versions
from replay.calls import call_text

_SIMULATED: Final = "The market is simulated: what holds here is a property of its generator, not of any exchange."

FILES_TOLD_MAX: Final = 3
"""More source files than this are told as their folder."""


@dataclass(frozen=True, slots=True)
class Origin:
    """All that a page needs to say what it rests on."""

    run: str
    digest: str
    """Of the recorded run, 32 hex digits."""
    market: str
    market_hash: str
    symbols: tuple[str, ...]
    begin: int
    end: int
    """Microseconds UTC."""
    interval: int
    """Of the market's bars, microseconds."""
    start_equity: float
    funding_assumed: float
    """Share of settlements whose rate was supplied by ``--funding-missing``, 0 to 1; NaN without settlements."""
    instruments_assumed: tuple[str, ...]
    """Symbols whose tick, lot, fees or margin tiers nobody gave."""
    mark_source: str
    settings_changed: tuple[tuple[str, str, str], ...] = ()
    """(key, value, default) of everything configured otherwise than by default."""
    versions: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def span(self) -> str:
        """First and last day, UTC."""
        return f"{_day(self.begin)} to {_day(self.end)}"


class Seen(Protocol):
    """What is told of the market that a run has seen; an opened ``Market`` is one."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def content_hash(self) -> str:
        """Over its content, 32 hex digits."""

    @property
    def symbols(self) -> SymbolTable:
        """In the order of the run."""

    @property
    def start(self) -> int:
        """Time of the first tick, microseconds UTC."""

    @property
    def interval(self) -> int:
        """Between two ticks, microseconds."""

    @property
    def ticks(self) -> int:
        """How many."""


def origin_of(
    root: Path, run: Run, market: Seen, settings: Settings, specs: list[str], *, is_rerun: bool = True
) -> Origin:
    """Collect what a comparison of a run under other policies rests on, or, unless ``is_rerun``, the run as it is."""
    stated = run.manifest.versions
    about = _of_live(root, run, settings, specs) if run.is_live else _of_history(root, run, market, settings, specs)
    return Origin(
        run=run.name,
        digest=run.manifest.digest,
        market=market.name,
        market_hash=market.content_hash,
        symbols=tuple(market.symbols),
        begin=market.start - market.interval,
        end=market.start + (market.ticks - 1) * market.interval,
        interval=market.interval,
        start_equity=settings.account.start_equity,
        funding_assumed=about.funding_assumed,
        instruments_assumed=about.instruments_assumed,
        mark_source="mark prices" if settings.account.venue.mark_on_marks else "candle closes",
        settings_changed=tuple(_changed(settings.as_dict(), Settings().as_dict(), "")),
        versions=tuple(stated.items()),
        commands=about.commands,
        remarks=(*_of_versions(stated, is_rerun=is_rerun), *about.remarks),
    )


class _About(NamedTuple):
    """What depends on where the run's market is."""

    funding_assumed: float
    instruments_assumed: tuple[str, ...]
    commands: tuple[str, ...]
    remarks: tuple[str, ...]


def _of_history(root: Path, run: Run, market: Seen, settings: Settings, specs: list[str]) -> _About:
    facts = find_market(run.folder if run.is_self_contained else root, market.name)
    assert facts is not None, f"market {market.name} was opened and has no manifest"
    settlements = sum(each.funding for each in facts.facts)
    return _About(
        facts.funding_assumed_share if settlements else float("nan"),
        tuple(each.symbol for each in facts.facts if "assumed" in (each.instrument, each.margin_tiers)),
        tuple(_commands(root, run, facts, settings, specs)),
        (_SIMULATED,) if facts.origin.how == "simulated" else (),
    )


def _of_live(root: Path, run: Run, settings: Settings, specs: list[str]) -> _About:
    """A live run holds its own inputs: the market that was its feed need not be here any more."""
    funding = run.rows("funding")
    instruments = run.table("instruments")
    assumed = zip(instruments["symbol"].to_pylist(), instruments["source"].to_pylist(), strict=True)
    feed = find_market(root, run.manifest.market.name)
    remarks = [_SIMULATED] if feed is not None and feed.origin.how == "simulated" else []
    if run.manifest.state != "complete":
        last = _moment(int(run.rows("ticks")["event_time"][-1]))
        remarks.append(f"The run has not come to its end ({run.manifest.state}): this answers for it up to {last} UTC.")
    return _About(
        float(funding["assumed"].mean()) if len(funding) else float("nan"),
        tuple(symbol for symbol, source in assumed if source == "assumed"),
        tuple(_live_commands(root, run, settings, specs)),
        tuple(remarks),
    )


def _live_commands(root: Path, run: Run, settings: Settings, specs: list[str]) -> Iterator[str]:
    data = [] if root == Path("data") else ["--data", str(root)]
    shadow = ["--shadow"] if run.manifest.live is not None and run.manifest.live.shadow else []
    asked = ["--policy", run.manifest.policy, "--name", run.name]
    feed = ["--feed", run.manifest.market.name, "--speed", "max"]
    yield _line("alphastrike", "live", *feed, *asked, *shadow, *_overrides(settings), *data)
    yield _replayed(run, specs, data)


def _changed(here: Any, default: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(here, dict) and isinstance(default, dict):
        for key, value in here.items():
            yield from _changed(value, default.get(key), f"{path}.{key}" if path else key)
    elif here != default:
        yield path, str(here), str(default)


def _commands(root: Path, run: Run, facts: MarketManifest, settings: Settings, specs: list[str]) -> Iterator[str]:
    data = [] if root == Path("data") else ["--data", str(root)]
    yield _line("alphastrike", *_making(facts), *data)
    parents = list(_parents(run.manifest.parent))
    names = [*(parent.run for parent in parents), run.name]
    asked = ["--policy", run.manifest.policy, "--name", names[0]]
    yield _line("alphastrike", "record", facts.name, *asked, *_overrides(settings), *data)
    for parent, name in zip(parents, names[1:], strict=True):
        yield _forked(parent, name, data)
    yield _replayed(run, specs, data)


def _parents(parent: Parent | None) -> Iterator[Parent]:
    """Yield where a branch and its ancestors left, the oldest first."""
    if parent is not None:
        yield from _parents(parent.parent)
        yield parent


def _forked(parent: Parent, name: str, data: list[str]) -> str:
    tools = [part for fields in parent.calls or () for part in ("--tool", call_text(call_of(fields)))]
    mode = [] if parent.mode is None else ["--mode", parent.mode]
    situation = str(parent.situation)
    return _line("alphastrike", "what-if", parent.run, "--situation", situation, *tools, *mode, "--name", name, *data)


def _overrides(settings: Settings) -> list[str]:
    changed = _changed(settings.as_dict(), Settings().as_dict(), "")
    return [part for key, value, _ in changed for part in ("--set", f"{key}={value}")]


def _replayed(run: Run, specs: list[str], data: list[str]) -> str:
    policies = [part for spec in specs for part in ("--policy", spec)]
    return _line("alphastrike", "replay", run.name, *policies, *data)


def _making(facts: MarketManifest) -> list[str]:
    common = ["--name", facts.name, "--symbols", ",".join(facts.symbols), "--interval", interval_text(facts.interval)]
    opens = facts.start - facts.interval
    if facts.origin.how == "simulated":
        days = facts.ticks * facts.interval // MICROS_PER_DAY
        made = ["simulate", *common, "--days", str(days), "--seed", str(facts.origin.seed), "--from", _day(opens)]
        made += ["--without", ",".join(facts.origin.without)] if facts.origin.without else []
        made += ["--weather", "stationary"] if facts.origin.stationary else []
        return [*made, "--plant", facts.origin.plant] if facts.origin.plant else made
    files = list(facts.origin.files)
    if len(files) > FILES_TOLD_MAX:
        files = sorted({str(Path(file).parent) for file in files})
    return ["import", *files, *common, "--funding-missing", facts.origin.funding_missing]


def _of_versions(stated: dict[str, str], *, is_rerun: bool) -> Iterator[str]:
    if stated.get(SOURCE) != versions()[SOURCE]:
        if not is_rerun:
            yield "The run was recorded by another version of the deciding code than the one that made this page."
            return
        yield (
            "The run was recorded by another version of the deciding code; re-running its recorded answers with "
            "this version gives it again bit for bit, so the arms are comparable."
        )


def _line(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _moment(micros: int) -> str:
    return datetime.fromtimestamp(micros / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M")


def _day(micros: int) -> str:
    return str(datetime.fromtimestamp(micros / MICROS_PER_SECOND, UTC).date())
