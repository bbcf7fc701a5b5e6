"""From a file and --set to settings: what is wrong is said in one line, with its place and what to do."""

from pathlib import Path
from typing import Any

import pytest

from alphastrike.config.account import AccountSettings, packed
from alphastrike.config.resolve import resolve, validated
from alphastrike.config.settings import Settings
from alphastrike.model.errors import ConfigurationError
from alphastrike.strategy.entries import EntryParams


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_said_is_the_defaults() -> None:
    assert resolve() == Settings()


def test_the_defaults_are_the_designs() -> None:
    account = Settings().account
    assert account.start_equity == 100_000.0
    assert account.entry == (80.0, 20.0)
    assert account.exit == (8.0, 0.0, 240.0)
    assert account.sizing.exposure_per_trade == 0.10
    limits = account.limits
    assert (limits.symbol_exposure_max, limits.total_exposure_max) == (1.0, 3.0)
    assert (limits.daily_loss_max, limits.drawdown_halt, limits.halt_days) == (0.05, 0.35, 30.0)
    assert (account.leverage.normal, account.leverage.minimum, account.leverage.maximum) == (5.0, 1.0, 10.0)
    assert (account.leverage.kelly_trades, account.leverage.kelly_trades_min) == (50, 20)
    triggers = account.triggers
    assert (triggers.win_rate_below, triggers.win_rate_rearm, triggers.win_rate_window) == (0.40, 0.45, 20)
    assert (triggers.drawdown_above, triggers.drawdown_rearm, triggers.losses) == (0.15, 0.10, 5)
    assert (triggers.cooldown_hours, triggers.refire_hours) == (24.0, 0.0)
    assert Settings().policy.ttl_hours == 24


def test_a_file_and_overrides_over_it(tmp_path: Path) -> None:
    file = written(tmp_path, "[account]\nstart_equity = 50000\n[account.triggers]\nlosses = 4\ncooldown_hours = 12\n")
    settings = resolve(file, ["account.triggers.losses=3", "policy.on_failure=halt"])
    assert settings.account.start_equity == 50_000.0
    assert settings.account.triggers.losses == 3
    assert settings.account.triggers.cooldown_hours == 12.0
    assert settings.policy.on_failure == "halt"
    assert settings.account.triggers.win_rate_window == 20


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("account.triggers.loses=4",              r"unknown key account\.triggers\.loses\. Did you mean losses\?"),
        ("acount.start_equity=1",                 r"unknown key acount\. Did you mean account\?"),
        ("account.triggers.zzz=4",                r"unknown key account\.triggers\.zzz\. Known here: win_rate_below"),
        ("account.triggers.losses=0",             r"account\.triggers\.losses = 0: .*greater than or equal to 1"),
        ("account.triggers.losses=2.5",           r"account\.triggers\.losses = 2\.5: .*integer"),
        ("account.triggers.losses=many",          r"account\.triggers\.losses = 'many': .*integer"),
        ("account.triggers.losses=",              r"account\.triggers\.losses = ''"),
        ("account.sizing.exposure_per_trade=1.5", r"account\.sizing\.exposure_per_trade = 1\.5: .*less than or equal"),
        ("account.start_equity=-1",               r"account\.start_equity = -1: .*greater than 0"),
        ("account.start_equity=inf",              r"account\.start_equity = inf: .*finite"),
        ("account.start_equity=nan",              r"account\.start_equity = nan"),
        ("account.limits.halt_days=inf",          r"account\.limits\.halt_days = inf: .*finite"),
        ("account.triggers.cooldown_hours=nan",   r"account\.triggers\.cooldown_hours = nan"),
        ("account.triggers=5",                    r"account\.triggers"),
        ("account.start_equity.much=5",           r"account\.start_equity is a value, not a section"),
        ("account.entry.exit_level=90",           r"exit_level must not exceed entry\.conviction_floor: 90 and 80"),
        ("account.leverage.minimum=5\npolicy.ttl_hours=2", r"is not KEY=VALUE"),
        ("account.leverage.maximum=0.5",          r"account\.leverage\.maximum = 0\.5"),
        ("account.triggers.win_rate_rearm=0.3",   r"must not exceed triggers\.win_rate_rearm: 0\.4 and 0\.3"),
        ("account.triggers.drawdown_rearm=0.2",   r"must not exceed triggers\.drawdown_above: 0\.2 and 0\.15"),
        ("policy.on_failure=panic",               r"policy\.on_failure = 'panic'"),
        ("policy.ttl_hours=200",                  r"policy\.ttl_hours = 200: .*168"),
        ("nonsense",                              r"'nonsense' is not KEY=VALUE, for example account\."),
        ("=5",                                    r"is not KEY=VALUE"),
        ("account..losses=5",                     r"is not KEY=VALUE"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(override: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(None, [override])
    assert "\n" not in str(caught.value)


def test_a_value_under_a_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="losses is a value, not a section"):
        resolve(None, ["account.triggers.losses=4", "account.triggers.losses.more=1"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[account\n", r"settings\.toml is not valid TOML: .*line 1"),
        ("[account]\nstart_equity = 1\nstart_equity = 2\n", r"settings\.toml is not valid TOML"),
        ("[acount]\nstart_equity = 1\n", r"settings\.toml: unknown key acount\. Did you mean account\?"),
        ("[account.triggers]\nlosses = 0\n", r"settings\.toml: account\.triggers\.losses = 0"),
    ],
)
def test_a_broken_file_names_itself(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*nowhere\.toml: No such file"):
        resolve(tmp_path / "nowhere.toml")
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"raw\.toml is not valid TOML"):
        resolve(tmp_path / "raw.toml")
    with pytest.raises(ConfigurationError, match="cannot read"):
        resolve(tmp_path)


def test_settings_survive_their_manifest() -> None:
    settings = resolve(None, ["account.triggers.losses=4", "policy.guardian.drawdown_multiplier=0.3"])
    again = validated(settings.as_dict(), "a manifest")
    assert again == settings
    assert again.digest() == settings.digest()


def test_the_digest_follows_the_values_and_not_how_they_were_said(tmp_path: Path) -> None:
    by_file = resolve(written(tmp_path, "[account]\nstart_equity = 5e4\n"))
    by_override = resolve(None, ["account.start_equity=50_000"])
    assert by_file.digest() == by_override.digest() != Settings().digest()
    assert len(Settings().digest()) == 32
    assert resolve(None, ["account.start_equity=100000"]).digest() == Settings().digest()


def test_compiled_code_gets_one_layout_whatever_was_typed() -> None:
    """A whole number typed for a fraction must not become another type, and with it another compilation."""
    plain: Any = AccountSettings(entry=EntryParams(85, 10), start_equity=1)
    settings = Settings(account=plain)
    assert packed(settings.account_params()).dtype == packed(Settings().account_params()).dtype
    assert packed(settings.account_params())[0].entry.conviction_floor == 85.0
