"""Lint of what decides: no clock, chance, environment, I/O, or arithmetic whose bits depend on the compiler.

``python .ci/purity.py [ROOT]`` names every violation as ``file:line: what: why`` and exits with 1 if there is one. It
reads source text only: what is hidden behind ``getattr`` it does not see, the import contract and the digests do.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

COMPILED: Final = Path(__file__).resolve().parent.parent / "alphastrike" / "model" / "compiled.py"
"""States which packages decide: what is linted is what the compiler's cache and a run's digest are made over."""


def stated(name: str) -> Any:
    """Return a constant of that module without loading the compiler."""
    for node in ast.parse(COMPILED.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            assert node.value is not None, f"{name} has a value"
            return ast.literal_eval(node.value)
    raise AssertionError(f"{COMPILED} does not state {name}")


PACKAGES: Final[tuple[str, ...]] = stated("DECIDING_PACKAGES")
OUTSIDE: Final[str] = stated("ASKED_FROM_OUTSIDE")

EXCEPTIONS: Final = {
    "model/compiled.py": (
        "os importlib pathlib .read_bytes() .rglob() numba.njit numba.vectorize",
        "points the compiler's cache at the sources",
    ),
    "policy/user.py": (
        "importlib pathlib sys.path sys.modules",
        "loads the policy that the user wrote, once before the run",
    ),
    "model/discovery.py": ("importlib pkgutil", "finds features and signals in their folders, once before the run"),
}
"""File → (what it may use, why). What is excepted and not used any more is a violation too."""

CLOCK: Final = "time only moves by events"
CHANCE: Final = "draws are counter-based, keyed by seed, purpose and market_seq"
ENVIRONMENT: Final = "settings arrive as arguments"
IO: Final = "reading and writing belong to the shell"
PROCESS: Final = "the value differs from process to process"
COMPILER: Final = "compile with model.compiled alone: no fastmath, no parallel reduction"
BITS: Final = "its bits differ from the uncompiled source: use math.* and an explicit loop"


def _because(why: str, names: str, prefix: str = "") -> dict[str, str]:
    return dict.fromkeys((prefix + name for name in names.split()), why)


MODULES: Final = {
    **_because(CLOCK, "time sched"),
    **_because(CHANCE, "random secrets uuid numpy.random"),
    **_because(ENVIRONMENT, "os platform locale getpass dotenv importlib pkgutil"),
    **_because(IO, "io pathlib shutil tempfile glob fileinput mmap logging zoneinfo sqlite3 duckdb rich"),
    **_because(IO, "pyarrow.parquet pyarrow.csv pyarrow.fs pyarrow.dataset pyarrow.feather"),
    **_because(IO, "socket ssl http urllib asyncio subprocess multiprocessing signal ctypes"),
    **_because(IO, "requests httpx aiohttp urllib3 websockets ccxt ollama"),
}
"""Modules that must not be imported. Threads may be: the digest is tested to be the same with any number."""

USES: Final = {
    **_because(CLOCK, "datetime.now datetime.utcnow datetime.today date.today", "datetime."),
    **_because(CLOCK, "now utcnow today", "pandas.Timestamp."),
    **_because(CHANCE, "numpy.random"),
    **_because(ENVIRONMENT, "argv path modules flags", "sys."),
    **_because(IO, "stdin stdout stderr", "sys."),
    **_because(IO, "load save savez savez_compressed memmap loadtxt savetxt genfromtxt fromfile", "numpy."),
    **_because(COMPILER, "jit njit vectorize guvectorize stencil cfunc prange objmode", "numba."),
}
"""Dotted names that must not be used, whatever they were imported as."""

BUILTINS: Final = {
    **_because(IO, "open print input breakpoint"),
    **_because(ENVIRONMENT, "exec eval __import__"),
    **_because(PROCESS, "hash id"),
}

METHODS: Final = _because(
    IO,
    "open read_text read_bytes write_text write_bytes tofile mkdir unlink iterdir rglob to_parquet to_csv to_pickle",
)
"""Methods that must not be called, whatever the object."""

DECORATORS: Final = ("alphastrike.model.compiled.", "alphastrike.ml.declare.signal")
"""How the dotted names start whose decoration compiles a function."""

COMPILED_USES: Final = {
    **_because(BITS, "sum mean std var median prod cumsum cumprod average percentile quantile", "numpy."),
    **_because(BITS, "nansum nanmean nanstd nanvar nanmedian nanprod", "numpy."),
    **_because(BITS, "dot inner outer vdot matmul einsum trapezoid convolve correlate cov corrcoef linalg", "numpy."),
    **_because(BITS, "exp exp2 expm1 log log2 log10 log1p power float_power cbrt hypot", "numpy."),
    **_because(BITS, "sin cos tan sinh cosh tanh arcsin arccos arctan arctan2 arcsinh arctanh", "numpy."),
}
"""Dotted names that must not be used in a compiled function."""

COMPILED_METHODS: Final = _because(BITS, "sum mean std var prod cumsum cumprod dot")
"""Methods that must not be called in a compiled function."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One place where something that decides is not pure."""

    path: str
    """Relative to the package ``alphastrike``, with forward slashes."""
    line: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"alphastrike/{self.path}:{self.line}: {self.what}: {self.why}"


def violations(root: Path) -> list[Violation]:
    """Return every violation under ``root/alphastrike``, in order of file and line."""
    found: list[Violation] = []
    for path in sources(root / "alphastrike"):
        name = path.relative_to(root / "alphastrike").as_posix()
        allowed, reason = EXCEPTIONS.get(name, ("", ""))
        used = check(name, path.read_text(encoding="utf-8"))
        found += [violation for violation in used if violation.what not in allowed.split()]
        for what in sorted({*allowed.split()} - {violation.what for violation in used}):
            found.append(
                Violation(name, 1, f"exception for {what} is not needed", f"it was made because the file {reason}")
            )
    return sorted(found)


def sources(package: Path) -> Iterator[Path]:
    """Yield the source files of the deciding packages."""
    for name in PACKAGES:
        for path in sorted((package / name).rglob("*.py")):
            if not path.relative_to(package).as_posix().startswith(OUTSIDE):
                yield path


def check(name: str, source: str) -> list[Violation]:
    """Return the violations in one file's text, exceptions not yet taken off."""
    visitor = _Visitor(name)
    visitor.visit(ast.parse(source, filename=name))
    return sorted(set(visitor.found))


@dataclass
class _Visitor(ast.NodeVisitor):
    name: str
    found: list[Violation] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    """Local name → dotted name it was imported as."""
    compiled: int = 0
    """How many compiled functions enclose the node."""

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imported(node, alias.name)
            bound = alias.asname or alias.name.partition(".")[0]
            self.aliases[bound] = alias.name if alias.asname else bound

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}"
            self.imported(node, dotted)
            self.used(node, dotted)
            self.aliases[alias.asname or alias.name] = dotted

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        decorators = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
        is_compiled = any(self.dotted(decorator).startswith(DECORATORS) for decorator in decorators)
        self.compiled += is_compiled
        self.generic_visit(node)
        self.compiled -= is_compiled

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self.aliases:
            self.used(node, self.aliases[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = self.dotted(node)
        if dotted:
            self.used(node, dotted)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Name(id=called) if called in BUILTINS and called not in self.aliases:
                self.report(node, called, BUILTINS[called])
            case ast.Attribute(attr=called) if not self.dotted(node.func):
                if called in METHODS:
                    self.report(node, f".{called}()", METHODS[called])
                if self.compiled and called in COMPILED_METHODS:
                    self.report(node, f".{called}()", COMPILED_METHODS[called])
        if self.dotted(node.func) == "numpy.datetime64" and any(_is_now(argument) for argument in node.args):
            self.report(node, "numpy.datetime64", CLOCK)
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg == "fastmath":
            self.report(node.value, "fastmath", COMPILER)
        if node.arg == "parallel" and not (isinstance(node.value, ast.Constant) and node.value.value is False):
            self.report(node.value, "parallel", COMPILER)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if self.compiled and isinstance(node.op, ast.MatMult):
            self.report(node, "@", BITS)
        self.generic_visit(node)

    def imported(self, node: ast.AST, dotted: str) -> None:
        for module, why in MODULES.items():
            is_inside = dotted == module or dotted.startswith(f"{module}.")
            # A pure path is text with separators.
            if is_inside and not dotted.startswith("pathlib.Pure"):
                self.report(node, module, why)

    def used(self, node: ast.AST, dotted: str) -> None:
        for name, why in {**USES, **(COMPILED_USES if self.compiled else {})}.items():
            if dotted == name or dotted.startswith(f"{name}."):
                self.report(node, name, why)

    def dotted(self, node: ast.expr) -> str:
        """Return ``numpy.random.rand`` for ``np.random.rand``; empty when it does not start at an import."""
        match node:
            case ast.Name(id=name):
                return self.aliases.get(name, "")
            case ast.Attribute(value=value, attr=attribute):
                start = self.dotted(value)
                return f"{start}.{attribute}" if start else ""
        return ""

    def report(self, node: ast.AST, what: str, why: str) -> None:
        self.found.append(Violation(self.name, getattr(node, "lineno", 1), what, why))


def _is_now(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and argument.value in ("now", "today")


def main(arguments: list[str]) -> int:
    """Check the tree at the root given, or the one this file lies in."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    found = violations(root)
    for violation in found:
        print(violation)
    files = sum(1 for _ in sources(root / "alphastrike"))
    print(f"Purity: {files} files that decide, {len(found)} violations.")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
