"""The memory layout of the cotangent does not matter."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gradcli.arrays import Array, FloatArray, blocks, largest
from gradcli.contract.vjp import Vjp
from gradcli.errors import BrokenPromise
from gradcli.problem import Problem
from gradcli.result import Violation

Cotangents = tuple[Array, ...]


def layout(
    vjp: Vjp,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    rounding: Callable[[str], FloatArray],
    violations: list[Violation],
) -> None:
    """GC110: the memory layout of the cotangent must not matter. Cost: at most 4 backwards, and forwards
    where one cache does not serve."""
    if any(v.code == "GC107" and "cotangent" in v.message for v in violations):
        return
    if all(c.ndim == 0 or c.size < 2 for c in cotangents):
        return
    for what, given, plain in variants(cotangents):
        wanted = gradients if plain is cotangents else vjp(plain)
        try:
            found = vjp(given, copy=False)
        except BrokenPromise as broken:
            message = f"backward fails for a {what} cotangent: {broken.message}"
            violations.append(Violation("GC110", message, None, broken.file, broken.line))
            return
        if all(name in found and _close(vjp.problem, name, wanted, found) for name in wanted):
            del found  # before the next: it takes as much memory as the inputs
            continue
        found = {name: gradient.copy() for name, gradient in found.items()}  # rounding may run the code
        for name in wanted:
            if not np.all(np.isfinite(gradients[name])):
                continue  # said elsewhere, and how it rounds is not known
            if name in found and _close(vjp.problem, name, wanted, found, rounding(name)):
                continue
            message = f"the gradient of {name} is wrong for a {what} cotangent: backward assumes a layout"
            violations.append(Violation("GC110", message, name))
            return


def variants(cotangents: Cotangents) -> Iterator[tuple[str, Cotangents, Cotangents]]:
    """A layout, cotangents that have it, and the same ones as plain arrays; one after the other, for each
    takes as much memory as the outputs."""
    yield "non-contiguous", _strided(cotangents), cotangents
    if any(c.ndim > 1 for c in cotangents):
        yield "Fortran-ordered", tuple(np.array(c, order="F") for c in cotangents), cotangents
    firsts = [c.flat[0] if c.size else c.dtype.type(0) for c in cotangents]
    flat = tuple(np.broadcast_to(first, c.shape) for c, first in zip(cotangents, firsts, strict=True))
    yield "broadcast", flat, tuple(np.array(c) for c in flat)


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


def _close(
    problem: Problem,
    name: str,
    wanted: Mapping[str, Array],
    found: Mapping[str, Array],
    rounding: FloatArray | None = None,
) -> bool:
    """Equal but for the order of summation, which follows the layout; `rounding` may be what is needed beside
    the last digits."""
    expected, precision = wanted[name], problem.precision_of(name, wanted[name])
    slack: float | None = None
    for block in blocks(expected.shape):
        equal = np.asarray(expected[block] == found[name][block])
        if np.count_nonzero(equal) == equal.size:
            continue
        if slack is None:
            slack = 1024 * float(np.finfo(precision).eps) * largest(expected)
        with np.errstate(invalid="ignore"):
            distance = np.abs(np.subtract(expected[block], found[name][block], dtype=np.float64))
        width = slack if rounding is None else 16 * rounding[block] + slack
        # What is not finite is found elsewhere, and float16 overflows for one cotangent and not for another.
        lost = ~np.isfinite(expected[block])
        lost |= ~np.isfinite(found[name][block]) & (precision == np.float16)
        if not np.all((distance <= width) | lost):
            return False
    return True
