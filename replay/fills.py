"""Fills that nobody observed: the same arms under kinder and under harsher fills, and whether the verdict holds.

No order of a branch was ever in a market. What the venue would have charged is a model, so every effect is computed
under three of them; the factual arm runs under the same one each time, or the difference would be the fills'.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from alphastrike.config.settings import Settings
from alphastrike.market.market import Market
from replay.compare import Effect

HALF_SPREAD_MAX: Final = 0.1
IMPACT_MAX: Final = 10.0
PARTICIPATION_MAX: Final = 1.0
"""Bounds of the venue's own settings."""


class FillModel(NamedTuple):
    """Factors on the venue settings of the run, and on the fees of its instruments."""

    name: str
    half_spread: float
    """Times the configured half spread."""
    impact: float
    """Times the configured coefficient of the square-root impact."""
    participation: float
    """Times the configured share of a bar's volume that an order may take."""
    rests: float
    """Share of what market orders trade that is charged the maker fee, 0 to 1: orders that had time to rest."""
    takes: float
    """Share of what limit orders trade that is charged the taker fee, 0 to 1: prices that ran through them."""

    @property
    def text(self) -> str:
        """The factors in words."""
        told = f"half spread × {self.half_spread:g}, impact × {self.impact:g}, participation × {self.participation:g}"
        if self.rests:
            told += f", {self.rests:.0%} of taker volume at the maker fee".replace("%", " %")
        if self.takes:
            told += f", {self.takes:.0%} of maker volume at the taker fee".replace("%", " %")
        return told


BASE: Final = FillModel("base", 1.0, 1.0, 1.0, 0.0, 0.0)
BAND: Final = (
    FillModel("optimistic", 0.5, 0.5, 2.0, 0.5, 0.0),
    BASE,
    FillModel("pessimistic", 3.0, 2.0, 0.5, 0.0, 1.0),
)
"""Kindest first. Real half spreads of the majors lie between a third and three times a basis point, published
coefficients of the impact between one half and two."""


@dataclass(frozen=True, slots=True)
class FillBand:
    """The effects of all arms under every fill model."""

    models: tuple[FillModel, ...]
    effects: Mapping[str, tuple[Effect, ...]]
    """By arm, in the order of the models."""
    factual: tuple[float, ...]
    """Log growth of the factual arm under each model."""
    standing: tuple[str, ...]
    """Arms, the factual one among them where it is one, that were not asked anew: what stood in them stands."""


def under(model: FillModel, market: Market, settings: Settings) -> tuple[Market, Settings]:
    """Return market and settings under which the venue fills as the model says."""
    venue = settings.account.venue
    changed = venue._replace(
        half_spread=min(venue.half_spread * model.half_spread, HALF_SPREAD_MAX),
        impact=min(venue.impact * model.impact, IMPACT_MAX),
        participation_max=min(venue.participation_max * model.participation, PARTICIPATION_MAX),
    )
    account = settings.account.model_copy(update={"venue": changed})
    instruments = market.instruments.copy()
    taker, maker = market.instruments["taker_fee"], market.instruments["maker_fee"]
    instruments["taker_fee"] = taker + model.rests * (maker - taker)
    instruments["maker_fee"] = maker + model.takes * (taker - maker)
    return replace(market, instruments=instruments), settings.model_copy(update={"account": account})
