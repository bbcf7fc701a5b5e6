"""From a file and ``--set key=value`` to settings: unknown keys and impossible values are errors."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from alphastrike.config.settings import Settings
from alphastrike.model.errors import ConfigurationError


def resolve(file: Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Return the settings of a TOML file with overrides laid over it, defaults elsewhere.

    An override is ``account.triggers.losses=4``: the path of a key, and a TOML value.

    Raises:
        ConfigurationError: a missing or malformed file, an unknown key, a value out of bounds.
    """
    tree: dict[str, Any] = {}
    source = "the configuration"
    if file is not None:
        source = str(file)
        try:
            tree = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(
                f"cannot read {file}: {error.strerror}. Pass --config an existing file."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file} is not valid TOML: {error}.") from error
    for override in overrides:
        _lay_over(tree, override)
    return validated(tree, source)


def validated(tree: dict[str, Any], source: str) -> Settings:
    """Return the settings that a nested dictionary says, as a manifest or a file holds it.

    Raises:
        ConfigurationError: an unknown key or a value out of bounds, with its path.
    """
    _check_known(tree, Settings().as_dict(), (), source)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        where = f"{path} = {first['input']!r}: " if path and not isinstance(first["input"], dict) else ""
        raise ConfigurationError(f"{source}: {where}{message}.") from error


def _lay_over(tree: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys) or "\n" in override:
        raise ConfigurationError(f"--set {override!r} is not KEY=VALUE, for example account.triggers.losses=4.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    branch = tree
    for key in keys[:-1]:
        inner = branch.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {override!r}: {key} is a value, not a section.")
        branch = inner
    branch[keys[-1]] = value


def _check_known(tree: dict[str, Any], known: dict[str, Any], path: tuple[str, ...], source: str) -> None:
    for key, value in tree.items():
        here = (*path, key)
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f" Did you mean {near[0]}?" if near else f" Known here: {', '.join(known)}."
            raise ConfigurationError(f"{source}: unknown key {'.'.join(here)}.{hint}")
        if isinstance(value, dict):
            if not isinstance(known[key], dict):
                raise ConfigurationError(f"{source}: {'.'.join(here)} is a value, not a section.")
            _check_known(value, known[key], here, source)
