"""Policies by name: ``NAME[:KEY=VALUE,…]`` or ``module:Class[:KEY=VALUE,…]``, as written on the command line.

``policy_named(policy.name)`` is the same policy again, so that a manifest's one line says who answered.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from alphastrike.journal.codes import Tool
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.faults import fault_text
from alphastrike.policy.guardian import GuardianParams, Rules
from alphastrike.policy.policies import Always, Arguments, NoLlm, Policy, Random, Swap, build_call
from alphastrike.policy.tools import PALETTE, TOOL_NAMES
from alphastrike.policy.user import user_policy

Options = dict[str, str]
"""Options as typed: text by key, in the order given."""
Maker = Callable[[Options], Policy]

_USER_CLASS: Final = re.compile(r"(?P<module>.+?):(?P<cls>[A-Za-z_]\w*)(?::(?P<options>.*))?", re.DOTALL)
_CHOSEN_BY_POLICY: Final = frozenset({"tool", "symbol", "reason"})


def policy_named(
    spec: str,
    *,
    guardian: GuardianParams = GuardianParams(),  # noqa: B008 - an immutable tuple
    recorded: Policy | None = None,
    others: Mapping[str, Maker] | None = None,
) -> Policy:
    """Return the policy that the text names.

    Args:
        spec: ``no-llm``, ``recorded``, ``rules``, ``always:tool=…``, ``swap:from=…,to=…``, ``random:seed=…``, a name
            in ``others``, or ``module:Class`` and ``path/to/file.py:Class`` for the user's own.
        guardian: parameters of ``rules``.
        recorded: the run's own answers; only a replay has them.
        others: policies that need more than this package knows, by name, each made from its options.

    Raises:
        ConfigurationError: an unknown policy, tool or option, or a value that does not fit; says what is known.
    """
    makers: dict[str, Maker] = {
        "no-llm": lambda options: _plain("no-llm", options, NoLlm()),
        "recorded": lambda options: _plain("recorded", options, _required(recorded)),
        "rules": lambda options: _plain("rules", options, Rules(guardian)),
        "always": _always,
        "swap": lambda options: _swap(options, guardian, recorded),
        "random": _random,
        **(others or {}),
    }
    name, _, rest = spec.strip().partition(":")
    if name in makers:
        return makers[name](_options(spec, rest))
    if own := _USER_CLASS.fullmatch(spec.strip()):
        return user_policy(own["module"], own["cls"], _options(spec, own["options"] or ""))
    raise ConfigurationError(
        f"policy {spec!r} is unknown{_nearest(name, makers)} Known: {', '.join(makers)}, or module:Class for your own."
    )


def _always(options: Options) -> Always:
    tool = _tool("always", "tool", options)
    return Always(tool, _arguments("always", tool, options))


def _swap(options: Options, guardian: GuardianParams, recorded: Policy | None) -> Swap:
    replaced, tool = _tool("swap", "from", options), _tool("swap", "to", options)
    of = options.pop("of", "rules" if recorded is None else "recorded")
    if of not in {"rules", "recorded"}:
        raise ConfigurationError(f"policy swap: of={of} is unknown. Known: rules, recorded.")
    asked = Rules(guardian) if of == "rules" else _required(recorded)
    return Swap(replaced, tool, asked, _arguments("swap", tool, options))


def _random(options: Options) -> Random:
    typed = options.pop("seed", "0")
    _none_left("random", options, ("seed",))
    if not re.fullmatch(r"\d{1,18}", typed):
        raise ConfigurationError(f"policy random: seed={typed} is no whole number from 0. Write random:seed=1.")
    return Random(int(typed))


def _plain(name: str, options: Options, policy: Policy) -> Policy:
    _none_left(name, options, ())
    return policy


def _required(recorded: Policy | None) -> Policy:
    if recorded is None:
        raise ConfigurationError("policy recorded needs a recorded run: use it with replay RUN.")
    return recorded


def _options(spec: str, text: str) -> Options:
    options: Options = {}
    for part in text.split(",") if text else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise ConfigurationError(f"policy {spec!r}: {part!r} is not KEY=VALUE.")
        if key in options:
            raise ConfigurationError(f"policy {spec!r}: {key} is given twice.")
        options[key] = value
    return options


def _tool(policy: str, key: str, options: Options) -> Tool:
    """Take the option that names a tool."""
    if key not in options:
        raise ConfigurationError(f"policy {policy} needs {key}=TOOL. Tools: {', '.join(TOOL_NAMES)}.")
    name = options.pop(key)
    if name not in TOOL_NAMES:
        raise ConfigurationError(
            f"policy {policy}: tool {name!r} is unknown{_nearest(name, TOOL_NAMES)} Tools: {', '.join(TOOL_NAMES)}."
        )
    return TOOL_NAMES[name]


def _arguments(policy: str, tool: Tool, options: Options) -> Arguments:
    """Read the remaining options as arguments of the tool, typed and bounded by its model."""
    fields = PALETTE[tool].model_fields
    known = tuple(name for name in fields if name not in _CHOSEN_BY_POLICY)
    where = f"{policy} with {tool.name.lower()}"
    _none_left(where, {key: value for key, value in options.items() if key not in known}, known)
    arguments: dict[str, Any] = {}
    for key in known:
        if key in options:
            try:
                arguments[key] = _typed(fields[key].annotation, options[key])
            except ValidationError:
                raise ConfigurationError(f"policy {where}: {key}={options[key]} is not of the right type.") from None
    try:
        build_call(tool, arguments, "BTCUSDT", "checked")
    except ValidationError as error:
        raise ConfigurationError(f"policy {where}: {fault_text(error)}.") from None
    return tuple(arguments.items())


def _typed(annotation: Any, typed: str) -> Any:
    return TypeAdapter(annotation).validate_strings(typed)


def _none_left(policy: str, options: Options, known: tuple[str, ...]) -> None:
    for key in options:
        knows = f"Known: {', '.join(known)}." if known else "It takes none."
        raise ConfigurationError(f"policy {policy}: option {key!r} is unknown{_nearest(key, known)} {knows}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "."
