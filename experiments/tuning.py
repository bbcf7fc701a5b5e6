"""What a study stands on: a market, forecasts that were made once, settings, and whose answers they are tuned for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alphastrike.config.resolve import validated
from alphastrike.config.settings import Settings
from alphastrike.engine.history import AccountInputs
from alphastrike.engine.perception import perceive
from alphastrike.market.market import Market
from alphastrike.market.store import find_market, open_market
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.naming import policy_named
from alphastrike.policy.settings import is_model
from alphastrike.runs.computed import account_inputs, recorded_inputs
from alphastrike.runs.environment import SOURCE, versions
from alphastrike.runs.live_market import acts_of
from alphastrike.runs.object_store import is_address
from alphastrike.runs.publishing import at_hand, market_at_hand, names_market
from alphastrike.runs.recorder import recorded_settings
from alphastrike.runs.registry import latest_run, list_runs, market_of, open_run
from alphastrike.runs.reuse import perceived_before
from experiments.asking import BATCH, Sampler, grid_size
from experiments.objective import CALLS_A_DAY_MAX, FOLDS, Objective, cut, days_of
from experiments.space import Knob, knobs_for, values_of
from experiments.study import StudyFacts


@dataclass(frozen=True)
class Basis:
    """What every point of a study is run on."""

    market: Market
    inputs: AccountInputs
    settings: Settings
    run: str
    """Whose forecasts they are as recorded; empty: perceived here."""
    address: str = ""
    """Of run or market in an object store; empty: the data root holds it."""

    def objective(self, facts: StudyFacts) -> Objective:
        """Return what values the study's points."""
        return Objective(self.market, self.inputs, self.settings, facts.policy, facts.cut)


def basis_of(
    root: Path,
    name: str | None,
    promoted: Settings | None = None,
    *,
    is_stated: bool = False,
    threads: int = 1,
    progress: Progress = silent,
    on_reuse: Callable[[str], None] = lambda _: None,
) -> Basis:
    """Return what a study of a run or a market stands on; of no name, the latest run.

    Args:
        root: the data root.
        name: of a run, whose forecasts are read, or of a market, which is perceived once unless a run holds that; or
            the address of either in an object store.
        promoted: settings of a file: of a run only its thresholds take the place of those recorded.
        is_stated: somebody asked for these very settings, which a run cannot have.
        threads: of perception.
        progress: told of it.
        on_reuse: told the run whose perception is taken over.

    Raises:
        AlphaStrikeError: there is neither; it is damaged; or an operator acted in the run.
    """
    if name is None:
        latest = latest_run(root)
        if latest is None:
            raise ConfigurationError("there is no run here yet to tune on. `alphastrike record MARKET` makes one.")
        name = latest.name
    if is_address(name):
        is_market = names_market(name)
    else:
        is_market = all(entry.name != name for entry in list_runs(root)) and find_market(root, name) is not None
    if is_stated and not is_market:
        raise ConfigurationError(
            f"{name!r} is no market here, and a run's settings are those it was recorded with: --config and --set are "
            "for a market."
        )
    if is_address(name):
        return replace(_fetched(root, name, promoted, threads, progress, on_reuse), address=name)
    if is_market:
        return _perceived(root, name, promoted or Settings(), threads, progress, on_reuse)
    return _recorded(root, name, promoted)


def _fetched(
    root: Path,
    address: str,
    promoted: Settings | None,
    threads: int,
    progress: Progress,
    on_reuse: Callable[[str], None],
) -> Basis:
    if names_market(address):
        name = market_at_hand(root, address, progress)
        return _perceived(root, name, promoted or Settings(), threads, progress, on_reuse)
    return _recorded(*at_hand(root, address, progress), promoted)


def _recorded(root: Path, name: str, promoted: Settings | None) -> Basis:
    run = open_run(root, name)
    if acts_of(run):
        raise ConfigurationError(
            f"an operator acted in run {run.name!r}, which no trial would repeat. Tune on its market instead."
        )
    market = market_of(root, run)
    settings = recorded_settings(run)
    settings = settings if promoted is None else settings.with_thresholds_of(promoted)
    return Basis(market, recorded_inputs(run, market), settings, run.name)


def basis_again(root: Path, facts: StudyFacts, *, threads: int = 1, progress: Progress = silent) -> Basis:
    """Return what a study stands on, in whatever process this is.

    Raises:
        ConfigurationError: the market is another than the study's, or this version of the deciding code is.
    """
    if facts.sources != versions()[SOURCE]:
        raise ConfigurationError(
            f"study {facts.name!r} was made by another version of the deciding code: points would not be worth the "
            "same. Tune again under another --name."
        )
    settings = validated(facts.configured, f"study {facts.name}")
    if facts.run:
        there, name = at_hand(root, facts.address or facts.run, progress)
        run = open_run(there, name)
        market = market_of(there, run)
        found = Basis(market, recorded_inputs(run, market), settings, run.name)
    else:
        name = market_at_hand(root, facts.address or facts.market, progress)
        found = _perceived(root, name, settings, threads, progress, lambda _: None)
    if found.market.content_hash != facts.market_hash:
        raise ConfigurationError(
            f"market {facts.market!r} here ({found.market.content_hash[:12]}) is not the one of study {facts.name!r} "
            f"({facts.market_hash[:12]})."
        )
    return found


def facts_of(
    basis: Basis,
    *,
    name: str | None = None,
    policy: str = "rules",
    sampler: Sampler = "tpe",
    seed: int = 1,
    trials: int | None = None,
    only: Sequence[str] = (),
    points: int = 3,
    at_once: int = BATCH,
    folds: int = FOLDS,
    calls_a_day_max: float = CALLS_A_DAY_MAX,
) -> StudyFacts:
    """Return what a study on a basis is about.

    Args:
        basis: what it stands on.
        name: of the study; by default what it is on, and the policy.
        policy: whose answers the thresholds are tuned for.
        sampler: how points are chosen.
        seed: of the sampler.
        trials: points; by default 50, and of a grid all.
        only: names of the knobs to search; the others stay as configured.
        points: values a knob in a grid.
        at_once: points asked at once, the most that workers can share.
        folds: of the walk forward.
        calls_a_day_max: interventions a day beyond which a point is not admitted.

    Raises:
        ConfigurationError: an unknown knob or policy, a model, a grid without end, a market too short.
    """
    if is_model(policy):
        raise ConfigurationError(
            f"policy {policy!r} would be asked thousands of questions: tune for a policy that answers by itself, as "
            "rules does."
        )
    policy_named(policy, guardian=basis.settings.policy.guardian)
    knobs = _chosen(policy, only)
    if sampler == "grid":
        size = grid_size(knobs, points)
        trials = size if trials is None else min(trials, size)
    configured = values_of(basis.settings)
    market = basis.market
    return StudyFacts(
        name=name or f"{basis.run or market.name}-{policy}",
        market=market.name,
        market_hash=market.content_hash,
        policy=policy,
        sampler=sampler,
        seed=seed,
        trials=50 if trials is None else trials,
        knobs=tuple(knob.name for knob in knobs),
        first={knob.name: configured[knob.name] for knob in knobs},
        settings=basis.settings.digest(),
        calls_a_day_max=calls_a_day_max,
        cut=cut(days_of(market), basis.settings, folds),
        points=points,
        at_once=at_once,
        sources=versions()[SOURCE],
        run=basis.run,
        address=basis.address,
        configured=basis.settings.as_dict(),
    )


def _chosen(policy: str, only: Sequence[str]) -> tuple[Knob, ...]:
    knobs = knobs_for(policy)
    unknown = [name for name in only if name not in {knob.name for knob in knobs}]
    if unknown:
        raise ConfigurationError(
            f"--only {unknown[0]!r} is no knob that matters to policy {policy!r}. Known: "
            f"{', '.join(knob.name for knob in knobs)}."
        )
    return tuple(knob for knob in knobs if not only or knob.name in only)


def _perceived(
    root: Path, name: str, settings: Settings, threads: int, progress: Progress, on_reuse: Callable[[str], None]
) -> Basis:
    market = open_market(root, name)
    before = perceived_before(root, market, settings)
    if before is not None:
        on_reuse(before.name)
        return Basis(market, recorded_inputs(before, market), settings, "")
    perceived = perceive(market, settings.perception, threads=threads, progress=progress)
    return Basis(market, account_inputs(perceived), settings, "")
