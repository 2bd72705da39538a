"""Layers that let a part of their input through: kept by a mask, or picked by index."""

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values

DROPOUT = Derivation(
    {"x": "x"},
    (
        Node(
            "kept",
            "k",
            "x where the mask is true, else 0",
            lambda v: np.where(v["mask"], v["x"], 0),
            (
                Edge(
                    "x",
                    "1 where the mask is true, else 0",
                    lambda v, g: np.where(v["mask"], g, 0),
                    "zero where x is dropped: there the output is 0, whatever x is",
                ),
            ),
        ),
        Node(
            "y",
            "y",
            "k / (1 - p)",
            lambda v: v["kept"] / (1 - v["p"]),
            (
                Edge(
                    "kept",
                    "1 / (1 - p)",
                    lambda v, g: g / (1 - v["p"]),
                    "backward scales as forward does: this factor is lost most often",
                ),
            ),
        ),
    ),
    ("y",),
)


def _picks(v: Values) -> Array:
    """(N, V): a one in each row, at the index."""
    return np.eye(len(v["table"]))[v["indices"]]


EMBEDDING = Derivation(
    {"table": "T"},
    (
        Node(
            "y",
            "y",
            "P T, where row n of P is one at indices[n], else 0",
            lambda v: v["table"][v["indices"]],
            (
                Edge(
                    "table",
                    "Pᵀ ·",
                    lambda v, g: _picks(v).T @ g,
                    "a row picked several times gets the sum, and zero if it is never picked: "
                    "it is in no output",
                ),
            ),
        ),
    ),
    ("y",),
)
