"""The gradient by a value inside forward, as well as it takes to tell whether an array is that gradient.

What the check has found out about the inputs holds for what is made of them: where the complex step is valid,
and where differences are needed. Where two steps do not settle it (a kink nearby, a function that bends
sooner), it says so, and the careful way is taken.
"""

from collections.abc import Callable, Collection

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.numeric import CENTRAL, COMPLEX, Differentiator, Function, Noise

_PART = 2.0**-13  # of the spread, that the smaller step is
_ENOUGH = 1e-5  # of the largest element, as which the gradient must be known
_SMALL = 24  # elements that are moved sooner than a better way is looked for


def method_for(methods: Collection[str], size: int) -> str:
    """The method for a value of a size, given those by which the inputs' gradients were measured."""
    if COMPLEX in methods:
        return COMPLEX
    return CENTRAL if CENTRAL in methods and size <= _SMALL else "auto"


def gauged(
    function: Function,
    name: str,
    cotangents: tuple[Array, ...],
    noise: Noise,
    rng: np.random.Generator,
    method: str,
    tick: Callable[[int], None],
) -> tuple[FloatArray, FloatArray] | None:
    """The gradient and its uncertainty; None where it is not known well enough.

    Cost: up to 4 evaluations for each batch, and 2 for each power of two in the size.
    """
    numeric = Differentiator(function, name, cotangents, noise, rng, method=method)
    if numeric.method == CENTRAL:
        numeric.step = 2.0 ** np.floor(np.log2(numeric.scale)) * _PART
    numeric.find_shortcuts()
    numeric.measure(lambda: np.full(numeric.structure.shape, np.inf), None, tick)
    value, doubt = numeric.value, numeric.uncertainty
    largest = float(np.max(np.abs(value), initial=0.0))
    known = np.all(np.isfinite(value)) and (not value.any() or np.all(doubt <= _ENOUGH * largest))
    return (value, doubt) if known else None
