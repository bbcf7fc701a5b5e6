"""The page of one run: complete, the same bytes for the same run, and honest about what is not there."""

import re
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.model.errors import DataError
from reports.run import one_armed, page, write_run
from tests.journal.live import begin
from tests.replay.runs import RecordedRuns


@pytest.fixture(scope="module")
def html(recorded: RecordedRuns) -> str:
    return page(recorded.root, recorded.open("guarded"))


def test_the_same_run_gives_the_same_bytes(recorded: RecordedRuns, html: str) -> None:
    assert page(recorded.root, recorded.open("guarded")) == html


def test_the_title_says_what_ran(html: str) -> None:
    assert "<h1>guarded: small under rules, history</h1>" in html
    assert "<title>guarded: small under rules, history · AlphaStrike</title>" in html


def test_every_section_is_there_and_asks_nobody_for_anything(html: str) -> None:
    assert re.findall(r'<section id="(\w+)">', html) == [
        "verdict", "paths", "activity", "interventions", "machinery", "limits", "again",
    ]  # fmt: skip
    assert not re.search(r'(?:src|href)="(?!#|data:)', html.split('<script type="application/json"', maxsplit=1)[0])


def test_what_it_tells_is_what_the_run_holds(recorded: RecordedRuns, html: str) -> None:
    run = recorded.open("guarded")
    own = one_armed(recorded.root, run).metrics[0]
    assert len(re.findall(r'<details class="card"', html)) == own.situations == len(run.rows("situations")) > 5
    assert f"{own.equity_end:,.0f} (" in html
    assert re.search(rf"fills</dt><dd>{len(run.rows('fills')):,}</dd>", html)
    for row in one_armed(recorded.root, run).origin.symbols:
        assert f"<th>{row}</th>" in html
    assert run.manifest.digest in html
    assert html.count('class="multiple"') >= 6


def test_it_is_made_again_by_the_commands_it_names(recorded: RecordedRuns, html: str) -> None:
    for verb in ("simulate", "record small --policy rules --name guarded", "replay guarded", "page guarded"):
        assert f"alphastrike {verb}" in html


def test_a_run_without_an_instant_has_nothing_to_show(tmp_path: Path) -> None:
    from alphastrike.runs.registry import open_run

    begin(tmp_path / "runs" / "empty").close()
    with pytest.raises(DataError, match="run 'empty' has seen no complete instant yet: there is nothing to show"):
        page(tmp_path, open_run(tmp_path, "empty"))


def test_the_command_writes_it_and_says_where(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str], html: str
) -> None:
    assert main(["page", "guarded", "--data", str(recorded.root), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"Page: {tmp_path / 'out' / 'guarded.html'}\n"
    assert (tmp_path / "out" / "guarded.html").read_text("utf-8") == html
    assert main(["page", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: no run in {tmp_path} yet.")


def test_a_name_from_outside_stays_in_its_folder(recorded: RecordedRuns, tmp_path: Path) -> None:
    assert write_run(recorded.root, recorded.open("guarded"), tmp_path, "../../x").parent == tmp_path
