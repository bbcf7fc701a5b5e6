"""Where a comparison comes from: market, assumptions, configuration, versions, and the commands that make it again."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alphastrike.config.settings import Settings
from alphastrike.journal.reader import Run
from alphastrike.market.intervals import interval_text
from alphastrike.market.manifest import MarketManifest
from alphastrike.market.market import Market
from alphastrike.market.store import find_market
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_SECOND
from alphastrike.runs.environment import SOURCE, versions

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


def origin_of(root: Path, run: Run, market: Market, settings: Settings, specs: list[str]) -> Origin:
    """Collect what a comparison of a run under other policies rests on."""
    facts = find_market(run.folder if run.is_self_contained else root, market.name)
    assert facts is not None, f"market {market.name} was opened and has no manifest"
    settlements = sum(each.funding for each in facts.facts)
    stated = run.manifest.versions
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
        funding_assumed=facts.funding_assumed_share if settlements else float("nan"),
        instruments_assumed=tuple(
            each.symbol for each in facts.facts if "assumed" in (each.instrument, each.margin_tiers)
        ),
        mark_source="mark prices" if settings.account.venue.mark_on_marks else "candle closes",
        settings_changed=tuple(_changed(settings.as_dict(), Settings().as_dict(), "")),
        versions=tuple(stated.items()),
        commands=tuple(_commands(root, run, facts, settings, specs)),
        remarks=tuple(_remarks(stated, facts)),
    )


def _changed(here: Any, default: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(here, dict) and isinstance(default, dict):
        for key, value in here.items():
            yield from _changed(value, default.get(key), f"{path}.{key}" if path else key)
    elif here != default:
        yield path, str(here), str(default)


def _commands(root: Path, run: Run, facts: MarketManifest, settings: Settings, specs: list[str]) -> Iterator[str]:
    data = [] if root == Path("data") else ["--data", str(root)]
    yield _line("alphastrike", *_making(facts), *data)
    overrides = [
        part
        for key, value, _ in _changed(settings.as_dict(), Settings().as_dict(), "")
        for part in ("--set", f"{key}={value}")
    ]
    asked = ["--policy", run.manifest.policy, "--name", run.name]
    yield _line("alphastrike", "record", facts.name, *asked, *overrides, *data)
    policies = [part for spec in specs for part in ("--policy", spec)]
    yield _line("alphastrike", "replay", run.name, *policies, *data)


def _making(facts: MarketManifest) -> list[str]:
    common = ["--name", facts.name, "--symbols", ",".join(facts.symbols), "--interval", interval_text(facts.interval)]
    opens = facts.start - facts.interval
    if facts.origin.how == "simulated":
        days = facts.ticks * facts.interval // MICROS_PER_DAY
        return ["simulate", *common, "--days", str(days), "--seed", str(facts.origin.seed), "--from", _day(opens)]
    files = list(facts.origin.files)
    if len(files) > FILES_TOLD_MAX:
        files = sorted({str(Path(file).parent) for file in files})
    return ["import", *files, *common, "--funding-missing", facts.origin.funding_missing]


def _remarks(stated: dict[str, str], facts: MarketManifest) -> Iterator[str]:
    if stated.get(SOURCE) != versions()[SOURCE]:
        yield (
            "The run was recorded by another version of the deciding code; re-running its recorded answers with "
            "this version gives it again bit for bit, so the arms are comparable."
        )
    if facts.origin.how == "simulated":
        yield "The market is simulated: what holds here is a property of its generator, not of any exchange."


def _line(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _day(micros: int) -> str:
    return str(datetime.fromtimestamp(micros / MICROS_PER_SECOND, UTC).date())
