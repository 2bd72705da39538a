"""How much of each gradient is compared: every element, some of them, or random directions."""

from collections.abc import Sequence

import numpy as np

from gradcli.clock import Clock
from gradcli.dataclass import dataclass
from gradcli.numeric import COMPLEX, Differentiator, Position

ALL, SOME, PROBE = "all", "some", "probe"

# Complex arithmetic takes so many times as long as real arithmetic; measured on the built-in layers.
_COMPLEX_COST = 3.0
# The part of the time left that element-wise comparison may be predicted to take.
_SHARE = 0.8
_SEARCH = 0.1  # and that the search for windows may take, for each gradient


@dataclass(frozen=True, eq=False)
class Scope:
    """What is to be compared of one gradient."""

    numeric: Differentiator
    kind: str  # ALL, SOME or PROBE
    positions: Sequence[Position] | None = None  # batches to measure, for SOME


def plan(
    numerics: Sequence[Differentiator], elements: str | int, clock: Clock, rng: np.random.Generator
) -> list[Scope]:
    """Decide for each gradient, from measured evaluations and the time that is left.

    With "auto", every element is compared where that fits; where it does not, the costliest are probed.
    A number asks for at least so many elements of each input, drawn at random.
    """
    if isinstance(elements, int):
        return [_some(numeric, elements, rng) for numeric in numerics]
    if elements == ALL:
        for numeric in numerics:
            numeric.find_shortcuts()
        return [Scope(numeric, ALL) for numeric in numerics]
    if elements == PROBE:
        return [Scope(numeric, ALL if 0 in numeric.structure.shape else PROBE) for numeric in numerics]
    kinds = {id(numeric): ALL for numeric in numerics}
    for numeric in numerics:
        numeric.find_shortcuts(_SEARCH * clock.left() / numeric.function.seconds)
    allowance = _SHARE * clock.left()
    total = sum(seconds(numeric) for numeric in numerics)
    for numeric in sorted(numerics, key=seconds, reverse=True):
        if total <= allowance:
            break
        kinds[id(numeric)] = PROBE
        total -= seconds(numeric)
    return [Scope(numeric, kinds[id(numeric)]) for numeric in numerics]


def seconds(numeric: Differentiator) -> float:
    """Predicted time to measure every element."""
    factor = _COMPLEX_COST if numeric.method == COMPLEX and not numeric.screens else 1.0
    return numeric.predicted() * factor * numeric.function.seconds


def _some(numeric: Differentiator, elements: int, rng: np.random.Generator) -> Scope:
    structure = numeric.structure
    wanted = -(-elements // max(1, structure.group_size))
    if wanted >= structure.batches:
        return Scope(numeric, ALL)
    flat = np.sort(rng.choice(structure.batches, wanted, replace=False))
    index = np.unravel_index(flat, structure.batch_shape)
    return Scope(numeric, SOME, [tuple(map(int, place)) for place in zip(*index, strict=True)])
