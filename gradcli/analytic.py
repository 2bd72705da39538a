"""How well the analytic gradient is known: its rounding, measured where it was computed."""

from collections.abc import Mapping

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.numeric import jittered, spread
from gradcli.subject import Subject

_MORE_JITTERS = 24


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
        name: np.asarray(4 * float(np.finfo(gradient.dtype).eps) * np.abs(gradient.astype(np.float64)))
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


def thorough(
    subject: Subject,
    cotangents: tuple[Array, ...],
    gradients: Mapping[str, Array],
    known: Mapping[str, FloatArray],
    rng: np.random.Generator,
    *,
    coarse: bool = False,
) -> dict[str, FloatArray]:
    """The rounding measured with much more effort, where something disagrees; never less than is `known`.

    Cost: 37 forwards and backwards.
    """
    more = rounding(subject, cotangents, gradients, rng, repeats=_MORE_JITTERS, coarse=coarse)
    in_use = rounding_in_use(subject, cotangents, gradients, rng)
    return {
        name: np.maximum.reduce([known[name], width, in_use.get(name, np.zeros(width.shape))])
        for name, width in more.items()
    }


def rounding_in_use(
    subject: Subject, cotangents: tuple[Array, ...], gradients: Mapping[str, Array], rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Rounding that one-ulp jitter cannot move, from fourth differences along a random direction.

    Where a backward computes 1 - tanh(x)^2 far out, a jitter of x leaves tanh(x) as it is, to the bit, and
    the rounding in it goes unseen. At longer equal steps it scatters; a smooth gradient has no fourth
    differences to speak of, and the median over the windows leaves out a single kink.
    Source: Hamming, Introduction to Applied Numerical Analysis, chapter 4; Moré and Wild (2011).
    Cost: 13 forwards and backwards.
    """
    inputs = subject.problem.inputs
    steps = {
        name: 2.0**-14
        * spread(array)
        * rng.choice([-1.0, 1.0], array.shape)
        * rng.uniform(0.5, 1.5, array.shape)
        for name, array in inputs.items()
        if array.dtype.kind == "f"
    }
    rows: dict[str, list[FloatArray]] = {name: [] for name in gradients}
    for t in range(-6, 7):
        point = {n: (a + t * steps[n]).astype(a.dtype) if n in steps else a for n, a in inputs.items()}
        try:
            found = comparable(subject.problem, subject.both(point, cotangents).gradients)
        except BrokenPromise:
            return {}
        for name, row in rows.items():
            row.append(
                found[name].astype(np.float64) if name in found else np.full(inputs[name].shape, np.nan)
            )
    return {name: _scatter(np.stack(row)) for name, row in rows.items()}


def _scatter(values: FloatArray) -> FloatArray:
    differences = np.median(np.abs(np.diff(values, 4, axis=0)), axis=0)
    return np.asarray(np.where(np.isfinite(differences), differences, 0.0) / np.sqrt(70.0))
