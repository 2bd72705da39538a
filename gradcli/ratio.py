"""A gradient that is the numeric one times a constant: a bug, or a convention of the code's author.

It is found from the numbers alone, so it needs no source: torch, an external program and a class are
all the same to it. It is said, never absorbed: the gradient still fails.
"""

import numpy as np

from gradcli.problem import Problem
from gradcli.result import FAIL, Gradient

_FEWEST = 3  # of two elements a constant ratio says too little


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
    return factor if factor != 0 and fits.all() else None


def remark(gradient: Gradient, problem: Problem) -> str:
    """One line that names the factor; empty where there is none."""
    factor = constant_ratio(gradient)
    if factor is None:
        return ""
    from gradcli.blame.diagnosis import name_factor  # only a failing check needs it

    lengths = {length for array in problem.inputs.values() for length in array.shape}
    named = name_factor(factor, sorted(n for n in lengths if n > 1)) or f"{factor:.6g}"
    return (
        f"{gradient.name}: backward gives {named} times the numeric gradient "
        f"in all {gradient.size} elements: a bug, or a convention of this code"
    )
