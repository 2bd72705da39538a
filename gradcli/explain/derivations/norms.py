"""Normalisation: x reaches the output directly and through its own statistics."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values


def _std(v: Values) -> Array:
    return np.asarray(np.sqrt(v["var"] + v["eps"]))


def _x(v: Values) -> Array:
    return np.asarray(v["x"])


def _grouped(v: Values) -> Array:
    """(N, G, M): the M elements of each group on the last axis."""
    return _x(v).reshape(len(v["x"]), int(v["groups"]), -1)


def _standardised(axis: int, over: str, view: Callable[[Values], Array] = _x) -> tuple[Node, ...]:
    """μ, σ² and x̂ along an axis of a view of x; N is the number of elements on it."""

    def total(array: Any) -> Any:
        return np.sum(array, axis=axis, keepdims=True)

    def count(v: Values) -> int:
        return int(view(v).shape[axis])

    def centred(v: Values) -> Array:
        return np.asarray(view(v) - v["mu"])

    def seen(v: Values, g: Array) -> Array:
        """The cotangent of x̂, or of anything in the shape of x, as the view has it."""
        return np.asarray(g.reshape(view(v).shape))

    def back(v: Values, array: Array) -> Array:
        return np.asarray(array.reshape(v["x"].shape))

    return (
        Node(
            "mu",
            "μ",
            f"mean of x over {over}",
            lambda v: view(v).mean(axis=axis, keepdims=True),
            (Edge("x", "1 / N", lambda v, g: back(v, np.broadcast_to(g / count(v), view(v).shape))),),
        ),
        Node(
            "var",
            "σ²",
            "mean of (x - μ)²",
            lambda v: (centred(v) ** 2).mean(axis=axis, keepdims=True),
            (
                Edge("x", "2 (x - μ) / N", lambda v, g: back(v, g * 2 * centred(v) / count(v))),
                Edge(
                    "mu",
                    "-2 Σ(x - μ) / N",
                    lambda v, g: g * -2 * total(centred(v)) / count(v),
                    "zero: the deviations from the mean add up to nothing, whatever x is",
                ),
            ),
        ),
        Node(
            "x_hat",
            "x̂",
            "(x - μ) / √(σ² + ε)",
            lambda v: back(v, centred(v) / _std(v)),
            (
                Edge("x", "1 / √(σ² + ε)", lambda v, g: back(v, seen(v, g) / _std(v))),
                Edge("mu", "-1 / √(σ² + ε), summed", lambda v, g: -total(seen(v, g) / _std(v))),
                Edge(
                    "var",
                    "-(x - μ) (σ² + ε)^(-3/2) / 2, summed",
                    lambda v, g: -0.5 * total(seen(v, g) * centred(v) / _std(v) ** 3),
                    "the ½ is what is lost most often",
                ),
            ),
        ),
    )


def _scaled(shifted: bool, over: str = "rows") -> Node:
    """y = γ x̂ (+ β), with one γ and one β for each feature, which is axis 1."""

    def spread(v: Values, name: str) -> Array:
        return np.asarray(v[name].reshape(-1, *[1] * (v["x"].ndim - 2)))

    def gathered(v: Values, array: Array) -> Array:
        others = tuple(axis for axis in range(v["x"].ndim) if axis != 1)
        return np.asarray(array.sum(axis=others))

    edges = (
        Edge("x_hat", "γ", lambda v, g: g * spread(v, "gamma")),
        Edge("gamma", f"x̂, summed over {over}", lambda v, g: gathered(v, g * v["x_hat"])),
    )
    if not shifted:
        return Node("y", "y", "γ x̂", lambda v: spread(v, "gamma") * v["x_hat"], edges)
    beta = Edge("beta", f"1, summed over {over}", gathered)
    return Node(
        "y", "y", "γ x̂ + β", lambda v: spread(v, "gamma") * v["x_hat"] + spread(v, "beta"), (*edges, beta)
    )


_INPUTS = {"x": "x", "gamma": "γ", "beta": "β"}
BATCHNORM = Derivation(_INPUTS, (*_standardised(0, "the rows"), _scaled(shifted=True)), ("y",))
LAYERNORM = Derivation(_INPUTS, (*_standardised(1, "the features"), _scaled(shifted=True)), ("y",))
GROUPNORM = Derivation(
    _INPUTS,
    (
        *_standardised(2, "the N pixels of a group of channels", _grouped),
        _scaled(shifted=True, over="images, pixels"),
    ),
    ("y",),
)
RMSNORM = Derivation(
    {"x": "x", "gamma": "γ"},
    (
        Node(
            "var",
            "s",
            "mean of x² over the features",
            lambda v: (v["x"] ** 2).mean(axis=1, keepdims=True),
            (Edge("x", "2 x / N", lambda v, g: g * 2 * v["x"] / v["x"].shape[1]),),
        ),
        Node(
            "x_hat",
            "x̂",
            "x / √(s + ε)",
            lambda v: v["x"] / _std(v),
            (
                Edge("x", "1 / √(s + ε)", lambda v, g: g / _std(v)),
                Edge(
                    "var",
                    "-x (s + ε)^(-3/2) / 2, summed",
                    lambda v, g: -0.5 * np.sum(g * v["x"] / _std(v) ** 3, axis=1, keepdims=True),
                ),
            ),
        ),
        _scaled(shifted=False),
    ),
    ("y",),
)
