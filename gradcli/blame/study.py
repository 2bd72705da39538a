"""What was read of the nodes of a problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradcli.arrays import Array
from gradcli.result import NodeRow


@dataclass(frozen=True, eq=False)
class Study:
    """The table, and the arrays behind it by the names in it."""

    rows: tuple[NodeRow, ...] = ()
    values: Mapping[str, Array] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)  # analytic
    remark: str = ""


def stacked(values: tuple[Array, ...]) -> Array:
    """The passes of a loop along a new first axis; a lone value as it is."""
    if len(values) == 1:
        return values[0]
    if len({v.shape for v in values}) == 1:
        return np.stack(values)
    return np.concatenate([v.ravel() for v in values])


def beside(array: Array, rng: np.random.Generator) -> Array:
    """A point nearby, on the same branches as far as one can tell."""
    if array.dtype.kind != "f":
        return array
    return np.asarray(array * (1 + 1e-6 * rng.uniform(-1, 1, array.shape)))
