"""The proof on whole markets: the simulated one, on which everything has a value, and the real five symbols."""

from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.config.perception import PerceptionSettings
from alphastrike.market.simulate import simulate_market
from alphastrike.market.store import open_market
from replay.lookahead import prove

MAJORS = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,ADAUSDT"


@pytest.mark.slow
def test_nothing_moves_on_the_simulated_market_and_everything_is_proved(data_root: Path) -> None:
    simulate_market(data_root, days=160)
    proven = prove(open_market(data_root, "sample"), PerceptionSettings(), days=150)
    assert proven.findings == ()
    assert proven.unproven == {}


@pytest.mark.slow
@pytest.mark.shared
def test_nothing_moves_on_the_real_market(data_root: Path, shared_market: Path) -> None:
    folder = str(shared_market / "binance_um")
    words = ["--name", "majors", "--interval", "15m", "--symbols", MAJORS, "--funding-missing", "bound:0.0001"]
    assert main(["import", folder, *words, "--data", str(data_root), "--quiet"]) == 0
    proven = prove(open_market(data_root, "majors"), PerceptionSettings(), days=400, seed=2)
    assert proven.findings == ()
    signals = [each.name for each in proven.subjects if each.kind == "signal"]
    assert len([name for name in signals if name not in proven.unproven]) >= 20
