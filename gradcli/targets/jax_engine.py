"""Evaluates functions of JAX arrays in 64 bits, and pulls cotangents back by their custom rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gradcli.arrays import Array
from gradcli.errors import BrokenPromise
from gradcli.problem import Backward, Forward, Run

_SLACK = 1e4  # units in the last place by which two ways to one number may differ


@dataclass(frozen=True, eq=False)
class Saved:
    """The point; JAX functions are pure, so it is all that backward needs."""

    function: Callable[[Mapping[str, Any]], Any]
    arrays: dict[str, Array]


class JaxEngine:
    """jax.vjp; where a rule for forward mode was written, that is held against it.

    `forward_mode`: the function has a `custom_jvp`.
    """

    def __init__(self, *, forward_mode: bool) -> None:
        self._forward_mode = forward_mode

    def forward(self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]) -> Run:
        with jax.enable_x64(True):
            outputs = _leaves(function({name: jax.numpy.asarray(array) for name, array in arrays.items()}))
        return Run(tuple(np.array(out) for out in outputs), Saved(function, dict(arrays)))

    def backward(self, cotangents: tuple[Array, ...], saved: Saved) -> Mapping[str, Any]:
        with jax.enable_x64(True):
            arrays = {name: jax.numpy.asarray(array) for name, array in saved.arrays.items()}
            moving = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}

            def function(changed: Mapping[str, Any]) -> Any:
                return saved.function({**arrays, **changed})

            outputs, pull = jax.vjp(function, moving)
            _require_same(_leaves(function(moving)), _leaves(outputs))
            structure = jax.tree_util.tree_structure(outputs)
            weights = jax.tree_util.tree_unflatten(structure, _weights(outputs, cotangents))
            (found,) = pull(weights)
            if self._forward_mode:
                _require_dot_product(function, moving, weights, found)
            return {name: np.array(gradient) for name, gradient in found.items()}

    def pull_back(
        self,
        function: Callable[[Mapping[str, Any]], Any],
        values: Mapping[str, Any],
        cotangents: Sequence[Any],
        wanted: Sequence[str],
    ) -> tuple[Any, ...]:
        moving = {name: values[name] for name in wanted}
        outputs, pull = jax.vjp(lambda changed: function({**values, **changed}), moving)
        structure = jax.tree_util.tree_structure(outputs)
        (found,) = pull(jax.tree_util.tree_unflatten(structure, _weights(outputs, cotangents)))
        return tuple(found[name] for name in wanted)


def run_by_hand(
    forward: Callable[[Mapping[str, Any]], Any], backward: Callable[..., Any], wanted: Sequence[str]
) -> tuple[Forward, Backward]:
    """The two halves of a `custom_vjp` called as any pair is.

    forward: arrays by name -> ((outputs, residuals), the arguments with a gradient, those without).
    """

    def ahead(arrays: Mapping[str, Array]) -> Run:
        with jax.enable_x64(True):
            given = {name: jax.numpy.asarray(array) for name, array in arrays.items()}
            (out, residuals), moving, aside = forward(given)
            outputs = tuple(np.array(leaf) for leaf in _leaves(out))
            return Run(outputs, (out, residuals, moving, aside))

    def back(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        out, residuals, moving, aside = saved
        with jax.enable_x64(True):
            structure = jax.tree_util.tree_structure(out)
            weights = jax.tree_util.tree_unflatten(structure, _weights(out, cotangents))
            found = dict(zip(moving, backward(*aside, residuals, weights), strict=True))
            return {name: None if found[name] is None else np.array(found[name]) for name in wanted}

    return ahead, back


def _leaves(returned: Any) -> list[Any]:
    leaves = [leaf for leaf in jax.tree_util.tree_leaves(returned) if leaf.dtype.kind in "fc"]
    if not leaves:
        raise BrokenPromise("GC108", "forward returned no floating-point array")
    return leaves


def _weights(outputs: Any, cotangents: Sequence[Any]) -> list[Any]:
    """A cotangent for every output; those of integers have JAX's own dtype for nothing."""
    given = iter(cotangents)
    return [
        jax.numpy.asarray(next(given))
        if leaf.dtype.kind == "f"
        else np.zeros(leaf.shape, dtype=jax.dtypes.float0)
        for leaf in jax.tree_util.tree_leaves(outputs)
    ]


def _require_same(plain: list[Any], ruled: list[Any]) -> None:
    """The forward of a rule must compute what the function computes without it."""
    for expected, found in zip(plain, ruled, strict=True):
        slack = _SLACK * np.finfo(expected.dtype).eps * np.max(np.abs(expected), initial=0.0)
        if expected.shape != found.shape or not np.allclose(
            found, expected, rtol=0, atol=slack, equal_nan=True
        ):
            raise BrokenPromise(
                "GC101", "the forward of the custom rule gives other outputs than the function itself"
            )


def _require_dot_product(
    function: Callable[[Mapping[str, Any]], Any],
    point: Mapping[str, Any],
    weights: Any,
    gradients: Mapping[str, Any],
) -> None:
    """<cotangent, J v> must equal <Jᵀ cotangent, v>: forward mode and reverse mode are one Jacobian."""
    rng = np.random.default_rng(0)
    tangents = {
        name: jax.numpy.asarray(rng.standard_normal(array.shape).astype(array.dtype))
        for name, array in point.items()
    }
    _, moved = jax.jvp(function, (point,), (tangents,))
    pairs = zip(jax.tree_util.tree_leaves(moved), jax.tree_util.tree_leaves(weights), strict=True)
    products = [np.asarray(m) * np.asarray(w) for m, w in pairs if m.dtype.kind == "f"]
    returned = [np.asarray(gradients[name]) * np.asarray(tangents[name]) for name in gradients]
    ahead, back = (sum(float(np.sum(part)) for part in parts) for parts in (products, returned))
    size = sum(float(np.sum(np.abs(part))) for part in [*products, *returned])
    precision = max(float(np.finfo(array.dtype).eps) for array in point.values())
    if not abs(ahead - back) <= _SLACK * precision * size:
        raise BrokenPromise(
            "GC101",
            f"forward and reverse mode disagree: along one direction jvp says {ahead:.6g}, vjp {back:.6g}",
        )
