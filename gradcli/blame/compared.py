"""The verdict on the gradient of a node."""

from collections.abc import Sequence

import numpy as np

from gradcli.arrays import Array
from gradcli.blame.truth import Node
from gradcli.result import FAIL, INCONCLUSIVE, PASS
from gradcli.verdict import Comparison, K

_ROUNDING = 1e-9  # of its largest element: what rounding in backward may do to a gradient


def compared(values: Sequence[Array], true: Sequence[Node], tol: float) -> tuple[str, float]:
    """The worst verdict of all passes, and its relative error."""
    sizes = [value.size for value in values]
    if sizes != [node.gradient.size for node in true]:
        return FAIL, float("nan")
    judged = [_compared(v, t, tol) for v, t in zip(values, true, strict=True)]
    return max(judged, key=lambda one: ((PASS, INCONCLUSIVE, FAIL).index(one[0]), one[1]))


def _compared(value: Array, true: Node, tol: float) -> tuple[str, float]:
    numeric = true.gradient.reshape(value.shape)
    doubt = true.uncertainty.reshape(value.shape)
    factor = min(true.factors, key=lambda f: float(np.sum(np.abs(value - f * numeric))))
    if factor != 1.0:  # declared
        numeric, doubt = factor * numeric, abs(factor) * doubt
    largest = float(np.max(np.abs(numeric), initial=0.0))
    comparison = Comparison(value, numeric, doubt + _ROUNDING * largest / K, tol)
    at = np.unravel_index(int(np.argmax(comparison.urgency)), value.shape) if value.size else ()
    error = float(comparison.relative_error[at]) if value.size else 0.0
    if not comparison.agrees.all():
        return FAIL, error
    return (PASS if comparison.resolved.any() or not value.any() else INCONCLUSIVE), error
