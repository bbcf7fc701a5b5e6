"""The ``alphastrike.toml`` of the current folder is read where nobody named another, and said to be."""

from pathlib import Path

import pytest

from alphastrike.cli.configured import promoted, settings_of
from alphastrike.config.settings import Settings
from alphastrike.model.errors import ConfigurationError

ORIGIN = "study s point 3, market 00"
FILE = f'[account.triggers]\nlosses = 3\n[policy]\nthresholds_from = "{ORIGIN}"\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_is_read_beneath_overrides_and_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("alphastrike.toml").write_text(FILE)
    settings = settings_of(None, ["account.triggers.cooldown_hours=6"])
    assert (settings.account.triggers.losses, settings.account.triggers.cooldown_hours) == (3, 6.0)
    assert settings.policy.thresholds_from == ORIGIN
    assert capsys.readouterr().err == f"Settings of alphastrike.toml; thresholds from {ORIGIN}.\n"
    assert settings_of(None, None, quiet=True) == promoted(quiet=True)
    assert capsys.readouterr().err == ""


def test_a_file_that_is_named_stands_alone_and_needs_no_telling(capsys: pytest.CaptureFixture[str]) -> None:
    Path("alphastrike.toml").write_text(FILE)
    Path("mine.toml").write_text("account.triggers.losses = 7\n")
    assert settings_of(Path("mine.toml"), None).account.triggers.losses == 7
    assert capsys.readouterr().err == ""


def test_without_a_file_everything_is_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert settings_of(None, None) == Settings()
    assert promoted() is None
    assert capsys.readouterr().err == ""


def test_thresholds_are_taken_over_with_their_origin_and_nothing_else() -> None:
    Path("alphastrike.toml").write_text(FILE + "ttl_hours = 5\n[policy.guardian]\ndrawdown_hours = 30\n")
    theirs = promoted(quiet=True)
    assert theirs is not None
    taken = Settings().with_thresholds_of(theirs)
    assert taken.account.triggers == theirs.account.triggers
    assert taken.policy.guardian.drawdown_hours == 30
    assert taken.policy.thresholds_from == ORIGIN
    assert taken.policy.ttl_hours == Settings().policy.ttl_hours


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    Path("alphastrike.toml").write_text("account.trigers.losses = 3\n")
    with pytest.raises(
        ConfigurationError, match=r"alphastrike\.toml: unknown key account\.trigers\. Did you mean triggers"
    ):
        settings_of(None, None)
