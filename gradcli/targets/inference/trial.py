"""Running a candidate: do forward and backward accept it?"""

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import numpy as np

from gradcli.arrays import Array
from gradcli.broadcasting import is_spread
from gradcli.clock import Clock
from gradcli.errors import BrokenPromise, Unmatched
from gradcli.problem import Problem, Run
from gradcli.subject import Subject, copies
from gradcli.targets.inference.patience import patience
from gradcli.targets.labels import LABEL
from gradcli.targets.own_faults import is_own_fault

REFUSED, FORWARD, BOTH, FITS = range(
    4
)  # what ran: nothing, forward, both, and the gradients have their shapes


NOT_FINITE = "forward is not finite there"
_PATIENCE = 5.0  # seconds for a try


@dataclass(frozen=True)
class Trial:
    """What came of a try."""

    level: int
    fitting: float = 0.0  # which part of the gradients has its input's shape
    misfits: int = 0  # how many have not
    reason: str = ""  # what was raised
    raised: type[BaseException] | None = None  # what kind of it, by forward
    hopeless: bool = False  # it was no refusal of an argument: others will not do either
    doubtful: bool = False  # a slope of what is not elementwise: a defect, or meant for a single number
    is_cost: bool = False  # a single number of several
    spread: bool = False  # a cost that broadcasts (m,) with (m, 1): a defect, or columns are meant
    samples: int = 0  # in the columns of biases' gradients, where all misfits are that: made for one sample
    sums: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # shapes of gradients summed over axes
    outgrown: bool = False  # the first argument's gradient is larger than it: it was spread over others
    indifferent: bool = False  # the two highest values of all indices give the same: both are out of range


def attempt(problem: Problem) -> Trial:
    """Run forward and backward once, on copies, and forward once more with the highest of all indices.

    Whatever the code raises is the trial's reason. Raises Unmatched for a backward that no guess could call.
    Cost: three forwards, one backward; a forward more where there are indices.
    """
    subject = Subject(problem, Clock(None))
    subject.reseed = True
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with patience(_PATIENCE):
                return _attempt(subject, problem)
        except TimeoutError as late:  # the code caught its own, or it was between two calls
            return Trial(REFUSED, reason=str(late))


def _attempt(subject: Subject, problem: Problem) -> Trial:
    try:
        run = subject.forward(copies(problem.inputs))
        indifferent = _is_indifferent(subject, problem)
        run = subject.forward(copies(problem.inputs))
    except BrokenPromise as broken:
        cause = broken.__cause__
        return Trial(
            REFUSED, reason=_told(broken), hopeless=is_own_fault(cause), raised=type(cause or broken)
        )
    if not all(np.all(np.isfinite(out)) for out in run.outputs):
        return Trial(REFUSED, reason=NOT_FINITE)
    if not any(out.size for out in run.outputs):
        return Trial(REFUSED, reason="forward returned nothing")
    rng = np.random.default_rng(0)
    cotangents = tuple(np.asarray(rng.uniform(0.5, 1.5, out.shape)).astype(out.dtype) for out in run.outputs)
    try:
        gradients = subject.backward(cotangents, run.saved)
        if _is_lone(problem) and run.outputs[0].size != 1:
            # A slope or a Jacobian is multiplied by the cotangent; what is not is the gradient of a number.
            twice = subject.backward(tuple(2 * cotangent for cotangent in cotangents), run.saved)
            if all(np.array_equal(twice[name], gradient) for name, gradient in gradients.items()):
                return Trial(FORWARD, reason="forward returned several numbers, and the gradient is of one")
    except Unmatched:
        raise
    except BrokenPromise as broken:
        return Trial(FORWARD, reason=_told(broken), hopeless=is_own_fault(broken.__cause__))
    names = problem.differentiable
    doubtful = _is_lone(problem) and (_is_doubtful(problem) or _is_slope_of_none(subject, problem, run))
    fitting = sum(_fits(gradients.get(name), problem.inputs[name]) for name in names)
    if fitting == len(names):
        is_number = run.outputs[0].size == 1 < max(problem.inputs[name].size for name in names)
        is_cost = is_number and not _is_doubtful(problem)
        spread = run.outputs[0].size == 1 and _is_lone(problem) and is_spread(subject, _labels(problem))
        return Trial(FITS, 1.0, doubtful=doubtful, is_cost=is_cost, spread=spread, indifferent=indifferent)
    reason = "the gradients have other shapes than the arguments"
    returned = {name: (gradients.get(name), problem.inputs[name]) for name in names}
    return Trial(
        BOTH,
        fitting / max(1, len(names)),
        len(names) - fitting,
        reason,
        samples=_samples(returned),
        outgrown=_is_larger(*returned[names[0]]),
        sums={name: g.shape for name, (g, array) in returned.items() if _is_sum(g, array)},
    )


def _told(broken: BrokenPromise) -> str:
    """What was raised, and on which line of the user's."""
    if broken.file is None or broken.line is None:
        return broken.message
    return f"{Path(broken.file).name}:{broken.line}: {broken.message}"


def _is_slope_of_none(subject: Subject, problem: Problem, run: Run) -> bool:
    """Whether the gradient goes element by element, and forward does not. Cost: one forward, one backward."""
    name, out = problem.differentiable[0], run.outputs[0]
    if out.shape != problem.inputs[name].shape or out.size < 2:
        return False
    first = np.zeros_like(out)
    first.flat[0] = 1.0
    moved = copies(problem.inputs)
    moved[name].flat[0] += 0.01
    try:
        gradient = np.asarray(subject.backward((first,), run.saved)[name])
        after = subject.forward(moved).outputs[0]
    except BrokenPromise:
        return False
    return (
        gradient.shape == after.shape == out.shape
        and not np.any(gradient.flat[1:])
        and not np.array_equal(out.flat[1:], after.flat[1:])
    )


def _is_lone(problem: Problem) -> bool:
    """Whether the code computes a gradient without a cotangent."""
    return problem.source is not None and problem.source.lone


def _labels(problem: Problem) -> list[Array]:
    values = {**problem.constants, **problem.inputs}
    return [v for name, v in values.items() if LABEL.fullmatch(name) and isinstance(v, np.ndarray)]


def _is_doubtful(problem: Problem) -> bool:
    """Whether several values were brought together, and the gradient is not that of the result."""
    return problem.source is not None and problem.source.doubtful


def _fits(gradient: object, array: Array) -> bool:
    if gradient is None:
        return False
    try:
        return np.asarray(gradient).shape == array.shape
    except Exception:  # any object may be returned
        return False


def _is_larger(gradient: object, array: Array) -> bool:
    return isinstance(gradient, np.ndarray) and gradient.size > array.size


def _is_sum(gradient: object, array: Array) -> TypeGuard[Array]:
    """Whether a gradient is that of something smaller, which was spread over as many numbers."""
    if not isinstance(gradient, np.ndarray) or not 0 < gradient.size < array.size or not gradient.ndim:
        return False
    behind = array.shape[array.ndim - gradient.ndim :] if gradient.ndim <= array.ndim else ()
    return len(behind) == gradient.ndim and all(
        n in (1, m) for n, m in zip(gradient.shape, behind, strict=True)
    )


def _samples(gradients: Mapping[str, tuple[object, Array]]) -> int:
    """How many columns the gradients have that misfit, where each is that of a single one; else 0."""
    misfits = [
        (np.shape(g), a.shape) for g, a in gradients.values() if isinstance(g, np.ndarray) and not _fits(g, a)
    ]
    counts = {shape[-1] for shape, own in misfits if len(shape) == 2 and own == (shape[0], 1)}
    alike = len(counts) == 1 and all(own == (*shape[:-1], 1) for shape, own in misfits)
    return counts.pop() if alike else 0


def _is_indifferent(subject: Subject, problem: Problem) -> bool:
    """Whether JAX reads the last element in the place of every index, and writes nowhere: all as high as the
    drawn ones go give the same as the next lower ones. NumPy and torch raise for one out of range.

    Raises BrokenPromise.
    """
    indices = [array for array in problem.inputs.values() if array.dtype.kind in "iu"]
    is_index = any(np.any(array > 0) and not _is_one_hot(array) for array in indices)
    if not is_index or "jax" not in sys.modules:
        return False
    highest = subject.forward(_with_indices(problem.inputs, 0)).outputs
    lower = subject.forward(_with_indices(problem.inputs, 1)).outputs
    return all(np.array_equal(high, low) for high, low in zip(highest, lower, strict=True))


def _is_one_hot(array: Array) -> bool:
    """Whether integers are classes in one-hot form, along the last axis or the first: they are no indices."""
    if not array.ndim or not array.size or array.min() < 0 or array.max() > 1:
        return False
    return any(bool(np.all(array.sum(axis=axis) == 1)) for axis in (-1, 0))


def _with_indices(inputs: dict[str, Array], below: int) -> dict[str, Array]:
    """The same point with every index so far below the highest."""
    moved = copies(inputs)
    for array in moved.values():
        if array.dtype.kind in "iu" and array.size and not _is_one_hot(array):
            array[...] = max(0, int(array.max()) - below)
    return moved
