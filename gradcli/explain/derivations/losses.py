"""Softmax, and losses that end in one number."""

from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values


def _exponentials(name: str) -> tuple[Node, Node]:
    """e = exp(x) and its sum over each row. The shift by the largest cancels, and is left out here."""
    return (
        Node(
            "e", "e", f"exp({name})", lambda v: np.exp(v[name]), (Edge(name, "e", lambda v, g: g * v["e"]),)
        ),
        Node(
            "total",
            "S",
            "sum of e over the classes",
            lambda v: v["e"].sum(axis=1, keepdims=True),
            (Edge("e", "1", lambda v, g: np.broadcast_to(g, v["e"].shape)),),
        ),
    )


SOFTMAX = Derivation(
    {"x": "x"},
    (
        *_exponentials("x"),
        Node(
            "y",
            "y",
            "e / S",
            lambda v: v["e"] / v["total"],
            (
                Edge("e", "1 / S", lambda v, g: g / v["total"]),
                Edge(
                    "total",
                    "-e / S², summed",
                    lambda v, g: -(g * v["e"]).sum(axis=1, keepdims=True) / v["total"] ** 2,
                    "every class feels every other through the sum",
                ),
            ),
        ),
    ),
    ("y",),
)


def _picked(v: Values, rows: Any) -> Array:
    """Each row's entry at its label."""
    return np.asarray(rows[np.arange(len(v["y"])), v["y"]])


def _at_label(v: Values, value: Any) -> Array:
    """An array of zeros with the value at the label of each row."""
    spread: Array = np.zeros_like(v["logits"])
    spread[np.arange(len(v["y"])), v["y"]] = value
    return spread


SOFTMAX_CROSS_ENTROPY = Derivation(
    {"logits": "z"},
    (
        *_exponentials("logits"),
        Node(
            "log_total",
            "l",
            "log S",
            lambda v: np.log(v["total"]),
            (Edge("total", "1 / S", lambda v, g: g / v["total"]),),
        ),
        Node(
            "loss",
            "L",
            "mean of l - z[label] over the rows",
            lambda v: np.asarray((v["log_total"][:, 0] - _picked(v, v["logits"])).mean()),
            (
                Edge("log_total", "1/N", lambda v, g: np.full_like(v["log_total"], g / len(v["y"]))),
                Edge(
                    "logits",
                    "-1/N at the label, else 0",
                    lambda v, g: _at_label(v, -g / len(v["y"])),
                    "with the path through l it is (softmax - one_hot) / N",
                ),
            ),
        ),
    ),
    ("loss",),
)
MSE = Derivation(
    {"prediction": "p", "target": "t"},
    (
        Node(
            "error",
            "e",
            "p - t",
            lambda v: v["prediction"] - v["target"],
            (Edge("prediction", "1", lambda v, g: g), Edge("target", "-1", lambda v, g: -g)),
        ),
        Node(
            "loss",
            "L",
            "mean of e²",
            lambda v: np.asarray((v["error"] ** 2).mean()),
            (Edge("error", "2 e / n", lambda v, g: g * 2 * v["error"] / v["error"].size),),
        ),
    ),
    ("loss",),
)
