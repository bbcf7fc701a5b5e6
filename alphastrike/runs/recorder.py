"""History into a journal: open the market, perceive, run the account under a policy, write what came of it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alphastrike.config.resolve import validated
from alphastrike.config.settings import Settings
from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.engine.history import AccountInputs, AccountRun, run_account
from alphastrike.engine.perception import perceive
from alphastrike.journal.folders import check_run_name
from alphastrike.journal.kinds import Kind
from alphastrike.journal.manifest import FILE, Manifest, MarketReference, RunFacts
from alphastrike.journal.reader import MARKETS_INSIDE, Run
from alphastrike.journal.segments import RunWriter
from alphastrike.journal.tables import Rows
from alphastrike.market.market import Market
from alphastrike.market.store import market_tables, open_market
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.naming import Maker, policy_named
from alphastrike.policy.policies import Policy
from alphastrike.policy.settings import is_model
from alphastrike.runs.computed import (
    Computed,
    account_inputs,
    computed_account,
    computed_on,
    computed_run,
    recorded_inputs,
)
from alphastrike.runs.environment import machine, versions
from alphastrike.runs.forks import branch_of
from alphastrike.runs.live_market import GivenAnswers, acts_of
from alphastrike.runs.model_calls import ANSWERS, CALLS, InputNumbers, call_tables
from alphastrike.runs.registry import market_of, runs_folder, unused_name
from alphastrike.runs.reuse import PERCEPTION_TABLES, perceived_before

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation

Others = Callable[[Settings], Mapping[str, Maker]]
"""Makes, under the settings of a run, the policies that need more than their names: a model has a server."""

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._]+")


def record(
    root: Path,
    market_name: str,
    policy_spec: str,
    *,
    name: str | None = None,
    settings: Settings,
    threads: int = 1,
    progress: Progress = silent,
    self_contained: bool = False,
    reuse: bool = True,
    on_reuse: Callable[[str], None] = lambda _: None,
    others: Others = lambda _: {},
) -> Manifest:
    """Run the engine over a market under a policy and keep everything it saw and did as a run.

    Without a name the run is called after market and policy, with a number when that is taken. A self-contained
    run holds a copy of its market. Whatever interrupts the work leaves no run behind. With ``reuse``, perception is
    taken over from an earlier run that holds the same one; ``on_reuse`` is told its name. What a model was asked and
    said is kept too; such a run numbers its rows by itself, so that it takes over nothing.

    Raises:
        ConfigurationError: an unknown market or policy, a name that is taken, settings that do not fit the market.
        DataError: the market is damaged.
        TryAgainError: the disk is full.
    """
    policy = policy_named(policy_spec, guardian=settings.policy.guardian, others=others(settings))
    talks = listened_to(policy)
    called = unused_name(root, default_name(market_name, policy_spec)) if name is None else name
    check_run_name(called)
    created = datetime.now(UTC)
    market = open_market(root, market_name)
    with RunWriter(runs_folder(root) / called, market.symbols) as writer:
        before = perceived_before(root, market, settings) if reuse and talks is None else None
        answer = _asked(policy, settings)
        if before is None:
            computed = compute(market, settings, answer, threads=threads, progress=progress)
        else:
            on_reuse(before.name)
            computed = compute_on(before, market, settings, answer, progress=progress)
            writer.take_over(before.folder, before.manifest, PERCEPTION_TABLES)
        write_computed(writer, computed, progress, None if talks is None else call_tables(talks))
        if self_contained:
            include_market(writer, root, market_name)
        return writer.seal(
            RunFacts(
                name=called,
                created=created,
                market=MarketReference(name=market.name, content_hash=market.content_hash),
                policy=policy.name,
                seed=0,
                settings=settings.as_dict(),
                versions=versions(),
                machine=machine(),
                symbols=tuple(market.symbols),
                digest=computed.digest,
                account_digest=computed.account_digest,
                perception_digest=computed.perception_digest,
            )
        )


def compute(
    market: Market, settings: Settings, answer: Answer, *, threads: int = 1, progress: Progress = silent
) -> Computed:
    """Return both halves of a run over a market; the result does not depend on ``threads``."""
    perceived = perceive(market, settings.perception, threads=threads, progress=progress)
    account = run_account(market, account_inputs(perceived), settings, answer, progress=progress)
    return computed_run(market, perceived, account)


def compute_on(
    before: Run, market: Market, settings: Settings, answer: Answer, *, progress: Progress = silent
) -> Computed:
    """Return the account half of a run over a market whose perception an earlier run recorded, and both digests."""
    inputs = recorded_inputs(before, market)
    account = run_account(market, inputs, settings, answer, progress=progress)
    return computed_on(market, before.manifest.perception_digest, account)


def rederive(root: Path, run: Run, threads: int = 1, progress: Progress = silent) -> Computed:
    """Compute a recorded run again from its market, its settings and its policy, which is asked again.

    A live run too goes through history's loop, over the events it was fed and with what its operator did: that the
    result is the same is the proof that live and history are one engine. A branch does again what it did where it left
    its parent; of a frozen one the parent says what stands in it.

    Raises:
        AlphaStrikeError: the market, the policy or the parent is not here, or the settings are not of this version.
    """
    settings = recorded_settings(run)
    market = market_of(root, run)
    perceived = perceive(market, settings.perception, threads=threads, progress=progress)
    account = account_again(root, run, market, account_inputs(perceived), settings, progress)
    return computed_run(market, perceived, account)


def rederive_account(root: Path, run: Run, progress: Progress = silent) -> Computed:
    """Compute the account half of a recorded run again, from the forecasts that it recorded.

    Raises:
        AlphaStrikeError: as ``rederive``; or the recorded forecasts are damaged.
    """
    settings = recorded_settings(run)
    market = market_of(root, run)
    return computed_account(account_again(root, run, market, recorded_inputs(run, market), settings, progress))


def account_again(
    root: Path, run: Run, market: Market, inputs: AccountInputs, settings: Settings, progress: Progress = silent
) -> AccountRun:
    """Run a recorded run's account half again.

    Raises:
        AlphaStrikeError: the policy, or the parent of a frozen branch, is not here.
    """
    forked = branch_of(root, run, settings, market, lambda each: recorded_answer(each, settings))
    if forked is not None:
        return forked.run(market, inputs, settings, progress=progress)
    return run_account(
        market,
        inputs,
        settings,
        recorded_answer(run, settings),
        acts=acts_of(run),
        shadow=is_shadow(run),
        following=_following(run),
        progress=progress,
    )


def recorded_settings(run: Run) -> Settings:
    """Return the settings a run was recorded with.

    Raises:
        ConfigurationError: this version does not know one of them.
    """
    return validated(run.manifest.settings, f"{run.folder / FILE} (settings)")


def recorded_policy(run: Run, settings: Settings) -> Policy:
    """Return the policy a run was recorded with."""
    return policy_named(run.manifest.policy, guardian=settings.policy.guardian)


def recorded_answer(run: Run, settings: Settings) -> Answer:
    """Return who answers the situations of a recorded run: its policy, or what was given where that is an input."""
    if _are_given(run):
        return GivenAnswers.of(run, run.manifest.policy)
    return _asked(recorded_policy(run, settings), settings)


def _are_given(run: Run) -> bool:
    """Tell whether answers are inputs, so nobody is asked again: a model's, and any beside a market that went on."""
    if is_model(run.manifest.policy):
        return True
    return run.manifest.live is not None and (not run.manifest.live.waits or run.manifest.rows_of(ANSWERS) > 0)


def _following(run: Run) -> Answer | None:
    """Return who answers the account that follows, where that is not who answers the run's own."""
    if is_shadow(run) and _are_given(run):
        return GivenAnswers.of(run, run.manifest.policy, is_followed=True)
    return None


def is_shadow(run: Run) -> bool:
    """Tell whether the run journaled every advice and applied none."""
    return run.manifest.live is not None and run.manifest.live.shadow


def default_name(market_name: str, policy_spec: str) -> str:
    """Return what a run is called unless told otherwise: the market and the policy, as a folder may be called."""
    return _NOT_IN_A_NAME.sub("-", f"{market_name}-{policy_spec}").strip("-.")[:90]


def _asked(policy: Policy, settings: Settings) -> Answer:
    return AskedPolicy(policy, settings.policy.latency_us)


def listened_to(policy: Policy) -> "list[Conversation] | None":
    """Return where a model's conversations gather from now on; ``None`` for any other policy."""
    if not is_model(policy.name):
        return None
    from alphastrike.policy.llm.policy import LlmPolicy

    assert isinstance(policy, LlmPolicy), "nobody else is called so"
    talks: list[Conversation] = []
    policy.on_conversation = talks.append
    return talks


def write_computed(
    writer: RunWriter, computed: Computed, progress: Progress, calls: Mapping[str, tuple[Kind, Rows]] | None
) -> None:
    """Write what was computed, and what a model was asked beside it, whose rows have numbers of their own."""
    tables = {**computed.tables, **(calls or {})}
    numbers = None if calls is None else InputNumbers(calls[CALLS][1], calls[ANSWERS][1])
    total = len(tables)
    for done, (name, (kind, rows)) in enumerate(tables.items()):
        progress("write", done, total)
        writer.append(kind, rows, None if numbers is None else numbers.seq(name, rows))
    kept = computed.checkpoints
    writer.append_checkpoints(
        [checkpoint.situation for checkpoint in kept],
        [checkpoint.tick for checkpoint in kept],
        [checkpoint.market_seq for checkpoint in kept],
        [bytes(checkpoint.state) for checkpoint in kept],
    )
    progress("write", total, total)


def include_market(writer: RunWriter, root: Path, name: str) -> None:
    """Copy a market under a data root into the run."""
    tables = market_tables(root, name)
    manifest = root / "markets" / name / "manifest.json"
    for path in (manifest, *tables.values()):
        writer.include(path, f"{MARKETS_INSIDE}/{name}/{path.name}", f"{MARKETS_INSIDE}/{path.stem}")
