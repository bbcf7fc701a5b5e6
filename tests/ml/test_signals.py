"""Every signal through the same questions, and what becomes of one that breaks the rules."""

import importlib
import inspect
import math
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.features.declare import feature_names
from alphastrike.ml import declare
from alphastrike.ml.declare import Category, Column, Signal, signal, signals
from alphastrike.model.errors import ConfigurationError, HaltError

ROWS = 64
VALUES = st.one_of(st.floats(-5.0, 5.0), st.sampled_from([0.0, -0.0, 1e-300, -1e-300, 1e9, -1e9]))


def possible(feature: str, values: Column) -> Column:
    """Values that the feature can have: no negative volatility, no place outside the channel, no share above 1."""
    if feature.startswith(("volatility", "variance")):
        return np.abs(values)
    if feature.startswith("channel"):
        return np.clip(values, -1.0, 1.0)
    return np.clip(np.abs(values), 0.0, 1.0) if feature.startswith("monday") else values


def place(row: int) -> str:
    return f"BTCUSDT at row {row}"


def test_thirty_signals_or_more_and_two_in_each_category() -> None:
    assert len(signals()) >= 30
    many = Counter(made.category for made in signals().values())
    assert all(many[category] >= 2 for category in Category), many
    assert list(signals()) == sorted(signals())


@pytest.mark.parametrize("name", signals())
def test_a_signal_asks_for_features_that_exist(name: str) -> None:
    assert set(signals()[name].inputs) <= set(feature_names())


@pytest.mark.parametrize("name", signals())
def test_a_signal_says_where_its_idea_comes_from(name: str) -> None:
    made = signals()[name]
    assert re.search(r"\((18|19|20)\d\d\)", made.doc), "author and year"
    assert made.doc.splitlines()[0][-1] in ".;", "the first line is a sentence: the command prints it alone"
    assert Path(inspect.getfile(made.body)).parent.name == made.category.value
    assert Path(inspect.getfile(made.body)).stem == name


@pytest.mark.parametrize("name", signals())
@given(data=st.data())
def test_a_score_is_a_number_from_minus_one_to_one_whatever_the_features(name: str, data: st.DataObject) -> None:
    made = signals()[name]
    columns = tuple(possible(name, np.array([data.draw(VALUES)])) for name in made.inputs)
    score = made.scores(columns, place)[0]
    assert -1.0 <= score <= 1.0
    assert made.scores(columns, place).tobytes() == made.scores(columns, place).tobytes(), "the same bits twice"


@pytest.mark.parametrize("name", signals())
def test_a_signal_abstains_when_a_feature_is_missing(name: str) -> None:
    made = signals()[name]
    for missing in range(len(made.inputs)):
        columns = tuple(np.full(3, 0.01) for _ in made.inputs)
        columns[missing][1] = np.nan
        assert np.isnan(made.scores(columns, place)).tolist() == [False, True, False]


@pytest.mark.parametrize("name", signals())
def test_columns_and_single_rows_give_the_same_bits_as_the_uncompiled_body(name: str) -> None:
    made = signals()[name]
    columns = tuple(
        possible(name, np.random.default_rng(n).normal(0.0, 0.05, ROWS)) for n, name in enumerate(made.inputs)
    )
    whole = made.scores(columns, place)
    single = [made.scores(tuple(column[i : i + 1] for column in columns), place)[0] for i in range(ROWS)]
    plain = [made.body(*(float(column[i]) for column in columns)) for i in range(ROWS)]
    assert whole.tolist() == single == plain


def score(name: str, *values: float) -> float:
    """The score of one row."""
    return float(signals()[name].scores(tuple(np.array([value]) for value in values), place)[0])


def test_known_answers() -> None:
    one = 1.0 / math.sqrt(2.0)
    assert score("trend_week", 0.01 * math.sqrt(168.0), 0.01) == pytest.approx(one)
    assert score("trend_month", -0.01 * math.sqrt(720.0), 0.01) == pytest.approx(-one)
    assert score("trend_week", 0.5, 0.0) == 0.0, "nothing moved"
    assert score("channel_breakout", -1.0) == -1.0
    assert score("carry", 21 * 0.0001) == 0.0, "usual funding says nothing"
    assert score("carry", 42 * 0.0001) == pytest.approx(-one), "crowded longs are shorted"
    assert score("relative_strength", 0.2, 0.2, 0.01) == 0.0
    assert score("open_interest_trend", 0.2, -0.1, 0.01) == 0.0, "positions are closed: no belief"
    assert score("persistence", 2.0, 1.2) > 0.0 > score("persistence", 2.0, 0.8)
    assert score("calm_trend", 0.3, 0.005, 0.01) > score("calm_trend", 0.3, 0.02, 0.01) > 0.0


ONE = 1.0 / math.sqrt(2.0)
DAY = 0.01 * math.sqrt(24.0)
"""What a day's return is expected to be at a volatility of 0.01 a bar."""


@pytest.mark.parametrize(
    ("name", "features", "expected"),
    [
        ("absorption", (DAY, 0.0, 0.01), ONE / 2.0),  # it rises though nobody presses
        ("absorption", (0.0, 0.05, 0.01), -ONE / 2.0),  # buyers press, and it does not rise
        ("absorption", (DAY, 0.05, 0.01), 0.0),  # it rises as it is pressed
        ("absorption", (DAY, 0.05, 0.0), 0.0),
        ("larger_trades", (0.1,), ONE),
        ("liquidation_pressure", (-1.0 / 300.0,), -ONE),  # longs are being liquidated
        ("liquidation_exhaustion", (0.0, -1.0 / 600.0), ONE),  # they were, and no longer are
        ("liquidation_exhaustion", (-1e9, -1.0 / 600.0), 0.0),  # they still are
        ("book_imbalance", (0.2,), ONE),
        ("spread_reversal", (DAY, 0.5, 0.01), -ONE * ONE),
        ("spread_reversal", (DAY, -0.5, 0.01), 0.0),
        ("spread_reversal", (DAY, 0.5, 0.0), 0.0),
        ("high_low_spread_reversal", (-DAY, 0.5, 0.01), ONE * ONE),
        ("high_low_spread_reversal", (-DAY, -0.5, 0.01), 0.0),
        ("illiquidity", (0.5,), ONE),
        ("signed_jumps", (1.0 / 3.0,), -ONE),
        ("squeeze_breakout", (1.0, 0.02, 0.03), ONE),
        ("squeeze_breakout", (1.0, 0.03, 0.02), 0.0),  # no calm
        ("squeeze_breakout", (1.0, 0.0, 0.0), 0.0),
        ("crowd", (0.2,), -ONE),
        ("fear_and_greed", (0.0,), 4.0 / math.sqrt(17.0)),
        ("fear_and_greed", (50.0,), 0.0),
        ("fear_and_greed", (100.0,), -4.0 / math.sqrt(17.0)),
        ("monday", (0.25,), 0.25),
        ("lottery_demand", (2.0,), -ONE),
        ("residual_reversion", (0.05 + 0.01 * math.sqrt(72.0), 0.05, 0.01), -ONE),
        ("residual_reversion", (0.05, 0.0, 0.0), 0.0),
        ("volume_surge", (DAY, 0.5, 0.01), ONE * ONE),
        ("volume_surge", (DAY, -0.5, 0.01), 0.0),
        ("premium", (0.0003,), -ONE),
        ("search_attention", (0.5,), ONE),
        ("stablecoin_growth", (0.01,), ONE),
        ("dollar_trend", (0.015,), -ONE),
        ("equity_trend", (0.04,), ONE),
        ("bitcoin_dominance", (0.03,), -ONE),
    ],
)
def test_which_way_a_signal_points_and_how_far(name: str, features: tuple[float, ...], expected: float) -> None:
    assert score(name, *features) == pytest.approx(expected, abs=1e-7)


SIZES = ("volatility", "variance", "spread_change", "high_low_spread_change", "volume_change", "open_interest_change")
"""Features that tell how much, not which way: the mirror leaves them alone."""


@pytest.mark.parametrize("name", sorted(set(signals()) - {"carry", "fear_and_greed", "monday"}))
@given(data=st.data())
def test_a_mirrored_market_turns_a_signal_round(name: str, data: st.DataObject) -> None:
    """Three know a usual level that is not zero: funding, the mood, the calendar."""
    made = signals()[name]
    values = [float(possible(feature, np.array([data.draw(VALUES)]))[0]) for feature in made.inputs]
    mirrored = [x if feature.startswith(SIZES) else -x for feature, x in zip(made.inputs, values, strict=True)]
    assert score(name, *mirrored) == -score(name, *values)


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test declare signals of its own, as if they lay in the folder of their category."""
    monkeypatch.setattr(declare, "_SIGNALS", {})
    name = "alphastrike.ml.signals.statistical.of_a_test"
    monkeypatch.setitem(globals(), "__name__", name)
    # What the compiler keeps on disk names its module, and is read again by that name.
    monkeypatch.setitem(sys.modules, name, ModuleType(name))


def test_a_signal_in_the_folder_of_another_category_is_refused(own_folder: None) -> None:
    def lost(momentum_168: float) -> float:
        """A signal in the wrong place."""
        return 0.0

    with pytest.raises(ConfigurationError, match=r"lies in the folder statistical\. Move its file to macro"):
        signal(Category.MACRO)(lost)


def test_a_signal_declared_carelessly_is_refused(own_folder: None) -> None:
    def mute(momentum_168: float) -> float:
        return 0.0

    def deaf() -> float:
        """A signal that listens to nothing."""
        return 0.0

    def hasty(momentum_168: float) -> float:
        """A signal about no time at all."""
        return 0.0

    declared = signal(Category.STATISTICAL)
    with pytest.raises(ConfigurationError, match=r"mute .* has no docstring"):
        declared(mute)
    with pytest.raises(ConfigurationError, match=r"deaf .* has no parameter"):
        declared(deaf)
    with pytest.raises(ConfigurationError, match=r"hasty .* at least 1 bar"):
        signal(Category.STATISTICAL, horizon_bars=0)(hasty)
    declared(hasty)
    with pytest.raises(ConfigurationError, match=r"hasty .* is declared twice"):
        declared(hasty)


@pytest.mark.parametrize("wrong", [1.5, -1.0000001, math.nan, math.inf])
def test_a_value_that_is_no_score_stops_with_signal_symbol_and_bar(own_folder: None, wrong: float) -> None:
    @signal(Category.STATISTICAL)
    def runaway(momentum_168: float) -> float:
        """A signal that loses its bounds in one bar."""
        return wrong if momentum_168 > 0.5 else 0.0

    with pytest.raises(HaltError, match=r"signal runaway returned .* for BTCUSDT at row 2"):
        runaway.scores((np.array([np.nan, 0.1, 0.9]),), place)


def test_a_signal_that_raises_stops_with_signal_symbol_and_bar(own_folder: None) -> None:
    @signal(Category.STATISTICAL)
    def brittle(momentum_168: float) -> float:
        """A signal that gives up."""
        if momentum_168 > 0.5:
            raise ValueError
        return 0.0

    with pytest.raises(HaltError, match=r"signal brittle raised ValueError.* for BTCUSDT at row 2"):
        brittle.scores((np.array([np.nan, 0.1, 0.9]),), place)


def test_a_signal_that_cannot_be_compiled_is_refused_by_name(own_folder: None) -> None:
    @signal(Category.STATISTICAL)
    def clever(momentum_168: float) -> float:
        """A signal that reads a file."""
        return float(Path("score").read_text(encoding="utf-8")) * momentum_168

    with pytest.raises(ConfigurationError, match=r"clever .* cannot be compiled"):
        clever.scores((np.array([0.1]),), place)


def test_a_new_file_in_the_folder_is_a_new_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "always_up.py").write_text(
        "from alphastrike.ml.declare import Category, signal\n"
        "@signal(Category.MACRO)\n"
        "def always_up(momentum_168: float) -> float:\n"
        '    """Up. After Pangloss (1759)."""\n'
        "    return 0.5\n",
        encoding="utf-8",
    )
    folder = importlib.import_module("alphastrike.ml.signals.macro")
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    monkeypatch.setattr(declare, "_SIGNALS", dict(declare._SIGNALS))
    found: dict[str, Signal] = dict(signals.__wrapped__())
    del sys.modules["alphastrike.ml.signals.macro.always_up"]  # monkeypatch would put it back
    assert found["always_up"].category is Category.MACRO
    assert set(found) == {"always_up", *signals()}
