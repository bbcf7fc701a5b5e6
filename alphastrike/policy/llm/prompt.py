"""Prompts: versioned template files with declared variables, known by the hash of their content.

A template is text with ``{{ name }}`` in it and nothing cleverer: no statements, filters, calls or attributes, so
that a user's own template cannot run anything. What a template may name, and must, is declared here.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, cast

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from alphastrike.journal.codes import Tool
from alphastrike.model.controls import CALLS_MAX
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.llm.offers import Offer, described
from alphastrike.policy.llm.report import Report, rendered
from alphastrike.policy.llm.request import Message, Messages

PROMPTS: Final = Path(__file__).with_name("prompts")
TEMPLATE_MAX: Final = 16_384
"""Bytes of a template: four times a small model's whole context."""

VARIABLES: Final[Mapping[str, str]] = {
    "fired": "the rule that was met, with its number and threshold",
    "account": "the account's line",
    "symbols": "one line a symbol: position, results, forecast, controls in force",
    "interventions": "one line a live intervention, with the hours it has left",
    "tools": "the tools offered now: what each is for, how it is written, its symbols and numbers",
    "examples": "answers that would be valid now, one a line",
    "calls_max": "the most calls of one answer",
}
"""Every variable that a template may name, with what stands in it."""

REQUIRED: Final = ("fired", "tools")

_HEADER: Final = re.compile(
    r"\{# name: (?P<name>[a-z0-9][a-z0-9_-]{0,39}), version: (?P<version>[0-9]{1,6}) #\}[ \t]*\n"
)
_ROLE: Final = re.compile(r"^\[(system|user)\][ \t]*$", re.MULTILINE)
_ENVIRONMENT: Final = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked template."""

    name: str
    version: int
    sha256: str
    """Of the file's bytes, in hexadecimal: two prompts are the same when this is."""
    template: str
    """The file's text."""

    @property
    def label(self) -> str:
        """``breaker v1 (3fa4…)``: name, version and the beginning of the hash."""
        return f"{self.name} v{self.version} ({self.sha256[:12]})"


def built_in_prompts() -> tuple[str, ...]:
    """Return the names of the prompts that come with the package."""
    return tuple(sorted(path.stem for path in PROMPTS.glob("*.j2")))


def prompt_named(spec: str) -> Prompt:
    """Return the prompt that the text names.

    Args:
        spec: a name such as ``breaker``, or the path of one's own file (it ends in ``.j2`` or has a folder in it).

    Raises:
        ConfigurationError: no such prompt, or a file that is no template; says where and what to do.
    """
    known = built_in_prompts()
    if spec in known:
        return _read(PROMPTS / f"{spec}.j2", f"prompt {spec}")
    if not (spec.endswith(".j2") or "/" in spec or "\\" in spec):
        raise ConfigurationError(
            f"prompt {_short(spec)} is unknown{_nearest(spec, known)} Known: {', '.join(known)}, "
            "or the path of your own file: ./mine.j2."
        )
    return _read(Path(spec), f"prompt {_short(spec)}")


def prompt_of(content: bytes, where: str) -> Prompt:
    """Return the checked prompt that a file's bytes are.

    Args:
        content: the bytes.
        where: how messages call it.

    Raises:
        ConfigurationError: it is no template.
    """
    _refuse_large(len(content), where)
    try:
        template = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    template = template.removeprefix("\ufeff").replace("\r\n", "\n")
    header = _HEADER.match(template)
    if header is None:
        raise ConfigurationError(
            f"{where} does not say its name and version. Let its first line be: {{# name: mine, version: 1 #}}"
        )
    named: set[str] = set()
    for part in _parts(template, where):
        named |= _variables(part, where)
    for name in REQUIRED:
        if name not in named:
            raise ConfigurationError(
                f"{where} does not name {{{{ {name} }}}}: {VARIABLES[name]}. A model cannot answer without it; add it."
            )
    return Prompt(header["name"], int(header["version"]), hashlib.sha256(content).hexdigest(), template)


def render(prompt: Prompt, report: Report, *, examples_of: Report | None = None) -> Messages:
    """Return the messages that ask about a report: the prompt with its variables replaced.

    Args:
        prompt: the words.
        report: what is told.
        examples_of: whose offers the examples are made of, when not the report's own.
    """
    values = {
        **rendered(report),
        "tools": described(report.offers),
        "examples": examples((examples_of or report).offers),
        "calls_max": str(CALLS_MAX),
    }
    assert set(values) == set(VARIABLES), "every declared variable has a value"
    return tuple(
        Message(part.role, _compiled(part.text).render(values).strip()) for part in _parts(prompt.template, prompt.name)
    )


def examples(offers: tuple[Offer, ...]) -> str:
    """Return answers that would be valid now: one that does nothing and, where something is offered, one that acts."""
    answers = [_answer("A few small losses are within the ordinary.", offers[0], "WITHIN_NOISE")]
    acting = [offer for offer in offers if offer.tool is not Tool.NO_ACTION]
    if acting:
        halving = [offer for offer in acting if offer.tool is Tool.ADJUST_POSITION_SIZE]
        answers.append(_answer("One symbol keeps losing.", (halving or acting)[0], "LOSS_STREAK"))
    return "\n".join(answers)


def _answer(analysis: str, offer: Offer, reason_code: str) -> str:
    call: dict[str, Any] = {"action": offer.action, "reason_code": reason_code}
    if offer.values:
        call[offer.argument] = offer.values[len(offer.values) // 2]
    if offer.names:
        call["symbol"] = offer.names[-1]
    return json.dumps({"analysis": analysis, "interventions": [call]}, sort_keys=True, separators=(",", ":"))


Role = Literal["system", "user"]


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands under one role line, and how many lines of the file stand before it."""

    role: Role
    text: str
    lines_before: int


def _read(path: Path, where: str) -> Prompt:
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError(f"{where} is no file. Name a file.")
        _refuse_large(path.stat().st_size, where)
        return prompt_of(path.read_bytes(), where)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{where} does not exist. Known prompts: {', '.join(built_in_prompts())}, or a file of yours."
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _refuse_large(size: int, where: str) -> None:
    if size > TEMPLATE_MAX:
        raise ConfigurationError(
            f"{where} has {size:,} bytes, and a small model can be sent {TEMPLATE_MAX:,} at most. Shorten it."
        )


def _parts(template: str, where: str) -> tuple[_Part, ...]:
    """Split a template at its role lines, ``[system]`` and ``[user]``; without any, all of it is the user's."""
    header = _HEADER.match(template)
    start = header.end() if header else 0
    found = list(_ROLE.finditer(template, start))
    if not found:
        parts: tuple[_Part, ...] = (_Part("user", template[start:], template.count("\n", 0, start)),)
    else:
        if template[start : found[0].start()].strip():
            raise ConfigurationError(f"{where}: there is text before [{found[0][1]}]. Put it under a role.")
        ends = [one.start() for one in found[1:]] + [len(template)]
        parts = tuple(
            _Part(cast(Role, one[1]), template[one.end() : end], template.count("\n", 0, one.end()))
            for one, end in zip(found, ends, strict=True)
        )
    if [part.role for part in parts] not in (["user"], ["system", "user"]):
        raise ConfigurationError(f"{where}: its roles must be [system] and then [user], or [user] alone.")
    for part in parts:
        if not part.text.strip():
            raise ConfigurationError(f"{where}: nothing stands under [{part.role}].")
    return parts


def _variables(part: _Part, where: str) -> set[str]:
    """Return the variables of a part, all of them declared; nothing else may stand in braces."""
    at = f"{where}, line "
    try:
        for line, kind, _ in _ENVIRONMENT.lex(part.text):
            if kind in {"block_begin", "raw_begin", "linestatement_begin"}:
                raise ConfigurationError(
                    f"{at}{line + part.lines_before}: statements ({{% … %}}) are not allowed. "
                    "A prompt holds text and {{ name }}."
                )
        body = _ENVIRONMENT.parse(part.text).body
    except TemplateSyntaxError as error:
        raise ConfigurationError(f"{at}{error.lineno + part.lines_before}: {error.message}.") from None
    named = set()
    for output in body:
        for node in output.nodes if isinstance(output, nodes.Output) else [output]:
            if isinstance(node, nodes.TemplateData):
                continue
            line = node.lineno + part.lines_before
            if not isinstance(node, nodes.Name):
                raise ConfigurationError(f"{at}{line}: only {{{{ name }}}} may stand in braces, nothing to work out.")
            if node.name not in VARIABLES:
                raise ConfigurationError(
                    f"{at}{line}: variable {_short(node.name)} is unknown{_nearest(node.name, VARIABLES)} "
                    f"Declared: {', '.join(VARIABLES)}."
                )
            named.add(node.name)
    return named


@lru_cache(maxsize=32)
def _compiled(text: str) -> Any:
    return _ENVIRONMENT.from_string(text)


def _short(name: str) -> str:
    shown = name if name and name.isprintable() else ascii(name)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "."
