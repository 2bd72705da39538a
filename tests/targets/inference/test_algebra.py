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


def ends(params, X, offset):
    beta, theta = params[:-1], params[-1]
    eta = offset + X @ beta
    return np.sum(np.exp(eta - theta) - beta[0] * beta)


def counted(params, X, n_features):
    beta = params[:n_features]
    return np.sum(np.exp(X @ beta) * params[n_features])


def biased(W, X, bias):
    return np.tanh(W @ X + bias)


def none(x, y):
    return np.sum(np.exp(x) * y)


def torn(A):
    return A.reshape(2, 3) @ A.reshape(2, 3)


@pytest.mark.parametrize(
    ("function", "names", "shapes"),
    [
        (product, "ABY", {"A": (4, 3), "B": (5, 3), "Y": (4, 5)}),
        (sized, ("v", "rank", "X"), {"v": (20,), "X": (5, 3)}),
        (ends, ("params", "X", "offset"), {"params": (5,), "X": (3, 4), "offset": (3,)}),
        (counted, ("params", "X", "n_features"), {"params": (5,), "X": (3, 4)}),
        (none, "xy", None),
        (torn, "A", None),  # 3 columns and 2 rows do not go together
    ],
)
def test_shapes_are_those_that_the_operations_allow(function, names, shapes):
    found = by_algebra(function, {name: by_name(name, "") for name in names})
    assert list(map(shapes_of, found)) == ([] if shapes is None else [shapes])


def shapes_of(candidate):
    drawn = {name: guess for name, guess in candidate.layout.items() if isinstance(guess, Drawn)}
    return {name: guess.spec(candidate.sizes).shape for name, guess in drawn.items()}


def test_a_bias_may_be_spread_over_rows_or_columns_or_be_a_number():
    found = by_algebra(biased, {name: by_name(name, "") for name in ("W", "X", "bias")})
    assert [shapes_of(one).get("bias") for one in found] == [(5,), (4, 1), (1, 5), None]
