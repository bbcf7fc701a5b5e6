"""What an ablation allows one to say: a standing for every row, and one sentence that claims no more."""

from typing import NamedTuple

from experiments.ablate import Ablation, Row
from experiments.variants import EQUAL
from replay.verdict import Standing


class Judged(NamedTuple):
    """A row other than the baseline, judged by the band of its Sharpe ratio for all rows at once."""

    name: str
    standing: Standing
    evidence: str


def judged(ablation: Ablation) -> tuple[Judged, ...]:
    """Judge every row against equal weights, in the order of the table."""
    others = [row for row in ablation.rows if row.name != EQUAL]
    return tuple(Judged(row.name, _standing(row), _evidence(row, len(others))) for row in others)


def verdict(ablation: Ablation) -> str:
    """Say in one sentence what this history shows about weighing signals, and about earning anything at all."""
    return f"{_about_weighing(judged(ablation))}; {_about_earning(ablation.equal)}."


def _standing(row: Row) -> Standing:
    assert row.against is not None, "the baseline is not compared with itself"
    if row.against.identical:
        return Standing.IDENTICAL
    if row.band is None or row.against.sharpe_interval is None:
        return Standing.NOT_ENOUGH
    if not row.band.excludes_zero:
        return Standing.UNDECIDED
    return Standing.BETTER if row.band.low > 0.0 else Standing.WORSE


def _evidence(row: Row, rows: int) -> str:
    standing = _standing(row)
    assert row.against is not None, "the baseline is not compared with itself"
    alone = row.against.sharpe_interval
    if standing is Standing.IDENTICAL:
        return "the same daily returns"
    if alone is None or row.band is None:
        return "too few days, or nothing moved: no interval"
    if standing is Standing.UNDECIDED:
        if alone.excludes_zero:
            return f"its own interval leaves out zero, but not once all {rows} rows are counted"
        return "the interval of the difference holds zero"
    return f"the interval leaves out zero, all {rows} rows counted"


def _about_weighing(rows: tuple[Judged, ...]) -> str:
    by_standing = {standing: [row.name for row in rows if row.standing is standing] for standing in Standing}
    better, worse = by_standing[Standing.BETTER], by_standing[Standing.WORSE]
    if all(row.standing in (Standing.NOT_ENOUGH, Standing.IDENTICAL) for row in rows):
        return "Not enough evidence: too few days out of sample, or too little happened on them, for an interval"
    if not better and not worse:
        return "Not enough evidence: out of sample nothing can be told from equal weights"
    told = []
    if better:
        told.append(f"{_listed(better)} did better than equal weights out of sample on this history")
    elif worse:
        told.append("out of sample nothing can be said to beat equal weights")
    if worse:
        told.append(f"{_listed(worse)} did worse")
    if undecided := len(by_standing[Standing.UNDECIDED]):
        told.append(f"the other {undecided if undecided > 1 else 'one'} cannot be told from them")
    text = ", ".join(told)
    return text[0].upper() + text[1:]


def _about_earning(row: Row) -> str:
    interval = row.sharpe_interval
    if interval is None:
        return "whether equal weights earn anything cannot be said either"
    if not interval.excludes_zero:
        return "whether equal weights earn anything after costs is open too"
    return (
        f"equal weights themselves {'earned' if interval.low > 0.0 else 'lost'} after costs beyond what luck explains"
    )


def _listed(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    *most, last = quoted
    return f"{', '.join(most)} and {last}" if most else last
