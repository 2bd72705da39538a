"""Inverted dropout with the mask as an input, so that a check is repeatable.

Source: Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting",
section 10: dividing by the probability of being kept makes the expectation that of x.
"""

from typing import NamedTuple

from gradcli.arrays import Array


class Cache(NamedTuple):
    mask: Array  # (N, D), booleans: what is kept
    p: float


def dropout_forward(x: Array, mask: Array, p: float = 0.5) -> tuple[Array, Cache]:
    """Keep x where the mask is true, divided by 1 - p; zero elsewhere.

    Shapes: x and mask (N, D), or any equal ones; the output, that of x. The mask is boolean, drawn with
    probability p of being false.
    """
    out = x * mask / (1 - p)
    return out, Cache(mask, p)


def dropout_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to x; the mask has no gradient."""
    mask, p = cache
    dx = dout * mask / (1 - p)
    return (dx,)
