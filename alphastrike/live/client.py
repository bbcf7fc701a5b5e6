"""The operator's side of the socket: say one thing to the live run of a data root, and hear what came of it."""

import getpass
import os
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from alphastrike.live.address import PATH_MAX, socket_place
from alphastrike.live.wire import AUTHOR_MAX, REPLY_MAX, Request, encoded, reply_of
from alphastrike.model.errors import ConfigurationError, TryAgainError

PATIENCE_S: Final = 30.0
"""How long a reply may take: the act waits for its instant and for the disk."""


def author() -> str:
    """Return the login name under which this person's acts are journaled."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return "".join(character for character in name if character.isprintable())[:AUTHOR_MAX] or f"uid {os.getuid()}"


class Line:
    """A connection to the live run of a data root; use it in a ``with``."""

    def __init__(self, root: Path, patience_s: float = PATIENCE_S) -> None:
        """Connect.

        Raises:
            TryAgainError: no live run listens there.
        """
        self._root = root
        self._patience_s = patience_s
        place = socket_place(root)
        if len(os.fsencode(place)) > PATH_MAX:
            raise self._nobody()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(patience_s)
        try:
            self._socket.connect(os.fspath(place))
        except PermissionError:
            self._socket.close()
            raise ConfigurationError(f"the live run of {root} belongs to another user: ask its owner.") from None
        except OSError:
            self._socket.close()
            raise self._nobody() from None
        self._lines = self._socket.makefile("rb")

    def ask(self, request: Request) -> dict[str, Any]:
        """Send a request and return the facts of its reply, which come only after what they tell is durable.

        Raises:
            TryAgainError: the run ended, or does not answer in time.
            RefusedError: it says no.
        """
        try:
            # Who is turned away at the door is told so before he speaks: the answer is there though nobody listens.
            with suppress(ConnectionError):
                self._socket.sendall(encoded(request))
            line = self._lines.readline(REPLY_MAX)
        except TimeoutError:
            raise TryAgainError(
                f"the live run of {self._root} does not answer within {self._patience_s:g} s; whether it did what was "
                "asked is not known: look with `alphastrike status`."
            ) from None
        except ConnectionError:
            line = b""
        if not line.endswith(b"\n"):
            raise TryAgainError(
                f"the live run of {self._root} ended before it answered; what it had done stands in its journal."
            )
        return reply_of(line)

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _nobody(self) -> TryAgainError:
        return TryAgainError(f"no live run of {self._root} is at work: start one with `alphastrike live`.")


def ask(root: Path, request: Request) -> dict[str, Any]:
    """Connect, ask one thing, hang up."""
    with Line(root) as line:
        return line.ask(request)
