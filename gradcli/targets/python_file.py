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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gradcli.errors import TargetError
from gradcli.installed import is_installed
from gradcli.source_line import written_line
from gradcli.spec import Loading
from gradcli.targets.import_errors import NotImported, import_errors, raised, syntax_error
from gradcli.targets.import_roots import hides, is_loose, package_of, project_root
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.needed import needed
from gradcli.targets.notebook import read_cells
from gradcli.targets.stubs import stubbed

_PREFIX = "_gradcli_target_"
_BROUGHT = "__gradcli_brought__"  # which modules of its own folder a target has imported
_PLAIN = Loading()
# Modules that compute nothing: what they return is only looked at.
_DRAW = frozenset(
    ["matplotlib", "mpl_toolkits", "seaborn", "plotly", "bokeh", "altair", "IPython", "graphviz"]
)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A user's code after its import."""

    shown: str  # how messages call it
    roots: tuple[Path, ...]  # where its imports start from
    namespace: Mapping[str, Any]
    lines: Mapping[str, int]  # the names that the file itself defines, in order, and where
    places: Mapping[str, str] = field(default_factory=dict)  # of a notebook: in which cell
    left_out: tuple[str, ...] = ()  # what was done without, in words

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
    """Import one file or notebook: from the folders of its project as well where it needs them, and with
    stand-ins for what only draws and is not installed.

    Of a notebook, and with loading.only_symbol, only what the symbol needs is run: what is called so, or
    without a symbol all functions and classes. Raises TargetError with the file and the line for whatever is
    wrong with it.
    """
    left_out: list[str] = []
    roots: tuple[Path, ...] = ()
    while True:
        try:
            return replace(_load_file(path, shown, symbol, loading, roots), left_out=tuple(left_out))
        except NotImported as error:
            root = project_root(path, error.missing) if error.missing else None
            if root is not None and root not in roots:
                roots = (*roots, root)
            elif error.missing in _DRAW and error.missing not in loading.stubs:
                loading = replace(loading, stubs=(*loading.stubs, error.missing))
                left_out.append(f"{error.missing} is not installed: it was left out")
            else:
                raise


def _load_file(
    path: Path, shown: str, symbol: str | None, loading: Loading, roots: tuple[Path, ...]
) -> Loaded:
    """Import one file or notebook; roots: folders to import from beside its own."""
    pieces = _pieces(path, shown)
    if loading.only_symbol or _is_notebook(path):
        trees = needed([piece.tree for piece in pieces], symbol)
        pieces = [piece._replace(tree=tree) for piece, tree in zip(pieces, trees, strict=True)]
    module = ModuleType(_private_name(path))
    _forget_siblings()
    trees = [piece.tree for piece in pieces]
    top, package = package_of(path, trees)
    module.__file__, module.__package__ = str(path), package
    roots = tuple(dict.fromkeys((path.parent.resolve(), top, *roots)))
    # In sys.modules, because dataclasses and pickle look a class's module up by name.
    sys.modules[module.__name__] = module
    before = set(sys.modules)
    try:
        with stubbed(loading.stubs), importing_from(*roots, hides=hides(path, package, trees)):
            for piece in pieces:
                tree = None if loading.only_symbol else piece.tree
                with import_errors(piece.shown, piece.file, tree, symbol):
                    exec(compile(piece.tree, piece.file, "exec", dont_inherit=True), module.__dict__)
    finally:
        setattr(module, _BROUGHT, [name for name in set(sys.modules) - before if _lives_in(roots, name)])
    places = {
        name: written_line(piece.shown, line)
        for piece in reversed(pieces)
        for name, line in _defined_names(piece.tree).items()
    }
    lines = {name: line for piece in pieces for name, line in _defined_names(piece.tree).items()}
    return Loaded(shown, roots, vars(module), lines, places if _is_notebook(path) else {})


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
    return Loaded(dotted, (folder,), vars(module), lines)


def within(roots: Iterable[Path], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with folders at the end of the path while it runs: it may import its neighbours late."""

    entries = [str(root) for root in roots]

    def called(*args: Any) -> Any:
        added = [entry for entry in entries if entry not in sys.path]
        if not added:
            return function(*args)
        sys.path.extend(added)
        try:
            return function(*args)
        finally:
            for entry in added:
                with contextlib.suppress(ValueError):
                    sys.path.remove(entry)

    return called


@contextlib.contextmanager
def importing_from(folder: Path, *others: Path, hides: bool = False) -> Iterator[None]:
    """As Python starts a script: its folder first on the path, no arguments, nothing to read.

    others: further folders to import from, behind it; before it, and it last of all, where something in it
    `hides` what the file imports.
    """
    kept = sys.path[:], sys.argv, sys.stdin, sys.dont_write_bytecode
    first, *more = dict.fromkeys(str(one.resolve()) for one in (folder, *others))
    sys.path[:] = [*more, *sys.path, first] if hides else [first, *more, *sys.path]
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


def _lives_in(folders: Iterable[Path], name: str) -> bool:
    """Whether a module is a plain Python neighbour, not something installed below the folders."""
    if is_loose(name):
        return True
    module = sys.modules[name]
    file = getattr(module, "__file__", None)
    if name.partition(".")[0] == "gradcli" or (isinstance(file, str) and not file.endswith(".py")):
        return False
    # A folder without an __init__.py has no file, but places.
    places = [Path(place) for place in ([file] if file else _folders_of(module))]
    return not any(map(is_installed, places)) and any(
        folder in place.parents for folder in folders for place in places
    )


def _folders_of(module: ModuleType) -> list[str]:
    """The folders of a package without a file; none if the import of what it is part of failed."""
    try:
        return list(getattr(module, "__path__", ()))
    except KeyError:  # they are looked up anew, from the package above
        return []


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
