"""Gradients that no number was compared of, and why."""

import numpy as np

from gradcli.arrays import Array
from gradcli.result import FAIL, INCONCLUSIVE, Gradient, Violation


def incomparable(name: str, point: Array, violations: list[Violation]) -> Gradient:
    """A gradient that is missing or misshapen fails without being compared."""
    codes = [v.code for v in violations if v.gradient == name]
    note = {"GC102": "missing", "GC103": "wrong shape"}.get(next(iter(codes), ""), "not an array")
    return uncompared(name, np.full(point.shape, np.nan), FAIL, note)


def undecided(name: str, gradient: Array, note: str) -> Gradient:
    return uncompared(name, gradient, INCONCLUSIVE, note)


def uncompared(name: str, gradient: Array, verdict: str, note: str) -> Gradient:
    nothing = np.full(gradient.shape, np.nan)
    return Gradient(
        name=name,
        analytic=gradient,
        numeric=nothing,
        uncertainty=nothing,
        tol=0.0,
        verdict=verdict,
        worst_index=(0,) * gradient.ndim if gradient.size else (),
        relative_error=float("nan"),
        method="",
        evaluations=0,
        compared=0,
        note=note,
    )
