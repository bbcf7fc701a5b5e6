"""The fill band: every arm's effect under kinder and harsher fills, drawn beside the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from replay.fills import BASE, FillBand
from replay.inference import Interval
from replay.verdict import Standing, verdict
from reports import figures, numerals
from reports.text_table import TextTable


@dataclass(frozen=True, slots=True)
class ArmBand:
    """One arm under every fill model, on one scale with the others."""

    arm: str
    bars: list[figures.IntervalBar]
    standings: list[str]
    holds: bool
    """No other fills gainsay the verdict under those assumed."""


def arm_bands(band: FillBand) -> Iterator[ArmBand]:
    """Draw every arm of a band."""
    rows = [
        (model.name, effect.differences["log_growth"], effect.growth)
        for effects in band.effects.values()
        for model, effect in zip(band.models, effects, strict=True)
    ]
    bars = figures.interval_bars(rows, 3)
    for place, arm in enumerate(band.effects):
        first = place * len(band.models)
        told = [one.value for one in standings(band, arm)]
        yield ArmBand(arm, bars[first : first + len(band.models)], told, holds(band, arm))


def standings(band: FillBand, arm: str) -> list[Standing]:
    """Return how an arm stands under each fill model."""
    return [verdict(effect).standing for effect in band.effects[arm]]


def holds(band: FillBand, arm: str) -> bool:
    """Tell whether the verdict under the fills assumed is gainsaid by none of the others."""
    assumed = next(
        effect for model, effect in zip(band.models, band.effects[arm], strict=True) if model.name == BASE.name
    )
    return verdict(assumed).standing is verdict(assumed, band).standing


def sentence(band: FillBand) -> str:
    """Say whether the verdicts hold, in one sentence."""
    flipped = [arm for arm in band.effects if not holds(band, arm)]
    if not flipped:
        return "No verdict is gainsaid by kinder or by harsher fills."
    return f"The verdict on {', '.join(flipped)} flips with the fills: undecided, for nobody has seen them."


def band_table(band: FillBand) -> TextTable:
    """Return the band as a table: a line an arm and fill model."""
    rows = []
    for arm, effects in band.effects.items():
        for model, effect, stands in zip(band.models, effects, standings(band, arm), strict=True):
            rows.append(
                [
                    f"{arm}, {model.name}",
                    numerals.number(effect.differences["log_growth"], 3, signed=True),
                    figures.interval_told(effect.growth, 3).removeprefix("95 % "),
                    numerals.number(effect.parts.fees + effect.parts.slippage, 0, signed=True),
                    stands.value,
                ]
            )
    return TextTable("Under other fills", ["arm, fills", "log growth", "95 %", "costs, USDT", "verdict"], rows)


def notes(band: FillBand) -> Iterator[str]:
    """Say what the band rests on."""
    told = "; ".join(f"{model.name}: {model.text}" for model in band.models)
    yield f"Factors on the run's own venue settings, the factual arm under the same fills as its rivals. {told}."
    if band.standing:
        yield f"Not asked anew, what stood in them stands: {', '.join(band.standing)}."


def as_json(band: FillBand) -> dict[str, Any]:
    """Return the band for machines."""
    return {
        "models": [model._asdict() for model in band.models],
        "factual_log_growth": [_finite(value) for value in band.factual],
        "not_asked_anew": list(band.standing),
        "arms": [
            {
                "arm": arm,
                "log_growth": [_finite(effect.differences["log_growth"]) for effect in effects],
                "log_growth_interval": [_interval(effect.growth) for effect in effects],
                "net_pnl": [_finite(effect.differences["net_pnl"]) for effect in effects],
                "standing": [one.value for one in standings(band, arm)],
                "holds": holds(band, arm),
            }
            for arm, effects in band.effects.items()
        ],
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
