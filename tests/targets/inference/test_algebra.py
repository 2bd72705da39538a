"""Shapes from products, element-wise operations and reshapes."""

import numpy as np
import pytest

from gradcli.targets.inference.algebra import by_algebra
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.names import by_name


def product(A, B, Y):
    return np.sum((A @ B.T - Y) ** 2)


def sized(v, rank, X):
    first = v[: rank * 3].reshape(rank, 3)
    return (X @ first.T).sum() + v[rank * 3 :].reshape(rank, 2).sum()


def none(x, y):
    return np.sum(np.exp(x) * y)


def torn(A):
    return A.reshape(2, 3) @ A.reshape(2, 3)


@pytest.mark.parametrize(
    ("function", "names", "shapes"),
    [
        (product, "ABY", {"A": (4, 3), "B": (5, 3), "Y": (4, 5)}),
        (sized, ("v", "rank", "X"), {"v": (20,), "X": (4, 3)}),
        (none, "xy", None),
        (torn, "A", None),  # 3 columns and 2 rows do not go together
    ],
)
def test_shapes_are_those_that_the_operations_allow(function, names, shapes):
    found = by_algebra(function, {name: by_name(name, "") for name in names})
    if shapes is None:
        assert found is None
        return
    drawn = {name: guess for name, guess in found.layout.items() if isinstance(guess, Drawn)}
    assert {name: guess.spec(found.sizes).shape for name, guess in drawn.items()} == shapes
