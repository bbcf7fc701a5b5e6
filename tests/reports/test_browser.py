"""The page in a real browser: opened from a file, drawn, silent, asking nothing of anyone, foreign text inert."""

from pathlib import Path
from typing import Any

import pytest

from replay.rerun import compare
from reports.counterfactual import write_comparison
from tests.replay.runs import SEEDED, RecordedRuns
from tests.reports.conftest import DESKTOP, PHONE
from tests.reports.world import made_comparison

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="document.title=1">{{7*7}}@time{safe}</script><script>document.title=2</script>'


@pytest.fixture(scope="module")
def real_page(recorded: RecordedRuns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compared = compare(recorded.root, recorded.open("guarded"), ["no-llm", SEEDED])
    return write_comparison(compared, tmp_path_factory.mktemp("pages"))


class Opened:
    """A page in the browser with everything it said and asked for."""

    def __init__(self, browser: Any, path: Path, viewport: dict[str, int], scheme: str) -> None:
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("#panels[data-drawn=yes]", timeout=30_000)
        self.page.wait_for_function("() => Bokeh.documents[0].is_idle", timeout=30_000)

    def _hear(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def assert_silent(self) -> None:
        assert self.complaints == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))] == []
        assert len([url for url in self.requests if url.startswith("file:")]) == 1


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_without_a_word_or_a_request(
    browser: Any, real_page: Path, viewport: dict[str, int], scheme: str
) -> None:
    opened = Opened(browser, real_page, viewport, scheme)
    canvases = opened.page.locator("#panels canvas").evaluate_all(
        "all => all.map(each => [each.getBoundingClientRect().width, each.getBoundingClientRect().height])"
    )
    shown = [size for size in canvases if size[0] > 0]
    assert len(shown) >= 2
    assert max(width for width, _ in shown) > 0.7 * viewport["width"]
    assert max(height for _, height in shown) > 250
    inked = opened.page.locator("#panels canvas").first.evaluate(
        "each => new Set(new Uint32Array("
        "each.getContext('2d').getImageData(0, 0, each.width, each.height).data.buffer)).size"
    )
    assert inked > 20
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert opened.page.locator("svg .point").first.bounding_box()["width"] > 5
    opened.assert_silent()
    opened.context.close()


def test_the_log_switch_the_legend_and_the_cards_work_from_the_keyboard(browser: Any, real_page: Path) -> None:
    opened = Opened(browser, real_page, DESKTOP, "light")
    page = opened.page
    visible = "name => Bokeh.documents[0].get_model_by_name(name).visible"
    page.focus("#scale-linear")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(visible, "equity-log")
    assert not page.evaluate(visible, "equity")
    page.focus("input[data-arm='1']")
    page.keyboard.press("Space")
    lines = (
        "() => [...Bokeh.documents[0]._all_models.values()]"
        ".filter(each => each.name === 'arm-1').map(each => each.visible)"
    )
    assert set(page.evaluate(lines)) == {False}
    page.focus("#a0-2 summary")
    page.keyboard.press("Enter")
    assert page.locator("#a0-2 .inside").is_visible()
    opened.assert_silent()
    opened.context.close()


def test_pressing_a_mark_opens_its_card(browser: Any, real_page: Path) -> None:
    opened = Opened(browser, real_page, DESKTOP, "light")
    select = (
        "() => { const all = [...Bokeh.documents[0]._all_models.values()];"
        " all.find(each => each.name === 'marks-0').selected.indices = [2]; }"
    )
    opened.page.evaluate(select)
    assert opened.page.locator("#a0-3 .inside").is_visible()
    opened.context.close()


def test_the_list_is_sorted_by_effect_on_request(browser: Any, real_page: Path) -> None:
    opened = Opened(browser, real_page, DESKTOP, "light")
    opened.page.locator("#interventions .cardhead button[data-key=effect]").first.click()
    effects = (
        opened.page.locator("#interventions .cards")
        .first.locator(".card")
        .evaluate_all("all => all.map(each => each.dataset.effect).filter(each => each !== '').map(Number)")
    )
    assert len(effects) >= 5
    assert effects == sorted(effects)
    opened.context.close()


def test_foreign_text_does_nothing(browser: Any, tmp_path: Path) -> None:
    made = made_comparison(
        ("no-llm", HOSTILE), symbols=(HOSTILE, HOSTILE, HOSTILE), reason=HOSTILE, days=60, situations=6
    )
    opened = Opened(browser, write_comparison(made, tmp_path), DESKTOP, "light")
    box = opened.page.locator("#panels").bounding_box()
    for step in range(40):
        opened.page.mouse.move(box["x"] + 80 + step * box["width"] / 45, box["y"] + 120 + (step % 8) * 30)
        opened.page.wait_for_timeout(20)
    assert "rules against" in opened.page.title()
    assert opened.page.locator("img").count() == 0
    opened.assert_silent()
    opened.context.close()


def test_without_scripts_the_paths_are_still_there(browser: Any, real_page: Path) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(real_page.as_uri())
    assert page.locator(".still svg").first.bounding_box()["height"] > 50
    assert not page.locator("#panels").is_visible()
    context.close()


def test_on_paper_the_static_figures_stand_in(browser: Any, real_page: Path) -> None:
    opened = Opened(browser, real_page, DESKTOP, "light")
    opened.page.emulate_media(media="print")
    assert opened.page.locator(".still svg").first.is_visible()
    assert not opened.page.locator("#panels").is_visible()
    opened.context.close()
