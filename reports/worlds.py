"""Other histories: how the effect of each arm is spread over many worlds, and how far these are like the original."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from markupsafe import Markup

from replay.effect import Reals
from replay.likeness import LAGS, Likeness
from replay.worlds import QUANTILES, Spread, Worlds
from reports import numerals
from reports.figures import Scale
from reports.page import environment
from reports.palette import Ink, inks
from reports.text_table import TextTable

LABEL: Final = "over histories, decisions re-made"
BINS: Final = 36
"""Columns of a histogram, about: on a phone five pixels each."""
LIKENESS_RANGE: Final = (0.05, 0.95)
DIGITS: Final = 3


class Column(NamedTuple):
    """One bin of a histogram: places in percent of the figure."""

    place: float
    width: float
    height: float
    is_above: bool
    """The effect is above zero in it."""


@dataclass(frozen=True, slots=True)
class ArmWorlds:
    """The distribution of one arm's effect as it is drawn and told."""

    arm: str
    columns: list[Column]
    zero: float
    low: float
    median: float
    high: float
    """Places of the 2.5 %, 50 % and 97.5 % quantiles; those of lost accounts lie at the left edge."""
    here: float | None
    """Place of the effect on the original history; ``None`` when an account was lost there."""
    edges: tuple[str, str]
    """Ends of the axis."""
    told: str
    sentence: str
    shallower: str
    """Share of worlds in which the arm fell less deep."""


class LikenessRow(NamedTuple):
    """One number of the original beside that of the worlds."""

    label: str
    original: str
    median: str
    usual: str
    """From the 5 % to the 95 % quantile of the worlds."""
    is_outside: bool
    """The original lies outside."""


def rendered(worlds: Worlds, ink: dict[str, Ink] | None = None) -> Markup:
    """Return the part of a page about other histories: drawings, tables, and what they rest on."""
    template = environment().get_template("worlds.html").module
    made: Markup = template.worlds_part(  # type: ignore[attr-defined]
        worlds, list(arm_worlds(worlds)), spread_table(worlds), likeness_rows(worlds), list(notes(worlds)),
        ink or inks([worlds.factual, *worlds.arms]),
    )  # fmt: skip
    return Markup(made)


def arm_worlds(worlds: Worlds) -> Iterator[ArmWorlds]:
    """Draw every arm on one scale."""
    edges = _edges([*worlds.effects.values(), np.array(list(worlds.here.values()))])
    scale = Scale(float(edges[0]), float(edges[-1]))
    for arm in worlds.arms:
        effects = worlds.effects[arm]
        told = worlds.spread(arm)
        counts, _ = np.histogram(effects[np.isfinite(effects)], edges)
        # A bin holds its left edge: what is exactly zero stands in the first one above, and is told in words.
        columns = [
            Column(
                scale.place(float(begin)),
                round(scale.place(float(end)) - scale.place(float(begin)), 3),
                round(100.0 * int(count) / max(int(counts.max()), 1), 1),
                bool(begin >= -1e-12),
            )
            for begin, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
            if count
        ]
        low, median, high = (_placed(scale, told.quantiles[QUANTILES.index(at)]) for at in (0.025, 0.5, 0.975))
        fell_less = float(np.mean(worlds.shallower[arm] > 0.0))
        yield ArmWorlds(
            arm=arm,
            columns=columns,
            zero=scale.place(0.0),
            low=low,
            median=median,
            high=high,
            here=scale.place(worlds.here[arm]) if math.isfinite(worlds.here[arm]) else None,
            edges=(_log(float(edges[0])), _log(float(edges[-1]))),
            told=f"P(> 0) = {numerals.percent(told.positive, 0)}",
            sentence=sentence(worlds, arm),
            shallower=numerals.percent(fell_less, 0),
        )


def sentence(worlds: Worlds, arm: str) -> str:
    """Say how an arm did over the worlds, with the error of there being only so many of them."""
    told = worlds.spread(arm)
    low, median, high = (told.quantiles[QUANTILES.index(at)] for at in (0.025, 0.5, 0.975))
    text = (
        f"{arm} grew more than {worlds.factual} in {numerals.percent(told.positive, 0)} of {told.worlds:,} worlds "
        f"(95 % of that share: {_shares(told)}); median {_log(median)}, nineteen worlds of twenty between "
        f"{_log(low)} and {_log(high)}."
    )
    text += f" On the history that was recorded it is {_log(worlds.here[arm])}."
    if told.none > 0.0:
        text += f" In {numerals.percent(told.none, 0)} nothing differed at all."
    lost = int(np.count_nonzero(~np.isfinite(worlds.effects[arm])))
    if lost:
        text += f" In {lost:,} one of the two accounts was lost."
    return text


def spread_table(worlds: Worlds) -> TextTable:
    """Return the distribution of every arm's effect as a table."""
    rows = []
    for arm in worlds.arms:
        told = worlds.spread(arm)
        rows.append(
            [
                arm,
                _log(worlds.here[arm]),
                _log(told.mean),
                numerals.ABSENT if math.isnan(told.error) else f"± {numerals.number(told.error, DIGITS)}",
                *(_log(value) for value in told.quantiles),
                f"{numerals.percent(told.positive, 0)} {_shares(told)}",
            ]
        )
    headers = [
        f"arm − {worlds.factual}", "recorded", "mean", "error",
        *(_quantile_name(at) for at in QUANTILES), "P(> 0), 95 %",
    ]  # fmt: skip
    return TextTable(f"Difference in log growth over {worlds.count:,} other histories", headers, rows)


def terminal_tables(worlds: Worlds) -> list[TextTable]:
    """Return the tables to print."""
    spread = spread_table(worlds)
    kept = [0, 1, 2, 3, 4, 6, 8, 9]
    narrow = TextTable(
        spread.title, [spread.headers[at] for at in kept], [[row[at] for at in kept] for row in spread.rows]
    )
    alike = [
        [row.label, row.original, row.median, f"{row.usual} *" if row.is_outside else row.usual]
        for row in likeness_rows(worlds)
    ]
    return [narrow, TextTable("How alike they are", ["", "original", "worlds", "5 % to 95 %"], alike)]


def likeness_rows(worlds: Worlds) -> list[LikenessRow]:
    """Compare the worlds' character with the original's."""
    rows: list[LikenessRow] = []
    for label, digits in (*((f"autocorrelation of |returns|, {lag}", 3) for lag, _ in LAGS), *_OTHERS):
        at = len(rows)
        original = _numbers(worlds.original)[at]
        drawn = np.array([_numbers(one)[at] for one in worlds.likenesses], dtype=np.float64)
        drawn = drawn[np.isfinite(drawn)]
        low, median, high = (
            [float(value) for value in np.quantile(drawn, [LIKENESS_RANGE[0], 0.5, LIKENESS_RANGE[1]])]
            if len(drawn)
            else [math.nan] * 3
        )
        rows.append(
            LikenessRow(
                label,
                numerals.number(original, digits),
                numerals.number(median, digits),
                f"{numerals.number(low, digits)} to {numerals.number(high, digits)}" if len(drawn) else numerals.ABSENT,
                original < low or original > high,
            )
        )
    return rows


_OTHERS: Final = (("correlation between symbols", 3), ("volatility a day", 4))


def _numbers(one: Likeness) -> tuple[float, ...]:
    return (*one.clustering, one.correlation, one.volatility)


def notes(worlds: Worlds) -> Iterator[str]:
    """Say what the worlds rest on, one sentence each."""
    yield (
        f"{worlds.count:,} worlds of {numerals.number(worlds.days, 0)} days, drawn from this market by a stationary "
        "bootstrap of whole instants, all symbols, funding and series together: mean block "
        f"{worlds.block_days:g} days, seed {worlds.seed}. "
        "In each of them perception and every arm ran anew, so that triggers fired elsewhere "
        "(adaptive)."
    )
    blocks = worlds.days / worlds.block_days
    if blocks < FEW_BLOCKS:
        yield (
            f"The market holds only {blocks:.0f} blocks of that length: its worlds are much alike, and histories "
            "differ more than they do."
        )
    unlike = [row.label for row in likeness_rows(worlds) if row.is_outside]
    if unlike:
        yield (
            f"Of the original, {' and '.join(unlike)} lies outside of what nine worlds of ten have (*): what changes "
            "over longer than a block is not kept."
        )
    for arm, stub in worlds.stubs:
        yield f"{arm} is a model and was not asked in the worlds: {stub} stands for it."
    for arm, why in worlds.left_out:
        yield f"{arm} is left out: {why}."
    yield from worlds.remarks


FEW_BLOCKS: Final = 8


def as_json(worlds: Worlds) -> dict[str, Any]:
    """Return every number of the worlds for machines; what is undefined or infinite is null."""
    return {
        "worlds": worlds.count,
        "seed": worlds.seed,
        "block_days": worlds.block_days,
        "days": worlds.days,
        "mode": "adaptive",
        "label": LABEL,
        "against": worlds.factual,
        "arms": [
            {
                "arm": arm,
                "on_the_recorded_history": _finite(worlds.here[arm]),
                **_spread_json(worlds.spread(arm)),
                "effects": _listed(worlds.effects[arm]),
                "shallower_drawdown": _listed(worlds.shallower[arm]),
            }
            for arm in worlds.arms
        ],
        "factual_log_growth": _listed(worlds.growth),
        "stubs": dict(worlds.stubs),
        "left_out": dict(worlds.left_out),
        "remarks": list(notes(worlds)),
        "likeness": {
            "lags": [label for label, _ in LAGS],
            "original": _likeness_json(worlds.original),
            "worlds": [_likeness_json(one) for one in worlds.likenesses],
        },
    }


def _spread_json(told: Spread) -> dict[str, Any]:
    plain = asdict(told)
    del plain["worlds"], plain["quantiles"]
    return {
        **{name: _finite(value) for name, value in plain.items()},
        "quantiles": {str(at): _finite(value) for at, value in zip(QUANTILES, told.quantiles, strict=True)},
    }


def _likeness_json(one: Likeness) -> dict[str, Any]:
    return {
        "clustering": [_finite(value) for value in one.clustering],
        "correlation": _finite(one.correlation),
        "volatility": _finite(one.volatility),
    }


def _listed(values: Reals) -> list[float | None]:
    return [_finite(float(value)) for value in values]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _edges(effects: list[Reals]) -> Reals:
    """Return the edges of bins of a round width that hold every finite effect; zero is one of them."""
    known = np.concatenate([*effects, [0.0]])
    known = known[np.isfinite(known)]
    low, high = float(known.min()), float(known.max())
    step = _round_up((high - low) / BINS) if high > low else 0.001
    return np.arange(math.floor(low / step) - 1, math.ceil(high / step) + 2, dtype=np.float64) * step


def _round_up(value: float) -> float:
    """Return the next number of the form 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= value * (1.0 - 1e-12))


def _placed(scale: Scale, value: float) -> float:
    return scale.place(value) if math.isfinite(value) else 0.0


def _log(value: float) -> str:
    return numerals.number(value, DIGITS, signed=True)


def _shares(told: Spread) -> str:
    low, high = (numerals.number(100.0 * edge, 0) for edge in (told.positive_low, told.positive_high))
    return f"[{low}, {high}] %"


def _quantile_name(at: float) -> str:
    return "median" if at == 0.5 else f"{100 * at:g} %"
