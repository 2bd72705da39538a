"""Whatever the import of a user's file raises, in one line, and what may be left out to get past it."""

import ast
import contextlib
import linecache
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from gradcli.errors import TargetError
from gradcli.source_line import NOTEBOOK_CELL, written_line
from gradcli.targets.needed import is_used_late, needed

_MAX_MESSAGE = 200
# Modules that compute nothing: what they return is only looked at.
_DRAW = frozenset(
    ["matplotlib", "mpl_toolkits", "seaborn", "plotly", "bokeh", "altair", "IPython", "graphviz"]
)


class NotImported(TargetError):
    """A file whose import raised, and which of it could do without."""

    def __init__(self, message: str, *, told: str, is_spare: bool, draws: str = "", late: str = "") -> None:
        super().__init__(message)
        self.told = told  # the place and the reason alone
        self.is_spare = is_spare  # whether nothing that is checked needs the line that raised
        self.draws = draws  # a module that is not installed, and only draws
        self.late = late  # a module that is not installed, and that only the insides of functions use


@contextlib.contextmanager
def import_errors(
    shown: str, file: str, tree: ast.Module | None = None, symbol: str | None = None
) -> Iterator[None]:
    """Turn whatever an import raises into NotImported, in one line with the place in the user's file.

    tree: what is run of the file, where a part of it could be left out; then the message says how.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        lines = _lines(error, file)
        place = written_line(shown, lines[-1]) if lines else shown
        told = f"{place}: {_reason(error, Path(file))}"
        is_spare = tree is not None and bool(lines) and _is_spare(error, tree, symbol, lines[0])
        hint = _what_may_help(error, symbol, is_spare=is_spare) if tree is not None and lines else ""
        missing = _missing(error)
        raise NotImported(
            told + hint,
            told=told,
            is_spare=is_spare,
            draws=missing if missing in _DRAW else "",
            late=missing if missing and _is_used_late(error, missing) else "",
        ) from error


def syntax_error(error: SyntaxError, shown: str) -> str:
    """Where source is none, and why."""
    place = written_line(shown, error.lineno) if error.lineno else shown
    column = f":{error.offset}" if error.lineno and error.offset and NOTEBOOK_CELL not in shown else ""
    return f"{place}{column}: syntax error: {error.msg}"


def raised(error: BaseException) -> str:
    """The kind of an exception and the first line of what it says."""
    first = (str(error).strip().splitlines() or [""])[0][:_MAX_MESSAGE]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _lines(error: BaseException, file: str) -> list[int]:
    """The lines of the file that led to an error: of its top level first, that which raised last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno for frame in frames if frame.filename == file and frame.lineno is not None]


def _missing(error: BaseException) -> str:
    """The outermost package of a module that is not installed."""
    return (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""


def _is_used_late(error: BaseException, missing: str) -> bool:
    """Whether the file that imports it, this one or a neighbour, runs through without it."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    importing = next(file for file in reversed(files) if not file.startswith("<frozen"))
    if "site-packages" in importing:
        return False
    try:
        return is_used_late(ast.parse("".join(linecache.getlines(importing))), missing)
    except SyntaxError:  # a magic of a notebook
        return False


def _is_spare(error: BaseException, tree: ast.Module, symbol: str | None, line: int) -> bool:
    if isinstance(error, SyntaxError) or _is_relative(error):
        return False
    (spared,) = needed([tree], symbol)
    return bool(spared.body) and not any(
        part.lineno <= line <= (part.end_lineno or part.lineno) for part in spared.body
    )


def _is_relative(error: BaseException) -> bool:
    return isinstance(error, ImportError) and "relative import" in str(error)


def _what_may_help(error: BaseException, symbol: str | None, *, is_spare: bool) -> str:
    """What to add where the target does not need the line that failed, or may not need it."""
    missing = _missing(error)
    if is_spare:
        beside = ", or add" if missing or isinstance(error, SystemExit) else "; add"  # beside another advice
        return f"{beside} --only-symbol: {symbol or 'what can be checked'} does not need that line"
    return f", or add --stub {missing} if what you check does not use it" if missing else ""


def _reason(error: BaseException, file: Path) -> str:
    if isinstance(error, SystemExit):
        return 'the import ends in sys.exit; put what a script does under `if __name__ == "__main__":`'
    if isinstance(error, SyntaxError):
        return f"imports {syntax_error(error, str(error.filename))}"
    if isinstance(error, ModuleNotFoundError):
        return f"cannot import {error.name!r}; gradcli runs in {sys.prefix}: install it there"
    if _is_relative(error):
        return f"belongs to a package, but {str(file.parent)!r} is none: its name is no name of a package"
    return f"{raised(error)} on import"
