"""What a folder holds: the files below it, and which of the Python files may have a hand-written gradient."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from gradcli.errors import ConfigError

_ENVIRONMENT = "pyvenv.cfg"  # lies at the top of a virtual environment
# Not code to check, and not meant to be imported by others.
_NOT_CODE = re.compile(r"test_.*|.*_test|tests|conftest|setup|noxfile")
# What the names in such a file have in common. A file without any is not even imported.
_HINT = re.compile(r"back|grad|vjp|jvp|prime|deriv|jac|hess|nabla|delta|_der$|_dx$|^gs?$", re.IGNORECASE)


def files_below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files with one of these suffixes, in the order of their paths; hidden ones are left out.

    Links to folders are followed, each folder is entered once. Raises ConfigError for a folder that cannot
    be read.
    """
    if not folder.is_dir():
        raise ConfigError([f"{folder}: is not a folder" if folder.exists() else f"{folder}: does not exist"])
    entered: set[str] = set()
    files = []
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        if (real := os.path.realpath(parent)) in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            Path(parent, name)
            for name in names
            if not name.startswith(".") and name.lower().endswith(suffixes)
        ]
    return sorted(files)


def python_files(folder: Path) -> list[Path]:
    """The Python files below a folder in which there may be something to check, judged by their text.

    Tests, set-up scripts and the packages of virtual environments are left out. Raises as `files_below`.
    """
    files = files_below(folder, (".py", _ENVIRONMENT))
    environments = {path.parent for path in files if path.name.lower().endswith(_ENVIRONMENT)}
    return [
        path
        for path in files
        if path.suffix.lower() == ".py"
        and not _NOT_CODE.fullmatch(path.stem)
        and environments.isdisjoint(path.parents)
        and _may_hold(path)
    ]


def _may_hold(path: Path) -> bool:
    try:
        names = set(_names(ast.parse(path.read_bytes())))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return True  # the import says what is wrong
    return any(_HINT.search(name) or _differential_of(name) in names for name in names)


def _differential_of(name: str) -> str | None:
    """`W` for `dW` and `d_W`."""
    return name[1:].removeprefix("_") if name.startswith("d") and len(name) > 1 else None


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "name", "attr", "arg"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def _refuse(error: OSError) -> None:
    raise ConfigError([f"{error.filename}: cannot be read: {error.strerror}"])
