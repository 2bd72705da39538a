"""Normalisation: x reaches the output directly and through its own statistics."""

from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values


def _std(v: Values) -> Array:
    return np.asarray(np.sqrt(v["var"] + v["eps"]))


def _standardised(axis: int, over: str) -> tuple[Node, ...]:
    """μ, σ² and x̂ along an axis; N is the number of elements on it."""

    def total(array: Any) -> Any:
        return np.sum(array, axis=axis, keepdims=True)

    def count(v: Values) -> int:
        return int(v["x"].shape[axis])

    return (
        Node(
            "mu",
            "μ",
            f"mean of x over {over}",
            lambda v: v["x"].mean(axis=axis, keepdims=True),
            (Edge("x", "1/N", lambda v, g: np.broadcast_to(g / count(v), v["x"].shape)),),
        ),
        Node(
            "var",
            "σ²",
            "mean of (x - μ)²",
            lambda v: ((v["x"] - v["mu"]) ** 2).mean(axis=axis, keepdims=True),
            (
                Edge("x", "2 (x - μ) / N", lambda v, g: g * 2 * (v["x"] - v["mu"]) / count(v)),
                Edge(
                    "mu",
                    "-2 Σ(x - μ) / N",
                    lambda v, g: g * -2 * total(v["x"] - v["mu"]) / count(v),
                    "zero: the deviations from the mean add up to nothing, whatever x is",
                ),
            ),
        ),
        Node(
            "x_hat",
            "x̂",
            "(x - μ) / √(σ² + ε)",
            lambda v: (v["x"] - v["mu"]) / _std(v),
            (
                Edge("x", "1 / √(σ² + ε)", lambda v, g: g / _std(v)),
                Edge("mu", "-1 / √(σ² + ε), summed", lambda v, g: -total(g / _std(v))),
                Edge(
                    "var",
                    "-(x - μ) (σ² + ε)^(-3/2) / 2, summed",
                    lambda v, g: -0.5 * total(g * (v["x"] - v["mu"]) / _std(v) ** 3),
                    "the ½ is what is lost most often",
                ),
            ),
        ),
    )


def _scaled(shifted: bool) -> Node:
    """y = γ x̂ (+ β), with one γ and one β for each feature."""
    edges = (
        Edge("x_hat", "γ", lambda v, g: g * v["gamma"]),
        Edge("gamma", "x̂, summed over rows", lambda v, g: (g * v["x_hat"]).sum(axis=0)),
    )
    if not shifted:
        return Node("y", "y", "γ x̂", lambda v: v["gamma"] * v["x_hat"], edges)
    beta = Edge("beta", "1, summed over rows", lambda v, g: g.sum(axis=0))
    return Node("y", "y", "γ x̂ + β", lambda v: v["gamma"] * v["x_hat"] + v["beta"], (*edges, beta))


_INPUTS = {"x": "x", "gamma": "γ", "beta": "β"}
BATCHNORM = Derivation(_INPUTS, (*_standardised(0, "the rows"), _scaled(shifted=True)), ("y",))
LAYERNORM = Derivation(_INPUTS, (*_standardised(1, "the features"), _scaled(shifted=True)), ("y",))
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
