"""Running a recorded run's account half again under other policies, from its recorded forecasts and gates."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.engine.history import AccountInputs, AccountRun, derived_kinds, run_account
from alphastrike.engine.state import run_digest, state_digest
from alphastrike.journal.reader import Run
from alphastrike.market.market import Market
from alphastrike.model.errors import DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.naming import Maker, policy_named
from alphastrike.runs.computed import recorded_inputs
from alphastrike.runs.live_market import acts_of
from alphastrike.runs.model_calls import call_tables
from alphastrike.runs.model_facts import ModelFacts, facts_if_model, model_facts
from alphastrike.runs.recorder import Others, is_shadow, listened_to, recorded_settings
from alphastrike.runs.registry import market_of
from replay.arms import RECORDED, Recorded
from replay.compare import Arm, Comparison, comparison, first_difference
from replay.inference import Bootstrap
from replay.origin import origin_of

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation


def compare(
    root: Path,
    run: Run,
    policies: Sequence[str],
    *,
    threads: int = 1,
    bootstrap: Bootstrap | None = None,
    progress: Progress = silent,
    others: Others = lambda _: {},
) -> Comparison:
    """Run one arm a policy beside the run as recorded; the result does not depend on ``threads``.

    The recorded answers are always run again too: unless that gives the run bit for bit, the difference of an
    arm would be the engine's as much as the policy's.

    Args:
        root: the data root, for the run's market.
        run: the factual arm.
        policies: as on the command line; one named twice is run once.
        threads: arms that run at the same time.
        bootstrap: how intervals are drawn; by default blocks of at least seven days.
        progress: told of each arm under its name.
        others: makes the policies that need more than their names, as a model does.

    Raises:
        ConfigurationError: an unknown policy, or settings or a market that are not here.
        DataError: the run is damaged, or this version does not reproduce it.
    """
    settings = recorded_settings(run)
    recording = Recorded.of(run)
    wanted = [policy.strip() for policy in dict.fromkeys(policies)]
    made = others(settings)
    answers = {spec: _answer(spec, settings, recording, made) for spec in (RECORDED, *wanted)}
    market = market_of(root, run)
    inputs = recorded_inputs(run, market)
    factual = Arm(
        run.manifest.policy,
        run.manifest.policy,
        {kind: run.rows(kind) for kind in derived_kinds()},
        run.manifest.digest,
        is_factual=True,
        model=facts_if_model(run),
    )
    arms = _run_arms(run, market, inputs, settings, answers, threads, progress)
    control = replace(arms[RECORDED], model=factual.model)
    if difference := first_difference(factual, control):
        raise DataError(
            f"this version does not reproduce run {run.name!r}: {difference}. Arms of it would differ by the engine as "
            f"much as by the policy. `alphastrike verify {run.name}` says more; record it again to compare."
        )
    chosen = [_renamed(control if spec == RECORDED else arms[spec], factual) for spec in dict.fromkeys(wanted)]
    return comparison(origin_of(root, run, market, settings, wanted), [factual, *chosen], bootstrap)


def _answer(spec: str, settings: Settings, recording: Recorded, others: Mapping[str, Maker]) -> Answer:
    if spec == RECORDED:
        return recording
    policy = policy_named(spec, guardian=settings.policy.guardian, recorded=recording, others=others)
    return AskedPolicy(policy, settings.policy.latency_us)


def _run_arms(
    run: Run,
    market: Market,
    inputs: AccountInputs,
    settings: Settings,
    answers: dict[str, Answer],
    threads: int,
    progress: Progress,
) -> dict[str, Arm]:
    # What a person did in a live run recurs in every arm: no policy was asked about it.
    acts = acts_of(run)
    perception = run.manifest.perception_digest

    def run_one(spec: str) -> Arm:
        def told(_stage: str, done: int, total: int) -> None:
            progress(spec, done, total)

        # Only the recording of a shadow run is one: an arm of it shows what applying the advice would have made.
        shadow = spec == RECORDED and is_shadow(run)
        answer = answers[spec]
        talks = listened_to(answer.policy) if isinstance(answer, AskedPolicy) else None
        done = run_account(market, inputs, settings, answer, acts=acts, shadow=shadow, progress=told)
        # A live run states its digests when it ends.
        digest = run_digest(state_digest(done.state), perception) if perception else ""
        return Arm(spec, answer.name, done.tables, digest, model=None if talks is None else _facts(talks, done))

    with ThreadPoolExecutor(max_workers=max(1, min(threads, len(answers)))) as pool:
        futures = {spec: pool.submit(run_one, spec) for spec in answers}
        try:
            return {spec: future.result() for spec, future in futures.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _renamed(arm: Arm, factual: Arm) -> Arm:
    """Tell an arm of the factual policy from the factual arm itself."""
    if arm.name != factual.name:
        return arm
    return replace(arm, name=f"{arm.name} (again)")


def _facts(talks: "list[Conversation]", done: AccountRun) -> ModelFacts:
    """Return how a model did in an arm."""
    made = {name: rows for name, (_, rows) in call_tables(talks).items()}
    return model_facts({**done.tables, **made})
