"""The terms of trade: given in a file to the letter, or assumed and said to be."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from alphastrike.market.building import tier_records
from alphastrike.market.instruments import (
    ASSUMED,
    inferred,
    instruments_for,
    read_instruments,
    tier_columns,
)
from alphastrike.market.store import open_market
from alphastrike.model.errors import DataError
from alphastrike.model.instrument import TIERS_MAX
from alphastrike.model.symbols import SymbolTable
from tests.market.files import candles, imported, parquet

GIVEN = """
[BTCUSDT]
tick = 0.1
lot = 0.001
notional_min = 100
taker_fee = 0.0004
maker_fee = -0.0001
liquidation_fee = 0.0125
leverage_max = 20
tiers = [
    { notional_floor = 0, maintenance_rate = 0.004 },
    { notional_floor = 50000, maintenance_rate = 0.005 },
    { notional_floor = 600000, maintenance_rate = 0.01 },
]
"""


def test_a_file_gives_the_terms_and_the_rest_is_assumed(data_root: Path, tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        parquet(tmp_path / "in" / f"{symbol}_15m.parquet", candles())
    file = tmp_path / "terms.toml"
    file.write_text(GIVEN)
    manifest = imported(data_root, tmp_path / "in", instruments=file).manifest
    assert [(facts.instrument, facts.margin_tiers) for facts in manifest.facts] == [
        ("given", "given"),
        ("assumed", "assumed"),
    ]
    assert manifest.instruments == "mixed"
    market = open_market(data_root, "small")
    assert market.instruments[0].tolist() == (0.1, 0.001, 100.0, 0.0004, -0.0001, 0.0125, 20.0)
    assert market.instruments[1]["tick"] == ASSUMED["ETHUSDT"].tick
    assert market.tiers[0]["notional_floor"][:4].tolist() == [0.0, 50_000.0, 600_000.0, np.inf]
    # 50,000 x 0.1 %, and 600,000 x 0.5 % more.
    assert market.tiers[0]["maintenance_deduction"][:3] == pytest.approx([0.0, 50.0, 3_050.0], rel=1e-12)


def test_terms_without_tiers_take_assumed_tiers(tmp_path: Path) -> None:
    file = tmp_path / "terms.toml"
    file.write_text(GIVEN.split("tiers", maxsplit=1)[0])
    given = read_instruments(file)["BTCUSDT"]
    assert (given.source, given.tiers_source, given.tiers) == ("given", "assumed", ASSUMED["BTCUSDT"].tiers)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tick = 0.1",         "tik = 0.1",                ["BTCUSDT: tik is not known", "Known: tick, lot"]),
        ("tick = 0.1\n",       "",                         ["tick is missing", "Needed: tick, lot"]),
        ("tick = 0.1",         "tick = 0",                 ["tick must be a number", "was 0"]),
        ("tick = 0.1",         "tick = nan",               ["tick must be a number", "nan"]),
        ("tick = 0.1",         "tick = '0.1'",             ["tick must be a number", "'0.1'"]),
        ("taker_fee = 0.0004", "taker_fee = 5",            ["taker_fee must be a number from 0 to 0.1", "was 5"]),
        ("leverage_max = 20",  "leverage_max = true",      ["leverage_max", "True"]),
        ("notional_floor = 0", "notional_floor = 10",      ["tiers must begin at notional_floor 0, not 10"]),
        ("0.005",              "0.004",                    ["tiers must rise in floor and rate; tier 2"]),
        ("maintenance_rate = 0.01", "rate = 0.01",         ["rate is not known in tier 3"]),
        ("[BTCUSDT]",          "BTCUSDT = 5\n[ETHUSDT]",   ["BTCUSDT must be a table"]),
        ("[BTCUSDT]",          "[BTCUSDT",                 ["is not TOML", "line 2"]),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_named(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    file = tmp_path / "terms.toml"
    assert old in GIVEN
    file.write_text(GIVEN.replace(old, new, 1))
    with pytest.raises(DataError) as refusal:
        read_instruments(file)
    for word in ["terms.toml", *words]:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("prices", "tick", "lot"),
    [
        ([46_210.5, 46_231.7],   0.1,    1e-5),
        ([1.3077, 1.3194],       0.0001, 1.0),
        ([0.00001234, 0.000013], 1e-8,   1e5),
        ([9.0, 12.0],            1.0,    0.1),
        ([25_000.0, 31_000.0],   100.0,  1e-4),
    ],
)  # fmt: skip
def test_terms_of_an_unknown_symbol_follow_from_its_prices(prices: list[float], tick: float, lot: float) -> None:
    terms = inferred(np.array(prices))
    assert (terms.tick, terms.lot) == pytest.approx((tick, lot), rel=1e-12)
    assert terms.source == "assumed"


def test_maintenance_margin_is_continuous_across_every_assumed_floor() -> None:
    symbols = SymbolTable([*ASSUMED, "OTHER"])
    terms = instruments_for(symbols, {"OTHER": np.array([10.0, 10.5])}, {})
    tiers = tier_records(tier_columns(terms), len(symbols))
    assert tiers.shape == (len(symbols), TIERS_MAX)
    for row in tiers:
        used = row[np.isfinite(row["notional_floor"])]
        assert used["notional_floor"][0] == 0.0
        assert used["maintenance_deduction"][0] == 0.0
        for lower, upper in pairwise(used):
            floor = upper["notional_floor"]
            below = floor * lower["maintenance_rate"] - lower["maintenance_deduction"]
            above = floor * upper["maintenance_rate"] - upper["maintenance_deduction"]
            assert above == pytest.approx(below, rel=1e-12)
            assert upper["maintenance_rate"] > lower["maintenance_rate"]
