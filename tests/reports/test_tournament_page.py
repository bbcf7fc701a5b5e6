"""A tournament's page: every number that it draws also stands there, hostile names are text, it fits a phone."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import escape

from alphastrike.journal.codes import Rule
from alphastrike.model.units import MICROS_PER_DAY
from experiments.tournament_result import GUARDIAN, MODEL, NO_ACTION, PLACE, Answers, Asked, Row, Tournament
from replay.inference import Bootstrap, cluster_interval, several
from reports.tournament import page
from reports.tournament_text import headline, tables
from tests.reports.conftest import DESKTOP, PHONE

EVIL = "<script>alert(1)</script>"
BEGIN = 1_700_000_000_000_000


def made(situations: int = 40, models: int = 3) -> Tournament:
    """A tournament of made-up values; every second situation begins a cluster."""
    chance = np.random.default_rng(1)
    clusters = np.arange(situations) // 2
    kinds = [NO_ACTION, GUARDIAN, *[MODEL] * models]
    values = [np.zeros((situations, 4)), *(chance.normal(0.001 * k, 0.004, (situations, 4)) for k in range(models + 1))]
    enough = situations >= 20
    rows = [_row(place, kind, value, clusters) for place, (kind, value) in enumerate(zip(kinds, values, strict=True))]
    together = several({row.name: row.advantage[:, PLACE] for row in rows}, NO_ACTION, Bootstrap(200, 1.0, 1))
    if enough and together is not None:
        rows = [replace(row, among_best=together.best[row.name]) for row in rows]
    return Tournament(
        run="made",
        head="ab" * 32,
        policy="rules",
        market=EVIL,
        market_hash="cd" * 16,
        begin=BEGIN,
        end=BEGIN + 400 * MICROS_PER_DAY,
        asked=tuple(
            Asked(n + 1, BEGIN + n * MICROS_PER_DAY, Rule.DRAWDOWN, "BTCUSDT", n // 2) for n in range(situations)
        ),
        valued=(situations,) * 4,
        clusters=((situations + 1) // 2,) * 4,
        controls=7,
        quiet_controls=3,
        samples=5,
        can_differ=True,
        orders=1,
        on_failure="rules",
        rows=tuple(rows),
        several=together if enough else None,
        calls_made=0,
    )


def _row(place: int, kind: str, value: Any, clusters: Any) -> Row:
    intervals = tuple(cluster_interval(value[:, horizon], clusters) for horizon in range(4))
    is_model = kind == MODEL
    return Row(
        name=f"prompt {place} × {EVIL}" if is_model else kind,
        kind=kind,
        advantage=value,
        mean=tuple(float(np.mean(value[:, horizon])) for horizon in range(4)),
        interval=intervals,
        regret=(0.004,) * 4,
        honest_regret=-0.001,
        honest_interval=None,
        over_guardian=0.0005,
        over_guardian_interval=intervals[PLACE],
        quiet_at_triggers=0.4,
        quiet_at_controls=math.nan if place == 2 else 0.8,
        did={"no_action": 0.4, "disable_asset": 0.6},
        among_best=math.nan,
        answers=Answers(0.9, 1.0, 0.8, 0.7, 40, 1.25, 2.5, 1_000_000, 20_000, 300) if is_model else None,
        prompt=EVIL if is_model else "",
        model=EVIL if is_model else "",
        digest="ef" * 32 if is_model else "",
        prompt_sha256="01" * 32 if is_model else "",
    )


def test_every_figure_of_the_terminal_stands_on_the_page() -> None:
    it = made()
    html = page(it, "alphastrike tournament made")
    for table in tables(it):
        for row in table.rows:
            for cell in row[1:]:
                assert cell in html
    assert headline(it).startswith("better than no_action, all rows counted: prompt 3")
    assert str(escape(headline(it)[1:])) in html
    assert "alphastrike tournament made" in html
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_too_few_clusters_are_said_first_and_nothing_is_drawn_around_a_mean() -> None:
    it = made(situations=12)
    html = page(it, "alphastrike tournament made")
    assert "Not enough evidence: 12 situations in 6 clusters" in html
    assert 'class="whisker"' not in html
    assert "may be the best" not in html


@pytest.mark.browser
def test_it_is_silent_loads_nothing_and_fits_phone_and_desk(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(made(158, 6), "alphastrike tournament made"), "utf-8")
    for viewport in (DESKTOP, PHONE):
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport=viewport, color_scheme=scheme)
            opened = context.new_page()
            said: list[str] = []
            asked: list[str] = []
            opened.on("console", lambda message, said=said: said.append(message.text))
            opened.on("pageerror", lambda error, said=said: said.append(str(error)))
            opened.on("request", lambda request, asked=asked: asked.append(request.url))
            opened.goto(path.as_uri(), wait_until="domcontentloaded")
            assert said == []
            assert asked == [path.as_uri()]
            assert opened.evaluate("document.documentElement.scrollWidth") == viewport["width"]
            context.close()
