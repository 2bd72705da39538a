"""y = x W + b."""

from gradcli.explain.derivation import Derivation, Edge, Node

AFFINE = Derivation(
    inputs={"x": "x", "W": "W", "b": "b"},
    nodes=(
        Node(
            "product",
            "p",
            "x W",
            lambda v: v["x"] @ v["W"],
            (
                Edge("x", "· Wᵀ", lambda v, g: g @ v["W"].T),
                Edge("W", "xᵀ ·", lambda v, g: v["x"].T @ g, "every row of x uses W, so the rows add up"),
            ),
        ),
        Node(
            "y",
            "y",
            "p + b",
            lambda v: v["product"] + v["b"],
            (
                Edge("product", "1", lambda v, g: g),
                Edge("b", "1, summed over rows", lambda v, g: g.sum(axis=0), "b is added to every row"),
            ),
        ),
    ),
    outputs=("y",),
)
