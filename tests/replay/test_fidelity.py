"""Fidelity: exact on the simulated venue, and the known answer where recorded fills were moved on purpose."""

import numpy as np
import pytest

from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_SECOND
from replay.effect import Tables
from replay.fidelity import fidelity, matched_fills
from replay.rerun import replayed
from reports.fidelity import as_json, sentence
from tests.replay.runs import RecordedRuns


@pytest.fixture(scope="module")
def tables(recorded: RecordedRuns) -> Tables:
    run = recorded.open("guarded")
    return {kind: run.rows(kind) for kind in ("fills", "equity")}


def test_a_run_on_the_simulated_venue_is_its_own_control_arm(recorded: RecordedRuns, tables: Tables) -> None:
    done = replayed(recorded.root, recorded.open("guarded"), ["no-llm"])
    told = fidelity(done.comparison.factual.tables, done.control.tables, is_simulated=True)
    assert told.is_exact
    assert told.matched == told.recorded == told.simulated == len(tables["fills"])
    assert (told.price_bp.low, told.price_bp.high, told.quantity_missed) == (0.0, 0.0, 0.0)
    assert (told.equity_end, told.equity_largest) == (0.0, 0.0)
    assert "exact" in sentence(told)
    assert as_json(told)["is_exact"] is True


def test_fills_that_were_worse_by_five_basis_points_are_found_to_be(tables: Tables) -> None:
    fills = tables["fills"].copy()
    fills["price"] *= 1.0 + 5e-4 * np.sign(fills["quantity"])
    fills["event_time"] += 20 * MICROS_PER_SECOND
    fills["quantity"] *= 0.8
    equity = tables["equity"].copy()
    equity["equity"] *= np.exp(-np.linspace(0.0, 0.02, len(equity)))
    told = fidelity({"fills": fills, "equity": equity}, tables, is_simulated=False)
    assert not told.is_exact
    assert told.matched == len(fills)
    assert told.price_bp.median == pytest.approx(5.0, abs=1e-6)
    assert told.quantity_missed == pytest.approx(0.2)
    assert told.equity_end == pytest.approx(-0.02)
    assert told.equity_largest == pytest.approx(0.02)
    assert "+5.0 bp worse" in sentence(told)
    assert "exact" not in sentence(told)


def test_a_fill_without_a_partner_is_left_alone(tables: Tables) -> None:
    fills = tables["fills"]
    fewer = np.delete(fills, [3, 4])
    pairs = matched_fills(fills, fewer)
    assert len(pairs) <= len(fewer)
    assert len(set(pairs[:, 1])) == len(pairs)
    for own, other in pairs:
        assert fills["symbol"][own] == fewer["symbol"][other]
        assert np.sign(fills["quantity"][own]) == np.sign(fewer["quantity"][other])
        assert abs(int(fills["event_time"][own]) - int(fewer["event_time"][other])) <= MICROS_PER_HOUR
    elsewhere = fills.copy()
    elsewhere["event_time"] += 30 * 24 * MICROS_PER_HOUR
    assert len(matched_fills(fills[:1], elsewhere)) == 0


def test_nothing_to_compare_says_nothing(tables: Tables) -> None:
    told = fidelity({"fills": tables["fills"][:0], "equity": tables["equity"]}, tables, is_simulated=False)
    assert told.matched == 0
    assert np.isnan(told.price_bp.median)
    assert as_json(told)["price_bp"]["median"] is None
