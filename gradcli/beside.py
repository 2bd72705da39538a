"""Where many elements sit at a kink, backward is asked beside the point as well.

At a kink any value between two slopes is right, and a gradient that is wrong in earnest (that of another row,
of another window) may lie between them by luck. Beside the point no element sits at a kink, and there is one
right value again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gradcli import analytic
from gradcli.arrays import Array, FloatArray, largest
from gradcli.contract import comparable
from gradcli.differencing import differencing
from gradcli.errors import BrokenPromise
from gradcli.limits import bears_out, gradient_at
from gradcli.numeric import Differentiator
from gradcli.observed import Observed
from gradcli.result import FAIL, Gradient

if TYPE_CHECKING:
    from gradcli.comparing import Comparer
    from gradcli.judgement import Tick

_NEAR = 2.0**-12  # of an element's own reach: what holds at the point alone holds so near to it to 1e-3
_STEP = 2.0**-8  # of that distance: few kinks lie between
_PLAIN = 0.03  # of the gradient's scale: an error that the distance does not explain
_POINTS = 3  # beside, at most: at one of them a wrong gradient may be right by luck, too
_JITTERS = 6
_EVALUATIONS = 100  # beyond those that measure all elements


def wrong_beside(comparer: Comparer, numeric: Differentiator, tick: Tick) -> Gradient | None:
    """The gradient at a point beside, if it is plainly wrong there; None if not, or if nothing can be said.

    A backward that gives the same bits there may look at something else than the point, so it is not held
    against it. Cost: up to 3 forwards and backwards, and 13 forwards for each; a check of the gradient where
    one looks bad.
    """
    name = numeric.name
    point = np.asarray(comparer.seen.subject.problem.inputs[name])
    expected = (_EVALUATIONS + numeric.predicted()) * numeric.function.seconds
    if point.dtype != np.float64 or not comparer.clock.affords(expected):
        return None
    for _ in range(_POINTS):
        near = _near(numeric, point)
        gradient = gradient_at(comparer.seen.subject, name, near, comparer.seen.cotangents)
        if gradient is None:
            return None
        if np.array_equal(gradient, comparer.seen.gradients[name]):
            continue
        step = _STEP * float(np.min(np.abs(near - point), initial=np.inf))
        right, clear = bears_out(numeric, gradient, near, step, np.ones(near.shape, dtype=bool))
        if np.any(clear & ~right):
            there = _there(comparer, name, near)
            return None if there is None else _plainly_wrong(there, name, near, tick)
    return None


def _plainly_wrong(there: Comparer, name: str, near: FloatArray, tick: Tick) -> Gradient | None:
    """The gradient at the point beside, checked like any other, if an error is larger than the distance."""
    (numeric,) = there.differentiators()
    numeric.find_shortcuts()
    numeric.measure(partial(there.wanted, name), None, tick)
    gradient = there.judge(numeric, tick)
    if gradient.verdict != FAIL or gradient.failing is None:
        return None
    scale = largest(gradient.numeric)
    if not np.any(gradient.error[gradient.failing] > _PLAIN * scale):
        return None
    return replace(gradient, beside=near, note="beside its kinks")


def _near(numeric: Differentiator, point: Array) -> FloatArray:
    """A point beside, every element moved by a little of its own."""
    size = numeric.rng.uniform(0.5, 1.0, point.shape) * numeric.rng.choice([-1.0, 1.0], point.shape)
    return np.asarray(point + _NEAR * analytic.reach(point) * size)


def _there(comparer: Comparer, name: str, near: FloatArray) -> Comparer | None:
    """What compares the gradient at another point; None where backward gives nothing finite there."""
    from gradcli.comparing import Comparer

    subject = comparer.seen.subject.elsewhere({name: near})
    try:
        both = subject.both(subject.problem.inputs, comparer.seen.cotangents)
        found = comparable(subject.problem, both.gradients)
        if name not in found or not np.all(np.isfinite(found[name])):
            return None
        gradients = {name: found[name]}
        outputs = tuple(np.array(out) for out in both.run.outputs)
        side = differencing(subject, outputs, comparer.rng, fresh=comparer.side.fresh)
    except BrokenPromise:
        return None
    seen = Observed(subject, outputs, comparer.seen.cotangents, gradients)
    rounding = analytic.rounding(seen, comparer.rng, repeats=_JITTERS)
    return Comparer(
        seen,
        side,
        rounding,
        comparer.settings,
        comparer.rng,
        comparer.clock,
        beside=False,
    )
