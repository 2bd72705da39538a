"""An accepted candidate as a Problem that knows its other cases."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradcli.errors import UsageError
from gradcli.problem import Inferred, Problem
from gradcli.shell import shell_line
from gradcli.spec import InputSpec
from gradcli.targets.inference.narrower import narrower
from gradcli.targets.inference.points import Point, further, shorter
from gradcli.targets.inference.search import Build, Found
from gradcli.targets.inference.trial import BOTH, FITS, attempt
from gradcli.targets.notation import format_constant, format_input


def problem_of(
    found: Found,
    functions: Sequence[Callable[..., Any]],
    build: Build,
    *,
    several: bool,
    values: Iterable[Mapping[str, object]] = (),
    lengths: Iterable[Mapping[str, int]] = (),
) -> Problem:
    """The Problem at the inferred point; several: with the other cases, and smaller ones if it fails.

    functions: forward, and backward; values: others than the defaults, each for a case; lengths: longer
    sizes, each for cases.
    """
    values, lengths = list(values), list(lengths)
    first = Point(found, found.candidate.sizes)
    problem = _at(first, first, build, several=several)
    about = frozenset(problem.differentiable)
    if not several or problem.inferred is None:
        return problem
    return replace(
        problem,
        inferred=replace(
            problem.inferred,
            others=lambda: _accepted(further(found, functions, values, lengths), first, build, about),
            narrower=lambda: [
                (what, accepted)
                for what, point in narrower(problem, first)
                for accepted in _accepted(iter([point]), first, build, about)
            ],
        ),
    )


def _at(point: Point, first: Point, build: Build, *, several: bool) -> Problem:
    inputs, constants = point.inputs, point.constants
    chosen = Inferred(
        inputs=inputs,
        constants=constants,
        label=_label(point, first),
        smaller=(lambda: _accepted(shorter(point), first, build)) if several else tuple,
        is_scaled=bool(point.factors),
        is_extreme=point.is_extreme,
        sizes=point.sizes,
    )
    problem = build(inputs, constants)
    remarks = (*problem.remarks, f"inferred: {flags(inputs, constants)}")
    return replace(problem, inferred=chosen, remarks=remarks)


def _accepted(
    points: Iterator[Point], first: Point, build: Build, about: frozenset[str] | None = None
) -> Iterator[Problem]:
    """The problems at those points that the code does not refuse.

    about: what has a gradient at the first point. Another shape that makes the gradient that of something
    else, of data that it is spread over, is no point for the code.
    """
    for point in points:
        try:
            problem = _at(point, first, build, several=True)
            trial = attempt(problem)
            if trial.level < (FITS if point.must_fit else BOTH):
                continue
            if trial.indifferent and not attempt(_at(first, first, build, several=False)).indifferent:
                continue  # its indices are out of range
            if point.runs_at is not None:
                attempted = attempt(_at(replace(point, sizes=point.runs_at), first, build, several=False))
                if attempted.level < BOTH:
                    continue
            if about is not None and not (point.changed or about.issuperset(problem.differentiable)):
                continue
            yield problem
        except UsageError:  # this is no point for it
            continue


def flags(inputs: Mapping[str, InputSpec], constants: Mapping[str, object]) -> str:
    """What was chosen as it can be pasted."""
    words = [word for name, spec in inputs.items() for word in ("--input", format_input(name, spec) or name)]
    words += [
        word for name, value in constants.items() for word in ("--set", format_constant(name, value) or name)
    ]
    return shell_line(words)


def _label(point: Point, first: Point) -> str:
    """The first input or constant that differs from those of the first case."""
    inputs, usual = point.inputs, first.inputs
    if point.changed:
        return ", ".join(format_constant(name, value) or name for name, value in point.changed.items())
    name = next((name for name in inputs if inputs[name] != usual[name]), next(iter(inputs), ""))
    return (format_input(name, inputs[name]) or name) if name else "no input"
