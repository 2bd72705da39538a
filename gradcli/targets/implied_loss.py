"""A network whose loss is nowhere in the code: `forward(X)`, and a `backward(X, Y)` that starts from `A - Y`.

Which loss is meant shows in the gradients: of the usual losses, times a usual factor, it is the one by which
gradients of weights are right. Then all the others are held against it. Where it is none of them, nothing is
said of the gradients.
"""

import ast
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError, first_line
from gradcli.generators import fixed_generators
from gradcli.problem import Problem, Run
from gradcli.subject import copies
from gradcli.targets.inference.one_hot import by_numbers
from gradcli.targets.source_tree import source_tree

Loss = Callable[[Any, Any], Any]  # of the output and the target

_STEP, _DIRECTIONS = 1e-5, 3
_ENOUGH = 4
_AGREES = 1e-5  # relative: central differences along a few directions


def squared_error(output: Any, target: Any) -> Any:
    return 0.5 * np.sum((output - _like(output, target)) ** 2)


def cross_entropy(output: Any, target: Any) -> Any:
    return -np.sum(_like(output, target) * np.log(output))


def binary_cross_entropy(output: Any, target: Any) -> Any:
    wanted = _like(output, target)
    return -np.sum(wanted * np.log(output) + (1 - wanted) * np.log(1 - output))


def softmax_cross_entropy(output: Any, target: Any) -> Any:
    """Of scores that backward itself takes the softmax of."""
    wanted = _like(output, target)
    axis = 0 if _is_by_columns(wanted) else -1
    shifted = output - np.max(np.real(output), axis=axis, keepdims=True)
    log_sum = np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
    return -np.sum(wanted * (shifted - log_sum))


_USUAL: Mapping[str, Loss] = {
    "squared error": squared_error,
    "cross entropy": cross_entropy,
    "binary cross entropy": binary_cross_entropy,
    "cross entropy of the softmax": softmax_cross_entropy,
}


def usual_losses(backward: Callable[..., Any], truth: str) -> Mapping[str, Loss]:
    """The losses by name; of targets in the shape of the output, unless backward takes numbers of classes."""
    if _takes_numbers(backward, truth):
        return _USUAL
    return {name: _of_equal_shapes(loss) for name, loss in _USUAL.items()}


def _takes_numbers(backward: Callable[..., Any], truth: str) -> bool:
    """Whether a backward takes numbers of classes: `p[rows, y] -= 1`, `one_hot(y)`."""
    tree = source_tree(backward)
    slices = (node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)) if tree else ()
    indexes = any(ast.unparse(node) == truth for one in slices for node in ast.walk(one))
    return indexes or bool(by_numbers([backward], [truth]))


def _of_equal_shapes(loss: Loss) -> Loss:
    def strict(output: Any, target: Any) -> Any:
        if np.size(output) != np.size(target):
            raise _unlike(np.asarray(target), np.asarray(output))
        return loss(output, target)

    return strict


def with_usual_loss(where: str, possible: Sequence[tuple[str, Callable[[], Problem]]]) -> Problem:
    """The problem with that of the usual losses that backward differentiates.

    possible: the name of each loss, and what makes the problem with it. Raises UsageError if it is none of
    them. Cost: for each loss a backward and some forwards for each parameter.
    """
    best: _Match | None = None
    first: Problem | None = None
    for name, make in possible:
        problem = make()
        first = first or problem
        measured = _measured(problem)
        if measured is None:
            continue
        for match in _matches(name, problem, measured):
            if best is None or len(match.explained) > len(best.explained):
                best = match
    if best is not None:
        return best.problem
    assert first is not None
    raised = _raised(first)
    if raised is None:
        return first  # the check says what forward raises
    if raised:
        raise UsageError(f"{where}: backward raised {raised}")
    names = ", ".join(name for name, _ in possible)
    raise UsageError(
        f"{where}: the loss is within backward, and it is none of the usual ones ({names}), or the "
        "gradients of all weights are wrong; write it as a method, loss(y, output), to have them checked"
    )


class _Measured(NamedTuple):
    """The gradient of a parameter and the true slopes, along the same directions."""

    analytic: Array
    numeric: Array
    own: Array  # the slopes of half the squared sum of the parameter
    absolute: Array  # those of the sum of its absolute values


@dataclass(frozen=True)
class _Match:
    problem: Problem
    explained: tuple[str, ...]


def _raised(problem: Problem) -> str | None:
    """What backward raises, "" for nothing; None where forward does not even run."""
    with fixed_generators(), np.errstate(all="ignore"):
        try:
            run = problem.forward(copies(problem.inputs))
        except (Exception, SystemExit):
            return None
        try:
            problem.backward((np.ones_like(run.outputs[0]),), run.saved)
        except (Exception, SystemExit) as error:
            return f"{type(error).__name__}: {first_line(error)}"
    return ""


def _measured(problem: Problem) -> dict[str, _Measured] | None:
    """Along a few directions for each parameter; None if forward or backward does not run, or if no output
    is a number."""
    try:
        with fixed_generators(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = problem.forward(copies(problem.inputs))
            gradients = problem.backward((np.ones_like(run.outputs[0]),), run.saved)
            if run.outputs[0].size != 1:
                return None
            rng = np.random.default_rng(0)
            return {
                name: _along(problem, name, gradients.get(name), rng)
                for name in problem.differentiable
                if getattr(gradients.get(name), "shape", None) == problem.inputs[name].shape
            }
    except (Exception, SystemExit):  # the check will find it again, and say where
        return None


def _along(problem: Problem, name: str, gradient: Any, rng: np.random.Generator) -> _Measured:
    value = problem.inputs[name]
    rows = []
    for _ in range(_DIRECTIONS):
        direction = rng.standard_normal(value.shape)
        ahead, behind = (_value(problem, name, value + sign * _STEP * direction) for sign in (1, -1))
        numeric = (ahead - behind) / (2 * _STEP)
        along = [np.sum(np.asarray(of) * direction) for of in (gradient, value, np.sign(value))]
        rows.append([along[0], numeric, along[1], along[2]])
    return _Measured(*np.asarray(rows, dtype=float).T)


def _value(problem: Problem, name: str, value: Array) -> float:
    with fixed_generators():
        return float(problem.forward({**copies(problem.inputs), name: value}).outputs[0])


def _matches(name: str, problem: Problem, measured: Mapping[str, _Measured]) -> Iterator[_Match]:
    """The loss times each usual factor that explains gradients of weights."""
    ranks = [problem.inputs[one].ndim for one in measured]
    large = {one for one in measured if _may_be_penalised(problem.inputs[one], max(ranks))}
    for factor in _factors(problem):
        penalties = {one: _penalty(factor, slopes, one in large) for one, slopes in measured.items()}
        explained = tuple(one for one, penalty in penalties.items() if penalty is not None)
        weights = [one for one in explained if _is_weight(problem.inputs[one], max(ranks))]
        if weights:
            known = {one: penalty for one in explained if (penalty := penalties[one])}
            yield _Match(_weighted(problem, name, factor, known, explained), explained)


def _is_weight(value: Array, highest: int) -> bool:
    """Whether it is more than a bias, whose gradient says little of the loss."""
    return value.ndim >= min(2, highest) and value.size > 1


def _may_be_penalised(value: Array, highest: int) -> bool:
    """Whether what is more than the loss can be told from a slip: few numbers are soon in proportion."""
    return _is_weight(value, highest) and value.size >= _ENOUGH


def _factors(problem: Problem) -> list[float]:
    """One over the lengths of the data and of the weights, twice and half of that, of either sign."""
    lengths = {1, *(length for array in problem.inputs.values() for length in array.shape)}
    pairs = itertools.combinations_with_replacement(sorted(lengths), 2)
    plain = dict.fromkeys(1 / (a * b) for a, b in pairs)
    sized = sorted({times * one for one in plain for times in (1, 2, 0.5)}, reverse=True)
    sized.sort(key=lambda one: one not in plain)
    return [*sized, *(-one for one in sized)]


def _penalty(factor: float, slopes: _Measured, is_possible: bool) -> tuple[float, float] | None:
    """(0, 0) if a gradient is that of the loss; the strengths of a penalty of squares and of one of absolute
    values if it has one of them; else None."""
    left = slopes.analytic - factor * slopes.numeric
    scale = np.max(np.abs(slopes.analytic))
    if not np.all(np.isfinite(left)) or scale == 0:
        return None
    if np.max(np.abs(left)) <= _AGREES * scale:
        return 0.0, 0.0
    for place, own in enumerate((slopes.own, slopes.absolute) if is_possible else ()):
        strength = float(left @ own / (own @ own)) if np.any(own) else 0.0
        if strength and np.max(np.abs(left - strength * own)) <= _AGREES * scale:
            return (strength, 0.0) if place == 0 else (0.0, strength)
    return None


def _weighted(
    problem: Problem,
    name: str,
    factor: float,
    penalties: Mapping[str, tuple[float, float]],
    explained: Sequence[str],
) -> Problem:
    """The problem with the loss times a factor, and with penalties of parameters."""

    def around(problem: Problem) -> Problem:
        def forward(arrays: Mapping[str, Array]) -> Run:
            run = problem.forward(arrays)
            total = factor * run.outputs[0]
            for one, (square, absolute) in penalties.items():
                total = total + 0.5 * square * np.sum(arrays[one] ** 2)
                total = total + absolute * np.sum(np.abs(arrays[one])) if absolute else total
            return run._replace(outputs=(np.asarray(total),))

        source = problem.source
        if source is not None and source.remake is not None:
            remake = source.remake
            source = replace(source, remake=lambda f, b: around(remake(f, b)))
        return replace(problem, forward=forward, source=source)

    times = "" if factor == 1 else f" times {factor:.4g}"
    penalised = [one for one, strengths in penalties.items() if any(strengths)]
    more = f" and a penalty of {', '.join(penalised)}" if penalised else ""
    says = f"as the gradient of {', '.join(explained)} says"
    told = f"no loss is in the code: {name}{times}{more} is taken, {says}"
    return replace(around(problem), remarks=(*problem.remarks, told))


def _like(output: Any, truth: Any) -> Any:
    """The truth in the shape of the output: labels become one-hot, by rows or by columns.

    Raises ValueError for a target of another shape.
    """
    truth, output = np.asarray(truth), np.asarray(output)
    if truth.size == output.size:
        return truth.reshape(output.shape)
    if truth.dtype.kind in "iu" and output.ndim == 2 and truth.size in output.shape:
        flat, by_rows = truth.ravel(), truth.size == output.shape[0]
        classes = output.shape[1 if by_rows else 0]
        if flat.max() >= classes:
            raise IndexError(f"index {flat.max()} is out of bounds for axis 1 with size {classes}")
        one_hot = np.eye(classes)[flat]
        return one_hot if by_rows else one_hot.T
    raise _unlike(truth, output)


def _unlike(target: Array, output: Array) -> ValueError:
    return ValueError(f"a target needs the output's shape: shapes {_written(target)} {_written(output)}")


def _written(array: Array) -> str:
    return str(array.shape).replace(" ", "")


def _is_by_columns(wanted: Array) -> bool:
    """Whether each column is a distribution, and not each row."""
    return wanted.ndim == 2 and bool(
        np.allclose(wanted.sum(axis=0), 1) and not np.allclose(wanted.sum(axis=1), 1)
    )
