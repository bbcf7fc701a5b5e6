"""The fill band: what kinder and harsher fills change, that nothing else does, and what a flip makes of a verdict."""

import numpy as np
import pytest

from alphastrike.config.settings import Settings
from alphastrike.runs.registry import market_of
from replay.compare import Effect
from replay.effect import Parts
from replay.fills import BAND, BASE, FillBand, under
from replay.inference import Interval
from replay.rerun import Replayed, fill_band, replayed
from replay.verdict import Standing, verdict
from reports.fills import as_json, band_table, holds, sentence
from tests.replay.runs import SEEDED, RecordedRuns

KIND, _, HARSH = BAND


@pytest.fixture(scope="module")
def done(recorded: RecordedRuns) -> Replayed:
    return replayed(recorded.root, recorded.open("guarded"), ["no-llm", "recorded", SEEDED])


@pytest.fixture(scope="module")
def band(done: Replayed) -> FillBand:
    return fill_band(done, threads=2)


def test_the_factors_are_on_the_runs_own_settings(recorded: RecordedRuns) -> None:
    market = market_of(recorded.root, recorded.open("guarded"))
    settings = Settings()
    venue = settings.account.venue
    changed, harsh = under(HARSH, market, settings)
    assert harsh.account.venue.half_spread == pytest.approx(3.0 * venue.half_spread)
    assert harsh.account.venue.impact == pytest.approx(2.0 * venue.impact)
    assert harsh.account.venue.participation_max == pytest.approx(0.5 * venue.participation_max)
    assert np.array_equal(changed.instruments["maker_fee"], market.instruments["taker_fee"])
    changed, kind = under(KIND, market, settings)
    halfway = (market.instruments["taker_fee"] + market.instruments["maker_fee"]) / 2.0
    assert np.allclose(changed.instruments["taker_fee"], halfway)
    assert kind.account.venue.participation_max == pytest.approx(2.0 * venue.participation_max)
    for other in (harsh, kind):
        assert other.account.entry == settings.account.entry
        assert other.perception == settings.perception


def test_the_base_model_changes_nothing(recorded: RecordedRuns) -> None:
    market = market_of(recorded.root, recorded.open("guarded"))
    changed, settings = under(BASE, market, Settings())
    assert settings == Settings()
    assert changed.instruments.tobytes() == market.instruments.tobytes()


def test_no_factor_leaves_the_bounds_of_the_venue(recorded: RecordedRuns) -> None:
    market = market_of(recorded.root, recorded.open("guarded"))
    settings = Settings.model_validate(
        {"account": {"venue": {"half_spread": 0.09, "impact": 9.0, "participation_max": 0.9}}}
    )
    for model in BAND:
        _, changed = under(model, market, settings)
        assert Settings.model_validate(changed.as_dict()) == changed


def test_harsher_fills_cost_the_factual_arm_more(band: FillBand) -> None:
    kind, base, harsh = band.factual
    assert kind > base > harsh


def test_every_effect_is_against_the_factual_arm_under_the_same_fills(done: Replayed, band: FillBand) -> None:
    assert [model.name for model in band.models] == ["optimistic", "base", "pessimistic"]
    assert set(band.effects) == {"no-llm", "recorded", SEEDED}
    assert all(effect.identical for effect in band.effects["recorded"])
    for place, effect in enumerate(done.comparison.effects):
        assert band.effects[effect.arm][1] is done.comparison.effects[place]
    assert len({effect.differences["log_growth"] for effect in band.effects["no-llm"]}) == 3
    assert band.standing == ()


def test_in_a_frozen_comparison_everything_stands(recorded: RecordedRuns) -> None:
    frozen = replayed(recorded.root, recorded.open("guarded"), ["no-llm", SEEDED], mode="frozen")
    band = fill_band(frozen)
    assert band.standing == ("rules", "no-llm", SEEDED)
    assert band.effects[SEEDED][0].episodes == frozen.comparison.effects[1].episodes


def test_threads_change_nothing(done: Replayed, band: FillBand) -> None:
    assert as_json(fill_band(done, threads=1)) == as_json(band)


@pytest.mark.parametrize(
    ("edges", "expected", "held"),
    [
        ([(0.1, 0.3), (0.1, 0.3), (0.1, 0.3)], Standing.BETTER, True),
        ([(0.1, 0.3), (0.1, 0.3), (-0.1, 0.3)], Standing.UNDECIDED, False),
        ([(0.1, 0.3), (0.1, 0.3), (-0.3, -0.1)], Standing.UNDECIDED, False),
        ([(-0.3, -0.1), (-0.3, -0.1), (-0.3, -0.1)], Standing.WORSE, True),
        ([(0.1, 0.3), (-0.1, 0.3), (-0.3, 0.1)], Standing.UNDECIDED, True),
    ],
)
def test_a_verdict_that_flips_with_the_fills_is_undecided(
    edges: list[tuple[float, float]], expected: Standing, held: bool
) -> None:
    effects = tuple(_effect(low, high) for low, high in edges)
    band = FillBand(BAND, {"x": effects}, (0.0, 0.0, 0.0), ())
    assert verdict(effects[1], band).standing is expected
    assert holds(band, "x") is held
    assert ("flips" in sentence(band)) is not held
    assert [row[-1] for row in band_table(band).rows] == [verdict(effect).standing.value for effect in effects]


def _effect(low: float, high: float) -> Effect:
    return Effect(
        arm="x",
        factual="rules",
        differences={"log_growth": (low + high) / 2.0, "net_pnl": 0.0},
        parts=Parts(0.0, 0.0, 0.0, 0.0, 0.0),
        episodes=20,
        growth=Interval(low, high, 100, 7.0, 1, 365),
        sharpe=None,
        identical=False,
    )
