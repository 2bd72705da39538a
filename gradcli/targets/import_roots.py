"""Where the imports of a user's file start from: its own folder, its package's, and the project's.

Projects are run from their root (`from common.layers import Affine` in `ch05/net.py`), and folders without an
`__init__.py` are packages to who runs `python -m`. Both are found from where the file lies.
"""

import ast
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

_LOOSE = "_gradcli_package_"
_LEVELS = 4  # folders above a file that may belong to its project


def packages(file: Path) -> tuple[Path, list[str]]:
    """The folder that holds the outermost package of a file, and the packages from there to the file."""
    names: list[str] = []
    folder = file.resolve().parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names, folder = [folder.name, *names], folder.parent
    return folder, names


def package_of(file: Path, trees: Iterable[ast.Module]) -> tuple[Path, str]:
    """The folder that holds a file's package, and the package's name; none for a file that needs none.

    Where relative imports reach beyond folders that are packages, these and those above are made packages of
    a private name.
    """
    top, names = packages(file)
    if _relative_levels(trees) <= len(names):
        return top, ".".join(names)
    return file.resolve().parent, _loose_package(file.resolve().parent)


def hides(file: Path, package: str, trees: Iterable[ast.Module]) -> bool:
    """Whether the folder of a package's file, first on the path, would give the file itself for a module that
    it imports, or a module for its package."""
    parts = [part for tree in trees for part in ast.walk(tree)]
    dotted = [alias.name for part in parts if isinstance(part, ast.Import) for alias in part.names]
    dotted += [part.module or "" for part in parts if isinstance(part, ast.ImportFrom) and not part.level]
    imported = {name.partition(".")[0] for name in dotted}
    outermost = package.partition(".")[0]
    return bool(package) and (file.stem in imported or (file.parent / f"{outermost}.py").is_file())


def project_root(file: Path, module: str) -> Path | None:
    """The nearest folder above a file, within its project, that holds a module; None if there is none.

    The project ends where it is under version control, else a few folders up.
    """
    for folder in _above(file.resolve().parent):
        for place in (folder, folder / "src"):
            if (place / f"{module}.py").is_file() or any((place / module).glob("*.py")):
                return place
        if (folder / ".git").exists():
            return None
    return None


def is_loose(module: str) -> bool:
    """Whether a module is one of a package that was made up here."""
    return module.startswith(_LOOSE)


def _above(folder: Path) -> Iterator[Path]:
    for above in list(folder.parents)[:_LEVELS]:
        if above in (Path.home(), Path(above.anchor)):
            return
        yield above


def _relative_levels(trees: Iterable[ast.Module]) -> int:
    nodes = (node for tree in trees for node in ast.walk(tree))
    return max((node.level for node in nodes if isinstance(node, ast.ImportFrom)), default=0)


def _loose_package(folder: Path) -> str:
    """Make packages of a folder and of those above it; returns the folder's name as one."""
    name = f"{_LOOSE}{zlib.crc32(str(folder).encode('utf-8', 'surrogateescape')):08x}"
    for level, place in enumerate(reversed([folder, *folder.parents][:_LEVELS])):
        name = f"{name}.up{level}" if level else name
        sys.modules[name] = module = ModuleType(name)
        module.__path__ = [str(place)]
    return name
