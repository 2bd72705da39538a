"""A gradient that is the numeric one times a constant: a bug, or a convention of the code's author.

It is found from the numbers alone, so it needs no source: torch, an external program and a class are
all the same to it. It is said, with what would declare it, and never absorbed: the gradient still fails.
"""

import re

import numpy as np

from gradcli.problem import Problem
from gradcli.result import FAIL, Gradient

_FEWEST = 3  # of two elements a constant ratio says too little
_EXACT = 1e-6


def constant_ratio(gradient: Gradient) -> float | None:
    """The factor between analytic and numeric if it is one, not 0, in every element; else None.

    Elements that cannot be told from 0 say nothing of a factor, but must not contradict it.
    """
    numeric, allowed = gradient.numeric.ravel(), gradient.allowed.ravel()
    analytic = np.asarray(gradient.analytic, dtype=np.float64).ravel()
    finite = np.isfinite(analytic) & np.isfinite(numeric) & np.isfinite(allowed)
    if gradient.verdict != FAIL or analytic.size != numeric.size or not finite.all():
        return None  # an element that was not compared holds NaN
    if np.count_nonzero(np.abs(numeric) > 10 * allowed) < _FEWEST:
        return None
    factor = float(analytic @ numeric / (numeric @ numeric))
    # `allowed` belongs to numbers of the numeric gradient's size or of the analytic one's.
    fits = np.abs(analytic - factor * numeric) <= max(1.0, abs(factor)) * allowed
    is_zero = np.all(np.abs(analytic) <= allowed)  # to within rounding, of which a factor says nothing
    return factor if fits.all() and not is_zero else None


def remark(gradient: Gradient, problem: Problem) -> str:
    """One line that names the factor, and how to declare it; empty where there is none."""
    factor = constant_ratio(gradient)
    if factor is None:
        return _estimator(gradient)
    named = _named(factor, problem)
    return (
        f"{gradient.name}: backward gives {named} times the numeric gradient "
        f"in all {gradient.size} elements: {_advice(gradient.name, factor, problem)}"
    )


def is_flat(gradient: Gradient) -> bool:
    """Whether backward has a gradient where forward does not change: a rounding, a sign or a step."""
    analytic = np.abs(np.asarray(gradient.analytic, dtype=np.float64)).ravel()
    allowed, numeric = gradient.allowed.ravel(), np.abs(gradient.numeric).ravel()
    is_still = gradient.verdict == FAIL and analytic.size == numeric.size and bool(np.all(numeric <= allowed))
    return is_still and bool(np.count_nonzero(analytic > 10 * allowed) >= min(_FEWEST, analytic.size))


def _estimator(gradient: Gradient) -> str:
    """What backward puts in the place of no slope is on purpose, mostly."""
    if not is_flat(gradient):
        return ""
    return (
        f"{gradient.name}: forward does not change with it, backward has a gradient: a bug, or an estimator "
        f"to declare: surrogate: {{reason: straight-through estimator, gradients: [{gradient.name}]}}"
    )


def _advice(name: str, factor: float, problem: Problem) -> str:
    declared = problem.declared.factor(name)
    whole = factor * declared  # what is declared already is in the numeric gradient
    if declared != 1.0 and abs(whole - 1) < _EXACT:
        return "what is declared of it does not hold; remove the declaration"
    if abs(whole + 1) < _EXACT:
        return f"a bug, or a convention to declare: sign: {{{name}: -1}}"
    value = re.sub(r"√(\d+)", r"sqrt(\1)", _named(whole, problem, digits=12))
    alone = " and nothing else" if declared != 1.0 else ""
    return f"a bug, or a convention to declare: scale: {{{name}: {value}}}{alone}{_length(whole, problem)}"


def _length(factor: float, problem: Problem) -> str:
    """`1/4` is that at this point only, if 4 is a length: the batch, most often."""
    for name, array in problem.inputs.items():
        for axis, length in enumerate(array.shape):
            if length > 1 and abs(factor * length - 1) < _EXACT:
                return f" (if {length} is a length, 1/{name}.shape[{axis}])"
    return ""


def _named(factor: float, problem: Problem, *, digits: int = 6) -> str:
    """`1/4` where a length is 4, else the number."""
    from gradcli.blame.factors import name_factor  # only a failing check needs it

    lengths = {length for array in problem.inputs.values() for length in array.shape}
    return name_factor(factor, sorted(n for n in lengths if n > 1)) or f"{factor:.{digits}g}"
