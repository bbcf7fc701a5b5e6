"""The manual's table of kinds is the declared one."""

from pathlib import Path

from alphastrike.journal.documentation import kinds_as_markdown
from alphastrike.journal.kinds import KINDS

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "journal.md"


def test_the_manual_holds_the_table_made_from_the_declarations() -> None:
    assert kinds_as_markdown().strip() in MANUAL.read_text(encoding="utf-8"), (
        "docs/journal.md is behind the declared kinds: paste what "
        "`python -c 'from alphastrike.journal.documentation import *; print(kinds_as_markdown())'` prints"
    )


def test_every_kind_and_column_is_in_it() -> None:
    text = kinds_as_markdown()
    for kind in KINDS.values():
        assert f"| `{kind.name}` | {kind.doc} |" in text
        for column in kind.columns:
            assert f"`{column.name}`" in text
