"""Every feature through the same questions, and a few known answers."""

import math

import numpy as np
import pytest

from alphastrike.features import declare
from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, across, across_features, computed, feature, feature_names, features
from alphastrike.model.errors import ConfigurationError
from tests.features.builders import flat, part, same, walk

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


def test_features_are_ordered_by_name_and_told_apart() -> None:
    assert list(features()) == sorted(features())
    assert len(set(feature_names())) == len(feature_names())
    assert feature_names()[-len(across_features()) :] == tuple(across_features())
    assert all(made.doc for made in features().values())
    assert all(made.doc for made in across_features().values())


def bars(rows: int, **columns: float) -> Bars:
    """Bars that are all alike."""
    return flat(rows)._replace(**{name: np.full(rows, value) for name, value in columns.items()})


def test_known_answers() -> None:
    def last(name: str, market: Bars) -> float:
        return float(computed(features()[name], market)[-1])

    rising = flat(1_000)._replace(close=np.exp(0.001 * np.arange(1_000)))
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
