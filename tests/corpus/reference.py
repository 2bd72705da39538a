"""The truth: gradients in extended precision, and from them which planted bug can be seen where.

The reference gradient is the undamaged backward run in 80-bit arithmetic on the very same inputs. That it is
the gradient of forward is not taken on trust: `disagreement` compares it with differences of 8th order of the
80-bit forward. A bug is *visible* at a point if its gradient is off by more than rounding can explain there;
this is computed, never listed by hand.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.corpus.case import Bug, Inputs, Layer, build

LONG = np.longdouble
HAS_EXTENDED = bool(np.finfo(LONG).nmant >= 63)

Grads = dict[str, Any]


# --- NumPy in extended precision ----------------------------------------------------------------------------


def _eliminate(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Any]:
    """Solve a x = b by elimination with pivots; also the determinant."""
    a, b = np.array(a, LONG), np.array(b, LONG)
    n, det = len(a), LONG(1)
    for k in range(n):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        if p != k:
            a[[k, p]], b[[k, p]], det = a[[p, k]], b[[p, k]], -det
        det = det * a[k, k]
        b[k], a[k] = b[k] / a[k, k], a[k] / a[k, k]
        for i in range(n):
            if i != k:
                b[i], a[i] = b[i] - a[i, k] * b[k], a[i] - a[i, k] * a[k]
    return b, det


def _solve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _eliminate(a, b)[0]


def _inv(a: np.ndarray) -> np.ndarray:
    return _eliminate(a, np.eye(len(a)))[0]


def _det(a: np.ndarray) -> Any:
    return _eliminate(a, np.eye(len(a)))[1]


def _slogdet(a: np.ndarray) -> tuple[Any, Any]:
    det = _det(a)
    return np.sign(det), np.log(np.abs(det))


def _cholesky(a: np.ndarray) -> np.ndarray:
    n = len(a)
    lower = np.zeros((n, n), LONG)
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j] - (lower[i, :j] * lower[j, :j]).sum()
            lower[i, j] = np.sqrt(rest) if i == j else rest / lower[j, j]
    return lower


class _Extended(types.ModuleType):
    """numpy, with 80-bit numbers as the default type and linear algebra that keeps them."""

    linalg = types.SimpleNamespace(
        inv=_inv, solve=_solve, det=_det, slogdet=_slogdet, cholesky=_cholesky, norm=np.linalg.norm
    )
    float64 = LONG

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def zeros(shape: Any, dtype: Any = LONG, **more: Any) -> np.ndarray:
        return np.zeros(shape, dtype, **more)

    @staticmethod
    def ones(shape: Any, dtype: Any = LONG, **more: Any) -> np.ndarray:
        return np.ones(shape, dtype, **more)

    @staticmethod
    def empty(shape: Any, dtype: Any = LONG, **more: Any) -> np.ndarray:
        return np.empty(shape, dtype, **more)

    @staticmethod
    def full(shape: Any, value: Any, dtype: Any = LONG, **more: Any) -> np.ndarray:
        return np.full(shape, value, dtype, **more)


EXTENDED = _Extended("numpy")


# --- running a pair -----------------------------------------------------------------------------------------


@contextmanager
def quiet() -> Iterator[None]:
    """Damaged code overflows and divides by zero; that is not this module's news."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def outputs_and_saved(returned: Any) -> tuple[tuple[np.ndarray, ...], Any]:
    out, saved = returned
    return tuple(np.asarray(o) for o in (out if isinstance(out, tuple) else (out,))), saved


def call_forward(forward: Any, inputs: Inputs, constants: dict[str, Any]) -> tuple[Any, Any]:
    with quiet():
        return outputs_and_saved(forward(*inputs.values(), **constants))


def named(returned: Any, inputs: Inputs) -> Grads:
    """Gradients by input name, from a tuple, a dict or a lone array."""
    floating = [k for k, v in inputs.items() if v.dtype.kind == "f"]
    if isinstance(returned, dict):
        return dict(returned)
    if not isinstance(returned, tuple):
        returned = (returned,)
    if len(returned) == len(inputs) and len(inputs) != len(floating):
        return {k: g for k, g in zip(inputs, returned, strict=True) if k in floating}
    return dict(zip(floating, returned, strict=True))


def gradients(
    pair: Any, inputs: Inputs, constants: dict[str, Any], cotangents: tuple[np.ndarray, ...]
) -> Grads:
    with quiet():
        returned = pair.forward(*inputs.values(), **constants)
        multiple = isinstance(returned[0], tuple)
        dout: Any = cotangents if multiple else cotangents[0]
        return named(pair.backward(dout, returned[1]), inputs)


def extended(inputs: Inputs) -> Inputs:
    return {k: v.astype(LONG) if v.dtype.kind == "f" else v for k, v in inputs.items()}


def draw_cotangents(layer: Layer, inputs: Inputs, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng([seed, 77])
    outputs, _ = call_forward(build(layer).forward, inputs, layer.constants)
    return tuple(np.asarray(rng.standard_normal(o.shape), dtype=o.dtype) for o in outputs)


def truth(layer: Layer, inputs: Inputs, cotangents: tuple[np.ndarray, ...]) -> Grads:
    """The gradient at exactly these inputs, to about 18 digits where the layer is well conditioned."""
    pair = build(layer, numpy=EXTENDED)
    long = tuple(np.asarray(c, dtype=LONG) for c in cotangents)
    return {k: np.asarray(g) for k, g in gradients(pair, extended(inputs), layer.constants, long).items()}


def _ulp_neighbour(inputs: Inputs, rng: np.random.Generator) -> Inputs:
    moved = {}
    for name, array in inputs.items():
        if array.dtype.kind != "f":
            moved[name] = array
            continue
        direction = rng.integers(-1, 2, array.shape)
        moved[name] = np.asarray(
            np.where(
                direction == 0,
                array,
                np.nextafter(array, np.where(direction > 0, np.inf, -np.inf).astype(array.dtype)),
            )
        ).astype(array.dtype)
    return moved


# --- is the reference right? --------------------------------------------------------------------------------

# Central difference of 8th order: f'(x) h = sum c_k (f(x + k h) - f(x - k h)).
STENCIL = ((1, LONG(4) / 5), (2, LONG(-1) / 5), (3, LONG(4) / 105), (4, LONG(-1) / 280))


def _differences(layer: Layer, inputs: Inputs, cotangents: tuple[np.ndarray, ...]) -> Any:
    """Weighted by the cotangent, not yet summed: one number for each element of the outputs."""
    forward = build(layer, numpy=EXTENDED).forward

    def difference(plus: Inputs, minus: Inputs) -> Any:
        a, _ = call_forward(forward, plus, layer.constants)
        b, _ = call_forward(forward, minus, layer.constants)
        return np.concatenate([((x - y) * c).ravel() for x, y, c in zip(a, b, cotangents, strict=True)])

    return difference


def _contracted(layer: Layer, inputs: Inputs, cotangents: tuple[np.ndarray, ...]) -> Any:
    difference = _differences(layer, inputs, cotangents)
    return lambda plus, minus: difference(plus, minus).sum()


def _spread(array: np.ndarray) -> Any:
    wide = float(np.std(array.astype(np.float64))) if array.size > 1 else 0.0
    return LONG(wide or float(np.max(np.abs(array), initial=0.0)) or 1.0)


def disagreement(layer: Layer, inputs: Inputs, cotangents: tuple[np.ndarray, ...]) -> dict[str, float]:
    """Largest relative difference between the reference and 8th-order differences, by input.

    What the rounding of 80-bit differences explains is subtracted: a gradient may be exactly zero.
    """
    exact = truth(layer, inputs, cotangents)
    base = extended(inputs)
    difference = _contracted(layer, inputs, cotangents)
    out, _ = call_forward(build(layer, numpy=EXTENDED).forward, base, layer.constants)
    noise = 100 * np.finfo(LONG).eps * sum(np.abs(o * c).sum() for o, c in zip(out, cotangents, strict=True))
    worst = {}
    for name, gradient in exact.items():
        scale = np.max(np.abs(gradient), initial=0) or LONG(1)
        best = np.full(gradient.shape, LONG(np.inf))
        spread = _spread(base[name])
        for index in np.ndindex(gradient.shape):
            # Long steps for what is smooth, short ones for what bends beside the point.
            own = min(spread, abs(base[name][index]) or spread)
            for h in (
                spread * LONG(3e-2),
                own * LONG(1e-2),
                own * LONG(1e-3),
                own * LONG(1e-4),
                spread * LONG(1e-9),
            ):
                if best[index] < 1e-10:
                    break
                total = LONG(0)
                for k, weight in STENCIL:
                    plus, minus = base[name].copy(), base[name].copy()
                    plus[index] += k * h
                    minus[index] -= k * h
                    total += weight * difference(base | {name: plus}, base | {name: minus})
                off = max(abs(total / h - gradient[index]) - noise / h, LONG(0))
                best[index] = min(best[index], off / scale)
        worst[name] = float(np.max(best, initial=0))
    return worst


def subgradients(
    layer: Layer, inputs: Inputs, cotangents: tuple[np.ndarray, ...], name: str
) -> tuple[Any, Any]:
    """Smallest and largest value that an element may have at a kink, to about nine digits.

    Between the one-sided slopes of each output element, and these added up: where an element takes part in
    several maxima, a backward may send it the gradient of one tie and not of the other.
    """
    base = extended(inputs)
    difference = _differences(layer, inputs, cotangents)
    h = _spread(base[name]) * LONG(1e-10)
    low, high = np.empty(base[name].shape, LONG), np.empty(base[name].shape, LONG)
    for index in np.ndindex(base[name].shape):
        plus, minus = base[name].copy(), base[name].copy()
        plus[index] += h
        minus[index] -= h
        right = difference(base | {name: plus}, base) / h
        left = difference(base, base | {name: minus}) / h
        low[index], high[index] = np.minimum(left, right).sum(), np.maximum(left, right).sum()
    return low, high


def _shift(layer: Layer, inputs: Inputs, cotangents: tuple[np.ndarray, ...], name: str) -> Any:
    """Slope along (1, 1, …, 1) if there is one: ties of a maximum move together and stay ties."""
    base = extended(inputs)
    difference = _contracted(layer, inputs, cotangents)
    h = _spread(base[name]) * LONG(1e-10)
    right = difference(base | {name: base[name] + h}, base) / h
    left = difference(base, base | {name: base[name] - h}) / h
    smooth = abs(right - left) <= LONG(1e-7) * (abs(right) + abs(left)) + LONG(1e-12)
    return (right + left) / 2 if smooth else None


# --- what can be seen? --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sight:
    """How far a gradient is from the truth."""

    visible: bool
    deviation: float  # the largest, relative to the gradient's own largest element
    rounding: float  # of correct code there, on the same scale
    how: str = (
        "value"  # "value", "shape", "nonfinite", "raises", or "shift": only moving ties together shows it
    )


@dataclass(frozen=True)
class Point:
    """A layer at a hard case, with everything that does not depend on the bug."""

    layer: Layer
    case: str
    inputs: Inputs
    cotangents: tuple[np.ndarray, ...]
    exact: Grads
    rounding: dict[str, float]  # largest absolute error that rounding causes, by input
    floor: dict[
        str, float
    ]  # a slope below this moves the outputs by less than a bit, over the input's whole spread


def point(layer: Layer, case: str, inputs: Inputs, cotangents: tuple[np.ndarray, ...]) -> Point:
    """Evaluate the truth and the rounding: of the correct code, and of the inputs' own last bits."""
    exact = truth(layer, inputs, cotangents)
    correct = gradients(build(layer), inputs, layer.constants, cotangents)
    eps = max(float(np.finfo(v.dtype).eps) for v in inputs.values() if v.dtype.kind == "f")
    rounding = {
        k: max(_gap(correct[k], exact[k]), eps * float(np.max(np.abs(exact[k]), initial=0))) for k in exact
    }
    if case not in ("at_kink", "zeros", "constant"):  # a last bit would decide on which side of a kink we are
        rng = np.random.default_rng(5)
        for _ in range(3):
            near = _ulp_neighbour(inputs, rng)
            there = truth(layer, near, cotangents)
            computed = gradients(build(layer), near, layer.constants, cotangents)
            for k in exact:
                rounding[k] = max(rounding[k], _gap(there[k], exact[k]), _gap(computed[k], there[k]))
    outputs, _ = call_forward(build(layer).forward, inputs, layer.constants)
    with quiet():
        weight = sum(
            float(np.abs(o.astype(LONG) * c).sum()) for o, c in zip(outputs, cotangents, strict=True)
        )
    floor = {k: eps * weight / float(_spread(inputs[k])) for k in exact}
    return Point(layer, case, inputs, cotangents, exact, rounding, floor)


def _gap(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.asarray(a, LONG) - np.asarray(b, LONG)), initial=0))


def sights(here: Point, bug: Bug) -> dict[str, Sight]:
    """By input: is the damaged gradient wrong at this point, and by how much?"""
    pair = build(here.layer, bug)
    everywhere = {k: Sight(True, np.inf, 0.0, "raises") for k in here.exact}
    try:
        copies = {k: v.copy() for k, v in here.inputs.items()}
        got = gradients(pair, copies, here.layer.constants, tuple(c.copy() for c in here.cotangents))
    except Exception:
        return everywhere
    return {k: _sight(here, k, got.get(k)) for k in here.exact}


def _sight(here: Point, name: str, value: Any) -> Sight:
    exact = here.exact[name]
    if value is None or np.shape(value) != exact.shape:
        return Sight(True, np.inf, 0.0, "shape")
    wrong = np.asarray(value, LONG)
    if not np.all(np.isfinite(wrong)):
        return Sight(True, np.inf, 0.0, "nonfinite")
    scale = float(np.max(np.abs(exact), initial=0))
    bound = max(1e-6 * scale, 30 * here.rounding[name], here.floor[name])
    off = np.abs(wrong - exact)
    how = "value"
    if here.case in ("at_kink", "zeros", "constant") and np.any(off > bound):
        off, how = _beyond_kinks(here, name, wrong, off, bound)
    largest = float(np.max(off, initial=0))
    scale = scale or 1.0
    return Sight(largest > bound, largest / scale, here.rounding[name] / scale, how)


def _beyond_kinks(here: Point, name: str, wrong: Any, off: Any, bound: float) -> tuple[Any, str]:
    """Between the one-sided slopes an element is right; unless all of them together are not."""
    low, high = subgradients(here.layer, here.inputs, here.cotangents, name)
    slack = 1e-6 * (high - low + np.abs(high))
    inside = (low - slack <= wrong) & (wrong <= high + slack)
    off = np.where(inside, LONG(0), off)
    if np.any(off > bound):
        return off, "value"
    slope = _shift(here.layer, here.inputs, here.cotangents, name)
    if slope is None or abs(wrong.sum() - slope) <= 1e-5 * np.abs(wrong).sum() + bound * wrong.size:
        return off, "value"
    return np.asarray(abs(wrong.sum() - slope)), "shift"
