"""The page as a document: its order, that it loads nothing, that foreign text stays text, that it is reproducible."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from alphastrike.model.errors import TryAgainError
from replay.compare import comparison
from replay.rerun import compare
from reports.counterfactual import default_name, page, write_comparison
from reports.page import page_path, write_page
from tests.replay.runs import SEEDED, RecordedRuns
from tests.reports.world import START, made_comparison

HOSTILE = '<script>document.title="owned"</script><img src=x onerror="document.title=1"></script><!--{{ 7*7 }}'
MEGABYTE = 1_000_000


class Outline(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.headings: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.styles = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self._open.append(tag)
        if tag == "section":
            self.sections.append(given["id"])
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [
            given[name] for name in ("src", "href", "action", "poster", "data", "srcset") if name in given
        ]
        self.styles += given.get("style", "")
        assert not [name for name in given if name.startswith("on")], f"an inline handler on {tag}"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.styles += data
        if self._open and self._open[-1] == "h2":
            self.headings.append(data)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    return parsed


@pytest.fixture(scope="module")
def html() -> str:
    return page(made_comparison(("no-llm", "random:seed=1")))


def test_sections_stand_in_the_order_in_which_a_reader_asks(html: str) -> None:
    assert outline(html).sections == [
        "verdict", "paths", "arms", "difference", "interventions", "machinery", "limits", "again",
    ]  # fmt: skip
    assert outline(html).headings == [
        "The paths", "The arms", "Where the difference comes from", "Every intervention", "The machinery",
        "What this cannot say", "How to make this page again",
    ]  # fmt: skip


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    found = outline(html)
    assert all(address.startswith(("#", "data:")) for address in found.addresses), found.addresses
    assert "url(" not in found.styles
    assert "@import" not in found.styles
    assert {"iframe", "object", "embed", "base"}.isdisjoint(found.tags)
    assert "default-src 'none'" in html


def test_ids_are_unique_and_every_link_inside_the_page_leads_somewhere(html: str) -> None:
    found = outline(html)
    assert len(found.ids) == len(set(found.ids))
    assert {address[1:] for address in found.addresses if address.startswith("#")} <= set(found.ids)


def test_every_chart_has_its_table(html: str) -> None:
    for said in ("The paths as a table", "The parts as a table", "Leverage as a table"):
        assert said in html


def test_the_verdict_comes_first_with_its_interval_and_episodes(html: str) -> None:
    verdict = html[html.index('id="verdict"') : html.index('id="paths"')]
    assert re.search(r"\d+ episodes", verdict)
    assert "95 % [" in verdict
    assert "over histories, decisions fixed" in verdict
    assert "Adaptive" in verdict


def test_the_parts_shown_add_up_to_the_total_shown(html: str) -> None:
    section = html[html.index('id="difference"') : html.index('id="interventions"')]
    rows = {
        name: [float(cell.replace(",", "").replace("−", "-")) for cell in re.findall(r">([−+]?[\d,.]+)</td>", row)]
        for name, row in re.findall(r"<tr[^>]*><th>([^<]+)</th>(.*?)</tr>", section)
    }
    for column in range(5):
        parts = [rows[name][column] for name in ("price", "fees", "slippage", "funding", "liquidation")]
        assert sum(parts) == pytest.approx(rows["net P&amp;L"][column], abs=0.03)


def test_too_few_episodes_are_said_with_dignity_and_without_an_interval() -> None:
    html = page(made_comparison(situations=4))
    verdict = html[html.index('id="verdict"') : html.index('id="paths"')]
    assert "Not enough evidence" in verdict
    assert "95 % [" not in verdict
    assert "at least" in verdict


def test_an_effect_until_expiry_needs_no_llm() -> None:
    assert "need the arm no-llm" in page(made_comparison(("random:seed=1",)))


def test_assumptions_are_said(html: str) -> None:
    assert "31.0 % of funding rates were assumed" in html
    assert "assumed for BTCUSDT" in html
    assert "account.exposure_per_trade" in html


def test_foreign_text_is_text() -> None:
    made = made_comparison(("no-llm", HOSTILE), symbols=(HOSTILE, "ETH</script>", "SOL&amp;"), reason=HOSTILE)
    html = page(replace(made, origin=replace(made.origin, run=HOSTILE, market=HOSTILE)))
    clean = outline(page(made_comparison(("no-llm", "mine:Policy"))))
    assert outline(html).tags == clean.tags
    assert "<img" not in html
    assert "49" not in outline(html).headings
    assert html.count("<script") == page(made_comparison()).count("<script")


def test_one_comparison_is_one_sequence_of_bytes(html: str) -> None:
    assert page(made_comparison(("no-llm", "random:seed=1"))) == html


def test_the_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.reports.world import made_comparison; from reports.counterfactual import page; "
        "page(made_comparison(days=60)); sys.stdout.buffer.write(page(made_comparison(days=60)).encode())"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(tmp_path)},
        ).stdout
        for seed in ("0", "1")
    ]
    assert made[0] == made[1]
    assert made[0].decode() == page(made_comparison(days=60))


def test_a_lost_account_is_shown_as_lost() -> None:
    made = made_comparison(days=60)
    arms = list(made.arms)
    equity = arms[1].tables["equity"].copy()
    moved = np.asarray(equity["equity"][-500:]) + 50.0
    equity["equity"][-500:] = -50.0
    equity["price_pnl"][-500:] -= moved
    arms[1] = replace(arms[1], tables={**arms[1].tables, "equity": equity})
    html = page(comparison(made.origin, arms))
    assert "−∞" in html
    assert f"{-START - 50.0:,.0f}".replace("-", "−") in html


def test_a_page_of_500_interventions_is_of_a_size_to_send(recorded: RecordedRuns) -> None:
    assert len(page(made_comparison(situations=500, days=1280))) < 5 * MEGABYTE
    assert len(page(compare(recorded.root, recorded.open("guarded"), ["no-llm", SEEDED]))) < 5 * MEGABYTE


def test_a_page_of_a_real_run_has_a_card_for_every_situation(recorded: RecordedRuns) -> None:
    compared = compare(recorded.root, recorded.open("guarded"), ["no-llm", SEEDED])
    cards = [name for name in outline(page(compared)).ids if re.fullmatch(r"a\d+-\d+", name)]
    assert len(cards) == sum(own.situations for own in compared.metrics)


def test_file_names_are_made_of_what_is_compared(tmp_path: Path) -> None:
    made = made_comparison(("no-llm", "always:tool=disable_asset"), days=30)
    assert default_name(made) == "majors-rules-vs-no-llm-vs-always:tool=disable_asset"
    assert write_comparison(made, tmp_path).name == "majors-rules-vs-no-llm-vs-always-tool-disable-asset.html"
    assert write_comparison(made, tmp_path, "../../etc/passwd").parent == tmp_path
    assert page_path(tmp_path, "///") == tmp_path / "replay.html"


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "page.html"
    write_page("first", target)
    assert target.read_text() == "first"
    with pytest.raises(UnicodeEncodeError):
        write_page("\ud800", target)
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TryAgainError, match="--out"):
        write_page("page", tmp_path / "file" / "page.html")
