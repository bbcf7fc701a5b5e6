"""One self-contained file: rendered with everything escaped, written whole or not at all."""

import os
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from alphastrike.model.errors import TryAgainError
from reports import words

SLUG_MAX: Final = 120
TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Return the template environment: autoescape on, unknown names an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["verbatim"] = verbatim
    made.filters["whole"] = whole
    made.filters["label"] = words.label
    made.filters["first_effect"] = words.first_effect
    return made


def verbatim(name: str) -> Markup:
    """Return a style sheet or script of ours as it is; never anything from outside."""
    return Markup((TEMPLATES / name).read_text("utf-8"))


def whole(text: str) -> Markup:
    """Escape a sentence and keep ``no-llm`` in one piece at the end of a line."""
    return escape(text).replace("no-llm", Markup('<span class="whole">no-llm</span>'))


def render(template: str, **values: Any) -> str:
    """Render a template."""
    return environment().get_template(template).render(**values)


def page_path(folder: Path, name: str) -> Path:
    """Return where the page of that name lies in a folder: letters, digits, dot and dash of it."""
    return folder / f"{re.sub(r'[^A-Za-z0-9.]+', '-', name).strip('-.')[:SLUG_MAX] or 'replay'}.html"


def write_page(html: str, path: Path) -> Path:
    """Write a page atomically: a reader sees the old file or the new one.

    Raises:
        TryAgainError: the folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    except OSError as error:
        raise TryAgainError(f"cannot write {path}: {error.strerror}. Choose another folder with --out.") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(html)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise TryAgainError(f"cannot write {path}: {error.strerror}. Free space or choose another --out.") from error
    finally:
        part.unlink(missing_ok=True)
    return path
