"""How much of a bar's volume an arm's orders were: what of it counts, and when an arm is flagged."""

import numpy as np
import pytest

from alphastrike.journal.codes import OrderChange, Reason
from alphastrike.model.compiled import Records
from alphastrike.runs.registry import market_of
from replay.effect import Tables
from replay.ground import ground_of
from replay.participation import LIMIT, Participation, participation, shares_of_volume
from tests.replay.runs import RecordedRuns
from tests.replay.tables import rows


def filled(market_start: int, *given: dict[str, float]) -> Tables:
    """Orders of symbol 0, each filled at the market's first tick, ``left`` over of what was wanted."""
    fills, orders = [], []
    for number, each in enumerate(given, start=1):
        common = {"event_time": market_start, "symbol": 0, "order": number, "reason": each.get("reason", Reason.ENTRY)}
        fills.append({**common, "quantity": each["quantity"]})
        orders.append({**common, "change": OrderChange.SUBMITTED, "quantity": each["quantity"]})
        orders.append({**common, "change": OrderChange.FILLED, "quantity": each.get("left", 0.0)})
    return {"fills": rows("fills", *fills), "orders": rows("orders", *orders)}


def test_what_a_bar_could_not_take_counts_as_wanted(recorded: RecordedRuns) -> None:
    market = market_of(recorded.root, recorded.open("guarded"))
    volume = float(market.bars["volume"][0, 0])
    tables = filled(
        market.start,
        {"quantity": 0.01 * volume},
        {"quantity": -0.02 * volume},
        {"quantity": -0.1 * volume, "left": -0.2 * volume},
        {"quantity": volume, "reason": Reason.LIQUIDATION},
    )
    assert shares_of_volume(tables, market) == pytest.approx([0.01, 0.02, 0.3])
    found = participation(tables, market)
    assert (found.fills, found.beyond) == (3, 1)
    assert found.largest == pytest.approx(0.3)
    assert found.is_flagged


def test_one_thin_bar_among_hundreds_flags_no_arm(recorded: RecordedRuns) -> None:
    market = market_of(recorded.root, recorded.open("guarded"))
    volume = float(market.bars["volume"][0, 0])
    small, large = {"quantity": 0.5 * LIMIT * volume}, {"quantity": 2.0 * LIMIT * volume}
    assert not participation(filled(market.start, large, *[small] * 300), market).is_flagged
    assert participation(filled(market.start, *[large] * 5, *[small] * 295), market).is_flagged


def test_an_arm_that_never_traded_moved_nothing(recorded: RecordedRuns) -> None:
    market = market_of(recorded.root, recorded.open("guarded"))
    assert participation(filled(market.start), market) == Participation(0, 0.0, 0.0, 0)


@pytest.mark.parametrize("name", ["guarded", "slow"])
def test_no_fill_of_a_run_is_more_than_the_venue_lets_a_bar_take(recorded: RecordedRuns, name: str) -> None:
    run = recorded.open(name)
    ground = ground_of(recorded.root, run)
    tables: dict[str, Records] = {kind: run.rows(kind) for kind in ("orders", "fills")}
    found = shares_of_volume(tables, ground.market)
    own = tables["fills"]["reason"] != Reason.LIQUIDATION
    assert len(found) == np.sum(own) > 50
    assert np.all(found > 0.0)
    ticks = np.array([ground.tick_of(time) for time in tables["fills"]["event_time"][own]])
    volumes = ground.market.bars["volume"][ticks, tables["fills"]["symbol"][own]]
    taken = np.abs(tables["fills"]["quantity"][own]) / volumes
    assert np.all(taken <= found + 1e-15)
    assert np.all(taken <= ground.settings.account.venue.participation_max + 1e-12)
