"""What of this installation and machine can move a bit of a run: recorded with it, compared by ``verify``."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from alphastrike import __version__
from alphastrike.model.compiled import source_digest

_LIBRARIES: Final = ("numpy", "numba", "llvmlite", "pyarrow", "duckdb")

_DECIDING: Final = ("source", "python", "numpy", "numba", "llvmlite")
"""Which of the versions can move a bit of a computed row; the others only write and read them."""

SOURCE: Final = "source"
"""Key of the digest over all deciding sources."""

_SOURCE_DIGEST: Final = source_digest()
"""As they were when this process began: a file edited while it runs decides nothing here."""


def versions() -> dict[str, str]:
    """Return the versions of the program, its deciding sources, Python and the libraries."""
    stated = {"alphastrike": __version__, SOURCE: _SOURCE_DIGEST, "python": platform.python_version()}
    return stated | {library: version(library) for library in _LIBRARIES}


def bits_decided_by(stated: Mapping[str, str], on: Mapping[str, str]) -> tuple[str | None, ...]:
    """Return what of a run's ``versions`` and ``machine`` decides the bits of computed rows."""
    return (*(stated.get(name) for name in _DECIDING), *(on[name] for name in sorted(on)))


def machine() -> dict[str, str]:
    """Return system, architecture, processor and C library; nothing that names the machine or its owner."""
    library, release = platform.libc_ver()
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "c_library": f"{library} {release}".strip(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
