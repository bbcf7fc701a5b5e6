"""The one way in which deciding code is compiled.

``step`` marks a function that others call inside a loop (inlined into its caller), ``entry`` one that
Python calls, ``ufunc`` one of numbers that Python calls on whole columns. None uses fastmath or parallel
reductions: the uncompiled source must give the same bits.

This module is the one stated exception to purity: it points Numba's cache at a folder named after a hash
of every deciding source and of the Numba and NumPy versions, because a cached caller does not notice that
a function it calls in another file has changed.
"""

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from alphastrike.model.errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")

DECIDING_PACKAGES: Final = (
    "model",
    "gateway",
    "features",
    "validator",
    "ml",
    "strategy",
    "risk",
    "execution",
    "policy",
    "engine",
)
"""Packages under ``alphastrike`` whose source decides what the engine does."""

ASKED_FROM_OUTSIDE: Final = "policy/llm/"
"""The one part of them that is not: what a model answered is an input, whoever asked it."""

Records = Any
"""A NumPy structured array, or one record of it; its fields are read by name, ``record.cash``."""


def source_digest() -> str:
    """Return the BLAKE2b digest (32 hex digits) of the deciding sources and the compiler's versions."""
    digest = hashlib.blake2b(digest_size=16)
    root = Path(__file__).resolve().parent.parent
    for package in DECIDING_PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name.startswith(ASKED_FROM_OUTSIDE):
                continue
            digest.update(name.encode())
            digest.update(path.read_bytes())
    for library in ("numba", "llvmlite", "numpy"):
        digest.update(f"{library}={version(library)}".encode())
    return digest.hexdigest()


def _point_cache_at_sources() -> None:
    cache_home = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache_home) if cache_home else Path.home() / ".cache"
    cache_folder = str(base / "alphastrike" / "compiled" / source_digest())
    numba.config.CACHE_DIR = cache_folder  # type: ignore[attr-defined] # set by Numba at run time


_point_cache_at_sources()


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function for use inside other compiled functions; always inlined."""
    compiled: Callable[P, R] = numba.njit(error_model="numpy", cache=True, forceinline=True)(function)
    return compiled


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that Python calls: cached on disk, releases the interpreter lock."""
    compiled: Callable[P, R] = numba.njit(error_model="numpy", cache=True, nogil=True)(function)
    return compiled


def code(value: int) -> int:
    """Return a constant for compiled code: a NumPy integer.

    Of a Python constant the compiler makes a type of its own, and with it one more compiled copy of every
    function that is called with it.
    """
    return cast(int, np.int64(value))


_njit: Any = numba.njit
"""Its type hints do not know every option."""

_INNER: Final[dict[str, Any]] = {
    "error_model": "numpy",
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def fold_step(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of the account's fold, inlined into its caller.

    The three ``fold_`` forms work on records that exist already and allocate nothing, so Numba's reference
    counting is off: counting every touched array made the loop five to fifteen times slower. A function that
    allocates does not compile here. Only entries can be called from Python: wrappers for the others, and copies
    of them in the cache, would be a third of the compiling.
    """
    compiled: Callable[P, R] = _njit(forceinline=True, **_INNER)(function)
    return compiled


def fold_routine(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of the fold that happens rarely: called, not inlined, so that the loop stays small."""
    compiled: Callable[P, R] = _njit(**_INNER)(function)
    return compiled


def fold_entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of the fold that Python calls; releases the interpreter lock."""
    compiled: Callable[P, R] = _njit(error_model="numpy", cache=True, nogil=True, _nrt=False)(function)
    return compiled


Elementwise = Callable[..., npt.NDArray[np.float64]]
"""Equally long float64 columns in, one out: element i is the function of the columns' elements i."""


def ufunc(function: Callable[..., float], inputs: int) -> Elementwise:
    """Compile a function of numbers into one over columns: cached on disk, NumPy's error model.

    With ``NUMBA_DISABLE_JIT`` set it is a plain loop over the same source.

    Raises:
        ConfigurationError: the body is not something Numba can compile.
    """
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # made from the environment
        return _looped(function)
    signature = numba.float64(*(numba.float64,) * inputs)
    try:
        vectorize: Callable[..., Elementwise] = numba.vectorize([signature], nopython=True, cache=True)  # type: ignore[no-untyped-call]
        compiled = vectorize(function)
    except Exception as error:  # a body that the compiler was not made for may fail in it anywhere
        cause = " ".join(str(error).split())[:300]
        raise ConfigurationError(
            f"{function.__name__} ({function.__module__}) cannot be compiled. Use numbers, if, math.* and "
            f"functions marked with step only. The compiler says: {cause}"
        ) from error
    return compiled


def _looped(function: Callable[..., float]) -> Elementwise:
    def apply(*columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        values = zip(*(column.tolist() for column in columns), strict=True)
        return np.array([function(*row) for row in values], dtype=np.float64)

    return apply
