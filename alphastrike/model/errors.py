"""The error tree, sorted by what the reader does about it.

A message says what is wrong, where, which value, and what to do next. The command line prints it as one
line and exits with 2; a broken invariant of our own is an assertion instead.
"""


class AlphaStrikeError(Exception):
    """Anything expected to go wrong. Its text is one complete line for the person at the terminal."""


class ConfigurationError(AlphaStrikeError):
    """Mend the configuration or the command: an unknown name, key, option or policy."""


class DataError(AlphaStrikeError):
    """Mend the data: a file that is missing, damaged, of another schema, or holds impossible values."""


class TryAgainError(AlphaStrikeError):
    """Nothing is wrong with the input: a full disk, a lock held by another process."""


class HaltError(AlphaStrikeError):
    """The engine refuses to go on until a person has looked."""
