"""A check that is repeated on every save: which files count, and what changed since the last time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from gradcli.result import FAIL
from gradcli.suite.folder import FOLDER

_SOURCES = (".py", ".pyx", ".ipynb", ".yaml", ".yml")
_ERROR = "error"  # the status of a check that could not be run


class State(NamedTuple):
    """A verdict, and how many elements are wrong."""

    verdict: str
    failing: int = 0

    def __str__(self) -> str:
        return self.verdict.upper() if self.verdict == FAIL else self.verdict


Snapshot: TypeAlias = Mapping[tuple[str, str], State]  # by check and gradient; "" is the check as a whole


def follow(
    saves: Iterable[Sequence[Path]],
    check: Callable[[Sequence[Path]], Snapshot | None],
    tell: Callable[[list[str]], None],
) -> None:
    """Check at every save, and tell what changed since the last check that could be run.

    check gives None where nothing could be checked, a config with a mistake for instance: what comes next is
    compared with what was before it.
    """
    before: Snapshot | None = None
    for saved in saves:
        now = check(saved)
        if now is None:
            continue
        if before is not None:
            tell(changes(before, now))
        before = now


def snapshot(report: Mapping[str, Any]) -> Snapshot:
    """The verdicts of a JSON report."""
    found: dict[tuple[str, str], State] = {}
    for check in report["checks"]:
        found[check["id"], ""] = State(check["status"])
        for gradient in check.get("gradients", ()):
            found[check["id"], gradient["name"]] = State(gradient["status"], gradient["failing"])
    return found


def is_hopeless(report: Mapping[str, Any]) -> bool:
    """Whether no save can help: not one target of a JSON report is there. What is there may be repaired."""
    return all(check["status"] == _ERROR and _is_missing(check["id"]) for check in report["checks"])


def _is_missing(target: str) -> bool:
    """Of a module nobody can tell without importing it."""
    from gradcli.targets import parse

    place, symbol = parse(target)
    is_file = place.lower().endswith(_SOURCES) or not (symbol or "." in place)
    return is_file and not Path(place).exists()


def changes(before: Snapshot, now: Snapshot) -> list[str]:
    """`x: FAIL -> pass`, `x: FAIL, 12 -> 3 elements wrong`; of several checks, each with its id.

    A check as a whole is told where none of its gradients says why.
    """
    several = len({id for id, _ in [*before, *now]}) > 1
    found: dict[str, list[str]] = {}
    for id, name in sorted({**before, **now}, key=lambda key: not key[1]):  # gradients first
        old, new = before.get((id, name)), now.get((id, name))
        if old == new or (not name and found.get(id)):
            continue
        about = " ".join(part for part in (id if several or not name else "", name) if part)
        found.setdefault(id, []).append(f"{about}: {_change(old, new)}")
    return [line for lines in found.values() for line in lines]


def _change(old: State | None, new: State | None) -> str:
    if old is not None and new is not None and old.verdict == new.verdict:
        return f"{new}, {old.failing} -> {new.failing} elements wrong"
    return f"{old or 'not checked'} -> {new or 'not checked'}"


def places(words: Sequence[str]) -> list[Path]:
    """The folders to watch: the current one, and those of files elsewhere that a command line names."""
    here = Path.cwd()
    named = [_named(word).resolve() for word in words if _named(word).exists()]
    folders = [path if path.is_dir() else path.parent for path in named]
    return [here, *dict.fromkeys(folder for folder in folders if not folder.is_relative_to(here))]


def counts(path: Path, words: Sequence[str]) -> bool:
    """Whether a save of this file calls for a check: source code, and whatever the command line names."""
    if FOLDER.name in path.parts:
        return False
    return path.suffix.lower() in _SOURCES or any(path == _named(word).resolve() for word in words)


def _named(word: str) -> Path:
    """The file in `layers.py:batchnorm`, `--inputs=case.npz` or `case.npz`."""
    from gradcli.targets import parse

    return Path(parse(word.partition("=")[2] if word.startswith("--") else word).place or ".")
