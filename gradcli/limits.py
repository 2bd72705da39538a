"""Gradients at a tie as limits of gradients next to it.

Where several values are tied (a sort, a median, an eigenvalue), one element's slopes on its two sides need
not enclose the gradient that a backward gives, and it is right all the same: for values ever so slightly
apart, in the order that the backward took them.
"""

from collections.abc import Iterator

import numpy as np

from gradcli.arrays import Array, BoolArray
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.numeric import Differentiator
from gradcli.subject import Subject

_DRAWS = 8
_NEAR = 2.0**-24  # of the spread: how far from the point
_STEP = 2.0**-40  # of the spread: far less, so that no tie is crossed
_SAME = 1e-5  # of the gradient's scale


def limits(
    subject: Subject, numeric: Differentiator, name: str, cotangents: tuple[Array, ...], suspects: BoolArray
) -> Iterator[tuple[int, ...]]:
    """The suspects whose analytic gradient is also that of a nearby point, where it is right.

    Cost: 8 forwards and backwards, and 2 forwards for each suspect at each of these points.
    """
    inputs = subject.problem.inputs
    here = comparable(subject.problem, subject.both(inputs, cotangents).gradients)[name].astype(np.float64)
    scale = float(np.max(np.abs(here), initial=0.0))
    left = {tuple(map(int, index)) for index in np.argwhere(suspects)}
    for _ in range(_DRAWS):
        move = _NEAR * numeric.scale * numeric.rng.uniform(-1.0, 1.0, here.shape)
        near = (inputs[name] + move).astype(inputs[name].dtype)
        try:
            there = comparable(subject.problem, subject.both({**inputs, name: near}, cotangents).gradients)[
                name
            ]
            function = numeric.function.elsewhere({name: near.astype(np.float64)})
        except (BrokenPromise, KeyError):
            return
        for index in sorted(left):
            if abs(float(there[index]) - here[index]) > _SAME * scale:
                continue
            slope = 0.0
            for sign in (1.0, -1.0):
                moved = near.astype(np.float64)
                moved[index] += sign * _STEP * numeric.scale
                changes = function.change({name: moved})
                if changes is None:
                    return
                slope += sign * sum(
                    float(np.sum(c * change)) for c, change in zip(numeric.cotangents, changes, strict=True)
                )
            if abs(slope / (2 * _STEP * numeric.scale) - here[index]) <= 1e-2 * scale:
                left.remove(index)
                yield index
