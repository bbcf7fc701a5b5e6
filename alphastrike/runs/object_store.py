"""An S3-compatible object store under an address: whole objects written, read and listed, and nothing else.

An address is ``s3://BUCKET/PREFIX?endpoint_override=http://HOST:PORT&region=REGION``. Who we are is never in it: keys
come from the environment or wherever else Amazon's tools look for them.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from alphastrike.journal.folders import sync
from alphastrike.model.errors import ConfigurationError, DataError, TryAgainError

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

SCHEME: Final = "s3://"
_OPTIONS: Final = ("endpoint_override", "region")
_CHUNK: Final = 4 << 20
_CONNECT_S: Final = 10.0
_REQUEST_S: Final = 60.0
_ATTEMPTS: Final = 4
_REFUSED: Final = (
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH",
    "INVALID_CLIENT_TOKEN_ID",
    "403",
)


def is_address(text: str) -> bool:
    """Return whether a name is the address of something in an object store."""
    return "://" in text


@dataclass(frozen=True)
class ObjectStore:
    """The objects under one address."""

    path: str
    """``BUCKET/PREFIX`` without a slash at its end."""
    options: tuple[tuple[str, str], ...] = ()
    """Of the address, in their order."""

    @classmethod
    def at(cls, address: str) -> Self:
        """Return the store at an address; nothing is asked of it yet.

        Raises:
            ConfigurationError: it is no address of a store, or holds keys.
        """
        parts = urlsplit(address)
        if not address.startswith(SCHEME) or not parts.netloc:
            raise ConfigurationError(f"{_bare(address)} is no address of an object store: take s3://BUCKET/PREFIX.")
        if "@" in parts.netloc:
            raise ConfigurationError(
                "an address holds no keys, for it is shown and passed on. Put them into the environment "
                "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and leave them out of the address."
            )
        options = tuple(parse_qsl(parts.query))
        for name, _ in options:
            if name not in _OPTIONS:
                raise ConfigurationError(f"an address has the options {' and '.join(_OPTIONS)}, not {name!r}.")
        path = "/".join(part for part in (parts.netloc, *parts.path.split("/")) if part)
        return cls(path, options)

    def under(self, *names: str) -> Self:
        """Return the store further down."""
        return type(self)("/".join((self.path, *names)), self.options)

    @property
    def above(self) -> Self:
        """The store one name further up."""
        return type(self)(self.path.rpartition("/")[0], self.options)

    @property
    def name(self) -> str:
        """Last name of the address."""
        return self.path.rpartition("/")[2]

    @property
    def address(self) -> str:
        """As it is typed."""
        return SCHEME + self.path + ("?" + urlencode(self.options, safe=":/") if self.options else "")

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, ``None`` when there is none.

        Raises:
            ConfigurationError: the store refuses us, or is not there.
            TryAgainError: it cannot be reached.
        """
        with self._spoken():
            try:
                with self._system.open_input_stream(self._key(name)) as stream:
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

    def fetch(self, name: str, to: Path) -> None:
        """Bring an object into a new file, and the file onto the disk.

        Raises:
            DataError: there is no such object.
            ConfigurationError, TryAgainError: as for ``read``.
        """
        to.parent.mkdir(parents=True, exist_ok=True)
        with to.open("xb") as file:
            with self._spoken():
                try:
                    stream = self._system.open_input_stream(self._key(name))
                except FileNotFoundError:
                    raise DataError(f"{self.address} lacks {name}. Push it again from where it is whole.") from None
            with stream:
                while chunk := self._chunk(stream):
                    file.write(chunk)
        sync(to)

    def write(self, name: str, content: bytes) -> None:
        """Put an object in its place, whole: readers see what was there before, or this."""
        with self._spoken(), self._system.open_output_stream(self._key(name)) as stream:
            stream.write(content)

    def send(self, name: str, file: Path) -> None:
        """Put a file's bytes into an object."""
        with file.open("rb") as source, self._spoken(), self._system.open_output_stream(self._key(name)) as stream:
            while chunk := source.read(_CHUNK):
                stream.write(chunk)

    def sizes(self) -> dict[str, int]:
        """Return all objects under the address with their bytes; none when there is nothing."""
        from pyarrow.fs import FileSelector, FileType

        with self._spoken():
            found = self._system.get_file_info(FileSelector(self.path, allow_not_found=True, recursive=True))
        return {one.path.removeprefix(self.path + "/"): one.size for one in found if one.type == FileType.File}

    def names(self) -> list[str]:
        """Return the names one step further down, sorted."""
        from pyarrow.fs import FileSelector

        with self._spoken():
            found = self._system.get_file_info(FileSelector(self.path, allow_not_found=True))
        return sorted(one.base_name for one in found)

    @cached_property
    def _system(self) -> "S3FileSystem":
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

        stated = dict(self.options)
        endpoint = stated.get("endpoint_override", "")
        scheme, _, host = endpoint.rpartition("://")
        how = {"endpoint_override": host, "scheme": scheme or "https"} if endpoint else {}
        region = {"region": stated["region"]} if "region" in stated else {}
        return S3FileSystem(
            connect_timeout=_CONNECT_S,
            request_timeout=_REQUEST_S,
            allow_delayed_open=True,  # a small object is one request, not three
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
            **how,
            **region,
        )

    def _key(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _chunk(self, stream: io.RawIOBase) -> bytes:
        with self._spoken():
            return bytes(stream.read(_CHUNK) or b"")

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Say in one line what a store's trouble is."""
        try:
            yield
        except OSError as error:
            said = str(error).strip().splitlines()[0]
            if isinstance(error, FileNotFoundError) or "NO_SUCH_BUCKET" in said:
                raise ConfigurationError(
                    f"{self.address}: there is no such bucket. Make it, or check the address."
                ) from None
            if any(word in said for word in _REFUSED):
                raise ConfigurationError(
                    f"{self.address} refuses access ({said}). Check the keys in the environment and what they may do."
                ) from None
            raise TryAgainError(
                f"{self.address} cannot be used now ({said}). Check the address, and try again."
            ) from None


def _bare(address: str) -> str:
    """Return an address without what could be a key in it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
