"""The page that takes a run apart, in a real browser: silent, sorted, switched, zoomed, read from the keyboard."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replay.explained import Explained
from reports.explain import page
from reports.recorded import Recorded
from tests.reports.conftest import DESKTOP, PHONE
from tests.reports.explained_world import made_explained
from tests.reports.test_browser import HOSTILE

pytestmark = pytest.mark.browser

COLLISIONS = """() => {
  const boxOf = (each) => { const box = each.getBoundingClientRect(); return box.width * box.height > 0 ? box : null; };
  const found = [], groups = ".levels, .days, .axis, .worths tr, .steps .line, .bar, .heat .names";
  for (const group of document.querySelectorAll(groups)) {
    const boxes = [...group.children].map((each) => [each.textContent.trim(), boxOf(each)])
      .filter(([text, box]) => box && text);
    boxes.forEach(([text, a], place) => boxes.slice(place + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 1) found.push(`${group.className}: ${text} / ${other}`);
    }));
  }
  return found;
}"""
"""Texts of figures and rows that cover one another."""


@pytest.fixture(scope="module")
def made(explained: tuple[Explained, Recorded], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "page.html"
    path.write_text(page(*explained), "utf-8")
    return path


@pytest.fixture(scope="module")
def long(long_explained: tuple[Explained, Recorded], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "long.html"
    path.write_text(page(*long_explained), "utf-8")
    return path


class Opened:
    """A page in the browser with everything it said and asked for."""

    def __init__(self, browser: Any, path: Path, viewport: dict[str, int] = DESKTOP, **how: Any) -> None:
        self.context = browser.new_context(viewport=viewport, **how)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri(), wait_until="domcontentloaded")

    def __enter__(self) -> Any:
        return self.page

    def __exit__(self, *_: object) -> None:
        complaints, requests = list(self.complaints), list(self.requests)
        self.context.close()
        assert complaints == []
        assert len([url for url in requests if not url.startswith("data:")]) == 1, "the page itself and nothing else"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_silently_within_its_width_and_no_text_covers_another(
    browser: Any, made: Path, viewport: dict[str, int], scheme: str
) -> None:
    with Opened(browser, made, viewport, color_scheme=scheme) as shown:
        assert shown.evaluate("document.documentElement.dataset.ready") == "yes"
        assert shown.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert shown.evaluate(COLLISIONS) == []
        for figure in (
            ".path svg",
            ".steps svg",
            ".worths td.forest svg",
            ".horizon svg",
            ".heat .cells svg",
            ".triggers svg",
        ):
            assert shown.locator(f"{figure}:visible").first.bounding_box()["width"] > 0.14 * viewport["width"], figure
        paper = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(22, 24, 27)") == (scheme == "dark")


def test_500_interventions_are_few_nodes_and_cards_are_laid_out_when_they_are_opened(browser: Any, long: Path) -> None:
    assert long.stat().st_size < 15_000_000
    with Opened(browser, long) as shown:
        assert shown.evaluate("document.querySelectorAll('*').length") < 30_000
        assert shown.locator("#worths tbody tr").count() > 500
        assert shown.locator("#worths tbody tr:visible").count() == 25
        assert shown.locator(".inside").count() == 0
        shown.locator("[data-more=worths]").click()
        assert shown.locator("#worths tbody tr:visible").count() > 500
        shown.evaluate("location.hash = '#s400'")
        assert shown.locator("#s400 .inside").is_visible()
        assert shown.locator(".inside").count() == 1


def test_the_table_is_sorted_both_ways_by_any_column_from_the_keyboard(browser: Any, made: Path) -> None:
    with Opened(browser, made) as shown:
        for column in ("effect ‰", "Shapley ‰", "regret ‰", "met again", "no"):
            shown.locator("#worths thead button", has_text=column).focus()
            at = shown.evaluate("document.activeElement.closest('th').cellIndex")
            read = f"[...document.querySelector('#worths').tBodies[0].rows].map(row => row.cells[{at}].dataset.v)"
            shown.keyboard.press("Enter")
            once = shown.evaluate(read)
            shown.keyboard.press("Enter")
            twice = shown.evaluate(read)
            for cells, falls in ((once, column != "no"), (twice, column == "no")):
                values = [float(cell) for cell in cells if cell != ""]
                assert len(values) > 30
                assert values == sorted(values, reverse=falls)
                assert "" not in cells[: len(values)], "undefined numbers come last"


def test_switches_show_one_figure_at_a_time(browser: Any, made: Path) -> None:
    with Opened(browser, made) as shown:
        for name, count in (("fall", 4), ("heat", 4)):
            for case in range(count):
                shown.locator(f"input[name={name}][value='{case}']").check()
                visible = shown.locator(f"[data-of={name}]:visible")
                assert visible.count() == 1
                assert visible.get_attribute("data-case") == str(case)
        shown.focus("input[name=scale][value=linear]")
        shown.keyboard.press("ArrowRight")
        assert shown.locator(".path[data-key=log]").is_visible()
        assert not shown.locator(".path[data-key=linear]").is_visible()
        shown.locator("input[data-line='1']").uncheck()
        assert shown.locator(".path[data-key=log] .curve[data-line='1']").evaluate(
            "each => getComputedStyle(each).visibility") == "hidden"  # fmt: skip


def test_the_heat_map_reads_out_what_is_under_the_pointer_and_under_the_cursor(browser: Any, made: Path) -> None:
    with Opened(browser, made) as shown:
        says = shown.locator(".heat:visible .reading")
        cell = shown.locator(".heat:visible .cells svg").nth(4)
        cell.scroll_into_view_if_needed()
        box = cell.bounding_box()
        shown.mouse.move(box["x"] + 0.5 * box["width"] / 41, box["y"] + 5)
        assert says.inner_text().startswith("conviction floor 95: ")
        assert "in situation 1 (" in says.inner_text()
        shown.locator(".heat:visible .grid").focus()
        shown.keyboard.press("ArrowRight")
        shown.keyboard.press("ArrowDown")
        assert says.inner_text().startswith("size × 0.25: ")
        assert "in situation 2 (" in says.inner_text()
        shown.keyboard.press("Enter")
        assert shown.locator("#s2 .inside").is_visible()


def test_a_drag_over_the_paths_looks_closer_and_the_button_looks_at_all_again(browser: Any, made: Path) -> None:
    with Opened(browser, made) as shown:
        figure = shown.locator(".path[data-key=linear] svg")
        figure.scroll_into_view_if_needed()
        before, levels = figure.get_attribute("viewBox"), shown.locator(".path[data-key=linear] .levels").inner_text()
        box = figure.bounding_box()
        shown.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 50)
        reading = shown.locator("#trail-reading").inner_text()
        assert all(name in reading for name in ("UTC", "rules ", "no-llm "))
        shown.mouse.down()
        shown.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60, steps=4)
        shown.mouse.up()
        zoomed = [float(part) for part in figure.get_attribute("viewBox").split()]
        assert zoomed[0] == pytest.approx(400.0, abs=5.0)
        assert zoomed[2] == pytest.approx(200.0, abs=5.0)
        linked = shown.locator(".path[data-key=drawdown] svg").get_attribute("viewBox").split()
        assert [float(linked[0]), float(linked[2])] == [zoomed[0], zoomed[2]]
        assert shown.evaluate(COLLISIONS) == []
        assert shown.locator(".lane svg").get_attribute("viewBox").split()[0] == linked[0]
        shown.locator("#whole").click()
        assert [float(part) for part in figure.get_attribute("viewBox").split()] == [
            pytest.approx(float(part), abs=1e-6) for part in before.split()
        ]
        assert shown.locator(".path[data-key=linear] .levels").inner_text() == levels
        figure.focus()
        shown.keyboard.press("ArrowRight")
        assert shown.locator("#trail-reading").inner_text() != reading


def test_foreign_text_does_nothing(browser: Any, tmp_path: Path) -> None:
    it, run = made_explained(8, 60, symbols=(HOSTILE, HOSTILE, HOSTILE), reason=HOSTILE)
    path = tmp_path / "hostile.html"
    path.write_text(page(it, replace(run, messages={1: [HOSTILE]})), "utf-8")
    with Opened(browser, path) as shown:
        title = shown.title()
        shown.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        shown.locator("#s8 .inside").wait_for()
        shown.locator("#s1 .inside summary").click()
        assert HOSTILE in shown.locator("#s1 pre").inner_text()
        assert HOSTILE in shown.locator("#s1 .words").first.inner_text()
        figure = shown.locator(".path[data-key=linear] svg")
        figure.focus()
        for _ in range(30):
            shown.keyboard.press("Shift+ArrowRight")
        assert shown.locator("img").count() == 0
        assert shown.title() == title


def test_without_scripts_figures_and_tables_are_whole(browser: Any, made: Path) -> None:
    with Opened(browser, made, PHONE, java_script_enabled=False) as shown:
        assert shown.locator("noscript table").is_visible()
        assert shown.locator("#worths tbody tr:visible").count() > 30
        assert shown.locator("[data-of=heat]:visible").count() == 4
        assert shown.locator("[data-of=fall]:visible").count() == 4
        assert not shown.locator(".cards").is_visible()


def test_on_paper_every_row_is_there_and_no_control(browser: Any, made: Path) -> None:
    with Opened(browser, made) as shown:
        shown.emulate_media(media="print")
        assert shown.locator("#worths tbody tr:visible").count() > 30
        assert not shown.locator(".scale").is_visible()
        assert shown.locator(".path svg").first.is_visible()
