"""External series: what the world outside the venue reports, under a name, as ``fear_greed``."""

import re
from typing import Final

NAME_LENGTH_MAX: Final = 40

_NAME: Final = re.compile(rf"[a-z][a-z0-9_]{{0,{NAME_LENGTH_MAX - 1}}}")


def is_external_name(text: str) -> bool:
    """Return whether a series may be called so: lower_snake_case, at most ``NAME_LENGTH_MAX`` characters."""
    return _NAME.fullmatch(text) is not None
