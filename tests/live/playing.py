"""Live runs over small markets with the real journal on a real disk, in this process."""

import asyncio
import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alphastrike.config.settings import Settings
from alphastrike.journal.manifest import MarketReference, RunFacts
from alphastrike.journal.wal import LiveJournal
from alphastrike.live.advise import answers_at_once
from alphastrike.live.feeds import Feed, Pace, PlayedFeed
from alphastrike.live.session import Outcome, Plan, Session
from alphastrike.market.store import open_tables
from alphastrike.policy.naming import policy_named
from alphastrike.policy.policies import Policy
from alphastrike.runs.environment import machine, versions

During = Callable[[Session], Any]


def facts(
    name: str, market: str, content_hash: str, policy: str, settings: Settings, symbols: tuple[str, ...]
) -> RunFacts:
    return RunFacts(
        name=name,
        created=datetime.now(UTC),
        market=MarketReference(name=market, content_hash=content_hash),
        policy=policy,
        seed=0,
        settings=settings.as_dict(),
        versions=versions(),
        machine=machine(),
        symbols=symbols,
        digest="",
        account_digest="",
        perception_digest="",
    )


def journal_of(root: Path, name: str, plan: Plan, market: str = "small", content_hash: str = "") -> LiveJournal:
    """Begin a run, or take one up again."""
    folder = root / "runs" / name
    if folder.exists():
        return LiveJournal.open(folder)
    stated = facts(name, market, content_hash, plan.policy.name, plan.settings, tuple(plan.feed.symbols))
    return LiveJournal.create(
        folder,
        stated,
        plan.feed.interval,
        plan.feed.instruments,
        plan.feed.tiers,
        shadow=plan.shadow,
        waits=plan.feed.waits or answers_at_once(plan.policy),
    )


async def session_over(
    root: Path, name: str, plan: Plan, during: During | None = None, pace: Pace | None = None
) -> Outcome:
    """Run one session; ``during`` is told of it before the feed begins, and may be a coroutine function."""
    with journal_of(root, name, plan) as journal:
        session = Session(journal, plan, pace)
        session.recover()
        doing = during(session) if during is not None else None
        beside = asyncio.create_task(doing) if inspect.iscoroutine(doing) else None
        outcome = await session.run()
        if beside is not None:
            await beside
        return outcome


def play(
    root: Path,
    name: str,
    *,
    market: str = "small",
    policy: Policy | str = "rules",
    settings: Settings = Settings(),  # noqa: B008 - frozen
    speed: float = math.inf,
    during: During | None = None,
    **other: Any,
) -> Outcome:
    """Play a market of the data root, from its beginning or on from where the run stopped."""

    async def scene() -> Outcome:
        pace = Pace(speed)
        _, tables = open_tables(root, market)
        asked = policy_named(policy) if isinstance(policy, str) else policy
        plan = replace(Plan(PlayedFeed(tables, pace), asked, settings), **other)
        return await session_over(root, name, plan, during, pace)

    return asyncio.run(scene())


def run_feed(
    root: Path, name: str, feed: Feed, *, policy: Policy | str = "rules", during: During | None = None, **other: Any
) -> Outcome:
    """Run a feed of the test's own."""
    asked = policy_named(policy) if isinstance(policy, str) else policy
    return asyncio.run(session_over(root, name, replace(Plan(feed, asked, Settings()), **other), during))
