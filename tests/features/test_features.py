"""Every feature through the same questions, and a few known answers."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from alphastrike.features import declare
from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import (
    Family,
    across,
    across_features,
    computed,
    computed_external,
    external_features,
    feature,
    feature_names,
    features,
)
from alphastrike.model.errors import ConfigurationError
from tests.features.builders import HOURS, flat, part, same, walk

MARKET = walk(1_000)


@pytest.mark.parametrize("name", features())
def test_a_feature_is_full_exactly_when_its_declared_window_is(name: str) -> None:
    made = features()[name]
    values = computed(made, MARKET)
    assert np.isnan(values[: made.window - 1]).all()
    assert np.isfinite(values[made.window - 1 :]).all()
    smallest = made.compute(part(MARKET, 1_000 - made.window))
    assert np.isfinite(smallest[-1]), "the declared window is enough"
    if made.window > 1:
        assert np.isnan(made.compute(part(MARKET, 1_001 - made.window))[-1]), "and no bar of it is to spare"


@pytest.mark.parametrize("name", features())
def test_a_feature_depends_on_its_trailing_window_alone(name: str) -> None:
    made = features()[name]
    whole = computed(made, MARKET)
    for last in (made.window, 800, 999):
        window = part(MARKET, last - made.window, last)
        assert same(made.compute(window)[-1:], whole[last - 1 : last])
    other = walk(1_000, seed=9)
    spliced = Bars(*(np.concatenate([a[:900], b[900:]]) for a, b in zip(MARKET, other, strict=True)))
    assert same(computed(made, spliced)[:900], whole[:900]), "what comes later changes nothing"


@pytest.mark.parametrize("name", features())
def test_a_feature_is_missing_or_a_number_when_nothing_moves(name: str) -> None:
    last = computed(features()[name], flat(1_000))[-1]
    assert not math.isinf(last)


@pytest.mark.parametrize("name", features())
def test_a_feature_is_missing_while_the_bar_it_ends_with_is(name: str) -> None:
    holed = part(MARKET, 0)
    for column in holed:
        column[-1] = np.nan
    last = computed(features()[name], holed)[-1]
    assert np.isnan(last) or name == "week_ago_next_24", "only the calendar does not look at the present bar"


@pytest.mark.parametrize("name", features())
def test_a_feature_of_one_symbol_is_the_same_beside_others(name: str) -> None:
    made = features()[name]
    others = [walk(1_000, seed=seed) for seed in (7, 8)]
    panel = Bars(*(np.stack(columns) for columns in zip(others[0], MARKET, others[1], strict=True)))
    assert same(computed(made, panel)[1], computed(made, MARKET))


def outside(seed: int = 1) -> dict[str, Column]:
    """A random walk of every external series."""
    random = np.random.default_rng(seed)
    names = sorted({series for made in external_features().values() for series in made.series})
    return {name: 50.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, 1_000))) for name in names}


@pytest.mark.parametrize("name", external_features())
def test_an_external_feature_depends_on_its_trailing_window_alone(name: str) -> None:
    made = external_features()[name]
    series = outside()
    whole = computed_external(made, series)
    assert np.isnan(whole[: made.window - 1]).all()
    assert np.isfinite(whole[made.window - 1 :]).all()
    for last in (made.window, 800, 999):
        window = [series[read][last - made.window : last] for read in made.series]
        assert same(made.compute(*window)[-1:], whole[last - 1 : last]), "the declared window is enough"
        assert made.window == 1 or np.isnan(made.compute(*(column[1:] for column in window))[-1]), "and none to spare"
    other = outside(seed=9)
    spliced = {read: np.concatenate([series[read][:900], other[read][900:]]) for read in series}
    assert same(computed_external(made, spliced)[:900], whole[:900]), "what comes later changes nothing"


@pytest.mark.parametrize("name", external_features())
def test_an_external_feature_is_missing_while_its_series_is_unknown(name: str) -> None:
    made = external_features()[name]
    for read in made.series:
        series = outside()
        series[read][990:] = np.nan
        assert np.isnan(computed_external(made, series)[990:]).all()


def test_features_are_ordered_by_name_and_told_apart() -> None:
    assert list(features()) == sorted(features())
    assert len(set(feature_names())) == len(feature_names())
    assert feature_names()[-len(across_features()) :] == tuple(across_features())
    assert all(made.doc for made in features().values())
    assert all(made.doc for made in across_features().values())
    assert all(made.doc for made in external_features().values())


def test_no_feature_lengthens_the_warm_up() -> None:
    windows = {name: made.window for name, made in features().items()}
    windows |= {name: made.window for name, made in external_features().items()}
    assert max(windows.values()) <= 744


def bars(rows: int, **columns: float) -> Bars:
    """Bars that are all alike."""
    return flat(rows)._replace(**{name: np.full(rows, value) for name, value in columns.items()})


def test_known_answers() -> None:
    def last(name: str, market: Bars) -> float:
        return float(computed(features()[name], market)[-1])

    rising = flat(1_000)._replace(close=np.exp(0.001 * np.arange(1_000)))
    assert last("momentum_24", rising) == pytest.approx(0.024)
    assert last("momentum_72", rising) == pytest.approx(0.072)
    assert last("momentum_168", rising) == pytest.approx(0.168)
    assert last("momentum_720", rising) == pytest.approx(0.720)
    assert last("volatility_168", rising) == pytest.approx(0.0, abs=1e-9)
    assert last("variance_ratio_24", rising) == pytest.approx(24.0), "a straight line persists fully"
    assert last("week_ago_next_24", rising) == pytest.approx(0.024)
    assert last("atr_168", bars(200, high=103.0, low=99.0)) == pytest.approx(4.0)
    assert last("channel_240", bars(300, high=103.0, low=99.0)) == pytest.approx(-0.5)
    assert last("closing_place_24", bars(300, high=103.0, low=99.0)) == pytest.approx(-0.5)
    assert last("funding_168", bars(200, funding=0.0001)) == pytest.approx(0.0168)
    assert last("taker_imbalance_24", bars(30, volume=10.0, taker_buy_volume=7.0)) == pytest.approx(0.4)
    assert last("paid_gap_168", bars(200, volume=2.0, high=130.0, low=70.0)) == pytest.approx(0.0)
    turning = flat(200)._replace(close=np.where(np.arange(200) % 2 == 0, 100.0, 101.0), volume=np.full(200, 3.0))
    assert last("signed_volume_168", turning) == pytest.approx(0.0)


def last_day(usual: float, then: float, rows: int = 1_000) -> Column:
    """A column that changes for the last 24 bars."""
    return np.where(np.arange(rows) < rows - 24, usual, then)


def test_known_answers_of_what_a_day_is_against_its_week() -> None:
    """Twice as much in the last 24 of 168 bars: 2 against a mean of (144 + 48) / 168."""
    twice = pytest.approx(math.log(2.0 / (192.0 / 168.0)))

    def last(name: str, **columns: Column) -> float:
        return float(computed(features()[name], flat(1_000)._replace(**columns))[-1])

    assert last("volume_change_168", volume=last_day(3.0, 6.0)) == twice
    assert last("crowd_lean_168", long_short_ratio=last_day(1.5, 3.0)) == twice
    assert last("spread_change_168", bid=last_day(99.9, 99.8), ask=last_day(100.1, 100.2)) == twice
    # Highs and lows 1 % apart and nothing else are a spread of 1 %. The pair of bars of 1 % and of 2 % counts 0.57 %.
    high, low = (100.0 * np.exp(last_day(0.5 * side, side)) for side in (0.01, -0.01))
    widened = last("high_low_spread_change_168", high=high, low=low)
    assert widened == pytest.approx(math.log((23 * 2 + 0.57) / 24 / ((23 * 2 + 0.57 + 144) / 168)), abs=1e-3)


def test_known_answers_of_what_trades_and_books_tell() -> None:
    def last(name: str, **columns: Column) -> float:
        return float(computed(features()[name], flat(1_000)._replace(**columns))[-1])

    many = np.arange(1_000)
    turning = np.where(many % 2 == 0, 100.0, 101.0)
    assert last("book_imbalance_24", bid_size=last_day(9.0, 3.0)) == pytest.approx(-97.0 / 103.0), "3 against 100"
    assert last("premium_24", close=last_day(9.0, 101.0)) == pytest.approx(math.log(1.01))
    forced = {"short_liquidated": np.full(1_000, 5.0), "long_liquidated": np.full(1_000, 2.0)}
    for name in ("liquidated_share_24", "liquidated_share_168"):
        assert last(name, volume=np.full(1_000, 10.0), **forced) == pytest.approx(3.0 / 1_000.0), (
            "shorts are bought back"
        )
    sizes = {"close": turning, "volume": np.where(many % 2 == 0, 10.0, 20.0), "trades": np.full(1_000, 5.0)}
    assert last("trade_size_lean_168", **sizes) == pytest.approx(math.log(2.0)), "4 a trade upwards, 2 downwards"
    week, month = 168.0 / 168.0, 720.0 / (552.0 * 2.0 + 168.0)
    drying = np.where(many < 1_000 - 168, 2.0, 1.0)
    assert last("illiquidity_change_720", close=turning, volume=drying) == pytest.approx(math.log(week / month))


def test_known_answers_of_how_returns_are_spread() -> None:
    def last(name: str, close: Column) -> float:
        return float(computed(features()[name], flat(200)._replace(close=close))[-1])

    rising = np.exp(0.001 * np.arange(200))
    jumped = np.where(np.arange(200) < 150, 100.0, 110.0)
    assert last("semivariance_balance_168", rising) == pytest.approx(1.0)
    assert last("semivariance_balance_168", 1.0 / rising) == pytest.approx(-1.0)
    assert last("semivariance_balance_168", np.full(200, 5.0)) == 0.0
    assert last("skewness_168", jumped) == pytest.approx(math.sqrt(168.0)), "one jump among 168 returns"
    assert last("skewness_168", 1.0 / jumped) == pytest.approx(-math.sqrt(168.0))
    assert last("skewness_168", np.full(200, 5.0)) == 0.0


@pytest.mark.parametrize(
    ("moment", "share"),
    [
        ("Saturday 12:00", 0.0),
        ("Sunday 00:00", 0.0),
        ("Sunday 12:00", 0.5),
        ("Monday 00:00", 1.0),
        ("Monday 18:00", 0.25),
        ("Tuesday 00:00", 0.0),
    ],
)
def test_the_share_of_monday_in_the_coming_day(moment: str, share: float) -> None:
    values = computed(features()["monday_share_next_day"], flat(24 * 14))
    hours = [datetime.fromtimestamp((HOURS + i) * 3600.0, tz=UTC).strftime("%A %H:%M") for i in range(24 * 14)]
    assert [float(values[i]) for i, hour in enumerate(hours) if hour == moment] == pytest.approx([share, share])


def test_known_answers_from_outside() -> None:
    def last(name: str, **series: Column) -> float:
        return float(computed_external(external_features()[name], series)[-1])

    growing = np.exp(0.0001 * np.arange(1_000))
    assert last("fear_greed_level", fear_greed=np.array([20.0, 80.0])) == 80.0
    assert last("stablecoin_change_168", stablecoin_supply=growing) == pytest.approx(0.0168)
    assert last("dollar_change_480", dxy=growing) == pytest.approx(0.048)
    assert last("equity_change_480", spx=1.0 / growing) == pytest.approx(-0.048)
    assert last("dominance_change_168", btc_dominance=growing) == pytest.approx(0.0168)
    twice = pytest.approx(math.log(2.0 * 672.0 / 696.0))
    assert last("search_surprise_672", search_interest=last_day(10.0, 20.0)) == twice
    assert math.isnan(last("search_surprise_672", search_interest=last_day(10.0, 0.0)))


def test_others_momentum_is_that_of_the_others() -> None:
    made = across_features()["others_momentum_168"]
    assert made.inputs == ("momentum_168",)
    assert same(made.compute(np.array([[0.1, 0.3]])), np.array([[0.3, 0.1]]))


def test_a_feature_declared_carelessly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, "_FEATURES", dict(declare._FEATURES))
    monkeypatch.setattr(declare, "_ACROSS", dict(declare._ACROSS))

    def momentum_168(bars: Bars) -> Column:
        """A name that is taken."""
        return bars.close

    def wordless(bars: Bars) -> Column:
        return bars.close

    def empty(bars: Bars) -> Column:
        """Nothing."""
        return bars.close

    def hopeful(momentum_9: Column) -> Column:
        """A feature over one that does not exist."""
        return momentum_9

    with pytest.raises(ConfigurationError, match=r"momentum_168 .* is declared twice"):
        feature(Family.TREND, window=1)(momentum_168)
    with pytest.raises(ConfigurationError, match=r"wordless .* has no docstring"):
        feature(Family.TREND, window=1)(wordless)
    with pytest.raises(ConfigurationError, match="empty has a window of 0 bars"):
        feature(Family.TREND, window=0)(empty)
    across(hopeful)
    with pytest.raises(ConfigurationError, match="hopeful asks for the feature momentum_9"):
        across_features.__wrapped__()
