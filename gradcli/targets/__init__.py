"""From what the user points at to Problems; one file per calling convention.

batchnorm               a built-in layer
layers.py               every pair in a file
layers.py:batchnorm     one pair
layers.py:f=J,grad=dJ   functions whose names do not say that they belong together (`spelled.py`)
pkg.mod:batchnorm       a pair in a module that can be imported
exec:./layer {in} {out} a program
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gradcli.declarations import NONE
from gradcli.errors import GradcliError, PartlyResolvedError, TargetError, UsageError, first_line
from gradcli.layers import LAYERS, Dim, Option
from gradcli.reachable import is_there
from gradcli.spec import DTYPES, CheckSpec, validate_settings
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.opened import Opened
from gradcli.targets.spelling import roles_of

if TYPE_CHECKING:  # NumPy comes with them, and `options_of` must not need it
    from gradcli.arrays import Array
    from gradcli.problem import Problem
    from gradcli.targets.inputs import Given

__all__ = [
    "PROGRAM",
    "PROGRAM_BUDGET",
    "Opened",
    "Target",
    "is_path",
    "open_target",
    "options_of",
    "parse",
    "resolve",
]


PROGRAM = "exec:"  # starts a target that is a command
PROGRAM_BUDGET = 30.0  # seconds per check, unless said otherwise: some 30 times a process is started


class Target(NamedTuple):
    """A target taken apart."""

    place: str  # a layer, a file or a module
    symbol: str | None  # a pair in it


def parse(text: str) -> Target:
    """Split a target at the last colon that a name follows; `C:\\layers.py` has none."""
    if text.startswith(PROGRAM):
        return Target(text, None)
    place, colon, symbol = text.rpartition(":")
    is_drive = os.name == "nt" and len(place) == 1
    if colon and place and (_is_symbol(symbol) or roles_of(symbol)) and not is_drive:
        return Target(place, symbol)
    return Target(text, None)


def _is_symbol(text: str) -> bool:
    """A name, or a part of one: `Tensor.matmul`, but not `b.py`."""
    parts = text.split(".")
    is_file = len(parts) > 1 and parts[-1].lower() in ("py", "pyw", "ipynb", "yaml", "yml")
    return all(part.isidentifier() for part in parts) and not is_file


def options_of(target: str) -> tuple[Dim | Option, ...]:
    """The dimensions and options that a target declares; only built-in layers declare any."""
    layer = LAYERS.get(target)
    return () if layer is None else layer.parameters


def resolve(spec: CheckSpec, *, arrays: "Mapping[str, Array] | None" = None) -> "list[Problem]":
    """The Problems that a check asks for: one, or one per pair for a file without a symbol.

    Raises as `open_target`; PartlyResolvedError if that concerns only some of several.
    """
    problems, mistakes = [], []
    for opened in open_target(spec, arrays=arrays):
        try:
            problems.append(opened.problem())
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        message = "\n".join(mistakes)
        raise PartlyResolvedError(message, problems) if problems else UsageError(message)
    return problems


def open_target(spec: CheckSpec, *, arrays: "Mapping[str, Array] | None" = None) -> list[Opened]:
    """The checks that a target stands for: one, or one per pair for a file without a symbol.

    arrays: inputs that a caller has in memory, by argument name, beside those of the spec.
    Runs the user's file, but no forward. Raises TargetError for a target that does not exist or cannot be
    imported, NothingToCheck for a file in which there is nothing to check, UsageError for inputs, constants
    and settings that do not fit, ArchiveError for the .npz file; messages start with the place in the
    config, if there is one.
    """
    with _at_origin(spec):
        validate_settings(spec.settings)
        if spec.dtype not in DTYPES:
            raise UsageError(f"dtype must be one of {', '.join(DTYPES)}, got {spec.dtype!r}")
        from gradcli.targets.inputs import gather

        return [_telling_origin(spec, opened) for opened in _open(spec, gather(spec, arrays))]


@contextmanager
def _at_origin(spec: CheckSpec) -> Iterator[None]:
    """Begin each line of an error with the place in the config."""
    try:
        yield
    except GradcliError as error:
        if spec.origin is None:
            raise
        lines = [f"{spec.origin}: {line}" for line in str(error).splitlines()]
        raise type(error)("\n".join(lines)) from error


def _telling_origin(spec: CheckSpec, opened: Opened) -> Opened:
    def problem() -> "Problem":
        with _at_origin(spec):
            found = opened.problem()
            declarations = (found.spec or spec).declarations  # of one of several, its own
            if declarations == NONE:
                return found
            from gradcli.declaring import declare  # few checks declare anything

            return declare(declarations, found)

    return opened._replace(problem=problem)


def _open(spec: CheckSpec, given: "Given") -> list[Opened]:
    if spec.order == 2 and (spec.target in LAYERS or spec.target.startswith(PROGRAM)):
        raise UsageError(f"{spec.target}: has nothing of order 2; that is for gradients in a Python file")
    if spec.target in LAYERS:
        from gradcli.targets.builtin import open_layer

        return [open_layer(spec, LAYERS[spec.target], given)]
    if spec.target.startswith(PROGRAM):
        from gradcli.targets.program import open_program

        return [open_program(spec, given)]
    from gradcli.targets.file_target import open_file
    from gradcli.targets.python_file import load_file, load_module

    place, symbol = parse(spec.target)
    if is_path(place, spec.base):
        shown = os.path.normpath(spec.base / place)
        try:
            resolved = Path(shown).resolve()
        except (RuntimeError, OSError) as error:  # a loop of links, before Python 3.13
            raise TargetError(f"{shown}: cannot be read: {first_line(error)}") from error
        loaded = load_file(resolved, shown, symbol, spec.loading)
        return open_file(spec, place, symbol, loaded, given)
    if (symbol or "." in place) and all(part.isidentifier() for part in place.split(".")):
        return open_file(spec, place, symbol, load_module(place, spec.base, spec.loading), given)
    raise TargetError(_unknown_layer(spec.target, spec.base))


def is_path(place: str, base: Path) -> bool:
    """Whether a target's place is that of a file, not the name of a layer or a module."""
    is_named_so = (
        place.lower().endswith((".py", ".yaml", ".yml", ".ipynb")) or "/" in place or os.sep in place
    )
    return is_named_so or is_there(base / place)


def _unknown_layer(name: str, base: Path) -> str:
    as_file = f"{name}.py"
    is_file = name.isidentifier() and is_there(base / as_file)
    if "[" in name:
        return f"no layer {name!r}; the id of a check goes after -k, beside its file or config"
    if name.endswith(":"):
        return f"{name!r} names nothing behind the colon; write {name}NAME"
    near = f"; did you mean the file {as_file!r}?" if is_file else did_you_mean(name, LAYERS)
    return f"no layer {name!r}{near or ';'} `gradcli layers` lists them"
