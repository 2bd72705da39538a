"""Whatever the import of a user's file raises, in one line, and what may be left out to get past it."""

import ast
import contextlib
import sys
import traceback
from collections.abc import Iterator

from gradcli.errors import TargetError
from gradcli.source_line import NOTEBOOK_CELL, written_line
from gradcli.targets.needed import needed

_MAX_MESSAGE = 200


class NotImported(TargetError):
    """A file whose import raised; `missing` is the module that is not installed, where that is the reason."""

    def __init__(self, message: str, missing: str) -> None:
        super().__init__(message)
        self.missing = missing


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
        hint = _what_may_help(error, tree, symbol, lines[0]) if tree is not None and lines else ""
        raise NotImported(f"{place}: {_reason(error)}{hint}", _missing(error)) from error


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


def _what_may_help(error: BaseException, tree: ast.Module, symbol: str | None, line: int) -> str:
    """What to add where the target does not need the line that failed, or may not need it."""
    missing = _missing(error)
    if isinstance(error, SyntaxError):
        return ""
    (spared,) = needed([tree], symbol)
    if spared.body and not any(
        part.lineno <= line <= (part.end_lineno or part.lineno) for part in spared.body
    ):
        beside = ", or add" if missing or isinstance(error, SystemExit) else "; add"  # beside another advice
        return f"{beside} --only-symbol: {symbol or 'what can be checked'} does not need that line"
    return f", or add --stub {missing} if what you check does not use it" if missing else ""


def _reason(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return 'the import ends in sys.exit; put what a script does under `if __name__ == "__main__":`'
    if isinstance(error, SyntaxError):
        return f"imports {syntax_error(error, str(error.filename))}"
    if isinstance(error, ModuleNotFoundError):
        return f"cannot import {error.name!r}; gradcli runs in {sys.prefix}: install it there"
    return f"{raised(error)} on import"
