"""How well the analytic gradient is known: its rounding, measured where it was computed."""

from collections.abc import Mapping

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.numeric import jittered
from gradcli.subject import Subject


def rounding(
    subject: Subject,
    cotangents: tuple[Array, ...],
    gradients: Mapping[str, Array],
    rng: np.random.Generator,
    *,
    repeats: int,
    coarse: bool = False,
) -> dict[str, FloatArray]:
    """Half-width of the rounding in each element of each gradient.

    Inputs and cotangents are moved by one unit in the last place and the gradients computed again: the
    largest deviation predicts the distance between a correct backward and the truth to within a small factor.
    Never less than a few units in the gradient's own last place (constants inside round, too). `coarse` moves
    by one unit of float32, for code that drops digits inside.
    Cost: `repeats` forwards and backwards.
    """
    width = {
        name: 4 * float(np.finfo(gradient.dtype).eps) * np.abs(gradient.astype(np.float64))
        for name, gradient in gradients.items()
    }
    for _ in range(repeats):
        point = {name: jittered(array, rng, coarse=coarse) for name, array in subject.problem.inputs.items()}
        given = tuple(jittered(cotangent, rng, coarse=coarse) for cotangent in cotangents)
        try:
            found = comparable(subject.problem, subject.both(point, given).gradients)
        except BrokenPromise:
            continue
        for name, level in width.items():
            if name not in found:
                continue
            with np.errstate(invalid="ignore", over="ignore"):
                distance = np.abs(found[name].astype(np.float64) - gradients[name])
            np.copyto(level, distance, where=distance > level)
    return width
