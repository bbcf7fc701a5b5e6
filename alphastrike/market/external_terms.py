"""How a user asks for an external series: ``fear_greed=fg.csv,lag=1d,tz=UTC,gap=2d``."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from enum import Enum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from alphastrike.market.intervals import parse_span
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.external import NAME_LENGTH_MAX, is_external_name

GAPS_ALLOWED: Final = 1 << 62
"""A gap that no series has, microseconds."""

_OFFSET: Final = re.compile(r"([+-])(\d{2}):(\d{2})")


class Stamp(Enum):
    """What a day stands for: the moment at which it begins, or at which it is over."""

    START = "start"
    END = "end"


@dataclass(frozen=True)
class ExternalWanted:
    """A series as it was asked for."""

    name: str
    file: Path
    lag: int
    """From the stamp to the publication, microseconds."""
    zone: tzinfo | None = None
    """Of times that do not say theirs."""
    gap: int | None = None
    """Longest step between two stamps, microseconds; ``None``: one and a half usual ones."""
    stamp: Stamp | None = None
    """What days stand for; ``None``: their end, where the file writes days and no midnights."""
    time: str = ""
    """Column of the times; empty: the one that looks like it."""
    column: str = ""
    """Column of the values, likewise."""
    text: str = ""
    """As it was written."""


def parse_external(text: str) -> ExternalWanted:
    """Return the series written as ``NAME=FILE,lag=1d,…``.

    Raises:
        ConfigurationError: a part is missing, unknown, stated twice or not understood.
    """
    about = f"--external {text!r}"
    head, *parts = text.split(",")
    name, _, file = head.partition("=")
    if not name or not file:
        raise ConfigurationError(f"{about} is not NAME=FILE,lag=…. Write, say, fear_greed=fg.csv,lag=0,tz=UTC.")
    if not is_external_name(name):
        raise ConfigurationError(
            f"{about}: {name!r} is no name of a series. Take at most {NAME_LENGTH_MAX} lower-case letters, digits "
            "and '_', a letter first."
        )
    stated: dict[str, Any] = {}
    for part in parts:
        key, _, said = part.partition("=")
        if key not in _TERMS:
            raise ConfigurationError(f"{about}: {part!r} is none of {', '.join(f'{term}=' for term in _TERMS)}.")
        field, understood = _TERMS[key]
        if field in stated:
            raise ConfigurationError(f"{about} states {key} twice. State it once.")
        try:
            stated[field] = understood(said)
        except (ValueError, LookupError, OSError):
            raise ConfigurationError(f"{about}: {key}={said} is not understood. {_EXAMPLES[key]}") from None
    if "lag" not in stated:
        raise ConfigurationError(
            f"{about} states no publication lag. Pass lag=1d if a value is published a day after the time it is about, "
            "or lag=0 if values are known at their stamp."
        )
    return ExternalWanted(name, Path(file), text=text, **stated)


def refuse_repeated(wanted: Sequence[ExternalWanted]) -> None:
    """Refuse two series of one name.

    Raises:
        ConfigurationError: names it.
    """
    names = [one.name for one in wanted]
    repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if repeated is not None:
        raise ConfigurationError(f"--external names {repeated} twice. Join its files into one.")


def _gap(text: str) -> int:
    return GAPS_ALLOWED if text == "allow" else parse_span(text)


def _zone(text: str) -> tzinfo:
    if text.upper() in {"UTC", "Z"}:
        return UTC
    if found := _OFFSET.fullmatch(text):
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone((1 if found[1] == "+" else -1) * minutes * _MINUTE)
    return ZoneInfo(text)


def _column(text: str) -> str:
    if not text:
        raise ValueError("empty")
    return text


_MINUTE: Final = timedelta(minutes=1)

_TERMS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "lag": ("lag", parse_span),
    "tz": ("zone", _zone),
    "gap": ("gap", _gap),
    "stamp": ("stamp", Stamp),
    "time": ("time", _column),
    "column": ("column", _column),
}
_EXAMPLES: Final = {
    "lag": "Write lag=0, lag=30m, lag=1d or lag=1d12h.",
    "tz": "Write tz=UTC, tz=+02:00 or tz=America/New_York.",
    "gap": "Write gap=2d, gap=3d12h or gap=allow.",
    "stamp": "Write stamp=start or stamp=end.",
    "time": "Name a column of the file.",
    "column": "Name a column of the file.",
}
