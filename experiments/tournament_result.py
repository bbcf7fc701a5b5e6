"""What came of a tournament: a row for each contestant, for the guardian, and for doing nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from alphastrike.journal.codes import Rule
from replay.effect import Reals
from replay.horizons import PRIMARY, SUITE_HORIZONS
from replay.inference import EPISODES_MIN, Clustered, Several

NO_ACTION: Final = "no_action"
GUARDIAN: Final = "guardian"
RECORDED: Final = "recorded"
MODEL: Final = "model"
"""Kinds of rows; all but the last stand in every table."""

PLACE: Final = SUITE_HORIZONS.index(PRIMARY)
CLUSTERS_MIN: Final = EPISODES_MIN


@dataclass(frozen=True, slots=True)
class Answers:
    """How a contestant answered. Shares are NaN where there is nothing to share."""

    valid_at_once: float
    """Share of answers at triggers whose first attempt could be used."""
    valid: float
    """The same after further attempts."""
    samples_agree: float
    """Mean over situations of the share of samples that said what was said most; NaN with one sample."""
    orders_agree: float
    """Share of the reports in another order that got the answer of the reported order."""
    orders: int
    """Such reports."""
    latency_p50_s: float
    latency_p95_s: float
    prompt_tokens: int
    answer_tokens: int
    calls: int
    """Attempts behind all answers, whenever they were made."""


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant, or one that is always there."""

    name: str
    kind: str
    advantage: Reals
    """(n, H) over doing nothing, mean over samples, log equity; NaN where the horizon lies beyond the run."""
    mean: tuple[float, ...]
    """By horizon, over the situations that reach so far."""
    interval: tuple[Clustered | None, ...]
    """95 %, over clusters; ``None`` under ten of them."""
    regret: tuple[float, ...]
    """By horizon, best of the grid and the answer itself, less the answer: chosen with hindsight, biased upwards."""
    honest_regret: float
    """Best action by rule, chosen on one half of the clusters and valued on the other, less the answer, at the primary
    horizon."""
    honest_interval: Clustered | None
    over_guardian: float
    """Mean advantage over the guardian's, at the primary horizon."""
    over_guardian_interval: Clustered | None
    quiet_at_triggers: float
    """Share of the usable answers at triggers that change nothing."""
    quiet_at_controls: float
    did: Mapping[str, float]
    """Share of the answers at triggers that led to each tool, after ``on_failure``; a sum above 1 means several."""
    among_best: float
    """p of belonging to the set of the best; NaN where there are too few clusters."""
    answers: Answers | None
    """``None`` for those that no model answered for."""
    prompt: str = ""
    model: str = ""
    digest: str = ""
    prompt_sha256: str = ""

    @property
    def is_model(self) -> bool:
        """Whether a model answered."""
        return self.kind == MODEL


@dataclass(frozen=True, slots=True)
class Asked:
    """One situation, for the page."""

    situation: int
    asked: int
    rule: Rule
    scope: str | None
    cluster: int


@dataclass(frozen=True, slots=True)
class Tournament:
    """What came of it."""

    run: str
    head: str
    """Of the run's chain."""
    policy: str
    """The run's own."""
    market: str
    market_hash: str
    begin: int
    end: int
    asked: tuple[Asked, ...]
    valued: tuple[int, ...]
    """Situations by horizon."""
    clusters: tuple[int, ...]
    controls: int
    quiet_controls: int
    """Of those, the ones at which no rule was met at all."""
    samples: int
    can_differ: bool
    """Whether two samples may be drawn differently."""
    orders: int
    on_failure: str
    rows: tuple[Row, ...]
    """Those that are always there first, then contestants as named."""
    several: Several | None
    """All at once against doing nothing; ``None`` under ten clusters, or where nobody differs from it."""
    calls_made: int
    """Now; all others were recorded before."""

    @property
    def models(self) -> tuple[Row, ...]:
        """Contestants alone."""
        return tuple(row for row in self.rows if row.is_model)

    def row(self, kind: str) -> Row:
        """Return one of those that are always there."""
        return next(row for row in self.rows if row.kind == kind)

    @property
    def is_evidence(self) -> bool:
        """Whether there are clusters enough for intervals."""
        return self.clusters[PLACE] >= CLUSTERS_MIN
