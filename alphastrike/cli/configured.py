"""Settings of a command: of ``--config``, or of the ``alphastrike.toml`` that lies where it is typed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from alphastrike.config.settings import Settings

HERE: Final = Path("alphastrike.toml")
"""Read from the current folder unless ``--config`` names another file."""


def settings_of(config: Path | None, overrides: Sequence[str] | None, *, quiet: bool = False) -> "Settings":
    """Return the settings of a command; one line says so when a file was read that nobody named.

    Raises:
        ConfigurationError: the file or an override is wrong.
    """
    from alphastrike.cli.console import note
    from alphastrike.config.resolve import resolve

    file = config if config is not None or not HERE.is_file() else HERE
    settings = resolve(file, overrides or [])
    if config is None and file is not None and not quiet:
        note(told(settings))
    return settings


def promoted(
    config: Path | None = None, overrides: Sequence[str] | None = None, *, quiet: bool = False
) -> "Settings | None":
    """Return the settings that were stated, or those of the file that lies here; ``None`` where there is neither.

    Raises:
        ConfigurationError: the file or an override is wrong.
    """
    if config is None and not overrides and not HERE.is_file():
        return None
    return settings_of(config, overrides, quiet=quiet)


def told(settings: "Settings") -> str:
    """Say which settings these are."""
    origin = settings.policy.thresholds_from
    return f"Settings of {HERE}" + (f"; thresholds from {origin}." if origin else ".")
