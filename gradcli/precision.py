"""Gradients of float32 and float16: the formula is judged in float64, the numbers at their own precision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray, largest
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.result import FAIL, Gradient
from gradcli.subject import Subject
from gradcli.verdict import Comparison

# float64 and the lower precision compute the same thing if they agree so well.
_SAME = 0.05


@dataclass(frozen=True, eq=False)
class Wide:
    """The same code at the same point, computing in float64."""

    subject: Subject
    cotangents: tuple[Array, ...]
    gradients: dict[str, Array]
    # Gradients that the lower precision could hold, or that are hardly alike in both: where they look wrong,
    # it is for those of the lower precision to say.
    unsure: frozenset[str]


def widen(
    subject: Subject,
    cotangents: tuple[Array, ...],
    gradients: Mapping[str, Array],
    rounding: Mapping[str, FloatArray],
    floor: Mapping[str, float],
    beside_one: Mapping[str, float],
) -> Wide | None:
    """Run backward in float64.

    `beside_one`: what rounding may leave of a gradient that is computed from numbers about one.
    None where that has nothing to add: backward does not carry the dtype through, or computes something else
    in float64. Cost: one forward and one backward.
    """
    wide = subject.widened()
    given = tuple(c.astype(np.float64) for c in cotangents)
    try:
        found = comparable(wide.problem, wide.both(wide.problem.inputs, given).gradients)
    except BrokenPromise:
        return None
    unsure = set()
    for name, gradient in gradients.items():
        if name not in found or found[name].dtype != np.float64:
            return None
        distance = np.abs(found[name] - gradient.astype(np.float64))
        scale = float(np.max(np.abs(found[name]), initial=0.0))
        same = _SAME * scale + 16 * rounding[name] + 16 * floor[name]
        if not np.all(distance <= same + 16 * beside_one[name]):
            return None
        if not np.all(distance <= same):
            unsure.add(name)
    if not gradients:
        return None
    inputs = subject.problem.inputs
    narrow_enough = (n for n in gradients if np.array_equal(found[n], found[n].astype(inputs[n].dtype)))
    unsure.update(narrow_enough)
    return Wide(wide, given, {name: found[name] for name in gradients}, frozenset(unsure))


def narrow(
    gradient: Gradient, analytic: Array, rounding: FloatArray, tol: float, dtype: np.dtype[Any]
) -> Gradient:
    """The verdict on numbers of a lower precision, once the formula has been judged in float64.

    A formula that is wrong stays wrong. One that is right must also come out right here, to within rounding
    measured at this precision.
    """
    precision = float(np.finfo(dtype).eps)
    scale = largest(gradient.numeric)
    doubt = np.where(np.isnan(gradient.numeric), np.nan, gradient.uncertainty + rounding + precision * scale)
    comparison = Comparison(analytic, gradient.numeric, doubt, tol)
    own = replace(gradient, analytic=analytic, uncertainty=doubt)
    compared = ~np.isnan(gradient.numeric)
    off = compared & ~comparison.agrees
    if gradient.verdict == FAIL or not compared.any():
        return own
    urgency = np.where(compared, comparison.urgency, -1.0)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(urgency)), urgency.shape))
    return replace(
        own,
        verdict=FAIL if off.any() else gradient.verdict,
        worst_index=worst,
        relative_error=float(comparison.relative_error[worst]),
        failing=off if off.any() else None,
        note=f"right in float64, wrong in {dtype}" if off.any() else gradient.note,
    )
