"""One step of a recurrent network."""

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values

_PRE_ACTIVATION = Node(
    "a",
    "a",
    "x Wx + h' Wh + b",
    lambda v: v["x"] @ v["Wx"] + v["h_prev"] @ v["Wh"] + v["b"],
    (
        Edge("x", "· Wxᵀ", lambda v, g: g @ v["Wx"].T),
        Edge("h_prev", "· Whᵀ", lambda v, g: g @ v["Wh"].T),
        Edge("Wx", "xᵀ ·", lambda v, g: v["x"].T @ g),
        Edge("Wh", "h'ᵀ ·", lambda v, g: v["h_prev"].T @ g),
        Edge("b", "1, summed over rows", lambda v, g: g.sum(axis=0)),
    ),
)
_INPUTS = {"x": "x", "h_prev": "h'", "Wx": "Wx", "Wh": "Wh", "b": "b"}

RNN_STEP = Derivation(
    _INPUTS,
    (
        _PRE_ACTIVATION,
        Node(
            "h",
            "h",
            "tanh(a)",
            lambda v: np.tanh(v["a"]),
            (Edge("a", "1 - h²", lambda v, g: g * (1 - v["h"] ** 2)),),
        ),
    ),
    ("h",),
)


def _block(v: Values, number: int) -> Array:
    return np.asarray(np.split(v["a"], 4, axis=1)[number])


def _in_block(number: int, g: Array) -> Array:
    blocks = [np.zeros_like(g)] * 4
    blocks[number] = g
    return np.concatenate(blocks, axis=1)


def _gate(name: str, number: int) -> Node:
    return Node(
        name,
        name,
        f"sigmoid of block {number + 1} of a",
        lambda v: 0.5 * (1 + np.tanh(0.5 * _block(v, number))),
        (Edge("a", f"{name} (1 - {name})", lambda v, g: _in_block(number, g * v[name] * (1 - v[name]))),),
    )


LSTM_STEP = Derivation(
    {**_INPUTS, "c_prev": "c'"},
    (
        _PRE_ACTIVATION,
        _gate("i", 0),
        _gate("f", 1),
        _gate("o", 2),
        Node(
            "g",
            "g",
            "tanh of block 4 of a",
            lambda v: np.tanh(_block(v, 3)),
            (Edge("a", "1 - g²", lambda v, g: _in_block(3, g * (1 - v["g"] ** 2))),),
        ),
        Node(
            "c",
            "c",
            "f c' + i g",
            lambda v: v["f"] * v["c_prev"] + v["i"] * v["g"],
            (
                Edge("f", "c'", lambda v, g: g * v["c_prev"]),
                Edge("c_prev", "f", lambda v, g: g * v["f"]),
                Edge("i", "g", lambda v, g: g * v["g"]),
                Edge("g", "i", lambda v, g: g * v["i"]),
            ),
        ),
        Node(
            "t",
            "t",
            "tanh(c)",
            lambda v: np.tanh(v["c"]),
            (Edge("c", "1 - t²", lambda v, g: g * (1 - v["t"] ** 2)),),
        ),
        Node(
            "h",
            "h",
            "o t",
            lambda v: v["o"] * v["t"],
            (Edge("o", "t", lambda v, g: g * v["t"]), Edge("t", "o", lambda v, g: g * v["o"])),
        ),
    ),
    ("h", "c"),
)
