"""The cotangents of a check: as they were given, or drawn at random."""

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Problem


def upstream(problem: Problem, outputs: tuple[Array, ...], rng: np.random.Generator) -> tuple[Array, ...]:
    """The upstream gradients: given, or drawn at random. Never all ones: with ones, batch-norm's dx
    vanishes for right and wrong code alike; and never one for a scalar loss."""
    given = problem.cotangents
    if given is None:
        return tuple(_draw(out, rng) for out in outputs)
    found, wanted = [c.shape for c in given], [out.shape for out in outputs]
    if found != wanted:
        raise UsageError(
            f"{problem.id}: the cotangent has shape {_shapes(found)}, but forward returned {_shapes(wanted)}"
        )
    return tuple(np.asarray(c, dtype=out.dtype) for c, out in zip(given, outputs, strict=True))


def _draw(out: Array, rng: np.random.Generator) -> Array:
    """A random cotangent; a lone one is kept away from 0, where it would hide everything, and from 1."""
    if out.size != 1:
        return rng.standard_normal(out.shape).astype(out.dtype)
    return np.full(out.shape, rng.choice([-1.0, 1.0]) * rng.uniform(1.25, 2.5), dtype=out.dtype)


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else ", ".join(map(str, shapes))
