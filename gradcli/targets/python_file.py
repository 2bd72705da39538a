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
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gradcli.errors import TargetError
from gradcli.source_line import written_line
from gradcli.spec import Loading
from gradcli.targets.import_errors import NotImported, import_errors, raised, syntax_error
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.needed import needed
from gradcli.targets.notebook import read_cells
from gradcli.targets.stubs import is_absent, stubbed

_PREFIX = "_gradcli_target_"
_BROUGHT = "__gradcli_brought__"  # which modules of its own folder a target has imported
_PLAIN = Loading()


@dataclass(frozen=True, eq=False)
class Loaded:
    """A user's code after its import."""

    shown: str  # how messages call it
    folder: Path  # where its imports start from
    namespace: Mapping[str, Any]
    lines: Mapping[str, int]  # the names that the file itself defines, in order, and where
    places: Mapping[str, str] = field(default_factory=dict)  # of a notebook: in which cell
    left_out: tuple[str, ...] = ()  # what was done without, in words
    refused: NotImported | None = None  # what the import of the whole raised, where it was run in part

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


class _Piece(NamedTuple):
    """Source that is run as one: a whole file, or a cell of a notebook."""

    tree: ast.Module
    file: str  # what tracebacks call it
    shown: str


def load_file(path: Path, shown: str, symbol: str | None = None, loading: Loading = _PLAIN) -> Loaded:
    """Import one file or notebook, without what it can do without where that is what raises.

    Of a notebook, and with loading.only_symbol, only what the symbol needs is run: what is called so, or
    without a symbol all functions and classes. Raises TargetError with the file and the line for whatever is
    wrong with it.
    """
    left_out: list[str] = []
    refused: NotImported | None = None
    late: tuple[str, ...] = ()
    while True:
        try:
            loaded = _load_file(path, shown, symbol, loading, late)
            return replace(loaded, left_out=tuple(left_out), refused=refused)
        except NotImported as error:
            if error.draws and error.draws not in loading.stubs:
                loading = replace(loading, stubs=(*loading.stubs, error.draws))
                left_out.append(f"{error.draws} is not installed: it was left out")
                continue
            refused = refused or error
            if error.is_spare:
                loading = replace(loading, only_symbol=True)
                left_out.append(f"{error.told}: left out, with all that only runs")
            elif error.late and error.late not in late:
                late = (*late, error.late)
                left_out.append(f"{error.late} is not installed: what uses it is not checked")
            else:
                raise


def _load_file(path: Path, shown: str, symbol: str | None, loading: Loading, late: tuple[str, ...]) -> Loaded:
    """Import one file or notebook; late: modules that are not there, which only its functions use."""
    pieces = _pieces(path, shown)
    if loading.only_symbol or _is_notebook(path):
        trees = needed([piece.tree for piece in pieces], symbol)
        pieces = [piece._replace(tree=tree) for piece, tree in zip(pieces, trees, strict=True)]
    module = ModuleType(_private_name(path))
    top, packages = _packages(path, [piece.tree for piece in pieces])
    module.__file__, module.__package__ = str(path), ".".join(packages)
    _forget_siblings()
    # In sys.modules, because dataclasses and pickle look a class's module up by name.
    sys.modules[module.__name__] = module
    before = set(sys.modules)
    hides = bool(packages) and _hides(path, packages[0], [piece.tree for piece in pieces])
    with stubbed(loading.stubs, late), importing_from(path.parent, top, hides=hides):
        for piece in pieces:
            with import_errors(piece.shown, piece.file, piece.tree, symbol):
                exec(compile(piece.tree, piece.file, "exec", dont_inherit=True), module.__dict__)
    setattr(module, _BROUGHT, [name for name in set(sys.modules) - before if _lives_in(top, name)])
    places = {
        name: written_line(piece.shown, line)
        for piece in reversed(pieces)
        for name, line in _defined_names(piece.tree).items()
    }
    lines = {name: line for piece in pieces for name, line in _defined_names(piece.tree).items()}
    namespace = {name: value for name, value in vars(module).items() if not is_absent(value)}
    return Loaded(shown, path.parent, namespace, lines, places if _is_notebook(path) else {})


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
        raise TargetError(f"{dotted}: {raised(error)} while it was looked for") from error
    if spec is None:
        as_file = Path(*dotted.split(".")).with_suffix(".py")
        near = f"; did you mean {str(as_file)!r}?" if (folder / as_file).is_file() else ""
        raise TargetError(f"{dotted}: no such module, neither here nor in the Python path{near}")
    origin = spec.origin or ""
    with import_errors(dotted, origin), stubbed(loading.stubs), importing_from(folder):
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
def importing_from(folder: Path, top: Path | None = None, *, hides: bool = False) -> Iterator[None]:
    """As Python starts a script: its folder first on the path, no arguments, nothing to read.

    top: the folder that holds the file's package, second on the path where it is another; first where
    something in the file's folder would hide what the file imports, and its folder last.
    """
    kept = sys.path[:], sys.argv, sys.stdin, sys.dont_write_bytecode
    first, second = str(folder.resolve()), str((top or folder).resolve())
    sys.path[:] = [second, *sys.path, first] if hides else [*dict.fromkeys((first, second)), *sys.path]
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
        raise TargetError(syntax_error(error, shown)) from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
        raise TargetError(f"{shown}: cannot be compiled: {raised(error)}") from error


def _packages(file: Path, trees: Sequence[ast.Module]) -> tuple[Path, list[str]]:
    """The folder that holds the outermost package of a file, and the packages from there to the file.

    A relative import tells of packages, too: a folder needs no `__init__.py` to be one.
    """
    imports = [part for tree in trees for part in ast.walk(tree) if isinstance(part, ast.ImportFrom)]
    least = max((part.level for part in imports), default=0)
    names: list[str] = []
    folder = file.resolve().parent
    while folder.name.isidentifier() and ((folder / "__init__.py").is_file() or len(names) < least):
        names, folder = [folder.name, *names], folder.parent
    return folder, names


def _hides(file: Path, outermost: str, trees: Sequence[ast.Module]) -> bool:
    """Whether a file's folder, first on the path, would give it itself for a module that it imports, or a
    module for its package."""
    parts = [part for tree in trees for part in ast.walk(tree)]
    dotted = [alias.name for part in parts if isinstance(part, ast.Import) for alias in part.names]
    dotted += [part.module or "" for part in parts if isinstance(part, ast.ImportFrom) and not part.level]
    imported = {name.partition(".")[0] for name in dotted}
    return file.stem in imported or (file.parent / f"{outermost}.py").is_file()


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
