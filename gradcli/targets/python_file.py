"""Loading a user's Python file or module, and saying in one line why it cannot be loaded.

The file is compiled from what is on disk now and run under a private module name, with its folder first on
the path, as Python would run it, but without `__name__ == "__main__"`, output, input and bytecode files.
A file of a package is a member of it: its relative imports work, and so do those of its package by name.
"""

import ast
import contextlib
import importlib
import importlib.util
import io
import linecache
import re
import sys
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gradcli.errors import TargetError
from gradcli.source_line import NOTEBOOK_CELL, written_line
from gradcli.spec import Loading
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.needed import needed
from gradcli.targets.notebook import read_cells
from gradcli.targets.stubs import stubbed

_PREFIX = "_gradcli_target_"
_BROUGHT = "__gradcli_brought__"  # which modules of its own folder a target has imported
_MAX_MESSAGE = 200
_PLAIN = Loading()


@dataclass(frozen=True, eq=False)
class Loaded:
    """A user's code after its import."""

    shown: str  # how messages call it
    folder: Path  # where its imports start from
    namespace: Mapping[str, Any]
    lines: Mapping[str, int]  # the names that the file itself defines, in order, and where
    places: Mapping[str, str] = field(default_factory=dict)  # of a notebook: in which cell
    absent: tuple[str, ...] = ()  # modules that only draw, and are not installed: stand-ins were imported

    def at(self, name: str) -> str:
        """Where a name is defined, for messages."""
        line = self.lines.get(name)
        if name in self.places:
            return self.places[name]
        return f"{self.shown}:{line}" if line else self.shown

    def value(self, name: str) -> Any:
        """What a name stands for. Raises TargetError if it is not there."""
        if name not in self.namespace:
            near = did_you_mean(name, self.lines) or "."
            raise TargetError(f"{self.shown}: no {name!r}{near} It defines {', '.join(self.lines)}")
        return self.namespace[name]

    def functions(self, names: Iterable[str]) -> list[str]:
        """Those of the names that can be called and are no classes."""
        values = self.namespace
        return [n for n in names if callable(values.get(n)) and not isinstance(values[n], type)]

    def classes(self, names: Iterable[str]) -> list[str]:
        """Those of the names that are classes."""
        return [name for name in names if isinstance(self.namespace.get(name), type)]


# Modules that compute nothing: what they return is only looked at.
_DRAW = frozenset(
    ["matplotlib", "mpl_toolkits", "seaborn", "plotly", "bokeh", "altair", "IPython", "graphviz"]
)


class _Piece(NamedTuple):
    """Source that is run as one: a whole file, or a cell of a notebook."""

    tree: ast.Module
    file: str  # what tracebacks call it
    shown: str


def load_file(path: Path, shown: str, symbol: str | None = None, loading: Loading = _PLAIN) -> Loaded:
    """Import one file or notebook, with stand-ins for what only draws and is not installed.

    Raises TargetError as `_load_file`.
    """
    try:
        return _load_file(path, shown, symbol, loading)
    except TargetError as error:
        cause = error.__cause__
        name = (cause.name or "").partition(".")[0] if isinstance(cause, ModuleNotFoundError) else ""
        if name not in _DRAW or name in loading.stubs:
            raise
        loaded = load_file(path, shown, symbol, replace(loading, stubs=(*loading.stubs, name)))
        return replace(loaded, absent=(name, *loaded.absent))


def _load_file(path: Path, shown: str, symbol: str | None, loading: Loading) -> Loaded:
    """Import one file or notebook.

    Of a notebook, and with loading.only_symbol, only what the symbol needs is run: what is called so, or
    without a symbol all functions and classes. Raises TargetError with the file and the line for whatever is
    wrong with it.
    """
    pieces = _pieces(path, shown)
    if loading.only_symbol or _is_notebook(path):
        trees = needed([piece.tree for piece in pieces], symbol)
        pieces = [piece._replace(tree=tree) for piece, tree in zip(pieces, trees, strict=True)]
    module = ModuleType(_private_name(path))
    top, packages = _packages(path)
    module.__file__, module.__package__ = str(path), ".".join(packages)
    _forget_siblings()
    # In sys.modules, because dataclasses and pickle look a class's module up by name.
    sys.modules[module.__name__] = module
    before = set(sys.modules)
    with stubbed(loading.stubs), importing_from(path.parent, top):
        for piece in pieces:
            with _import_errors(piece.shown, piece.file, None if loading.only_symbol else piece.tree, symbol):
                exec(compile(piece.tree, piece.file, "exec", dont_inherit=True), module.__dict__)
    setattr(module, _BROUGHT, [name for name in set(sys.modules) - before if _lives_in(top, name)])
    places = {
        name: written_line(piece.shown, line)
        for piece in reversed(pieces)
        for name, line in _defined_names(piece.tree).items()
    }
    lines = {name: line for piece in pieces for name, line in _defined_names(piece.tree).items()}
    return Loaded(shown, path.parent, vars(module), lines, places if _is_notebook(path) else {})


def _is_notebook(path: Path) -> bool:
    return path.suffix.lower() == ".ipynb"


def _pieces(path: Path, shown: str) -> list[_Piece]:
    source = _source(path, shown)
    if not _is_notebook(path):
        return [_Piece(_compiled(source, path, shown)[0], str(path), shown)]
    pieces = []
    for cell in read_cells(source, shown):
        file = cell.shown.replace(shown, str(path), 1)
        # Where Python looks for source, so that tracebacks and blame can read it.
        linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(keepends=True), file)
        pieces.append(_Piece(_compiled(cell.source, Path(file), cell.shown)[0], file, cell.shown))
    return pieces


def load_module(dotted: str, folder: Path, loading: Loading = _PLAIN) -> Loaded:
    """Import a module by its dotted name, looked for in folder first. Raises TargetError as `load_file`."""
    if loading.only_symbol:
        raise TargetError(f"{dotted}: --only-symbol reads a file; name it by its path")
    try:
        with importing_from(folder):
            spec = importlib.util.find_spec(dotted)
    except ModuleNotFoundError:
        spec = None  # a parent that does not exist, or is no package
    except Exception as error:
        raise TargetError(f"{dotted}: {_raised(error)} while it was looked for") from error
    if spec is None:
        as_file = Path(*dotted.split(".")).with_suffix(".py")
        near = f"; did you mean {str(as_file)!r}?" if (folder / as_file).is_file() else ""
        raise TargetError(f"{dotted}: no such module, neither here nor in the Python path{near}")
    origin = spec.origin or ""
    with _import_errors(dotted, origin), stubbed(loading.stubs), importing_from(folder):
        module = importlib.import_module(dotted)
    lines: Mapping[str, int] = {name: 0 for name, value in vars(module).items() if callable(value)}
    if origin.endswith(".py"):
        lines = _defined_names(_compiled(_source(Path(origin), dotted), Path(origin), dotted)[0])
    return Loaded(dotted, folder, vars(module), lines)


def within(folder: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with folder at the end of the path while it runs: it may import its neighbours late."""

    entry = str(folder)

    def called(*args: Any) -> Any:
        if entry in sys.path:
            return function(*args)
        sys.path.append(entry)
        try:
            return function(*args)
        finally:
            with contextlib.suppress(ValueError):
                sys.path.remove(entry)

    return called


@contextlib.contextmanager
def importing_from(folder: Path, top: Path | None = None) -> Iterator[None]:
    """As Python starts a script: its folder first on the path, no arguments, nothing to read.

    top: the folder that holds the file's package, second on the path where it is another.
    """
    kept = sys.path[:], sys.argv, sys.stdin, sys.dont_write_bytecode
    sys.path[:0] = dict.fromkeys(str(one.resolve()) for one in (folder, top or folder))
    sys.argv, sys.stdin, sys.dont_write_bytecode = [str(folder)], io.StringIO(), True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.argv, sys.stdin, sys.dont_write_bytecode = kept


def _source(path: Path, shown: str) -> str:
    try:
        if path.is_dir():
            raise TargetError(
                f"{shown}: is a folder; name a Python file in it, such as {Path(shown) / 'layers.py'}"
            )
        if not path.exists():
            raise TargetError(f"{shown}: no such file{_neighbour(path, shown)}")
        if path.suffix.lower() not in (".py", ".pyw", ".ipynb"):
            raise TargetError(f"{shown}: is not a Python file; its name should end in .py")
        if _is_notebook(path):
            return path.read_text(encoding="utf-8")
        return importlib.util.decode_source(path.read_bytes())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TargetError(
            f"{shown}:{line}: is not {error.encoding.upper()} (byte 0x{error.object[error.start]:02x}); "
            "save the file as UTF-8"
        ) from error
    except SyntaxError as error:  # an encoding that does not exist
        raise TargetError(f"{shown}:1: {error.msg}") from error
    except OSError as error:
        raise TargetError(f"{shown}: cannot be read: {error.strerror or error}") from error


def _neighbour(path: Path, shown: str) -> str:
    try:
        names = [found.name for found in path.parent.iterdir() if found.suffix == ".py"]
    except OSError:
        return f" (there is no folder {str(Path(shown).parent)!r})" if path.parent != Path() else ""
    return did_you_mean(path.name, names)


def _compiled(source: str, path: Path, shown: str) -> tuple[ast.Module, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string is not what is checked here
            return ast.parse(source, str(path)), compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise TargetError(_syntax_error(error, shown)) from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
        raise TargetError(f"{shown}: cannot be compiled: {_raised(error)}") from error


def _syntax_error(error: SyntaxError, shown: str) -> str:
    place = written_line(shown, error.lineno) if error.lineno else shown
    column = f":{error.offset}" if error.lineno and error.offset and NOTEBOOK_CELL not in shown else ""
    return f"{place}{column}: syntax error: {error.msg}"


@contextlib.contextmanager
def _import_errors(
    shown: str, file: str, tree: ast.Module | None = None, symbol: str | None = None
) -> Iterator[None]:
    """Turn whatever an import raises into one line with the place in the user's file.

    tree: what is run of the file, where a part of it could be left out; then the message says how.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        lines = _lines(error, file)
        place = written_line(shown, lines[-1]) if lines else shown
        reason = _reason(error, Path(file))
        hint = _what_may_help(error, tree, symbol, lines[0]) if tree is not None and lines else ""
        raise TargetError(f"{place}: {reason}{hint}") from error


def _lines(error: BaseException, file: str) -> list[int]:
    """The lines of the file that led to an error: of its top level first, that which raised last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno for frame in frames if frame.filename == file and frame.lineno is not None]


def _what_may_help(error: BaseException, tree: ast.Module, symbol: str | None, line: int) -> str:
    """What to add where the target does not need the line that failed, or may not need it."""
    is_missing = isinstance(error, ModuleNotFoundError) and error.name
    if isinstance(error, SyntaxError) or (isinstance(error, ImportError) and "relative import" in str(error)):
        return ""
    beside = ", or add" if is_missing or isinstance(error, SystemExit) else "; add"  # beside another advice
    (spared,) = needed([tree], symbol)
    if spared.body and not any(
        part.lineno <= line <= (part.end_lineno or part.lineno) for part in spared.body
    ):
        return f"{beside} --only-symbol: {symbol or 'what can be checked'} does not need that line"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f", or add --stub {error.name.partition('.')[0]} if what you check does not use it"
    return ""


def _reason(error: BaseException, file: Path) -> str:
    if isinstance(error, SystemExit):
        return 'the import ends in sys.exit; put what a script does under `if __name__ == "__main__":`'
    if isinstance(error, SyntaxError):
        return f"imports {_syntax_error(error, str(error.filename))}"
    if isinstance(error, ModuleNotFoundError):
        return f"cannot import {error.name!r}; gradcli runs in {sys.prefix}: install it there"
    if isinstance(error, ImportError) and "relative import" in str(error):
        return f"belongs to a package, but {str(file.parent)!r} is none: it has no __init__.py"
    return f"{_raised(error)} on import"


def _raised(error: BaseException) -> str:
    first = (str(error).strip().splitlines() or [""])[0][:_MAX_MESSAGE]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _packages(file: Path) -> tuple[Path, list[str]]:
    """The folder that holds the outermost package of a file, and the packages from there to the file."""
    names: list[str] = []
    folder = file.resolve().parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names, folder = [folder.name, *names], folder.parent
    return folder, names


def _private_name(path: Path) -> str:
    place = zlib.crc32(str(path.resolve()).encode("utf-8", "surrogateescape"))
    return f"{_PREFIX}{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{place:08x}"


def _forget_siblings() -> None:
    """Forget what earlier targets imported from their own folders.

    Two folders may each have their `ops.py`, and one may have changed since: every target sees its own
    neighbours as they are on disk now, whatever was loaded before.
    """
    for name in [name for name in sys.modules if name.startswith(_PREFIX)]:
        for brought in vars(sys.modules[name]).get(_BROUGHT, ()):
            sys.modules.pop(brought, None)


def _lives_in(folder: Path, name: str) -> bool:
    """Whether a module is a plain Python neighbour, not something installed below the folder."""
    file = getattr(sys.modules[name], "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py") or name.partition(".")[0] == "gradcli":
        return False
    path = Path(file)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return folder in path.parents and not installed


def _defined_names(tree: ast.Module) -> dict[str, int]:
    """The names that a file binds at its top level other than by import, in order, with their lines."""
    found: dict[str, int] = {}
    for statement in _top_level(tree.body):
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found.setdefault(statement.name, statement.lineno)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for node in (node for target in targets for node in ast.walk(target)):
                if isinstance(node, ast.Name):
                    found.setdefault(node.id, node.lineno)
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements outside functions and classes, those within if, try and with among them."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _top_level(getattr(statement, field, []))
            for handler in getattr(statement, "handlers", []):
                yield from _top_level(handler.body)
