"""A vector-Jacobian product is linear in the cotangent."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray, blocks, largest
from gradcli.contract.vjp import Vjp
from gradcli.numeric import jitter_key, jittered
from gradcli.result import Violation

Cotangents = tuple[Array, ...]

# Multiplying by these is exact in binary floating point, so a linear function follows to the last bit. They
# reach far: what bends where a cotangent is about 1e-5 or 1e5 was not meant to be seen. But for the order of
# sums: a tape that walks a set of its values adds up in another order each time.
_FACTORS = (0.0, -1.0, 2.0**20, 2.0**-20)
# float16 has next to no room between overflow and lost digits: there, only what cannot round is tested.
_FACTORS_FLOAT16 = (0.0, -1.0)

_CANCELLED = 2.0**-20  # of the cotangent: what is smaller has lost its first digits ...
_FINEST = 2.0**-12  # ... and what it has left are multiples of this, in units of the cotangent's last digit
# Sums that are off by less than this part of the gradient come from digits dropped inside (GC104).
_DIGITS = 1e-5
_GRAIN = 2.0**-32
_WALK = 8  # steps of a last digit each


def linearity(
    vjp: Vjp,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    rounding: Callable[[str], FloatArray],
    floor: Mapping[str, float],
    violations: list[Violation],
) -> dict[str, FloatArray]:
    """GC109: scaling and adding cotangents scales and adds gradients.

    `rounding` is asked for the gradients of which sums are off by more than the last digits.
    Factors that are powers of two must scale bit for bit, but for sums in another order; sums must add up to
    within `rounding`, and to `floor` where terms cancel to nothing. Returns how far sums were off, element by
    element, where that shows that backward computes in a lower precision (GC104): so much its numbers are
    uncertain.
    Cost: 6 backwards, and a forward or 6; 9 more where a sum is off.
    """
    blamed = _scaling(vjp, cotangents, gradients, violations)
    problem = vjp.problem
    other = tuple(map(_other, cotangents))
    total = tuple(a + b for a, b in zip(cotangents, other, strict=True))
    pair = vjp.each([other, total])
    second = {name: gradient.copy() for name, gradient in next(pair).items()}
    summed = next(pair)
    size = max((largest(c) for c in total), default=0.0)
    del other, total, pair
    off = {
        name: _off(gradient, second.pop(name), summed[name])
        for name, gradient in gradients.items()
        if name not in blamed and name in second and name in summed
    }
    del summed  # it may be the code's own memory, and what comes next may run the code
    coarse: dict[str, FloatArray] = {}
    for name, (residual, scale) in off.items():
        gradient = gradients[name]
        worst = float(np.max(residual, initial=0.0))
        precision = float(np.finfo(problem.precision_of(name, gradient)).eps)
        explained = 64 * precision * scale + 16 * floor[name]
        if _is_left(gradient, scale, size, precision):
            explained += 16 * precision * size
        unexplained = -np.inf
        if worst > explained:  # what rounding explains beside that is a matter of single elements
            unexplained = float(np.max(residual - 16 * rounding(name), initial=-np.inf)) - explained
        if unexplained > _DIGITS * scale:
            if np.all(residual <= explained + 16 * (rounding(name) + _last_digits(vjp, cotangents, name))):
                continue
            violations.append(Violation("GC109", _not_additive(name, worst), name))
        elif (
            problem.precision_of(name, gradient) == np.float64
            and unexplained > _GRAIN * (scale + floor[name] / precision)
        ):  # fmt: skip
            coarse[name] = residual
            violations.append(Violation("GC104", _drops_digits(name, worst), name))
    return coarse


def _last_digits(vjp: Vjp, cotangents: Cotangents, name: str) -> FloatArray:
    """How far each element of a gradient moves by the last digits of the cotangent: where terms of it cancel,
    and what is left is multiplied, that is what sums are off by, and no jitter of inputs shows it.

    Code that is not linear follows a cotangent by as little as it is moved, and is not excused. No less than
    on average: some stay as they are by luck. Cost: 9 backwards.
    """
    total = tuple(c + _other(c) for c in cotangents)
    rng = np.random.default_rng(0)
    here = vjp(total)[name].astype(np.float64)
    width = np.zeros(here.shape)
    for found in vjp.each(_beside(total, rng)):
        off = np.abs(found.get(name, here).astype(np.float64) - here)
        np.maximum(width, np.where(np.isfinite(off), off, 0.0), out=width)
    return width + float(np.mean(width))


def _beside(cotangents: Cotangents, rng: np.random.Generator) -> Iterator[Cotangents]:
    """Cotangents that walk away by one digit at a time: from one to the next, sums may round alike. What is
    tied stays tied."""
    for _ in range(_WALK):
        key = jitter_key(rng)
        cotangents = tuple(jittered(c, key) for c in cotangents)
        yield cotangents


def _other(cotangent: Array) -> Array:
    """A second cotangent, of the same numbers in another order."""
    return np.array(cotangent[..., ::-1] if cotangent.ndim else cotangent * cotangent.dtype.type(0.625))


def _is_left(gradient: Array, scale: float, size: float, precision: float) -> bool:
    """Whether a gradient is what is left where terms as large as the cotangent cancel: its last digits.

    Of those it has whole multiples, however small it is, and more digits than float32 would leave it.
    """
    if scale <= 64 * precision * size:
        return True
    if gradient.dtype != np.float64 or not scale <= _CANCELLED * size < np.inf:
        return False
    finest = _FINEST * precision * 2.0 ** np.floor(np.log2(size))
    return not np.fmod(gradient, finest).any() and bool(np.any(gradient != gradient.astype(np.float32)))


def _off(first: Array, second: Array, summed: Array) -> tuple[FloatArray, float]:
    """How far a sum is off, element by element, and the size of its terms; may be written over `second`.

    What is not finite is found elsewhere, and must not spread to the other elements.
    """
    residual = second if second.dtype == np.float64 else np.empty(second.shape)
    scale = 0.0
    for block in blocks(residual.shape):
        size = np.abs(first[block], dtype=np.float64)
        size += np.abs(second[block])
        scale = max(scale, largest(size))
        off = np.asarray(np.add(first[block], second[block], dtype=np.float64))
        off -= summed[block]
        np.abs(off, out=off)
        if not off.max(initial=0.0) < np.inf:
            np.copyto(off, 0.0, where=~np.isfinite(off))
        residual[block] = off
    return residual, scale


def _scaling(
    vjp: Vjp, cotangents: Cotangents, gradients: Mapping[str, Array], violations: list[Violation]
) -> set[str]:
    """Test the factors; returns the names whose gradients do not scale."""
    blamed: set[str] = set()
    precision = {name: vjp.problem.precision_of(name, gradient) for name, gradient in gradients.items()}
    narrow = np.float16 in (*precision.values(), *(c.dtype for c in cotangents))
    factors = [f for f in (_FACTORS_FLOAT16 if narrow else _FACTORS) if _is_finite(_times(f, cotangents))]
    scaled = (_times(factor, cotangents) for factor in factors)
    for factor, found in zip(factors, vjp.each(scaled), strict=True):
        for name, gradient in gradients.items():
            if name in blamed or _scales(gradient, found.get(name), factor, precision[name]):
                continue
            blamed.add(name)
            violations.append(Violation("GC109", _not_scaled(name, gradient, found.get(name), factor), name))
        del found  # before the next: it takes as much memory as the inputs
    return blamed


def _times(factor: float, cotangents: Cotangents) -> Cotangents:
    return tuple(np.asarray(c * c.dtype.type(factor)) for c in cotangents)


def _is_finite(cotangents: Cotangents) -> bool:
    return all(bool(np.all(np.isfinite(c))) for c in cotangents)


def _scales(gradient: Array, found: Array | None, factor: float, precision: np.dtype[Any]) -> bool:
    if found is None:
        return False
    return all(_scales_in(block, gradient, found, factor, precision) for block in blocks(gradient.shape))


def _scales_in(block: Any, gradient: Array, found: Array, factor: float, precision: np.dtype[Any]) -> bool:
    """Whether a part of a gradient scales."""
    expected = np.asarray(gradient[block] * gradient.dtype.type(factor))
    exact = np.asarray(found[block] == expected)
    if np.count_nonzero(exact) == exact.size:
        return True
    exact |= ~np.isfinite(expected)
    if np.all(exact) or precision == np.float16:
        return bool(np.all(exact))
    # Near the smallest normal number a product rounds; far above, nothing does but sums in another order.
    limits = np.finfo(precision)
    tiny = 0.0 if factor == 0.0 else float(limits.tiny) * 2.0**20 * max(1.0, abs(factor))
    reordered = 64 * float(limits.eps) * largest(gradient) * abs(factor)
    return bool(np.all(exact | (np.abs(found[block] - expected) <= max(tiny, reordered))))


def _not_scaled(name: str, gradient: Array, found: Array | None, factor: float) -> str:
    if found is not None and np.array_equal(found, gradient):
        return f"the gradient of {name} ignores the cotangent: times {_in_words(factor)}, it stays the same"
    if factor == 0.0:
        return f"the gradient of {name} is not zero for a zero cotangent: it is not linear in the cotangent"
    times = f"times {_in_words(factor)}, it does not scale"
    message = f"the gradient of {name} is not linear in the cotangent: {times}"
    if found is None:
        return message
    expected = factor * gradient.astype(np.float64)
    bound = largest(np.abs(found))
    is_clipped = bound > 0 and np.array_equal(found, np.clip(expected, -bound, bound))
    if is_clipped and np.count_nonzero(np.abs(found) == bound) > 1:
        return f"the gradient of {name} is clipped to {bound:g}: {times}; within that it is as it was"
    return f"{message} (off by {largest(np.abs(found - expected)):.1e})"


def _in_words(factor: float) -> str:
    power = round(np.log2(abs(factor))) if factor else 0
    return f"2^{power}" if abs(power) > 1 else f"{factor:g}"


def _not_additive(name: str, worst: float) -> str:
    return (
        f"the gradient of {name} is not additive in the cotangent: "
        f"backward(a) + backward(b) differs from backward(a + b) by {worst:.1e}"
    )


def _drops_digits(name: str, worst: float) -> str:
    return (
        f"backward drops digits on the way to the gradient of {name} (a cast to float32 inside?): "
        f"backward(a) + backward(b) differs from backward(a + b) by {worst:.1e}"
    )
