"""Running a recorded run's account half again under other policies, from its recorded forecasts and gates."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alphastrike.config.settings import Settings
from alphastrike.engine.acts import Act
from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.engine.history import AccountInputs, AccountRun, derived_kinds, run_account
from alphastrike.engine.plans import Plan
from alphastrike.engine.state import run_digest, state_digest
from alphastrike.journal.inputs import OperatorAct
from alphastrike.journal.reader import Run
from alphastrike.market.market import Market
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.naming import Maker, policy_named
from alphastrike.policy.policies import Answering, Swap
from alphastrike.runs.computed import recorded_inputs
from alphastrike.runs.forks import is_frozen_branch, plan_of
from alphastrike.runs.live_market import GivenAnswers, acts_of
from alphastrike.runs.model_calls import call_tables, situations_of
from alphastrike.runs.model_facts import ModelFacts, facts_if_model, model_facts
from alphastrike.runs.recorder import (
    Others,
    account_again,
    is_shadow,
    listened_to,
    recorded_answer,
    recorded_settings,
)
from alphastrike.runs.registry import market_of
from replay.arms import RECORDED, Recorded
from replay.compare import ADAPTIVE, FROZEN, Arm, Comparison, Mode, comparison, first_difference
from replay.effect import Tables
from replay.fills import BAND, BASE, FillBand, FillModel, under
from replay.frozen import ASKED_KINDS, frozen_answers, numbered
from replay.inference import Bootstrap
from replay.oracle import HINDSIGHT, ORACLE, oracles
from replay.origin import origin_of

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation


class Way(NamedTuple):
    """How an arm is run: somebody answers its situations, or what stands was planned beforehand."""

    answer: Answer | None
    """``None``: nobody is asked."""
    acts: tuple[tuple[int, Act], ...]
    """What a person did in a live run recurs in every arm: no policy was asked about it."""
    standing: Plan = ()
    shadow: bool = False
    settings: Settings | None = None
    """With thresholds of its own; ``None``: the recorded ones."""


@dataclass(frozen=True)
class Bench:
    """What every arm of a recorded run is run on."""

    market: Market
    inputs: AccountInputs
    settings: Settings
    perception_digest: str
    """Empty for a live run that goes on: it states its digests when it ends."""


@dataclass(frozen=True)
class Replayed:
    """A comparison with what it takes to run its arms once more."""

    comparison: Comparison
    control: Arm
    """The recorded answers on the simulated venue: what every effect is against."""
    bench: Bench
    ways: Mapping[str, Way]
    """By the arm's name, the factual one first: how each is run under other fills."""


def compare(
    root: Path,
    run: Run,
    policies: Sequence[str],
    *,
    mode: Mode = ADAPTIVE,
    threads: int = 1,
    bootstrap: Bootstrap | None = None,
    progress: Progress = silent,
    others: Others = lambda _: {},
) -> Comparison:
    """Run one arm a policy beside the run as recorded; as :func:`replayed`, without what running on takes."""
    return replayed(
        root, run, policies, mode=mode, threads=threads, bootstrap=bootstrap, progress=progress, others=others
    ).comparison


def replayed(
    root: Path,
    run: Run,
    policies: Sequence[str],
    *,
    mode: Mode = ADAPTIVE,
    threads: int = 1,
    bootstrap: Bootstrap | None = None,
    progress: Progress = silent,
    others: Others = lambda _: {},
    promoted: Settings | None = None,
) -> Replayed:
    """Run one arm a policy beside the run as recorded; the result does not depend on ``threads``.

    The recorded answers are always run again too: unless that gives the run bit for bit, the difference of an
    arm would be the engine's as much as the policy's.

    Args:
        root: the data root, for the run's market.
        run: the factual arm.
        policies: as on the command line; one named twice is run once.
        mode: ``adaptive``: every arm answers its own situations. ``frozen``: it answers the recorded ones, its answers
            stand until they expire, and nobody is asked in the branch.
        threads: arms that run at the same time.
        bootstrap: how intervals are drawn; by default blocks of at least three days.
        progress: told of each arm under its name.
        others: makes the policies that need more than their names, as a model does.
        promoted: settings whose triggers and guardian take the place of the recorded ones in adaptive arms; not in the
            recording, nor where it is repeated, nor with hindsight.

    Raises:
        ConfigurationError: an unknown policy, or settings or a market that are not here.
        DataError: the run is damaged, or this version does not reproduce it.
    """
    settings = recorded_settings(run)
    recording = Recorded.of(run)
    wanted = [policy.strip() for policy in dict.fromkeys(policies)]
    made = {**others(settings), **oracles(root, run)}
    theirs = settings if promoted is None or mode == FROZEN else settings.with_thresholds_of(promoted)
    answers = {spec: _answer(spec, theirs, recording, made) for spec in (RECORDED, *wanted)}
    if mode == FROZEN and ORACLE in wanted:
        raise ConfigurationError(
            f"policy {ORACLE} looks ahead from its own account, and in a frozen arm it would be asked about another. "
            "Choose --mode adaptive."
        )
    market = market_of(root, run)
    bench = Bench(market, recorded_inputs(run, market), settings, run.manifest.perception_digest)
    acts = acts_of(run)
    factual = Arm(
        run.manifest.policy,
        run.manifest.policy,
        {kind: run.rows(kind) for kind in derived_kinds()},
        run.manifest.digest,
        is_factual=True,
        model=facts_if_model(run),
    )
    frozen = _Frozen(run, bench, acts, factual.tables) if mode == FROZEN else None

    def run_one(spec: str) -> tuple[Arm, Way]:
        def told(_stage: str, done: int, total: int) -> None:
            progress(spec or RECORDED, done, total)

        answer = answers[spec]
        talks = listened_to(answer.policy) if isinstance(answer, AskedPolicy) else None
        if frozen is not None and spec != _CONTROL:
            return frozen.arm(spec, answer, talks, told)
        # Only the recording of a shadow run is one: an arm of it shows what applying the advice would have made.
        way = Way(
            answer,
            acts,
            shadow=answer is recording and is_shadow(run),
            settings=theirs if _asks_anew(spec, answer) else None,
        )
        if answer is recording and is_frozen_branch(run):
            done = account_again(root, run, market, bench.inputs, settings, told)
        else:
            done = _run(bench, way, told)
        arm = Arm(spec, answer.name, done.tables, _digest(bench, done), model=_facts(talks, done.tables))
        return arm, _again(way, done.tables, bench)

    answers[_CONTROL] = recording
    if RECORDED not in wanted or frozen is None:
        del answers[RECORDED]
    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(answers)))) as pool:
        futures = {spec: pool.submit(run_one, spec) for spec in answers}
        try:
            found = {spec: future.result() for spec, future in futures.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    control = replace(found[_CONTROL][0], name=RECORDED, model=factual.model)
    if difference := first_difference(factual, control):
        raise DataError(
            f"this version does not reproduce run {run.name!r}: {difference}. Arms of it would differ by the engine as "
            f"much as by the policy. `alphastrike verify {run.name}` says more; record it again to compare."
        )
    own = _factual_way(run, bench, acts, factual.tables, mode)
    found.setdefault(RECORDED, (control, own))
    ways = {factual.name: own}
    arms = [factual]
    for spec in wanted:
        arm, way = found[spec]
        if spec == RECORDED:
            arm = replace(arm, model=factual.model)
        arms.append(_renamed(arm, factual))
        ways[arms[-1].name] = own if spec == RECORDED else way
    origin = origin_of(root, run, market, settings, wanted)
    if theirs != settings:
        source = theirs.policy.thresholds_from or "a file of settings"
        remark = f"Policies that answer anew are asked at, and the guardian acts by, thresholds from {source}."
        origin = replace(origin, remarks=(*origin.remarks, remark))
    return Replayed(comparison(origin, arms, bootstrap, mode), control, bench, ways)


def fill_band(
    replayed: Replayed, models: Sequence[FillModel] = BAND, *, threads: int = 1, progress: Progress = silent
) -> FillBand:
    """Run every arm again under each fill model, and compare it with the factual arm under the same one.

    A deterministic policy is asked anew, as its situations are others. What a model said, and what was given to a run
    as an input, stands as it stood; in a frozen comparison everything does.
    """
    base = replayed.comparison
    total = len(models)
    compared: list[Comparison] = []
    for done, model in enumerate(models):
        progress("fills", done, total)
        compared.append(base if model == BASE else _under(replayed, model, threads))
    progress("fills", total, total)
    return FillBand(
        models=tuple(models),
        effects={
            effect.arm: tuple(each.effects[place] for each in compared) for place, effect in enumerate(base.effects)
        },
        factual=tuple(each.metrics[0].log_growth for each in compared),
        standing=tuple(name for name, way in replayed.ways.items() if way.answer is None),
    )


def _under(replayed: Replayed, model: FillModel, threads: int) -> Comparison:
    base, bench = replayed.comparison, replayed.bench
    market, settings = under(model, bench.market, bench.settings)
    elsewhere = replace(bench, market=market, settings=settings)

    def run_one(arm: Arm) -> Arm:
        way = replayed.ways[arm.name]
        if way.settings is not None:
            way = way._replace(settings=settings.with_thresholds_of(way.settings))
        done = _run(elsewhere, way, silent)
        asked = {} if way.answer is not None else {kind: arm.tables[kind] for kind in ASKED_KINDS}
        return replace(arm, tables={**done.tables, **asked}, digest=_digest(elsewhere, done))

    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(base.arms)))) as pool:
        return comparison(base.origin, list(pool.map(run_one, base.arms)), base.bootstrap, base.mode)


_CONTROL = ""
"""The recording run again, which is no arm that anybody asked for."""


class _Frozen:
    """Arms of a run in which nobody is asked."""

    def __init__(self, run: Run, bench: Bench, acts: tuple[tuple[int, Act], ...], recorded: Tables) -> None:
        self._bench = bench
        self._acts = _not_planned(acts)
        self._plan = plan_of(recorded, bench.market, bench.settings)
        self._recorded = recorded
        self._situations = situations_of(recorded, run.symbols, bench.settings)

    def arm(self, spec: str, answer: Answer, talks: "list[Conversation] | None", progress: Progress) -> tuple[Arm, Way]:
        """Run the arm of a policy that answers what the run asked."""
        asked = {kind: self._recorded[kind] for kind in ASKED_KINDS}
        if spec == RECORDED:
            way = Way(None, self._acts, self._plan)
            done = _run(self._bench, way, progress)
        else:
            pins = tuple(entry for entry in self._plan if entry.situation == 0)
            said = frozen_answers(answer, self._situations, self._bench.settings, self._bench.market, pins)
            way = Way(None, self._acts, said.plan)
            done = _run(self._bench, way, progress)
            asked |= numbered(said.tables, done.tables)
        tables = {**done.tables, **asked}
        return Arm(spec, answer.name, tables, _digest(self._bench, done), model=_facts(talks, tables)), way


def _factual_way(run: Run, bench: Bench, acts: tuple[tuple[int, Act], ...], tables: Tables, mode: Mode) -> Way:
    """Return how the factual arm is run where its situations are not those recorded."""
    answer = recorded_answer(run, bench.settings)
    if mode == FROZEN or isinstance(answer, GivenAnswers) or run.manifest.parent is not None:
        return _as_it_stood(acts, tables, bench)
    return Way(answer, acts, shadow=is_shadow(run))


def _again(way: Way, tables: Tables, bench: Bench) -> Way:
    """Return how an arm is run under other fills.

    Who answers for himself, a model or the oracle, is not asked anew, nor is who repeats a recording.
    """
    answer = way.answer
    if isinstance(answer, AskedPolicy):
        policy = answer.policy
        repeats = isinstance(policy, Swap) and isinstance(policy.of, Recorded)
        if not repeats and not isinstance(policy, Answering):
            return way
    return _as_it_stood(way.acts, tables, bench)


def _as_it_stood(acts: tuple[tuple[int, Act], ...], tables: Tables, bench: Bench) -> Way:
    return Way(None, _not_planned(acts), plan_of(tables, bench.market, bench.settings))


def _not_planned(acts: tuple[tuple[int, Act], ...]) -> tuple[tuple[int, Act], ...]:
    """Return what an operator did beside pins and revocations, which a plan holds already."""
    planned = (OperatorAct.PIN, OperatorAct.REVOKE)
    return tuple((time, act) for time, act in acts if act.act not in planned)


def _answer(spec: str, settings: Settings, recording: Recorded, others: Mapping[str, Maker]) -> Answer:
    if spec == RECORDED:
        return recording
    policy = policy_named(spec, guardian=settings.policy.guardian, recorded=recording, others=others)
    return AskedPolicy(policy, settings.policy.latency_us)


def _asks_anew(spec: str, answer: Answer) -> bool:
    """Tell whether an arm's situations are its own: who repeats a recording, or looks ahead, goes by the recorded."""
    if spec in (_CONTROL, RECORDED, ORACLE) or not isinstance(answer, AskedPolicy):
        return False
    return not (isinstance(answer.policy, Swap) and isinstance(answer.policy.of, Recorded))


def _run(bench: Bench, way: Way, progress: Progress) -> AccountRun:
    return run_account(
        bench.market,
        bench.inputs,
        way.settings or bench.settings,
        way.answer,
        acts=way.acts,
        standing=way.standing,
        shadow=way.shadow,
        progress=progress,
    )


def _digest(bench: Bench, done: AccountRun) -> str:
    return run_digest(state_digest(done.state), bench.perception_digest) if bench.perception_digest else ""


def _renamed(arm: Arm, factual: Arm) -> Arm:
    """Tell an arm of the factual policy from the factual arm itself, and hindsight from a policy."""
    if arm.policy == ORACLE:
        return replace(arm, name=HINDSIGHT)
    if arm.name != factual.name:
        return arm
    return replace(arm, name=f"{arm.name} (again)")


def _facts(talks: "list[Conversation] | None", tables: Tables) -> ModelFacts | None:
    """Return how a model did in an arm; ``None`` where none was asked."""
    if talks is None:
        return None
    made = {name: rows for name, (_, rows) in call_tables(talks).items()}
    return model_facts({**tables, **made})
