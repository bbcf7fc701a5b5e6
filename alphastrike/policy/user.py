"""The user's own policies: a class from a module or a file, built with options typed by its annotations."""

import importlib
import importlib.util
import inspect
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.policies import UserPolicy, shown_options


def user_policy(module: str, cls: str, options: dict[str, str]) -> UserPolicy:
    """Return an instance of the user's class under its canonical name.

    Args:
        module: an importable module (the working directory included), or the path of a ``.py`` file.
        cls: a class with a method ``decide(situation)``.
        options: keyword arguments of its constructor, as text.

    Raises:
        ConfigurationError: no such module or class, no ``decide``, or options that the constructor does not take.
    """
    where = f"policy {module}:{cls}"
    found = getattr(_module(module), cls, None)
    if not inspect.isclass(found):
        raise ConfigurationError(f"{where}: the module has no class {cls}.")
    if not callable(getattr(found, "decide", None)):
        raise ConfigurationError(f"{where}: the class has no method decide(situation).")
    keywords = _keywords(where, found, options)
    try:
        instance = found(**keywords)
    except Exception as error:
        raise ConfigurationError(f"{where} cannot be made: {type(error).__name__}: {error}") from error
    shown = shown_options(
        tuple((key, value if isinstance(value, int | float) else options[key]) for key, value in keywords.items())
    )
    return UserPolicy(f"{module}:{cls}{':' if shown else ''}{shown}", instance)


def _module(name: str) -> ModuleType:
    try:
        return _from_file(Path(name)) if name.endswith(".py") else _by_name(name)
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ConfigurationError(
            f"policy module {name} cannot be loaded: {type(error).__name__}: {error}{line}"
        ) from error


def _by_name(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        # A console script does not look into the working directory, where the user's module lies. Last, so that
        # it hides nothing; kept, because the module may import its neighbours later.
        sys.path.append(here)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigurationError(f"policy file {path} does not exist.")
    known_as = f"alphastrike_user_policy_{path.resolve().as_posix().encode().hex()}"
    specification = importlib.util.spec_from_file_location(known_as, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[known_as] = module  # dataclasses and annotations look their module up here
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[known_as]
        raise
    return module


def _keywords(where: str, cls: type, options: dict[str, str]) -> dict[str, Any]:
    """Return the options as the constructor's keywords, typed, in the order of its parameters."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = {name: one for name, one in inspect.signature(cls).parameters.items() if one.kind in kinds}
    for key in options:
        if key not in parameters:
            known = f"Known: {', '.join(parameters)}." if parameters else "It takes none."
            raise ConfigurationError(f"{where}: option {key!r} is unknown. {known}")
    missing = [
        name for name, one in parameters.items() if one.default is inspect.Parameter.empty and name not in options
    ]
    if missing:
        raise ConfigurationError(f"{where} needs {', '.join(f'{name}=…' for name in missing)}.")
    hints = _hints(where, cls) if options else {}
    return {name: _typed(where, name, hints.get(name, str), options[name]) for name in parameters if name in options}


def _hints(where: str, cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(cls.__init__)  # type: ignore[misc]
    except NameError as error:
        raise ConfigurationError(f"{where}: an annotation of its constructor is unknown: {error}") from None


def _typed(where: str, key: str, hint: Any, typed: str) -> Any:
    try:
        value = TypeAdapter(hint).validate_strings(typed)
    except (ValidationError, TypeError, ValueError):
        expected = getattr(hint, "__name__", str(hint))
        raise ConfigurationError(f"{where}: {key}={typed} is not of type {expected}.") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{where}: {key}={typed} must be a finite number.")
    return value
