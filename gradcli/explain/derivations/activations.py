"""Activations: every element for itself, so that a partial is one number for each."""

import math

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


RELU = Derivation(
    {"x": "x"},
    (
        Node(
            "y",
            "y",
            "max(x, 0)",
            lambda v: np.maximum(v["x"], 0),
            (Edge("x", "1 where x > 0, else 0", lambda v, g: g * (v["x"] > 0)),),
        ),
    ),
    ("y",),
)


def _leaky(v: Values, factor: Array) -> Array:
    return np.where(v["x"] > 0, factor, v["slope"] * factor)


LEAKY_RELU = Derivation(
    {"x": "x"},
    (
        Node(
            "y",
            "y",
            "x where x > 0, slope x elsewhere",
            lambda v: _leaky(v, v["x"]),
            (Edge("x", "1 where x > 0, else slope", _leaky),),
        ),
    ),
    ("y",),
)
SIGMOID = Derivation(
    {"x": "x"},
    (
        Node("e", "e", "exp(-x)", lambda v: np.exp(-v["x"]), (Edge("x", "-e", lambda v, g: -g * v["e"]),)),
        Node(
            "y",
            "y",
            "1 / (1 + e)",
            lambda v: 1 / (1 + v["e"]),
            (Edge("e", "-y²", lambda v, g: -g * v["y"] ** 2, "with ∂e/∂x it is y (1 - y)"),),
        ),
    ),
    ("y",),
)
TANH = Derivation(
    {"x": "x"},
    (
        Node(
            "y",
            "y",
            "tanh(x)",
            lambda v: np.tanh(v["x"]),
            (Edge("x", "1 - y²", lambda v, g: g * (1 - v["y"] ** 2)),),
        ),
    ),
    ("y",),
)
SILU = Derivation(
    {"x": "x"},
    (
        Node(
            "gate",
            "s",
            "1 / (1 + exp(-x))",
            lambda v: _sigmoid(v["x"]),
            (Edge("x", "s (1 - s)", lambda v, g: g * v["gate"] * (1 - v["gate"])),),
        ),
        Node(
            "y",
            "y",
            "x s",
            lambda v: v["x"] * v["gate"],
            (Edge("x", "s", lambda v, g: g * v["gate"]), Edge("gate", "x", lambda v, g: g * v["x"])),
        ),
    ),
    ("y",),
)
_SCALE, _CUBIC = math.sqrt(2 / math.pi), 0.044715
GELU = Derivation(
    {"x": "x"},
    (
        Node(
            "u",
            "u",
            "√(2/π) (x + 0.044715 x³)",
            lambda v: _SCALE * (v["x"] + _CUBIC * v["x"] ** 3),
            (
                Edge(
                    "x", "√(2/π) (1 + 0.134145 x²)", lambda v, g: g * _SCALE * (1 + 3 * _CUBIC * v["x"] ** 2)
                ),
            ),
        ),
        Node(
            "t",
            "t",
            "tanh(u)",
            lambda v: np.tanh(v["u"]),
            (Edge("u", "1 - t²", lambda v, g: g * (1 - v["t"] ** 2)),),
        ),
        Node(
            "y",
            "y",
            "x (1 + t) / 2",
            lambda v: 0.5 * v["x"] * (1 + v["t"]),
            (
                Edge("x", "(1 + t) / 2", lambda v, g: g * 0.5 * (1 + v["t"])),
                Edge("t", "x / 2", lambda v, g: g * 0.5 * v["x"]),
            ),
        ),
    ),
    ("y",),
)
