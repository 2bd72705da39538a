"""Config files: one, or a folder of them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gradcli.config.checks import Placed, read_checks
from gradcli.config.mistakes import Mistakes, quoted
from gradcli.config.yaml import read
from gradcli.errors import ConfigError, NothingToCheck
from gradcli.spec import CheckSpec
from gradcli.targets.folder import files_below

SUFFIXES = (".yaml", ".yml")


def load(path: Path) -> list[CheckSpec]:
    """The checks of one file, in its order, grids expanded; never empty.

    Raises ConfigError with every mistake of the file: `path:line:column: checks[0].tol: ...`.
    Cost: about a second for ten thousand checks.
    """
    return _specs([_read(path)])


def load_folder(path: Path) -> list[CheckSpec]:
    """The checks of all YAML files below a folder, in the order of their paths; hidden ones are left out.

    Raises ConfigError with every mistake of every file, NothingToCheck if there is no YAML file at all.
    """
    found: list[tuple[Path, list[Placed]]] = []
    mistakes: list[str] = []
    for file in files_below(path, SUFFIXES):
        with _collecting(mistakes):
            found.append(_read(file))
    if not found and not mistakes:
        raise NothingToCheck(f"{path}: no .yaml or .yml file in this folder")
    if mistakes:
        raise ConfigError(mistakes)
    return _specs(found)


def _read(path: Path) -> tuple[Path, list[Placed]]:
    mistakes = Mistakes(path)
    checks = read_checks(read(path, mistakes), path, mistakes)
    mistakes.raise_if_any()
    return path, checks


@contextmanager
def _collecting(mistakes: list[str]) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        mistakes += error.mistakes


def _specs(files: Iterable[tuple[Path, list[Placed]]]) -> list[CheckSpec]:
    """The checks of all files; raises ConfigError if two have the same id."""
    first: dict[str, tuple[Path, Placed]] = {}
    mistakes = []
    for path, checks in files:
        taken = Mistakes(path)
        for check in checks:
            earlier_path, earlier = first.setdefault(check.id, (path, check))
            if earlier is not check:
                at = f"{earlier_path}:{earlier.at.line}:{earlier.at.column}"
                advice = "ids are unique" if check.where.endswith(".id") else "give one of the two an 'id'"
                taken.add(check.at, f"{check.where}: the id {quoted(check.id)} is taken at {at}; {advice}")
        mistakes += taken.lines()
    if mistakes:
        raise ConfigError(mistakes)
    return [check.spec for _, check in first.values()]
