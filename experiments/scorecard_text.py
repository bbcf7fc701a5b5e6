"""The scorecard as a page: docs/scorecard.md."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from experiments.scorecard_scores import COVERAGE, Mean, Score, Share, keeps_coverage, keeps_level

if TYPE_CHECKING:
    from experiments.scorecard import Scorecard, Scored

OPENING: Final = """# Scorecard: how far the intervals can be trusted

    make scorecard

An interval that says 95 % has to hold the truth in 95 of 100 histories. Of a recorded run nobody knows the truth; of
a generator one does: it is the mean over its worlds. So small worlds are simulated ({symbols} symbols, {days} days of
hourly bars, triggers that fire often), all arms are run in each, and the interval that `replay` would print is held
against the truth: {seeds:,} worlds judged a generator, {truth:,} *other* worlds for the truth. Effects are
differences of log growth over the whole run in ‰, against `no-llm` unless said. Behind every figure stands its
Monte Carlo error, one standard error.
"""


def page(card: "Scorecard") -> str:
    """Return the page in Markdown."""
    effects = [each for each in card.scored if not each.is_null]
    coverage = [each for each in effects if each.generator.has_others]
    nulls = [each for each in card.scored if each.is_null]
    first = card.scored[0].generator
    parts = [
        OPENING.format(symbols=3, days=first.days, seeds=card.seeds, truth=card.truth_worlds),
        _coverage(coverage),
        _bias(coverage),
        _nulls(nulls),
        _power(effects),
        _beside(card.scored),
    ]
    return "\n".join(parts)


def _coverage(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}`",
            _mean(each.score.truth),
            f"{1e3 * each.score.half_width:.1f}",
            f"{each.score.truth_error:.3f}",
            _share(each.score.covered),
            _percent(each.score.above.value),
            _percent(each.score.below.value),
            "yes" if keeps_coverage(each.score) else "no",
        )
        for each in scored
    ]
    low, high = (_percent(bound) for bound in COVERAGE)
    headers = ("worlds", "arm", "true effect, ‰", "half-width, ‰", "error of the truth ÷ half-width", "coverage",
               "above the truth", "below it", f"{low} to {high}")  # fmt: skip
    return f"## Coverage of the 95 % interval over histories\n\n{_table(headers, rows, words=2)}\n"


def _bias(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}`",
            _mean(each.score.bias),
            f"{1e3 * each.score.spread:.1f}",
            f"{each.score.width_ratio:.2f}",
            f"{each.score.episodes:.0f}",
            _percent(each.score.silent.value),
        )
        for each in scored
    ]
    headers = ("worlds", "arm", "bias, ‰", "spread between worlds, ‰", "half-width ÷ 1.96 spreads", "episodes",
               "without an interval")  # fmt: skip
    return f"## Bias, and how wide the intervals are\n\n{_table(headers, rows, words=2)}\n"


def _nulls(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}` against `{each.contest.against}`",
            _share(each.score.called),
            _share(each.score.better),
            _share(each.score.worse),
            "yes" if keeps_level(each.score) else "no",
        )
        for each in scored
    ]
    headers = ("worlds", "arms", "called", "better", "worse", "5 %")
    return f"## False positives where the truth is zero\n\n{_table(headers, rows, words=2)}\n"


def _power(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}`",
            _mean(each.score.truth),
            f"{_size(each.score):+.2f}",
            _share(each.score.better),
            _share(each.score.worse),
        )
        for each in scored
    ]
    headers = ("worlds", "arm", "true effect, ‰", "in spreads between worlds", "called better", "called worse")
    return f"## Power: how often an effect is found\n\n{_table(headers, rows, words=2)}\n"


def _beside(scored: Sequence["Scored"]) -> str:
    rows = []
    for each in scored:
        if not (each.is_null or each.generator.has_others):
            continue
        own, kinds = each.score, (each.score.percentile, each.score.student)
        against = f" against `{each.contest.against}`" if each.is_null else ""
        counted = [_percent(share.value) for share in (own.covered, *(kind.covered for kind in kinds))]
        counted += [_percent(share.value) for share in (own.called, *(kind.called for kind in kinds))]
        rows.append((each.generator.name, f"`{each.contest.arm}`{against}", *counted))
    headers = ("worlds", "arm", "coverage: printed", "percentiles", "Student", "called: printed", "percentiles",
               "Student")  # fmt: skip
    return f"## Other intervals in the same worlds\n\n{_table(headers, rows, words=2)}\n"


def _size(scored: Score) -> float:
    return scored.truth.value / scored.spread


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """Return a Markdown table; the first ``words`` columns are words, the others numbers."""
    rule = ["---"] * words + ["--:"] * (len(headers) - words)
    return "".join(f"| {' | '.join(row)} |\n" for row in (headers, rule, *rows))


def _mean(mean: Mean) -> str:
    return f"{1e3 * mean.value:+.1f} ± {1e3 * mean.error:.1f}"


def _share(share: Share) -> str:
    return f"{100 * share.value:.1f} ± {100 * share.error:.1f} %"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
