"""Perception on the real market: no crash is refused, conviction means the same every year, it stays cheap."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import Perceived, perceive
from alphastrike.journal.codes import GateVerdict
from alphastrike.market.market import Market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.forecast import PerceptionHalt
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.symbols import SymbolTable

pytestmark = [pytest.mark.shared, pytest.mark.slow]

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT")
INTERVAL = 900_000_000


@pytest.fixture(scope="module")
def market(shared_market: Path) -> Market:
    """Five symbols, 15-minute candles of 2022-01 to 2025-06 and the funding known for them."""
    folder = shared_market / "binance_um"
    files = [pq.read_table(folder / "candles_15m" / f"{symbol}_15m.parquet").to_pandas() for symbol in SYMBOLS]
    opens = files[0]["open_time"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
    bars = np.zeros((len(opens), len(SYMBOLS)), dtype=BAR)
    for s, (symbol, candles) in enumerate(zip(SYMBOLS, files, strict=True)):
        assert len(candles) == len(opens)
        for field in ("open", "high", "low", "close", "volume"):
            bars[field][:, s] = candles[field]
        bars["flags"][:, s] = int(BarFlag.CANDLE)
        funding = pq.read_table(folder / "funding" / f"{symbol}_funding.parquet").to_pandas()
        settled = funding["funding_time"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
        tick = (settled - opens[0] + INTERVAL // 2) // INTERVAL - 1
        known = (tick >= 0) & (tick < len(opens))
        bars["funding_rate"][tick[known], s] = funding["funding_rate"][known]
        bars["flags"][tick[known], s] |= int(BarFlag.FUNDING)
    return Market(
        name="majors",
        content_hash="0" * 32,
        symbols=SymbolTable(SYMBOLS),
        start=int(opens[0]) + INTERVAL,
        interval=INTERVAL,
        bars=bars,
        other_events=np.zeros(len(opens), dtype=np.int64),
        series={},
        instruments=np.zeros(len(SYMBOLS), dtype=INSTRUMENT),
        tiers=np.zeros((len(SYMBOLS), TIERS_MAX), dtype=TIER),
    )


@pytest.fixture(scope="module")
def perceived(market: Market) -> Perceived:
    return perceive(market, PerceptionSettings())


def test_no_candle_of_the_crashes_is_refused(perceived: Perceived) -> None:
    assert not perceived.rejected.any(), "November 2022, August 2024 and February 2025 are in it"
    assert (perceived.rows["gates"]["verdict"] == GateVerdict.FLAGGED).all()
    assert 50 < len(perceived.rows["gates"]) < 300, "and the remarks can be read by a person"


def test_conviction_means_the_strongest_fifth_in_every_year(market: Market, perceived: Perceived) -> None:
    years = market.tick_times[perceived.decision_ticks].astype("datetime64[us]").astype("datetime64[Y]")
    for year in np.unique(years)[:4]:
        seen = (years == year)[:, None] & (perceived.forecasts["halt"] == PerceptionHalt.NONE)
        share = float((perceived.forecasts["conviction"][seen] >= 80.0).mean())
        assert 0.17 < share < 0.24, f"{year}: {share:.3f}"


def test_after_warming_up_the_validator_alone_halts_and_hardly_ever(perceived: Perceived) -> None:
    halts = perceived.forecasts["halt"]
    warm = int(np.flatnonzero((halts == PerceptionHalt.NONE).all(axis=1))[0])
    assert warm < 40 * 24
    rest = halts[warm:]
    assert np.isin(rest, (PerceptionHalt.NONE, PerceptionHalt.HEALTH)).all()
    ill = rest == PerceptionHalt.HEALTH
    assert ill.mean() < 0.005
    assert ill.any(axis=0).tolist() == [name == "SOLUSDT" for name in SYMBOLS], "after its exchange failed, 2022-11"


def test_it_costs_less_than_two_seconds_of_one_core(market: Market, perceived: Perceived) -> None:
    if os.environ.get("NUMBA_DISABLE_JIT"):
        pytest.skip("a promise about the compiled code")
    began = time.process_time()
    perceive(market, PerceptionSettings())
    assert time.process_time() - began < 2.0
