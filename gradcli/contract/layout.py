"""The memory layout of the cotangent does not matter."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray, blocks
from gradcli.contract.vjp import Vjp
from gradcli.errors import BrokenPromise
from gradcli.result import Violation

Cotangents = tuple[Array, ...]


def layout(
    vjp: Vjp,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    rounding: Mapping[str, FloatArray],
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
        for name, gradient in wanted.items():
            if not np.all(np.isfinite(gradients[name])):
                continue  # said elsewhere, and how it rounds is not known
            if name in found and _close(
                gradient, found[name], rounding[name], vjp.problem.precision_of(name, gradient)
            ):
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


def _close(expected: Array, found: Array, rounding: FloatArray, precision: np.dtype[Any]) -> bool:
    """Equal but for the order of summation, which follows the layout."""
    scale = max(
        float(np.max(np.abs(expected[b]), initial=0.0, where=np.isfinite(expected[b])))
        for b in blocks(expected.shape)
    )
    slack = 1024 * float(np.finfo(precision).eps) * scale
    return all(
        _close_here(expected[b], found[b], rounding[b], slack, precision) for b in blocks(expected.shape)
    )


def _close_here(
    expected: Array, found: Array, rounding: FloatArray, slack: float, precision: np.dtype[Any]
) -> bool:
    with np.errstate(invalid="ignore"):
        distance = np.abs(np.subtract(expected, found, dtype=np.float64))
    if np.all(distance <= slack):
        return True
    # What is not finite is found elsewhere, and float16 overflows for one cotangent and not for another.
    lost = ~np.isfinite(expected) | (~np.isfinite(found) & (precision == np.float16))
    return bool(np.all((distance <= 16 * rounding + slack) | lost))
