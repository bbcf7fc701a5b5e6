"""The manual's page on the model tells every setting with its default."""

from pathlib import Path

import pytest

from alphastrike.policy.settings import CacheMode, LlmSettings

PAGE = (Path(__file__).parents[2] / "docs" / "llm.md").read_text(encoding="utf-8")


def row(name: str) -> str:
    """The table's line on a setting."""
    field = LlmSettings.model_fields[name]
    default = (
        ""
        if field.default in ("", None)
        else f"`{str(field.default).lower() if field.annotation is bool else field.default}`"
    )
    return f"| `{name}` | {default} | {field.description} |"


@pytest.mark.parametrize("name", LlmSettings.model_fields)
def test_every_setting_is_told_with_its_default(name: str) -> None:
    assert row(name) in PAGE


@pytest.mark.parametrize("mode", CacheMode)
def test_every_mode_of_the_store_is_told(mode: CacheMode) -> None:
    assert f"| `{mode.value}` | " in PAGE
