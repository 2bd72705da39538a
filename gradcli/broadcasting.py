"""A forward that broadcasts by accident: `y - y_hat` of shapes (m,) and (m, 1) has shape (m, m).

The value is then a sum over all pairs, the gradient beside it that of the elements, and the two disagree
although every line of backward is right. NumPy is watched while forward runs once more; then forward runs
with the two operands taken element by element: if the gradient is right for that, the fault is in forward.
"""

import linecache
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.subject import Subject, copies

Shape = tuple[int, ...]

_DRAWS = 2
_STEP = 2.0**-13
_AGREES = 1e-5
_MAKE_AXES = ("None", "newaxis", "reshape", "expand_dims", "keepdims", "outer")
_OPERATORS = {
    "subtract": "-",
    "add": "+",
    "multiply": "*",
    "divide": "/",
    "true_divide": "/",  # as NumPy 1 calls it
    "power": "**",
    "maximum": "max",
    "minimum": "min",
}


@dataclass(frozen=True)
class Broadcast:
    """Two operands of equal size that NumPy spread over each other."""

    operator: str
    left: Shape
    right: Shape
    result: Shape
    file: str
    line: int

    is_accident: bool = False  # the gradient is right for the two taken element by element

    @property
    def is_written(self) -> bool:
        """Whether somebody seems to mean it: no axis is put in front, or the line makes one."""
        return len(self.left) == len(self.right) or self.makes_axes

    @property
    def makes_axes(self) -> bool:
        """Whether the line makes an axis."""
        return any(word in self.source for word in _MAKE_AXES)

    @property
    def source(self) -> str:
        """The line itself."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        told = f"forward broadcasts {self.left} {self.operator} {self.right} to {self.result}: "
        if self.is_accident:
            return (
                f"{told}f and its gradient disagree about that. Taken element by element, the gradient is "
                "right, so the fault is here; give the two the same shape"
            )
        return f"{told}f and its gradient disagree; unless that is meant, give the two the same shape"


def find(subject: Subject, cotangents: tuple[Array, ...], rng: np.random.Generator) -> Broadcast | None:
    """The first place where forward spreads two arrays over each other; for gradients that are wrong.

    Cost: one forward; where there is such a place, another nine and a backward.
    """
    watched = _Watch()
    if _run(subject, watched, subject.problem.inputs) is None or not watched.found:
        return None
    return replace(watched.found[0], is_accident=_is_right_by_element(subject, cotangents, rng))


def is_spread(subject: Subject, labels: Sequence[Array] = ()) -> bool:
    """Whether forward spreads two arrays over each other, or one of these over predictions of one column, and
    nobody seems to mean it. Cost: one forward."""
    watched = _Watch(labels=labels)
    _run(subject, watched, subject.problem.inputs)
    return any(not found.makes_axes for found in watched.found)


def _is_right_by_element(subject: Subject, cotangents: tuple[Array, ...], rng: np.random.Generator) -> bool:
    """Whether the gradient is that of forward with such operands taken element by element."""
    problem = subject.problem
    try:
        gradients = comparable(problem, subject.both(problem.inputs, cotangents).gradients)
    except BrokenPromise:
        return False
    if set(gradients) != set(problem.differentiable):
        return False
    for _ in range(_DRAWS):
        moves = {
            name: rng.choice([-1.0, 1.0], problem.inputs[name].shape) * rng.uniform(0.5, 1.5)
            for name in gradients
        }
        parts = [
            float(np.sum(gradients[name] * move)) / problem.declared.factor(name)
            for name, move in moves.items()
        ]
        slopes = [_slope(subject, cotangents, moves, step) for step in (_STEP, _STEP / 2)]
        if None in slopes:
            return False
        coarse, fine = (float(slope) for slope in slopes if slope is not None)
        found = (4 * fine - coarse) / 3
        if not abs(found - sum(parts)) <= _AGREES * max(abs(found), *map(abs, parts)):
            return False
    return True


def _slope(
    subject: Subject, cotangents: tuple[Array, ...], moves: Mapping[str, Array], step: float
) -> float | None:
    sides = []
    for sign in (1.0, -1.0):
        inputs = {
            name: array.astype(np.float64) + sign * step * moves[name] if name in moves else array
            for name, array in subject.problem.inputs.items()
        }
        outputs = _run(subject, _Watch(align=True), inputs)
        if outputs is None or [out.shape for out in outputs] != [c.shape for c in cotangents]:
            return None
        sides.append(outputs)
    pairs = zip(cotangents, *sides, strict=True)
    return sum(float(np.sum(c * (plus - minus))) for c, plus, minus in pairs) / (2 * step)


def _run(subject: Subject, watch: "_Watch", inputs: Mapping[str, Array]) -> tuple[Array, ...] | None:
    """Forward's outputs with its inputs watched; None where it does not take that."""
    try:
        run = subject.forward({name: watch.over(array) for name, array in copies(dict(inputs)).items()})
        return tuple(np.array(out, subok=False) for out in run.outputs)
    except BrokenPromise:
        return None


class _Watch:
    """Sees every elementwise operation of two arrays that one of the watched ones has to do with."""

    def __init__(self, *, align: bool = False, labels: Sequence[Array] = ()) -> None:
        self.found: list[Broadcast] = []
        self.labels = labels
        self.align = align  # take them element by element

    def over(self, array: Array) -> "_Watched":
        watched = array.view(_Watched)
        watched.watch = self
        return watched

    def operands(self, ufunc: np.ufunc, left: Array, right: Array) -> tuple[Array, Array]:
        """What the operation is applied to."""
        # Not matmul, which pairs axes otherwise, nor comparisons, which have no derivative.
        is_labels = ufunc is np.subtract and self._spreads_labels(left, right)
        if ufunc.__name__ not in _OPERATORS or not (is_labels or _spread(left.shape, right.shape)):
            return left, right
        file, line = _caller()
        operator = _OPERATORS[ufunc.__name__]
        result = np.broadcast_shapes(left.shape, right.shape)
        self.found.append(Broadcast(operator, left.shape, right.shape, result, file, line))
        if not self.align:
            return left, right
        if left.ndim >= right.ndim:
            return left, right.reshape(left.shape)
        return left.reshape(right.shape), right

    def _spreads_labels(self, left: Array, right: Array) -> bool:
        """Whether one of two arrays of different shapes is the labels, the other one a matrix at least."""
        if left.shape == right.shape or min(left.ndim, right.ndim) < 1 or max(left.ndim, right.ndim) < 2:
            return False
        return any(np.array_equal(side, label) for side in (left, right) for label in self.labels)


class _Watched(np.ndarray[Any, Any]):
    """An array that reports to a watch, as does whatever is computed from it."""

    watch: "_Watch | None" = None

    def __array_finalize__(self, source: Any) -> None:
        self.watch = getattr(source, "watch", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        watches = [one.watch for one in (*inputs, *keywords.get("out", ())) if isinstance(one, _Watched)]
        watch = next((watch for watch in watches if watch is not None), None)
        plain = [_plain(one) for one in inputs]
        if "out" in keywords:
            keywords["out"] = tuple(_plain(one) for one in keywords["out"])
        both = method == "__call__" and len(plain) == 2
        if watch is not None and both and all(isinstance(one, np.ndarray) for one in plain):
            plain = list(watch.operands(ufunc, *plain))
        result = getattr(ufunc, method)(*plain, **keywords)
        if watch is None or not isinstance(result, np.ndarray):
            return result
        return watch.over(result)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Watched) else value


def _spread(left: Shape, right: Shape) -> bool:
    """Whether both operands, of one size, are stretched to a result larger than either."""
    try:
        result = np.broadcast_shapes(left, right)
    except ValueError:
        return False  # NumPy will say so
    size = int(np.prod(left))
    return size == int(np.prod(right)) and int(np.prod(result)) > size


def _caller() -> tuple[str, int]:
    """The line of the user's code that the operation stands in."""
    frame = sys._getframe(1)
    while frame is not None and _is_of_the_machinery(frame.f_code.co_filename):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _is_of_the_machinery(file: str) -> bool:
    return file == __file__ or "site-packages" in file
