"""The verdict: no more than the evidence carries."""

import pytest

from replay.compare import Arm, Comparison, Effect
from replay.effect import Parts
from replay.fills import BASE, FillBand, FillModel
from replay.inference import Bootstrap, Interval
from replay.origin import Origin
from replay.verdict import Standing, summary, verdict

ORIGIN = Origin(
    run="r",
    digest="",
    market="m",
    market_hash="",
    symbols=(),
    begin=0,
    end=0,
    interval=1,
    start_equity=1.0,
    funding_assumed=0.0,
    instruments_assumed=(),
    mark_source="candle closes",
)


def effect(
    growth: float, low: float | None, high: float | None, episodes: int, identical: bool = False, arm: str = "no-llm"
) -> Effect:
    interval = Interval(low, high, 2000, 7.0, 1, 365) if low is not None and high is not None else None
    return Effect(
        arm=arm,
        factual="rules",
        differences={"log_growth": growth},
        parts=Parts(0.0, 0.0, 0.0, 0.0, 0.0),
        episodes=episodes,
        growth=interval,
        sharpe=None,
        identical=identical,
    )


@pytest.mark.parametrize(
    ("judged", "standing", "said"),
    [
        # error 0.055 / 1.96 = 0.02806; 14 x (2.80 x 0.02806 / 0.02)^2 = 216.1, so 217 in all
        (effect(-0.02, -0.08, 0.03, 14), Standing.UNDECIDED, "14 episodes; about 203 more"),
        (effect(-0.10, -0.18, -0.02, 14), Standing.WORSE, "14 episodes."),
        (effect(+0.10, 0.02, 0.18, 14), Standing.BETTER, "14 episodes."),
        (effect(-0.10, None, None, 5), Standing.NOT_ENOUGH, "5 episodes; at least 5 more"),
        (effect(-0.10, None, None, 1), Standing.NOT_ENOUGH, "1 episode; at least 9 more"),
        (effect(-0.10, None, None, 40), Standing.NOT_ENOUGH, "no interval"),
        (effect(-1e-9, -0.1, 0.1, 14), Standing.UNDECIDED, "a history no one has"),
        (effect(0.02, -0.03, 0.08, 14), Standing.NOT_WORSE, "14 episodes; about 203 more"),
        (effect(-0.02, -0.08, 0.03, 14, arm="llm"), Standing.NOT_BETTER, "14 episodes; about 203 more"),
        (effect(0.0, -0.08, 0.08, 14, arm="llm"), Standing.NOT_BETTER, "a history no one has"),
        (effect(0.02, -0.03, 0.08, 14, arm="llm"), Standing.UNDECIDED, "14 episodes; about 203 more"),
        (effect(0.0, None, None, 0, identical=True), Standing.IDENTICAL, "0 episodes."),
    ],
)  # fmt: skip
def test_the_verdict_says_no_more_than_the_evidence(judged: Effect, standing: Standing, said: str) -> None:
    given = verdict(judged)
    assert given.standing is standing
    assert said in given.evidence


def several(*effects: Effect) -> Comparison:
    """A comparison of which only the effects are known."""
    factual = Arm("rules", "rules", {}, "", is_factual=True)
    return Comparison(ORIGIN, (factual,), (), tuple(effects), {}, Bootstrap())


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ([effect(-0.1, -0.18, -0.02, 14)], "rules was worth having"),
        ([effect(-0.1, -0.18, -0.02, 14), effect(-0.1, -0.2, -0.02, 14, arm="b")], "grew more than all 2 other arms"),
        ([effect(-0.1, -0.1, 0.1, 14), effect(0.1, -0.2, 0.1, 14, arm="b")], "Undecided: none of the 2 other arms"),
        ([effect(0.1, -0.1, 0.2, 14)], "Not better: rules grew no more than no-llm"),
        ([effect(-0.1, -0.2, 0.1, 14, arm="llm")], "Not better: llm grew no more than rules"),
        (
            [effect(-0.1, -0.2, 0.1, 14, arm="a"), effect(-0.1, -0.2, 0.1, 14, arm="b")],
            "Not better: none of the 2 other arms grew more than rules",
        ),
        (
            [effect(0.1, -0.1, 0.2, 14), effect(-0.1, -0.2, 0.1, 14, arm="b")],
            "b did no better than rules; rules did no better than no-llm.",
        ),
        ([effect(-0.1, None, None, 4), effect(-0.1, None, None, 5, arm="b")], "Not enough evidence"),
        (
            [effect(-0.1, -0.3, 0.1, 14), effect(-0.1, -0.2, -0.1, 14, arm="b"), effect(-0.1, -0.2, -0.1, 14, arm="c")],
            "no-llm cannot be told from rules; b and c grew less than rules",
        ),
    ],
)  # fmt: skip
def test_several_arms_are_judged_in_one_sentence(effects: list[Effect], said: str) -> None:
    assert said in summary(several(*effects))


MODELS = (FillModel("optimistic", 0.5, 0.5, 2.0, 0.5, 0.0), BASE, FillModel("pessimistic", 3.0, 2.0, 0.5, 0.0, 1.0))
WORSE, OPEN_LESS, OPEN_MORE, BETTER = (-0.2, -0.02), (-0.2, 0.1), (-0.1, 0.2), (0.02, 0.2)


def under(arm: str, *edges: tuple[float, float]) -> tuple[Effect, FillBand]:
    """An effect, base fills in the middle, and the same under the two other fill models."""
    found = tuple(effect((low + high) / 2.0, low, high, 14, arm=arm) for low, high in edges)
    return found[1], FillBand(MODELS, {arm: found}, (0.0, 0.0, 0.0), ())


@pytest.mark.parametrize(
    ("arm", "edges", "standing", "headline", "evidence"),
    [
        ("no-llm", (WORSE, WORSE, WORSE), Standing.WORSE, "was worth having",
            "It holds under optimistic, base and pessimistic fills."),
        ("no-llm", (WORSE, WORSE, OPEN_LESS), Standing.UNDECIDED,
            "Undecided: no-llm is worse than rules under the fills assumed, but undecided under pessimistic ones",
            "14 episodes; it flips with the fills."),
        ("llm", (BETTER, BETTER, WORSE), Standing.UNDECIDED, "but worse under pessimistic ones", "it flips"),
        ("llm", (OPEN_MORE, BETTER, OPEN_LESS), Standing.UNDECIDED,
            "but undecided under optimistic ones and not better under pessimistic ones", "it flips"),
        ("llm", (BETTER, OPEN_LESS, OPEN_LESS), Standing.UNDECIDED,
            "is not better than rules under the fills assumed, but better under optimistic ones", "it flips"),
        ("llm", (OPEN_MORE, OPEN_LESS, WORSE), Standing.NOT_BETTER, "Not better", "It holds under"),
        # What is undecided already is not made more so.
        ("llm", (BETTER, OPEN_MORE, OPEN_MORE), Standing.UNDECIDED, "either way", "more for an 80 % chance"),
    ],
)  # fmt: skip
def test_a_verdict_that_flips_within_the_fill_band_is_undecided_and_says_so(
    arm: str, edges: tuple[tuple[float, float], ...], standing: Standing, headline: str, evidence: str
) -> None:
    judged, band = under(arm, *edges)
    given = verdict(judged, band)
    assert given.standing is standing
    assert headline in given.headline
    assert evidence in given.evidence
