"""``alphastrike live``: the same engine, one event at a time, with a paper venue and an operator."""

import math
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphastrike.cli.options import DATA, Config, Data, Json, LlmCache, Quiet, Set

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphastrike.config.settings import Settings
    from alphastrike.journal.manifest import Manifest
    from alphastrike.journal.wal import LiveJournal
    from alphastrike.live.address import Claim
    from alphastrike.live.session import Outcome, Session
    from alphastrike.live.writer import Released
    from alphastrike.market.columns import MarketTables
    from alphastrike.model.progress import Progress
    from alphastrike.policy.policies import Policy

UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SCREEN_S: Final = 0.5
LINES_S: Final = 5.0
"""Between two lines where the output is no terminal."""
PAGE_S: Final = 20.0
"""How long the page may take when a run ends; then the command ends without it."""


def live(
    feed: Annotated[
        str | None, typer.Option("--feed", metavar="MARKET", help="Market to play.", show_default="the last run's")
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", metavar="N|max", help="How many times as fast as it happened.")
    ] = "max",
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="POLICY", help="Who answers triggers.", show_default="the last run's"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="RUN", help="Name of the run.", show_default="live-MARKET-POLICY")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a new run, though the last one could go on.")] = False,
    duration: Annotated[
        str | None,
        typer.Option("--duration", metavar="TIME", help="Stop after 30s, 1m, 2h, ...", show_default="the feed's end"),
    ] = None,
    shadow: Annotated[
        bool | None,
        typer.Option(
            "--shadow/--no-shadow",
            help="Ask, journal the advice, apply none, and estimate what following it were worth.",
            show_default="the last run's",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show the screen meanwhile.")] = False,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Write the run's page when it ends.")] = True,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    llm_cache: LlmCache = "use",
    config: Config = None,
    overrides: Set = None,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Play MARKET into the engine, one event at a time, with the paper venue, everything journaled first.

    Goes on with the last live run when that was stopped or killed and is of this market, policy and kind, unless --new
    is given. On a fresh machine it makes the sample market and lets the guardian's rules answer. Ctrl-C and SIGTERM
    finish the instant, seal the journal and exit 0; the same command goes on from there. Meanwhile `alphastrike status`
    looks at it, `alphastrike halt` takes no new risk. When it ends it writes the run's page, for which it takes at most
    20 seconds.
    """
    import asyncio

    from alphastrike.cli.configured import HERE, settings_of
    from alphastrike.cli.console import note, print_json
    from alphastrike.cli.progress import progress_bars
    from alphastrike.live.address import claim
    from alphastrike.model.errors import TryAgainError
    from reports.page import page_path

    wanted = _Wanted(
        feed,
        policy,
        shadow,
        name,
        new,
        settings_of(config, overrides, quiet=True),
        config is not None or bool(overrides),
        llm_cache,
        config is None and HERE.is_file(),
    )
    pace, seconds = _speed(speed), _duration(duration)
    hushed = quiet or as_json
    began = time.monotonic()
    place = claim(data)
    try:
        with progress_bars(hushed) as progress:
            begun = _begin(data, wanted, progress, hushed)
        with begun.journal:
            planned = page_path(out, begun.name) if page else None
            outcome = asyncio.run(_run(begun, data, place, pace, seconds, planned, watch=watch, quiet=hushed))
    finally:
        place.release()
    written, no_page = _write_page(data, begun.name, out) if page else (None, "none was wanted")
    if outcome.has_failed and written is not None:
        note(f"page {written}")
    if outcome.has_failed:
        raise TryAgainError(f"run {begun.name!r} has stopped: {outcome.reason}. `alphastrike live` goes on with it.")
    if as_json:
        ended = {"complete": outcome.is_complete, "reason": outcome.reason, "digest": outcome.digest}
        print_json({**outcome.status, **ended, "page": written, "seconds": time.monotonic() - began})
        return
    _print(begun, outcome, data, str(written) if written is not None else no_page)


@dataclass(frozen=True)
class _Wanted:
    """What the command line asks for; ``None`` where it leaves the choice to the last run."""

    feed: str | None
    policy: str | None
    shadow: bool | None
    name: str | None
    new: bool
    settings: "Settings"
    settings_given: bool
    llm_cache: str = "use"
    settings_found: bool = False
    """They are of the file that lies here, which nobody named."""


@dataclass(frozen=True)
class _Begun:
    """A run with its journal open, before its feed begins."""

    journal: "LiveJournal"
    tables: "MarketTables"
    policy: "Policy"
    settings: "Settings"
    shadow: bool
    is_new: bool

    @property
    def name(self) -> str:
        return self.journal.facts.name


def _begin(data: Path, wanted: _Wanted, progress: "Progress", quiet: bool) -> _Begun:
    from alphastrike.cli.console import note
    from alphastrike.cli.models import models
    from alphastrike.journal.wal import LiveJournal
    from alphastrike.market.store import open_tables
    from alphastrike.policy.naming import policy_named
    from alphastrike.runs.recorder import recorded_settings
    from alphastrike.runs.registry import open_run, runs_folder

    lives = _lives(data)
    last = _resumable(lives, wanted)
    if last is None:
        return _begin_new(data, _like(lives[:1], wanted), progress, quiet)
    settings = recorded_settings(open_run(data, last.name))
    _refuse_other_settings(last, wanted, settings)
    others = models(data, wanted.llm_cache, note, asks_again=True)(settings)
    policy = policy_named(last.policy, guardian=settings.policy.guardian, others=others)
    manifest, tables = open_tables(data, last.market.name)
    _refuse_other_market(last, manifest.content_hash)
    _compile(tables, settings, progress)
    journal = LiveJournal.open(runs_folder(data) / last.name)
    assert last.live is not None
    return _Begun(journal, tables, policy, settings, last.live.shadow, is_new=False)


def _begin_new(data: Path, wanted: _Wanted, progress: "Progress", quiet: bool) -> _Begun:
    from datetime import UTC, datetime

    from alphastrike.cli.configured import told
    from alphastrike.cli.console import note
    from alphastrike.cli.models import models
    from alphastrike.journal.folders import check_run_name
    from alphastrike.journal.manifest import MarketReference, RunFacts
    from alphastrike.journal.wal import LiveJournal
    from alphastrike.market.building import instrument_records, tier_records
    from alphastrike.market.simulate import SAMPLE_NAME, simulate_market
    from alphastrike.market.store import find_market, open_tables
    from alphastrike.policy.naming import policy_named
    from alphastrike.runs.environment import machine, versions
    from alphastrike.runs.recorder import default_name
    from alphastrike.runs.registry import runs_folder, unused_name

    settings = wanted.settings
    if wanted.settings_found and not quiet:
        note(told(settings))
    others = models(data, wanted.llm_cache, note, asks_again=True)(settings)
    policy = policy_named(wanted.policy or "rules", guardian=settings.policy.guardian, others=others)
    market = wanted.feed or SAMPLE_NAME
    if wanted.feed is None and find_market(data, market) is None:
        if not quiet:
            note("No market here yet: making the sample market (simulated, 5 symbols, 365 days, seed 7).")
        simulate_market(data, progress=progress)
    manifest, tables = open_tables(data, market)
    name = wanted.name if wanted.name is not None else unused_name(data, f"live-{default_name(market, policy.name)}")
    check_run_name(name)
    facts = RunFacts(
        name=name,
        created=datetime.now(UTC),
        market=MarketReference(name=manifest.name, content_hash=manifest.content_hash),
        policy=policy.name,
        seed=0,
        settings=settings.as_dict(),
        versions=versions(),
        machine=machine(),
        symbols=tuple(tables.symbols),
        digest="",
        account_digest="",
        perception_digest="",
    )
    _compile(tables, settings, progress)
    columns = tables.columns
    journal = LiveJournal.create(
        runs_folder(data) / name,
        facts,
        tables.interval,
        instrument_records(columns["instruments"], len(tables.symbols)),
        tier_records(columns["margin_tiers"], len(tables.symbols)),
        shadow=bool(wanted.shadow),
        sources=[str(source) for source in columns["instruments"]["source"]],
    )
    return _Begun(journal, tables, policy, settings, bool(wanted.shadow), is_new=True)


def _lives(data: Path) -> "list[Manifest]":
    """Return the live runs, newest first, a damaged one too: another must not begin in its place unasked."""
    from alphastrike.journal.manifest import read_manifest
    from alphastrike.model.errors import DataError
    from alphastrike.runs.registry import list_runs, runs_folder

    found = []
    for entry in list_runs(data):
        manifest = entry.manifest
        if manifest is None:
            with suppress(DataError):
                manifest = read_manifest(runs_folder(data) / entry.name)
        if manifest is not None and manifest.live is not None:
            found.append(manifest)
    return sorted(found, key=lambda manifest: manifest.created, reverse=True)


def _like(last: "list[Manifest]", wanted: _Wanted) -> _Wanted:
    """Return what is wanted of a new run, with the last one's market, policy and kind where nothing is said."""
    for manifest in last:
        assert manifest.live is not None
        return replace(
            wanted,
            feed=wanted.feed or manifest.market.name,
            policy=wanted.policy or manifest.policy,
            shadow=manifest.live.shadow if wanted.shadow is None else wanted.shadow,
        )
    return wanted


def _resumable(lives: "list[Manifest]", wanted: _Wanted) -> "Manifest | None":
    """Return the run to go on with: the one that is named, or the last live run when it is what is wanted."""
    from alphastrike.model.errors import ConfigurationError

    if wanted.new:
        return None
    if wanted.name is not None:
        lives = [manifest for manifest in lives if manifest.name == wanted.name]
    last = lives[0] if lives else None
    if last is None or (wanted.name is None and last.state == "complete"):
        return None
    assert last.live is not None
    differs = [
        f"{what} {given}, not {held}"
        for what, given, held in (
            ("market", wanted.feed, last.market.name),
            ("policy", wanted.policy, last.policy),
            ("shadow", wanted.shadow, last.live.shadow),
        )
        if given is not None and given != held
    ]
    if not differs:
        return last
    if wanted.name is None:
        return None
    raise ConfigurationError(f"run {last.name!r} cannot go on with {differs[0]}. Choose another --name.")


def _refuse_other_settings(last: "Manifest", wanted: _Wanted, settings: "Settings") -> None:
    from alphastrike.model.errors import ConfigurationError

    if wanted.settings_given and wanted.settings != settings:
        raise ConfigurationError(
            f"run {last.name!r} was begun with other settings than --config and --set give. Leave them out to go on "
            "with it, or begin another with --new."
        )


def _refuse_other_market(last: "Manifest", content_hash: str) -> None:
    from alphastrike.model.errors import DataError

    if content_hash != last.market.content_hash:
        raise DataError(
            f"market {last.market.name!r} is another than the one run {last.name!r} was begun on (content "
            f"{content_hash}, the run has {last.market.content_hash}). Import the original again, or begin with --new."
        )


def _compile(tables: "MarketTables", settings: "Settings", progress: "Progress") -> None:
    from alphastrike.live.compiling import compile_engine

    progress("compile", 0, 1)
    compile_engine(tables.symbols, tables.interval, settings)
    progress("compile", 1, 1)


async def _run(
    begun: _Begun,
    data: Path,
    place: "Claim",
    speed: float,
    seconds: float | None,
    page: Path | None,
    *,
    watch: bool,
    quiet: bool,
) -> "Outcome":
    import asyncio

    from alphastrike.cli.console import note
    from alphastrike.live.control import Port
    from alphastrike.live.feeds import Pace, PlayedFeed
    from alphastrike.live.session import Plan, Session
    from alphastrike.live.state_file import StateFile

    pace = Pace(speed)
    plan = Plan(PlayedFeed(begun.tables, pace), begun.policy, begun.settings, begun.shadow, seconds)
    session = Session(begun.journal, plan, pace)
    session.listen_to_signals()
    recovered = session.recover()
    kept = StateFile(data, begun.name)
    compared = kept.compare(session.stepper.state, begun.journal.durable_seq)
    trouble = ""

    def keep(released: "Released") -> None:
        nonlocal trouble
        kept.keep(session.stepper.state, released.seq)
        if kept.trouble != trouble:
            trouble = kept.trouble
            note(f"{trouble}; the run goes on without it" if trouble else "the state file can be written again")

    session.on_release.append(keep)
    if not quiet:
        _introduce(begun, recovered, compared, str(place.place), page, note)
    port = Port(place, session)
    await port.open()
    screen = asyncio.create_task(_watch(session)) if watch else None
    try:
        return await session.run()
    finally:
        if screen is not None:
            screen.cancel()
            await asyncio.gather(screen, return_exceptions=True)
        await port.close()


def _introduce(
    begun: _Begun, recovered: int, compared: str, socket: str, page: Path | None, note: "Callable[[str], None]"
) -> None:
    manifest = begun.journal.facts
    how = "New run" if begun.is_new else "Going on with run"
    shadow = " in shadow" if begun.shadow else ""
    note(f"{how} {begun.name}: {manifest.market.name} played under {manifest.policy}{shadow}, paper venue")
    if not begun.is_new:
        note(f"recovered through seq {begun.journal.durable_seq:,}: {recovered:,} inputs stepped again; {compared}")
    note(f"journal {begun.journal.folder}   socket {socket}")
    if page is not None:
        note(f"page {page}, written when it ends")
    note("stop: Ctrl-C   look: alphastrike status   no new risk: alphastrike halt   close all: alphastrike flatten")


async def _watch(session: "Session") -> None:
    """Draw the screen on a terminal, or a line now and then elsewhere, until cancelled."""
    import asyncio

    from alphastrike.cli.console import err, note
    from alphastrike.live.screen import line, picture

    console = err()
    if not console.is_terminal:
        while True:
            await asyncio.sleep(LINES_S)
            note(line(session.status()))
    from rich.live import Live

    with Live(picture(session.status()), console=console, auto_refresh=False) as screen:
        while True:
            await asyncio.sleep(SCREEN_S)
            screen.update(picture(session.status()), refresh=True)


def _write_page(data: Path, name: str, out: Path) -> "tuple[Path | None, str]":
    """Write the page of a run that has ended, and return where it is, or nothing and why there is none.

    A run that ended well has not failed because its page has: that is told in one line.
    """
    import threading

    from alphastrike.model.errors import AlphaStrikeError
    from alphastrike.runs.registry import open_run
    from reports.run import write_run

    written: list[Path] = []
    trouble: list[str] = []

    def write() -> None:
        try:
            written.append(write_run(data, open_run(data, name), out))
        except (AlphaStrikeError, OSError) as error:
            trouble.append(str(error))

    writing = threading.Thread(target=write, name="page", daemon=True)
    writing.start()
    try:
        writing.join(PAGE_S)
    except KeyboardInterrupt:
        trouble.append(f"not waited for; `alphastrike page {name}` writes it")
    if written:
        return written[0], ""
    return None, trouble[0] if trouble else f"not written in {PAGE_S:g} s; `alphastrike page {name}` writes it"


def _print(begun: _Begun, outcome: "Outcome", data: Path, page: str) -> None:
    from alphastrike.cli.console import figure, out, say, table
    from alphastrike.runs.registry import open_run

    status = outcome.status
    equity = status["equity"]
    run = open_run(data, begun.name)
    rows = [
        ("equity", f"{figure(equity['equity'])} USDT"),
        ("change", f"{figure(100.0 * (equity['equity'] / equity['start'] - 1.0), signed=True)} %"),
        ("trades", figure(equity["trades"], 0)),
        ("situations", figure(len(run.rows("situations")), 0)),
        ("events", figure(status["durable_seq"], 0)),
    ]
    if status["followed_equity"] is not None:
        worth = status["followed_equity"] - equity["equity"]
        rows.append(("had all advice been followed", f"{figure(worth, signed=True)} USDT"))
    for name, latency in status["latency_ms"].items():
        rows.append((f"{name}, p50 / p99", f"{figure(latency['p50'])} / {figure(latency['p99'])} ms"))
    out().print(table(("", "value"), rows, right=("value",)))
    digest = f"  digest {outcome.digest}" if outcome.digest else ""
    say(f"{'Complete' if outcome.is_complete else 'Stopped'}: {outcome.reason}. Run {begun.name}{digest}")
    say(f"Journal: {begun.journal.folder}")
    elsewhere = "" if data == DATA else f" --data {shlex.quote(str(data))}"
    other = "no-llm" if run.manifest.policy != "no-llm" else "rules"
    say(f"Page: {page}")
    say(f"Compare: alphastrike replay {begun.name} --policy {other}{elsewhere}")
    if not outcome.is_complete:
        say(f"Go on: alphastrike live{elsewhere}")


def _speed(text: str) -> float:
    from alphastrike.model.errors import ConfigurationError

    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.0 < speed < math.inf:
        raise ConfigurationError(f"--speed {text!r} is no positive number and not max.")
    return speed


def _duration(text: str | None) -> float | None:
    from alphastrike.model.errors import ConfigurationError

    if text is None:
        return None
    try:
        seconds = float(text[:-1]) * UNITS[text[-1:]]
    except (ValueError, KeyError):
        seconds = math.nan
    if not 0.0 < seconds < math.inf:
        raise ConfigurationError(f"--duration {text!r} is not a time like 30s, 1m or 2h.")
    return seconds
