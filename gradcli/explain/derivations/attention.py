"""out = softmax(q kᵀ / √d) v."""

import math

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values


def _root(v: Values) -> float:
    return math.sqrt(v["q"].shape[-1])


def _weights(v: Values) -> Array:
    scores = v["scores"]
    seen = np.tri(scores.shape[-1], dtype=bool) if v["causal"] else np.ones(scores.shape[-2:], dtype=bool)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True)) * seen
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _through_softmax(v: Values, g: Array) -> Array:
    a = v["weights"]
    return np.asarray(a * (g - (g * a).sum(axis=-1, keepdims=True)))


ATTENTION = Derivation(
    {"q": "q", "k": "k", "v": "v"},
    (
        Node(
            "scores",
            "s",
            "q kᵀ / √d",
            lambda v: v["q"] @ v["k"].swapaxes(-1, -2) / _root(v),
            (
                Edge("q", "· k / √d", lambda v, g: g @ v["k"] / _root(v)),
                Edge("k", "·ᵀ q / √d", lambda v, g: g.swapaxes(-1, -2) @ v["q"] / _root(v)),
            ),
        ),
        Node(
            "weights",
            "a",
            "softmax of s over the last axis",
            _weights,
            (
                Edge(
                    "scores",
                    "a (· - Σ · a)",
                    _through_softmax,
                    "where masked, a = 0: no gradient",
                ),
            ),
        ),
        Node(
            "out",
            "y",
            "a v",
            lambda v: v["weights"] @ v["v"],
            (
                Edge("weights", "· vᵀ", lambda v, g: g @ v["v"].swapaxes(-1, -2)),
                Edge("v", "aᵀ ·", lambda v, g: v["weights"].swapaxes(-1, -2) @ g),
            ),
        ),
    ),
    ("out",),
)
