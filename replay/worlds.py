"""Many worlds: the market drawn again from its own blocks, perceived anew, and every arm run in each.

The one comparison in which triggers may fire elsewhere: what an arm is worth over histories like this one, its
policy answering the situations of each. World k is a function of the market, the seed and k alone, whatever the number
of worlds, of processes or of machines that share the work.
"""

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import AccountInputs, run_account
from alphastrike.engine.outputs import REDUCED
from alphastrike.engine.perception import perceive
from alphastrike.journal.reader import Run
from alphastrike.market.market import Market
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.naming import policy_named
from alphastrike.policy.policies import Policy
from alphastrike.policy.settings import is_model
from alphastrike.runs.computed import account_inputs, recorded_inputs
from alphastrike.runs.recorder import is_shadow, recorded_settings
from alphastrike.runs.registry import market_of, open_run
from replay.effect import log_growth, max_drawdown
from replay.likeness import Likeness, likeness
from replay.pool import Pool, There, opened_there
from replay.resampled import BLOCK_DAYS, check_blocks, drawn_rows, resampled

Reals = npt.NDArray[np.float64]

SEED: Final = 1
WORLDS_MIN: Final = 2
NORMAL_95: Final = 1.96
STUB: Final = "rules"
"""Stands for a model, which cannot be asked thousands of times: the guardian, who also answers when it fails."""
ONE_HISTORY: Final = ("recorded", "oracle")
"""Arms that know one history: there is none of them on another."""


class WorldTask(NamedTuple):
    """All that a process, here or elsewhere, needs to evaluate one world."""

    root: Path
    run: str
    """Name or folder of the recorded run: its market and its settings."""
    arms: tuple[str, ...]
    """Policies as on the command line, the factual one first."""
    world: int
    """From 0."""
    seed: int
    block_days: float


class World(NamedTuple):
    """What the arms came to in one world."""

    world: int
    growth: tuple[float, ...]
    """Log growth by arm; minus infinity for a lost account."""
    drawdown: tuple[float, ...]
    """Deepest drawdown by arm, 0 to 1."""
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Spread:
    """How an effect is distributed over the worlds."""

    worlds: int
    mean: float
    """Minus infinity when an account was lost in any of them."""
    error: float
    """Monte Carlo error of the mean: standard deviation ÷ √worlds."""
    quantiles: tuple[float, ...]
    """At ``QUANTILES``."""
    positive: float
    """Share of the worlds in which the effect is above zero."""
    positive_low: float
    positive_high: float
    """95 % interval of that share for the number of worlds (Wilson, 1927)."""
    none: float
    """Share in which it is exactly zero: no policy did anything, or both did the same."""


QUANTILES: Final = (0.025, 0.25, 0.5, 0.75, 0.975)


@dataclass(frozen=True, slots=True)
class Worlds:
    """The effects of all arms over K worlds."""

    factual: str
    """Whose worlds these are: every effect is arm − factual."""
    arms: tuple[str, ...]
    """Without the factual one, as the comparison names them."""
    effects: Mapping[str, Reals]
    """By arm, (K,) difference of log growth, in the order of the worlds."""
    here: Mapping[str, float]
    """By arm, its effect on the original history, the same policies in the same way."""
    shallower: Mapping[str, Reals]
    """By arm, (K,) factual drawdown − its own: positive where the arm fell less deep."""
    growth: Reals
    """(K,) log growth of the factual arm."""
    stubs: tuple[tuple[str, str], ...]
    """(arm, who stands for it) of models."""
    left_out: tuple[tuple[str, str], ...]
    """(arm, why) of those that could not be run on another history."""
    remarks: tuple[str, ...]
    original: Likeness
    likenesses: tuple[Likeness, ...]
    """One a world."""
    block_days: float
    seed: int
    days: float
    """Length of the market, and of every world."""

    @property
    def count(self) -> int:
        """Number of worlds K."""
        return len(self.growth)

    def spread(self, arm: str) -> Spread:
        """Return how the effect of an arm is distributed."""
        return spread(self.effects[arm])


def spread(effects: Reals) -> Spread:
    """Summarise (K,) effects, K at least 1; a lost account counts as minus infinity and stays in."""
    count = len(effects)
    finite = bool(np.all(np.isfinite(effects)))
    positive = float(np.mean(effects > 0.0))
    centre = (positive + NORMAL_95**2 / (2 * count)) / (1 + NORMAL_95**2 / count)
    half = NORMAL_95 / (1 + NORMAL_95**2 / count)
    half *= float(np.sqrt(positive * (1 - positive) / count + NORMAL_95**2 / (4 * count**2)))
    # Order statistics: between a number and minus infinity there is nothing to interpolate.
    quantiles = np.quantile(effects, QUANTILES, method="inverted_cdf")
    return Spread(
        worlds=count,
        mean=float(np.mean(effects)),
        error=float(np.std(effects, ddof=1) / np.sqrt(count)) if finite and count > 1 else float("nan"),
        quantiles=tuple(float(value) for value in quantiles),
        positive=positive,
        positive_low=max(centre - half, 0.0),
        positive_high=min(centre + half, 1.0),
        none=float(np.mean(effects == 0.0)),
    )


def evaluate_world(task: WorldTask) -> World:
    """Draw one world, perceive it and run every arm in it; reads the data root, writes nothing.

    Raises:
        AlphaStrikeError: the run or its market is not here, or damaged, or a policy is unknown.
    """
    source = _source(task.root, task.run)
    market = world_market(source.market, source.is_sound, task.world, task.seed, task.block_days)
    inputs = account_inputs(perceive(market, source.settings.perception))
    growth, drawdown = _arms_on(market, inputs, source.settings, task.arms)
    return World(task.world, growth, drawdown, likeness(market))


def _arms_on(
    market: Market, inputs: AccountInputs, settings: Settings, arms: Sequence[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return log growth and deepest drawdown of every arm on one market."""
    growth, drawdown = [], []
    for policy in _policies(arms, settings):
        answer = AskedPolicy(policy, settings.policy.latency_us)
        equity = run_account(market, inputs, settings, answer, detail=REDUCED).tables["equity"]["equity"]
        values = np.concatenate(([settings.account.start_equity], equity))
        growth.append(log_growth(values))
        drawdown.append(max_drawdown(values))
    return tuple(growth), tuple(drawdown)


def world_market(
    market: Market, is_sound: npt.NDArray[np.bool_] | None, world: int, seed: int, block_days: float = BLOCK_DAYS
) -> Market:
    """Return one world of a market; ``is_sound`` as for ``resampled``."""
    rows = drawn_rows(market.ticks, market.start, market.interval, block_days, _generator(seed, world))
    return resampled(market, rows, is_sound, name=f"{market.name} world {world} of seed {seed}")


def run_worlds(
    root: Path,
    run: Run,
    policies: Sequence[str],
    count: int,
    *,
    seed: int = SEED,
    block_days: float = BLOCK_DAYS,
    processes: int = 1,
    progress: Progress = silent,
    pool: Pool | None = None,
) -> Worlds:
    """Run every arm in ``count`` worlds of a run's market; the result depends neither on ``processes`` nor on ``pool``.

    The factual policy is asked anew in every world. A model is represented by ``STUB``, and left out where the stub
    is among the arms already. What an operator did belongs to the one history and is left out.

    Raises:
        ConfigurationError: too few worlds, blocks that do not fit the market, an unknown policy.
        DataError: the run or its market is damaged.
        TryAgainError: a process died, for want of memory as a rule.
    """
    check_worlds(root, run, policies, count, block_days)
    key = str(run.folder.resolve())
    source = _source(root, key)
    cast = _cast(run, policies)
    specs = (cast.factual, *cast.arms.values())
    on_original, _ = _arms_on(source.market, source.inputs, source.settings, specs)
    tasks = [WorldTask(root, key, specs, world, seed, block_days) for world in range(count)]
    found: list[World | None] = [None] * count
    progress("worlds", 0, count)
    evaluated = _evaluated(tasks, processes) if pool is None else _pooled(tasks, pool)
    for done, world in enumerate(evaluated, start=1):
        found[world.world] = world
        progress("worlds", done, count)
    worlds = [world for world in found if world is not None]
    growth = np.array([world.growth for world in worlds])
    drawdown = np.array([world.drawdown for world in worlds])
    places = {arm: place for place, arm in enumerate(cast.arms, start=1)}
    return Worlds(
        factual=cast.factual_name,
        arms=tuple(cast.arms),
        effects={arm: _difference(growth[:, place], growth[:, 0]) for arm, place in places.items()},
        here={
            arm: float(_difference(np.array([on_original[place]]), np.array([on_original[0]]))[0])
            for arm, place in places.items()
        },
        shallower={arm: drawdown[:, 0] - drawdown[:, place] for arm, place in places.items()},
        growth=growth[:, 0],
        stubs=cast.stubs,
        left_out=cast.left_out,
        remarks=cast.remarks,
        original=likeness(source.market),
        likenesses=tuple(world.likeness for world in worlds),
        block_days=block_days,
        seed=seed,
        days=source.market.ticks * source.market.interval / 86_400e6,
    )


def check_worlds(root: Path, run: Run, policies: Sequence[str], count: int, block_days: float = BLOCK_DAYS) -> None:
    """Refuse what ``run_worlds`` would refuse, before any work; errors as there."""
    if count < WORLDS_MIN:
        raise ConfigurationError(f"{count} worlds are no distribution. Choose --worlds {WORLDS_MIN} or more.")
    source = _source(root, str(run.folder.resolve()))
    check_blocks(source.market.ticks, source.market.interval, block_days)
    cast = _cast(run, policies)
    for _ in _policies((cast.factual, *cast.arms.values()), source.settings):
        pass


class _Cast(NamedTuple):
    """Who plays in the worlds."""

    factual: str
    """Policy of the factual arm."""
    factual_name: str
    arms: dict[str, str]
    """Policy by the arm's name."""
    stubs: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def _cast(run: Run, policies: Sequence[str]) -> _Cast:
    factual = name = run.manifest.policy
    stubs, left_out, remarks = [], [], []
    if is_shadow(run):
        factual = "no-llm"
        remarks.append("In the recorded run advice was journaled and none applied: its worlds are those of no-llm.")
    elif is_model(factual):
        stubs.append((name, STUB))
        factual = STUB
    if run.manifest.parent is not None:
        remarks.append("What was answered otherwise at the fork belongs to one history: no world has it.")
    if run.is_live:
        remarks.append("What an operator did in the recorded run belongs to its one history: no world has it.")
    played = {factual}
    arms = {}
    for policy in dict.fromkeys(each.strip() for each in policies):
        if policy in (name, "recorded") and not is_shadow(run):
            left_out.append((policy, "it is the factual arm"))
        elif policy.partition(":")[0] in ONE_HISTORY:
            left_out.append((policy, "it knows one history only"))
        elif is_model(policy):
            if STUB in played or STUB in policies:
                left_out.append((policy, f"a model is not asked in the worlds, and its stub {STUB} is an arm already"))
            else:
                stubs.append((policy, STUB))
                played.add(STUB)
                arms[policy] = STUB
        elif policy in played:
            left_out.append((policy, f"it stands for {name} already"))
        else:
            played.add(policy)
            arms[policy] = policy
    return _Cast(factual, name, arms, tuple(stubs), tuple(left_out), tuple(remarks))


def _policies(specs: Sequence[str], settings: Settings) -> Iterator[Policy]:
    """Make the policies anew: one that remembers must not remember another world."""
    guardian = settings.policy.guardian
    factual = policy_named(specs[0], guardian=guardian)
    yield factual
    for spec in specs[1:]:
        # What swaps a recorded tool asks who would have been recorded here.
        yield policy_named(spec, guardian=guardian, recorded=policy_named(specs[0], guardian=guardian))


class _Source(NamedTuple):
    market: Market
    inputs: AccountInputs
    """As recorded."""
    settings: Settings
    is_sound: npt.NDArray[np.bool_]


@lru_cache(maxsize=1)
def _source(root: Path, run: str) -> _Source:
    """Open what all worlds of a run are made of, once a process."""
    opened = open_run(root, run)
    market = market_of(root, opened)
    inputs = recorded_inputs(opened, market)
    has_candle = market.bars["flags"] & int(BarFlag.CANDLE) != 0
    return _Source(market, inputs, recorded_settings(opened), has_candle & ~inputs.rejected)


def _generator(seed: int, world: int) -> np.random.Generator:
    key = blake2b(f"alphastrike world {world} of {seed}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def _difference(own: Reals, factual: Reals) -> Reals:
    """Return own − factual; zero where both accounts were lost."""
    both = np.isneginf(own) & np.isneginf(factual)
    return np.where(both, 0.0, own) - np.where(both, 0.0, factual)


def _pooled(tasks: Sequence[WorldTask], pool: Pool) -> Iterator[World]:
    task = tasks[0]
    there = partial(_world_there, task.arms, task.seed, task.block_days)
    return pool.map(lambda world: evaluate_world(tasks[world]), there, len(tasks), perceives=True)


def _world_there(arms: tuple[str, ...], seed: int, block_days: float, there: There, world: int) -> World:
    root, run = opened_there(there)
    return evaluate_world(WorldTask(root, str(run.folder.resolve()), arms, world, seed, block_days))


def _evaluated(tasks: Sequence[WorldTask], processes: int) -> Iterator[World]:
    """Evaluate tasks in any order; nothing is left running, whatever ends it."""
    processes = min(processes, len(tasks))
    if processes <= 1:
        yield from map(evaluate_world, tasks)
        return
    # Started afresh rather than forked: a fork copies threads' locks and not the threads.
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(processes, mp_context=context)
    try:
        with _interrupts_held():
            futures = [pool.submit(evaluate_world, task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
        pool.shutdown()
    except BrokenProcessPool:
        raise TryAgainError(
            "a process that evaluated worlds was ended from outside, as it is when memory runs out. "
            "Try again with --threads 1."
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes begin; they inherit it held back, and leave it to the one they serve.

    What it ends then ends them. Where a system cannot hold it back, they tell of it themselves.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
