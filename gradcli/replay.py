"""A check that was written to a file, run again: the same arrays, today's code."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gradcli import archive, checker
from gradcli.archive import Archive
from gradcli.arrays import Array, BoolArray
from gradcli.declarations import KEYS, Declarations, read
from gradcli.errors import ArchiveError, TargetError, UsageError
from gradcli.layers import LAYERS
from gradcli.problem import Problem
from gradcli.result import FAIL, PASS, CheckResult, Gradient
from gradcli.shell import shell_line
from gradcli.spec import ORDERS, CheckSpec, Loading, Settings, Spelling, validate_settings
from gradcli.targets import PROGRAM, is_path, parse, resolve

FIXED = "FIXED"
STILL_RIGHT = "STILL RIGHT"
STILL_WRONG = "STILL WRONG"
NOW_WRONG = "NOW WRONG"
ERROR = "ERROR"  # the code raises
UNDECIDED = "UNDECIDED"

Progress = checker.Progress


@dataclass(frozen=True, eq=False)
class Replay:
    """What became of a check."""

    before: Archive
    result: CheckResult

    @property
    def outcome(self) -> str:
        """One of the words above."""
        was_right = self.before.meta.get("verdict") == PASS
        if any(violation.code == "GC108" for violation in self.result.violations):
            return ERROR
        if self.result.verdict == FAIL:
            return NOW_WRONG if was_right else STILL_WRONG
        if self.result.verdict == PASS:
            return STILL_RIGHT if was_right else FIXED
        return UNDECIDED

    @cached_property
    def changes(self) -> list[str]:
        """For each gradient that is or was wrong, and each code that came or went, what became of it."""
        found = [self._gradient(name, gradient) for name, gradient in self.result.gradients.items()]
        before = _codes(self.before.meta.get("violations")) - {"GC101"}
        now = {v.code for v in self.result.violations if not v.is_warning} - {"GC101"}
        found += [f"{code} is new" for code in sorted(now - before)]
        found += [f"{code} is still there" for code in sorted(now & before)]
        found += [f"{code} is gone" for code in sorted(before - now) if not code.startswith("GC2")]
        return [change for change in found if change]

    def _gradient(self, name: str, gradient: Gradient) -> str:
        verdicts = _verdicts(self.before.meta.get("gradients"))
        if gradient.verdict != FAIL:
            was_wrong = verdicts.get(name) == FAIL
            return f"{name} is right now" if was_wrong and gradient.verdict == PASS else ""
        if verdicts.get(name) != FAIL:
            return f"{name} is wrong now"
        before = self.before.group("failing").get(name)
        now = gradient.failing
        if before is None or now is None or before.dtype != np.bool_:
            return f"{name} is still wrong{f' ({gradient.note})' if gradient.note else ''}"
        return f"{name} is wrong in {_overlap(before, now)}"


def _overlap(before: BoolArray, now: BoolArray) -> str:
    """`the same 12 elements`, `3 elements as before and 1 other; 9 are right now`."""
    if before.shape != now.shape:
        return f"{int(now.sum())} elements of another shape"
    same, new, cured = (int(np.sum(mask)) for mask in (before & now, ~before & now, before & ~now))
    if not new and not cured:
        return f"the same {same} elements" if same > 1 else "the same element"
    if not same:
        return f"{new} other elements; the {cured} from before are right now"
    parts = [f"{same} of the {same + cured} elements that were wrong", *([f"{new} others"] if new else [])]
    return " and in ".join(parts)


def _verdicts(value: object) -> dict[str, str]:
    """Those of the gradients in a file, by name; whatever it holds in their place is none."""
    found = value.items() if isinstance(value, dict) else ()
    return {name: str(one.get("verdict")) for name, one in found if isinstance(one, dict)}


def _codes(value: object) -> set[str]:
    """Those of the violations in a file; whatever it holds in their place is none."""
    found = value if isinstance(value, list) else []
    return {str(one.get("code")) for one in found if isinstance(one, dict)}


def replay(
    path: Path, target: str | None = None, *, progress: Progress | None = None, blame: bool = True
) -> Replay:
    """Run a dumped check on today's code: its inputs, constants, cotangent and settings.

    target: what to run it on in place of the target that the file names. A program, or a file outside the
    current folder, runs only if it is said here: whoever made the file shall not choose what is executed.
    Raises ArchiveError for a file that gradcli did not write, TargetError for a target that is gone,
    UsageError where the arrays no longer fit it.
    """
    before = archive.read(path)
    spec = _spec(before, target)
    problem = _problem(spec, before)
    result = checker.run(problem, replace(spec.settings, blame=blame), progress=progress)
    return Replay(before, result)


def replay_line(path: Path, result: CheckResult) -> str | None:
    """The shell line that replays a dump; None if a caller's memory or a config says what is run."""
    if result.spec is None or result.spec.spelling != Spelling():
        return None
    words = ["gradcli", "replay", path.as_posix()]
    if not _is_at_home(result.target, result.spec.base):
        words.append(_from_here(result.target, result.spec.base))
    return shell_line(words)


def _is_at_home(target: str, base: Path) -> bool:
    """Whether a target is a built-in layer, or a file or module of the current folder."""
    if target in LAYERS:
        return True
    if target.startswith(PROGRAM):
        return False
    place, home = parse(target).place, Path.cwd().resolve()
    if is_path(place, base):
        return (base / place).resolve().is_relative_to(home)
    module = base.joinpath(*place.split("."))  # it may be anybody's
    files = (module.with_suffix(".py"), module / "__init__.py")
    return any(file.is_file() and file.resolve().is_relative_to(home) for file in files)


def _from_here(target: str, base: Path) -> str:
    """A target whose path starts from base, as one whose path starts from the current folder."""
    place, symbol = parse(target)
    if base == Path() or target.startswith(PROGRAM) or not (base / place).exists():
        return target
    found = (base / place).as_posix()
    return f"{found}:{symbol}" if symbol else found


def _spec(before: Archive, target: str | None) -> CheckSpec:
    """The check that was asked for; the file is not trusted to hold what it should."""
    meta, asked = before.meta, before.meta.get("asked")
    named = meta.get("target")
    if not isinstance(asked, dict) or not isinstance(named, str):
        raise ArchiveError(
            f"{before.path}: holds no target to run again: its functions were given from Python"
        )
    if asked.get("spelled"):
        again = meta.get("rerun") or "check it again from its config"
        raise ArchiveError(
            f"{before.path}: its code is spelled out in a config, which no dump can hold: {again}"
        )
    try:
        base = Path(_path(asked["base"]))
        settings = _settings(dict(asked["settings"]))
        loading = Loading(
            tuple(map(_text, asked["loading"]["stubs"])), asked["loading"]["only_symbol"] is True
        )
        spec = CheckSpec(
            _path(named),
            id=_text(meta["id"]),
            options=dict(asked["options"]),
            inputs_file=before.path,
            constants=dict(asked["constants"]),
            dtype=_text(asked["dtype"]),
            settings=settings,
            loading=loading,
            base=base,
            declarations=_declarations(dict(asked.get("declarations", {}))),
            order=_order(asked.get("order")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArchiveError(f"{before.path}: is damaged: its 'meta' says no whole check") from error
    except UsageError as error:  # of a setting or a declaration
        raise ArchiveError(f"{before.path}: is damaged: {error}") from error
    if target is not None:
        return replace(spec, target=target, base=Path())
    if not _is_at_home(named, base):
        what = "a program" if named.startswith(PROGRAM) else "not in the current folder"
        line = shell_line(["gradcli", "replay", str(before.path), _from_here(named, base)])
        raise UsageError(f"{before.path}: its target {named} is {what}, and runs only if you name it: {line}")
    return spec


def _settings(values: Mapping[str, Any]) -> Settings:
    """The settings of the file, as strict as those of a config."""
    known = {field.name for field in fields(Settings)}
    settings = Settings(**{name: value for name, value in values.items() if name in known})
    if not (isinstance(settings.blame, bool) and isinstance(settings.nodes, bool)):
        raise TypeError
    validate_settings(settings)
    return settings


def _declarations(values: Mapping[str, Any]) -> Declarations:
    return read(**{key: values.get(key) for key in KEYS})


def _order(value: object) -> int | None:
    if value is None or (isinstance(value, int) and value in ORDERS):
        return value
    raise ValueError


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    os.fsencode(value)  # ValueError for what is no text
    return value


def _path(value: object) -> str:
    text = _text(value)
    if "\0" in text:
        raise ValueError
    return text


def _problem(spec: CheckSpec, before: Archive) -> Problem:
    """The check's problem with all arrays of the file. Raises UsageError, one line, where they do not fit."""
    problems = resolve(spec)
    fitting = [problem for problem in problems if problem.target == spec.target] or problems
    if len(fitting) != 1:
        there = ", ".join(problem.target for problem in fitting)
        raise TargetError(f"{spec.target}: is {len(fitting)} checks now; name one: {there}")
    (problem,) = fitting
    arrays = before.group("in")
    lacking = [name for name in problem.inputs if name not in arrays]
    if problem.inferred is not None:
        lacking = [*problem.inferred.inputs, *problem.inferred.constants]
    left = [name for name in arrays if name not in problem.inputs]
    for names, what in ((lacking, "takes {} now, which the file does not hold"), (left, "takes no {} now")):
        if names:
            raise UsageError(
                f"{before.path}: the arrays no longer fit {spec.target}: it {what.format(', '.join(names))}"
            )
    inputs = {name: arrays[name] for name in problem.inputs}
    return replace(problem, inputs=inputs, cotangents=_cotangents(before.arrays) or None, rerun=None)


def _cotangents(arrays: Mapping[str, Array]) -> tuple[Array, ...]:
    if "cotangent" in arrays:
        return (arrays["cotangent"],)
    keys = (f"cotangent/{number}" for number in range(len(arrays)))
    return tuple(arrays[key] for key in keys if key in arrays)
