"""The manual says what the code computes."""

from pathlib import Path

from replay.inference import BLOCK_DAYS, BLOCKS_MIN, DRAWS, EPISODES_MIN
from replay.measures import MEASURES
from replay.verdict import Standing

MANUAL = Path(__file__).parents[2] / "docs" / "replay.md"


def test_the_manual_has_every_measure_with_its_formula() -> None:
    text = MANUAL.read_text("utf-8")
    for measure in MEASURES:
        assert f"| {measure.label} | {measure.formula} |" in text


def test_the_manual_states_the_interval_as_it_is_drawn() -> None:
    text = " ".join(MANUAL.read_text("utf-8").split())
    assert (DRAWS, BLOCK_DAYS, EPISODES_MIN, BLOCKS_MIN) == (2_000, 3.0, 10, 8)
    assert "2,000 draws, blocks of three days" in text
    assert "Below ten episodes" in text
    assert "shorter than eight blocks" in text
    for standing in Standing:
        assert standing.value in text
