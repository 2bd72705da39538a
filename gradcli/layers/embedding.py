"""Embedding: rows of a table, picked by index.

Source: Bengio et al. (2003), "A neural probabilistic language model", JMLR 3, section 2.
"""

from typing import NamedTuple

import numpy as np

from gradcli.arrays import Array


class Cache(NamedTuple):
    indices: Array  # (N,), integers
    table: Array  # (V, D)


def embedding_forward(indices: Array, table: Array) -> tuple[Array, Cache]:
    """Pick one row of the table per index.

    Shapes: indices (N,), integers in [0, V); table (V, D); the output (N, D).
    """
    out = table[indices]
    return out, Cache(indices, table)


def embedding_backward(dout: Array, cache: Cache) -> tuple[Array]:
    """Vector-Jacobian product: pull the cotangent dout (N, D) back to the table.

    A row picked several times receives the sum of its gradients; dtable[indices] += dout would keep only
    the last of them.
    """
    indices, table = cache
    dtable = np.zeros_like(table)
    np.add.at(dtable, indices, dout)
    return (dtable,)
