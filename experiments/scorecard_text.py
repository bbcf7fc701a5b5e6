"""The scorecard's part on intervals, and the page that all parts are laid together on: docs/scorecard.md."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from experiments.scorecard_scores import COVERAGE, Mean, Score, Share, keeps_coverage, keeps_level
from replay.inference import LEVEL

if TYPE_CHECKING:
    from experiments.scorecard import Scorecard, Scored

PARTS: Final = ("intervals", "moments", "tuning")
"""Of the page, in their order: each can be made by itself."""

OPENING: Final = """# Scorecard: how far the intervals can be trusted

    make scorecard

An interval that says 95 % has to hold the truth in 95 of 100 histories. Of a recorded run nobody knows the truth; of
a generator one does: it is the mean over its worlds. So small worlds are simulated ({symbols} symbols, {days} days of
hourly bars, triggers that fire often), all arms are run in each, and the interval that `replay` would print is held
against the truth: {seeds:,} worlds judged of each generator, {truth:,} *other* worlds for the truth. Effects are
differences of log growth over the whole run in ‰, against `no-llm` unless said. Behind every figure stands its Monte
Carlo error, one standard error; a target is kept when it lies within 1.96 of them. The same seeds give the same tables
on any number of processes. The worlds are described at the end.
"""

COVERAGE_NOTE: Final = """
The truth is a number of the generator: what an arm is worth on average over its worlds, in which triggers fire
elsewhere each time. *Above* and *below* are worlds whose interval lies wholly on that side of it.
"""

BIAS_NOTE: Final = """
The estimate is the world's own effect, computed and not estimated: its bias is zero but for the Monte Carlo error, and
the table shows that nothing is lost in the worlds that have no interval. Half-width ÷ 1.96 spreads is 1 where intervals
are as wide as luck is large; worlds differ in how wild they are, so that of the median interval may be less. *Days that
count* are (Σ d²)² ÷ Σ d⁴ of the daily differences d: as many days of equal size would vary by as much.
"""

NULL_NOTE: Final = """
Arms under the null are exchangeable: the same random policy under two seeds, or all interventions of the guardian's run
moved to two random times. Whatever the market does, neither can be better; *called* are the worlds in which the verdict
says so all the same.

Under `nothing` an interval is wider than need be, and hardly anything is called. There an account's growth is what it
pays in costs, and leverage, hence costs, falls with the drawdown: later days make up for earlier ones, over months,
which no block of days can see. Over 900 worlds the variance of a run's growth is 0.80 ± 0.04 times the sum of its days'
variances; without fees, spread, impact and funding it is 1.01 ± 0.05.
"""

POWER_NOTE: Final = """
A true effect of two spreads is found in about half of all worlds, whatever the method; of less than one, hardly ever.
That is why a run of half a year so often ends in *not enough evidence* or *undecided*.
"""

BESIDE_NOTE: Final = """
The same worlds, the same blocks. *Percentiles* are the 2.5 and 97.5 % quantiles of the resampled sums; *Student* is the
same standard error times Student's t with one degree of freedom fewer than there are blocks.

Half a year's difference hangs on few days (*days that count* above). Where such lopsided sums have a mean, an interval
falls short unless it is wide, and percentiles do. Where arms are exchangeable the sums are symmetric, and stray *less*
in their own error than normal ones (Efron, 1969, "Student's t-Test under Symmetry Conditions"), so that the same width
may call fewer than 5 %.
"""

WORLDS: Final = """## The worlds

| worlds | market | settings |
| --- | --- | --- |
| usual | `simulate`, as the sample market is made | triggers after 2 losses, 6 h apart; positions of at most 12 h |
| nothing | `--plant nothing` | the same |
| shorts-trap | `--plant shorts-trap` | the same |
| leverage-crash, × dose | `--plant leverage-crash`, `:dose=X` | and a guardian that cuts to a tenth for three days |

[markets.md](markets.md) says what the plants do; `experiments/scorecard_worlds.py` has every setting. The crash is
judged without the limits on daily loss and drawdown, which would de-risk both arms alike.

## The same in single runs

```
alphastrike simulate --name crash --plant leverage-crash --interval 1h --seed 1
alphastrike record crash --policy no-llm --name crash --set account.triggers.losses=3 \\
    --set policy.guardian.loss_streak_multiplier=0.1 --set policy.guardian.loss_streak_hours=72 \\
    --set account.limits.daily_loss_max=1.0 --set account.limits.drawdown_halt=0.95
alphastrike replay crash --policy rules                  # better: de-risking helps here, and 36 episodes say so

alphastrike simulate --name usual --interval 1h
alphastrike record usual --policy no-llm --name usual --set account.triggers.losses=3
alphastrike replay usual --policy random:seed=1          # not better: 48 episodes of a random tool

alphastrike simulate --name short --interval 1h --days 90
alphastrike record short --policy rules --name short --set account.triggers.losses=3
alphastrike replay short --policy no-llm                 # not enough evidence: five interventions
```
"""


def intervals_part(card: "Scorecard") -> str:
    """Return the part of the page on intervals in Markdown."""
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
        WORLDS,
    ]
    return "\n".join(parts)


def laid_together(page: str, made: Mapping[str, str]) -> str:
    """Return the page with the parts that were made anew, by name; of the others it keeps what it has.

    The first part is the page; the others stand between lines of their own at its end.
    """
    first, *others = PARTS
    texts = {}
    for name in others:
        before, _, rest = page.partition(begins(name))
        texts[name], _, after = rest.partition(ends(name))
        page = f"{before.rstrip()}\n\n{after.lstrip()}" if rest else page
    texts = {first: page, **texts, **made}
    inside = [f"{begins(name)}\n\n{texts[name].strip()}\n\n{ends(name)}" for name in others if texts[name].strip()]
    return "\n\n".join([texts[first].strip(), *inside]).strip() + "\n"


def begins(name: str) -> str:
    """Return the line of the page before a part."""
    return f"<!-- {name}: begins -->"


def ends(name: str) -> str:
    """Return the line of the page after a part."""
    return f"<!-- {name}: ends -->"


def _coverage(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}`",
            _mean(each.score.truth),
            f"{1e3 * each.score.half_width:.1f}",
            f"{each.score.truth_error:.3f}",
            shown_share(each.score.covered),
            shown_percent(each.score.above.value),
            shown_percent(each.score.below.value),
            "yes" if keeps_coverage(each.score) else _off(each.score.covered, COVERAGE[1]),
        )
        for each in scored
    ]
    low, high = (shown_percent(bound) for bound in COVERAGE)
    headers = ("worlds", "arm", "true effect, ‰", "half-width, ‰", "error of the truth ÷ half-width", "coverage",
               "above the truth", "below it", f"{low} to {high}")  # fmt: skip
    return f"## Coverage of the 95 % interval over histories\n\n{table(headers, rows, words=2)}{COVERAGE_NOTE}"


def _bias(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}`",
            _mean(each.score.bias),
            f"{1e3 * each.score.spread:.1f}",
            f"{each.score.width_ratio:.2f}",
            f"{each.score.episodes:.0f}",
            f"{each.score.days_that_count:.0f}",
            shown_percent(each.score.silent.value),
        )
        for each in scored
    ]
    headers = ("worlds", "arm", "bias, ‰", "spread between worlds, ‰", "half-width ÷ 1.96 spreads", "episodes",
               "days that count", "without an interval")  # fmt: skip
    return f"## Bias, and how wide the intervals are\n\n{table(headers, rows, words=2)}{BIAS_NOTE}"


def _nulls(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}` against `{each.contest.against}`",
            shown_share(each.score.called),
            shown_share(each.score.better),
            shown_share(each.score.worse),
            "yes" if keeps_level(each.score) else _off(each.score.called, 1.0 - LEVEL),
        )
        for each in scored
    ]
    headers = ("worlds", "arms", "called", "better", "worse", "5 %")
    return f"## False positives where the truth is zero\n\n{table(headers, rows, words=2)}{NULL_NOTE}"


def _power(scored: Sequence["Scored"]) -> str:
    rows = [
        (
            each.generator.name,
            f"`{each.contest.arm}`",
            _mean(each.score.truth),
            f"{_size(each.score):+.2f}",
            shown_share(each.score.better),
            shown_share(each.score.worse),
        )
        for each in scored
    ]
    headers = ("worlds", "arm", "true effect, ‰", "in spreads between worlds", "called better", "called worse")
    return f"## Power: how often an effect is found\n\n{table(headers, rows, words=2)}{POWER_NOTE}"


def _beside(scored: Sequence["Scored"]) -> str:
    rows = []
    for each in scored:
        if not (each.is_null or each.generator.has_others):
            continue
        own, kinds = each.score, (each.score.percentile, each.score.student)
        against = f" against `{each.contest.against}`" if each.is_null else ""
        counted = [shown_percent(share.value) for share in (own.covered, *(kind.covered for kind in kinds))]
        counted += [shown_percent(share.value) for share in (own.called, *(kind.called for kind in kinds))]
        rows.append((each.generator.name, f"`{each.contest.arm}`{against}", *counted))
    headers = ("worlds", "arm", "coverage: printed", "percentiles", "Student", "called: printed", "percentiles",
               "Student")  # fmt: skip
    return f"## Other intervals in the same worlds\n\n{table(headers, rows, words=2)}{BESIDE_NOTE}"


def _off(share: Share, most: float) -> str:
    return "more" if share.value > most else "less"


def _size(scored: Score) -> float:
    return scored.truth.value / scored.spread


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], words: int) -> str:
    """Return a Markdown table; the first ``words`` columns are words, the others numbers."""
    rule = ["---"] * words + ["--:"] * (len(headers) - words)
    return "".join(f"| {' | '.join(row)} |\n" for row in (headers, rule, *rows))


def _mean(mean: Mean) -> str:
    return f"{1e3 * mean.value:+.1f} ± {1e3 * mean.error:.1f}"


def shown_share(share: Share) -> str:
    """Return a share with its Monte Carlo error, in percent."""
    return f"{100 * share.value:.1f} ± {100 * share.error:.1f} %"


def shown_percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.3g} %"
