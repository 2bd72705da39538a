"""An external program as a Problem: `exec:./layer {in} {out}`.

The program reads an .npz file and writes another. In `{in}`:

    NAME          each input, with one more axis in front: the points to evaluate, one or many
    const/NAME    each constant, as it is
    cotangent     only if gradients are wanted, one for each point; of several outputs cotangent/0, …

In `{out}`, with the same axis in front:

    out           the output; out/0, … of several
    grad/NAME     the gradient of each floating-point input, if a cotangent was given

Arrays are in C order. A program that takes only one point at a time is started for each.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import ArchiveError, BrokenPromise, TargetError, UsageError
from gradcli.npz import read_arrays, write_members
from gradcli.problem import Problem, Run
from gradcli.shell import shell_words
from gradcli.spec import CheckSpec
from gradcli.targets import PROGRAM
from gradcli.targets.inputs import Given, draw, generator, require_floating
from gradcli.targets.opened import Opened
from gradcli.targets.rerun import rerun_line


def open_program(spec: CheckSpec, given: Given) -> Opened:
    """A program.

    Raises UsageError for a command without `{in}` and `{out}`, for options and for missing inputs,
    TargetError for a program that does not exist.
    """
    program = Program(_words(spec), spec.base)
    if spec.options:
        option = next(iter(spec.options))
        raise UsageError(
            f"{spec.target}: a program has no option {option!r}; what it reads is an input or a constant"
        )
    if not given.shapes:
        raise UsageError(f"{spec.target}: says no inputs; add --input NAME=SHAPE for each array it reads")
    check_id = spec.id if spec.id is not None else spec.target
    return Opened(check_id, spec.target, lambda: _problem(spec, program, check_id, given))


def _problem(spec: CheckSpec, program: "Program", check_id: str, given: Given) -> Problem:
    inputs = dict(given.arrays)
    for name, value in given.constants.items():
        _require_plain(spec.target, name, value)
    for name, asked in given.specs.items():
        inputs[name] = draw(name, asked, spec.dtype, generator(spec.settings.seed, check_id, name))
    require_floating(spec.target, inputs)
    rerun = rerun_line(spec, id=check_id, target=spec.target, options={}, inputs=given.specs)
    evaluation = Evaluation(program, dict(given.constants))
    return Problem(
        id=check_id,
        target=spec.target,
        forward=evaluation.forward,
        backward=evaluation.backward,
        inputs=inputs,
        together=evaluation.together,
        constants=dict(given.constants),
        rerun=None if given.unrepeatable else rerun,
        spec=spec,
    )


def _require_plain(target: str, name: str, value: object) -> None:
    """Raise UsageError for a constant that no .npz file can hold."""
    try:
        is_plain = not np.asarray(value).dtype.hasobject
    except ValueError:  # lists of different lengths
        is_plain = False
    if not is_plain:
        raise UsageError(
            f"{target}: {name} is {value!r}; a program can be given numbers, truth values and text"
        )


def _words(spec: CheckSpec) -> list[str]:
    command = spec.target.removeprefix(PROGRAM)
    try:
        words = shell_words(command)
    except ValueError as error:
        raise UsageError(f"{spec.target}: {error}") from error
    for place in ("{in}", "{out}"):
        if not any(place in word for word in words):
            raise UsageError(
                f"{spec.target}: has no {place}; expected a command such as './layer {{in}} {{out}}'"
            )
    if shutil.which(words[0], path=None) is None and not (spec.base / words[0]).is_file():
        raise TargetError(f"{spec.target}: no such program {words[0]!r}")
    return words


@dataclass(frozen=True)
class Program:
    """A command that reads one .npz file and writes another."""

    words: list[str]
    folder: Path  # where it is started

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """What it writes for what it is given; raises BrokenPromise GC108."""
        with tempfile.TemporaryDirectory(prefix="gradcli-") as scratch:
            source, result = Path(scratch, "in.npz"), Path(scratch, "out.npz")
            with source.open("wb") as file:
                write_members(file, arrays)  # not np.savez, for which no array may be called "file"
            places = {"{in}": str(source), "{out}": str(result)}
            words = [re.sub(r"\{in\}|\{out\}", lambda m: places[m[0]], word) for word in self.words]
            done = subprocess.run(
                words, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if done.returncode:
                raise BrokenPromise(
                    "GC108", f"the program ended with {done.returncode}{_last_line(done.stderr)}"
                )
            if not result.is_file():
                raise BrokenPromise("GC108", f"the program wrote no {{out}}{_last_line(done.stderr)}")
            try:
                return read_arrays(result)
            except ArchiveError as error:
                reason = str(error).removeprefix(f"{result}: ")
                raise BrokenPromise("GC108", f"what the program wrote {reason}") from error


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1][:200]}" if lines else ""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Forward and backward of a program; either is one run of it, at one point or at many."""

    program: Program
    constants: Mapping[str, Any]

    def forward(self, arrays: Mapping[str, Array]) -> Run:
        if any(array.dtype.kind == "c" for array in arrays.values()):
            raise TypeError("a complex step through a program is not tried")
        ((outputs, _),) = self.together([arrays], None)
        return Run(outputs, {name: array.copy() for name, array in arrays.items()})

    def backward(self, cotangents: tuple[Array, ...], saved: Mapping[str, Array]) -> Mapping[str, Any]:
        found = self.program.run(self._given([saved], [cotangents]))
        return _gradients(found, saved, 1)[0]

    def together(
        self, points: Sequence[Mapping[str, Array]], cotangents: Sequence[tuple[Array, ...]] | None
    ) -> Sequence[tuple[tuple[Array, ...], Mapping[str, Any]]]:
        """Outputs at each point, and gradients where there are cotangents."""
        found = self.program.run(self._given(points, cotangents))
        outputs = zip(*_series(found, "out", len(points)), strict=True)
        if cotangents is None:
            return [(out, {}) for out in outputs]
        return list(zip(outputs, _gradients(found, points[0], len(points)), strict=True))

    def _given(
        self, points: Sequence[Mapping[str, Array]], cotangents: Sequence[tuple[Array, ...]] | None
    ) -> dict[str, Array]:
        arrays = {name: np.stack([point[name] for point in points]) for name in points[0]}
        arrays |= {f"const/{name}": np.asarray(value) for name, value in self.constants.items()}
        weights = [np.stack(several) for several in zip(*(cotangents or ()), strict=True)]
        keys = ["cotangent"] if len(weights) == 1 else [f"cotangent/{i}" for i in range(len(weights))]
        arrays |= dict(zip(keys, weights, strict=True))
        return {name: np.require(array, requirements="C") for name, array in arrays.items()}


def _gradients(found: Mapping[str, Array], inputs: Mapping[str, Array], count: int) -> list[dict[str, Any]]:
    """The gradients at each point; None where the program wrote none."""
    wanted = [name for name, array in inputs.items() if array.dtype.kind == "f"]
    written = {name: _split(found[f"grad/{name}"], count) for name in wanted if f"grad/{name}" in found}
    return [{name: written[name][i] if name in written else None for name in wanted} for i in range(count)]


def _series(found: Mapping[str, Array], key: str, count: int) -> list[list[Array]]:
    """`out`, or `out/0`, `out/1`, …, at each point."""
    if key in found:
        return [_split(found[key], count)]
    several = [found[f"{key}/{i}"] for i in range(len(found)) if f"{key}/{i}" in found]
    if not several:
        there = ", ".join(found) or "nothing"
        raise BrokenPromise("GC108", f"the program wrote {there}; expected {key}")
    return [_split(array, count) for array in several]


def _split(array: Array, count: int) -> list[Array]:
    """What there is for each point."""
    if array.ndim == 0 or len(array) != count:
        points = "1 point" if count == 1 else f"{count} points"
        raise BrokenPromise(
            "GC108",
            f"the program wrote an array of shape {array.shape} for {points}; expected ({count}, …)",
        )
    return [np.array(part) for part in array]
