"""The memory layout of the cotangent does not matter."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.contract.equality import comparable
from gradcli.errors import BrokenPromise
from gradcli.result import Violation
from gradcli.subject import Subject, copies

Cotangents = tuple[Array, ...]


def layout(
    subject: Subject,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    rounding: Mapping[str, FloatArray],
    violations: list[Violation],
) -> None:
    """GC110: the memory layout of the cotangent must not matter. Cost: at most 4 forwards and backwards."""
    if any(v.code == "GC107" and "cotangent" in v.message for v in violations):
        return
    if all(c.ndim == 0 or c.size < 2 for c in cotangents):
        return
    constant = tuple(np.full(c.shape, c.flat[0] if c.size else 0, c.dtype) for c in cotangents)
    flat = tuple(np.broadcast_to(c.flat[0] if c.size else c.dtype.type(0), c.shape) for c in cotangents)
    expected = None
    variants = [("non-contiguous", _strided(cotangents), gradients)]
    if any(c.ndim > 1 for c in cotangents):
        variants.append(("Fortran-ordered", tuple(np.asfortranarray(c) for c in cotangents), gradients))
    expected = comparable(subject.problem, subject.both(subject.problem.inputs, constant).gradients)
    variants.append(("broadcast", flat, expected))
    for what, given, wanted in variants:
        try:
            run = subject.forward(copies(subject.problem.inputs))
            found = comparable(subject.problem, subject.backward(given, run.saved))
        except BrokenPromise as broken:
            message = f"backward fails for a {what} cotangent: {broken.message}"
            violations.append(Violation("GC110", message, None, broken.file, broken.line))
            return
        for name, gradient in wanted.items():
            if name in found and _close(
                gradient, found[name], rounding[name], subject.problem.precision_of(name, gradient)
            ):
                continue
            message = f"the gradient of {name} is wrong for a {what} cotangent: backward assumes a layout"
            violations.append(Violation("GC110", message, name))
            return


def _strided(cotangents: Cotangents) -> Cotangents:
    """The same values in every other place of a larger array."""
    strided = []
    for cotangent in cotangents:
        if cotangent.ndim == 0:
            strided.append(cotangent.copy())
            continue
        wide = np.full((*cotangent.shape[:-1], 2 * cotangent.shape[-1]), 7, dtype=cotangent.dtype)
        wide[..., ::2] = cotangent
        strided.append(wide[..., ::2])
    return tuple(strided)


def _close(expected: Array, found: Array, rounding: FloatArray, precision: np.dtype[Any]) -> bool:
    """Equal but for the order of summation, which follows the layout."""
    scale = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
    slack = 16 * rounding + 1024 * float(np.finfo(precision).eps) * scale
    with np.errstate(invalid="ignore"):
        distance = np.abs(expected.astype(np.float64) - found)
    # What is not finite is found elsewhere, and float16 overflows for one cotangent and not for another.
    lost = ~np.isfinite(expected) | (~np.isfinite(found) & (precision == np.float16))
    return bool(np.all((distance <= slack) | lost))
