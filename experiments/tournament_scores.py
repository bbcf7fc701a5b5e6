"""What plans were worth, as rows of a table: means with intervals over clusters, regret, and all rows at once."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.contestants import Contestant
from experiments.tournament_plans import Worth
from experiments.tournament_result import CLUSTERS_MIN, NO_ACTION, PLACE, Answers, Row
from replay.cases import CHOSEN, Case
from replay.effect import Integers, Reals
from replay.horizons import SUITE_HORIZONS
from replay.inference import Bootstrap, Several, cluster_interval, several
from replay.inference.blocks import DRAWS, SEED
from replay.regret import half_sample


class Scores:
    """Values of plans, as rows of a table."""

    def __init__(self, cases: Sequence[Case], found: Sequence[Worth]) -> None:
        self._found = found
        self._cluster: Integers = np.array([case.cluster for case in cases], dtype=np.int64)
        grid = [worth.grid for worth in found]
        self._best = np.array([np.max(np.array(own), axis=0) for own in grid])
        known = [~np.isnan(self._best[:, place]) for place in range(len(SUITE_HORIZONS))]
        self.valued = tuple(int(own.sum()) for own in known)
        self.clusters = tuple(len(np.unique(self._cluster[own])) for own in known)
        self._known = known[PLACE]
        self._rules, self._grid = self._by_rule(cases)

    def _by_rule(self, cases: Sequence[Case]) -> tuple[Integers, Reals]:
        """Return rules as numbers, and what each action of the grid was worth at the primary horizon; 0 for none."""
        labels = list(dict.fromkeys(
            action.label for case in cases for action in case.actions if action.label != CHOSEN
        ))  # fmt: skip
        values = np.zeros((len(cases), len(labels)))
        for row, (case, worth) in enumerate(zip(cases, self._found, strict=True)):
            for action, value in zip(case.actions, worth.grid, strict=True):
                if action.label in labels:
                    values[row, labels.index(action.label)] = value[PLACE]
        kinds = sorted({case.situation.rule for case in cases})
        return np.array([kinds.index(case.situation.rule) for case in cases], dtype=np.int64), values

    def advantage(self, columns: Sequence[tuple[int, ...]]) -> Reals:
        """Return (n, H) means over the plans in each situation's columns."""
        return np.array(
            [
                exact_mean(np.array([worth.others[column] for column in own]))
                for worth, own in zip(self._found, columns, strict=True)
            ]
        )

    def row(
        self,
        name: str,
        kind: str,
        columns: Sequence[tuple[int, ...]],
        guarded: Reals,
        quiet: tuple[float, float],
        did: Mapping[str, float],
        contestant: Contestant | None,
        answers: Answers | None = None,
    ) -> Row:
        """Return one row; its place in the set of the best is not known yet."""
        advantage = self.advantage(columns)
        regret = np.array(
            [
                np.mean([np.maximum(best, worth.others[column]) - worth.others[column] for column in own], axis=0)
                for worth, own, best in zip(self._found, columns, self._best, strict=True)
            ]
        )
        known, cluster = self._known, self._cluster
        over = advantage[:, PLACE] - guarded[:, PLACE]
        honest = self._honest(advantage[known, PLACE])
        return Row(
            name=name,
            kind=kind,
            advantage=advantage,
            mean=tuple(_known_mean(advantage[:, place]) for place in range(len(SUITE_HORIZONS))),
            interval=tuple(cluster_interval(advantage[:, place], cluster) for place in range(len(SUITE_HORIZONS))),
            regret=tuple(_known_mean(regret[:, place]) for place in range(len(SUITE_HORIZONS))),
            honest_regret=_known_mean(honest),
            honest_interval=cluster_interval(honest, cluster[known]) if len(honest) else None,
            over_guardian=_known_mean(over),
            over_guardian_interval=cluster_interval(over, cluster),
            quiet_at_triggers=quiet[0],
            quiet_at_controls=quiet[1],
            did=did,
            among_best=np.nan,
            answers=answers,
            prompt=contestant.prompt_label if contestant else "",
            model=contestant.settings.model if contestant else "",
            digest=contestant.digest if contestant else "",
            prompt_sha256=contestant.prompt.sha256 if contestant else "",
        )

    def _honest(self, chosen: Reals) -> Reals:
        if not len(chosen):
            return chosen
        _, clusters = np.unique(self._cluster[self._known], return_inverse=True)
        _, rules = np.unique(self._rules[self._known], return_inverse=True)
        return half_sample(self._grid[self._known], chosen, rules, clusters).gained

    def together(self, rows: Sequence[Row]) -> Several | None:
        """Compare all rows at once, clusters drawn again."""
        if self.clusters[PLACE] < CLUSTERS_MIN:
            return None
        growth = {row.name: self._by_cluster(row.advantage[self._known, PLACE]) for row in rows}
        return several(growth, NO_ACTION, Bootstrap(DRAWS, 1.0, SEED))

    def _by_cluster(self, values: Reals) -> Reals:
        """Return (G,) numbers a cluster: their mean is that of all values, their spread that of the ratio it is.

        A mean over situations is a ratio, sum of cluster sums over number of situations; drawn again are its
        first-order parts, as :func:`replay.inference.clusters.cluster_error` measures them.
        """
        _, place = np.unique(self._cluster[self._known], return_inverse=True)
        sums = np.bincount(place, weights=values)
        sizes = np.bincount(place).astype(np.float64)
        mean = float(np.sum(sums) / np.sum(sizes))
        return np.asarray(mean + (sums - mean * sizes) * len(sizes) / np.sum(sizes))


def exact_mean(values: Reals) -> Reals:
    """Return the mean (H,) of (K, H) values; of equal ones their own bits, which a sum divided might not be."""
    return np.asarray(values[0] + np.mean(values - values[0], axis=0))


def _known_mean(values: Reals) -> float:
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else np.nan
