"""Whatever looks ahead, depends on its start, or takes another symbol's value is named; what is sound is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.config.perception import PerceptionSettings
from alphastrike.features.declare import feature_names
from alphastrike.market.market import Market
from alphastrike.ml.declare import signals
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError
from replay.altered import later, other_future, picked
from replay.lookahead import PROOFS, Proven, prove
from tests.engine.markets import rough_market
from tests.replay.planting import planted

SETTINGS = PerceptionSettings()
DAYS = 44
TICKS = 96 * DAYS


@pytest.fixture(scope="module")
def market() -> Market:
    return rough_market(TICKS)


@pytest.fixture(scope="module")
def with_plants(market: Market) -> Proven:
    with planted():
        return prove(market, SETTINGS, days=DAYS)


def moved(proven: Proven) -> dict[str, set[str]]:
    """The proofs that each name failed."""
    return {
        name: {finding.proof for finding in proven.findings if finding.name == name}
        for name in {finding.name for finding in proven.findings}
    }


def test_everything_in_the_folders_is_sound(market: Market) -> None:
    proven = prove(market, SETTINGS, days=DAYS)
    assert proven.findings == ()
    named = {subject.name for subject in proven.subjects if subject.kind != "forecast"}
    assert named == {*feature_names(), *signals()}
    assert proven.unproven == {}, "every input is in this market, and every window is full"
    assert set(proven.compared["future"]) == {*named, "forecast"}


@pytest.mark.parametrize(
    ("name", "proofs"),
    [
        ("one_bar_ahead", {"future", "live"}),
        ("of_the_whole_series", {"future", "past", "live"}),
        ("since_the_start", {"past", "live"}),
        ("longer_than_it_says", {"past", "live"}),
        ("of_other_rows", {"symbols"}),
        ("counts_its_calls", set(PROOFS)),
        ("draws_a_chance", set(PROOFS)),
        ("mood_ahead", {"future", "live"}),
        ("place_in_the_table", {"symbols"}),
        ("peeks", {"future", "live"}),
        ("reads_a_peeker", {"future", "live"}),
        ("normalises", {"future", "past", "live"}),
        ("begins", {"past", "live"}),
    ],
)
def test_a_plant_is_named_by_the_proofs_that_are_about_it(with_plants: Proven, name: str, proofs: set[str]) -> None:
    assert moved(with_plants)[name] == proofs


def test_what_is_sound_stands_beside_the_plants_unnamed(with_plants: Proven) -> None:
    by_plants = moved(with_plants)
    assert not {*feature_names(), *signals(), "sound", "is_sound"} & set(by_plants)
    assert by_plants["forecast"] >= {"future", "live"}, "what votes decides"


def test_a_signal_inherits_from_its_feature_and_the_feature_comes_first(with_plants: Proven) -> None:
    of_future = [finding for finding in with_plants.findings if finding.proof == "future"]
    inherited = {finding.name: finding.inherited for finding in of_future}
    assert inherited["one_bar_ahead"] == ()
    assert inherited["peeks"] == ("one_bar_ahead",)
    assert inherited["reads_a_peeker"] == ("mood_ahead",), "the other half is sound"
    names = [finding.name for finding in of_future]
    assert names.index("one_bar_ahead") < names.index("peeks") < names.index("forecast")


def test_a_finding_says_where_and_both_values(with_plants: Proven, market: Market) -> None:
    peek = next(f for f in with_plants.findings if (f.name, f.proof) == ("one_bar_ahead", "live"))
    closes = market.bars["close"][:, market.symbols.index(peek.symbol)]
    tick = (peek.event_time - market.start) // market.interval
    assert peek.event_time % SETTINGS.decision_interval == 0
    assert peek.value == closes[tick + 4] / closes[tick] - 1.0, "what history said knew the bar of four ticks later"
    assert np.isnan(peek.other), "live could not"
    assert 0 < peek.moved <= with_plants.compared["live"]["one_bar_ahead"]


def test_the_same_seed_finds_the_same_on_any_number_of_threads(market: Market) -> None:
    with planted():
        asked = {"signals": ["peeks", "begins"], "features": ["longer_than_it_says"], "days": DAYS, "seed": 3}
        once = prove(market, SETTINGS, **asked)  # type: ignore[arg-type]
        again = prove(market, SETTINGS, threads=2, **asked)  # type: ignore[arg-type]
    assert repr(once) == repr(again)
    asked_about = {"peeks", "one_bar_ahead", "begins", "since_the_start", "longer_than_it_says"}
    assert {subject.name for subject in once.subjects} == asked_about, "a signal brings its features"
    assert set(moved(once)) == asked_about


def test_a_market_without_an_input_proves_nothing_about_it(market: Market) -> None:
    bare = Market(**{**vars(later(market, 0)), "series": {}, "externals": {}})
    proven = prove(bare, SETTINGS, days=DAYS, signals=["crowd", "trend_week"])
    assert proven.findings == ()
    assert proven.unproven == dict.fromkeys(("crowd_lean_168", "crowd"), PROOFS)


def test_a_window_longer_than_the_slice_is_not_proved_by_a_later_start(market: Market) -> None:
    proven = prove(market, SETTINGS, days=31, features=["momentum_720", "momentum_24"])
    assert proven.unproven == {"momentum_720": ("past",)}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"signals": ["trend_weak"]}, "there is no signal 'trend_weak'. Nearest: trend_week"),
        ({"features": ["trend_week"]}, "there is no feature 'trend_week'. It is a signal."),
        ({"signals": ["qqq"]}, "there is no signal 'qqq'. `alphastrike signals` lists"),
        ({"features": ["momentum_720"], "days": 2}, "48 decisions prove nothing, 723 are needed at least"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(market: Market, asked: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("(", "\\(")):
        prove(market, SETTINGS, **{"days": DAYS, **asked})  # type: ignore[arg-type]


@given(cut=st.integers(0, TICKS - 2), seed=st.integers(0, 1000))
def test_another_future_leaves_the_past_alone_and_is_possible(market: Market, cut: int, seed: int) -> None:
    changed = other_future(market, cut, seed)
    behind = slice(cut + 1, None)
    assert changed.bars[: cut + 1].tobytes() == market.bars[: cut + 1].tobytes()
    for name, values in (*market.series.items(), *market.externals.items()):
        there = changed.series.get(name, changed.externals.get(name))
        assert there is not None
        assert there[: cut + 1].tobytes() == values[: cut + 1].tobytes()
    bars = changed.bars[behind]
    traded = (bars["flags"] & int(BarFlag.CANDLE) != 0) & np.isfinite(bars["close"])
    assert (bars["close"][traded] > 0.0).all()
    before = market.bars["close"][behind]
    assert not (bars["close"] == before)[traded & (before > 0.0)].any(), "every close is another one"
    known = ~np.isnan(changed.series["taker_buy_volume"][behind]) & traded
    assert (changed.series["taker_buy_volume"][behind] <= bars["volume"] * (1.0 + 1e-12))[known].all()
    both = ~np.isnan(changed.series["bid"])
    assert (changed.series["bid"][both] < changed.series["ask"][both]).all()
    for name, values in market.externals.items():
        assert np.nanmax(changed.externals[name]) <= np.nanmax(values) * (1.0 + 1e-12)


def test_a_market_begun_later_or_with_other_symbols_holds_the_same_rows(market: Market) -> None:
    part = later(market, 100)
    assert part.tick_times.tolist() == market.tick_times[100:].tolist()
    assert part.bars.tobytes() == market.bars[100:].tobytes()
    turned = picked(market, (2, 0))
    assert tuple(turned.symbols) == (market.symbols[2], market.symbols[0])
    assert turned.bars["close"].tobytes() == np.ascontiguousarray(market.bars["close"][:, [2, 0]]).tobytes()
    assert np.array_equal(turned.series["bid"][:, 1], market.series["bid"][:, 0])
