"""Bar intervals and moments as people write and read them: ``15m``, ``2024-05-14 15:35``."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND

_UNITS: Final = {"m": MICROS_PER_MINUTE, "h": MICROS_PER_HOUR, "d": MICROS_PER_DAY}
_INTERVAL: Final = re.compile(r"(\d{1,4})([mhd])")
_SPAN: Final = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_interval(text: str) -> int:
    """Return a bar interval in microseconds from ``15m``, ``1h`` or ``1d``.

    Raises:
        ConfigurationError: not an interval, or one that does not divide a day into equal bars.
    """
    found = _INTERVAL.fullmatch(text.strip().lower())
    micros = int(found[1]) * _UNITS[found[2]] if found else 0
    if micros == 0 or MICROS_PER_DAY % micros != 0:
        raise ConfigurationError(
            f"interval {text!r} is not a whole part of a day. Write 1m, 5m, 15m, 30m, 1h, 4h, 8h or 1d."
        )
    return micros


def interval_in_name(part: str) -> int | None:
    """Return the interval that one word of a file name stands for, or ``None`` when it is none."""
    found = _INTERVAL.fullmatch(part)
    micros = int(found[1]) * _UNITS[found[2]] if found else 0
    return micros if micros and MICROS_PER_DAY % micros == 0 else None


def interval_text(micros: int) -> str:
    """Return the shortest way to write an interval: ``15m``, ``1h``."""
    for unit in ("d", "h", "m"):
        if micros % _UNITS[unit] == 0:
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros / MICROS_PER_SECOND:g}s"


def parse_span(text: str) -> int:
    """Return a span of time in microseconds from ``0``, ``30m``, ``1d`` or ``1d12h``.

    Raises:
        ValueError: it is none.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if text.strip() == "0":
        return 0
    if found is None or not any(found.groups()):
        raise ValueError(text)
    units = (MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND)
    return sum(int(number or 0) * unit for number, unit in zip(found.groups(), units, strict=True))


def span_text(micros: int) -> str:
    """Return the shortest way to write a span: ``1d12h``, ``0``; parts of a second are left away."""
    text, left = "", micros
    for unit, size in (
        ("d", MICROS_PER_DAY),
        ("h", MICROS_PER_HOUR),
        ("m", MICROS_PER_MINUTE),
        ("s", MICROS_PER_SECOND),
    ):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0"


def parse_from(text: str) -> int:
    """Return the moment (microseconds UTC) at which ``--from`` begins; a date alone is its first instant."""
    return _micros(_parse(text, "--from"))


def parse_to(text: str) -> int:
    """Return the moment (microseconds UTC) at which ``--to`` ends; a date alone is the end of that day."""
    moment = _parse(text, "--to")
    only_a_date = len(text.strip()) <= len("2024-12-31")
    return _micros(moment + timedelta(days=1) if only_a_date else moment)


def moment_text(micros: int) -> str:
    """Return a moment as ``2024-05-14 15:35`` (UTC), with seconds only when it has any."""
    moment = _EPOCH + timedelta(microseconds=micros)
    if moment.microsecond:
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def _parse(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(f"{option} {text!r} is not a date. Write 2024-12-31 or 2024-12-31T08:00.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
