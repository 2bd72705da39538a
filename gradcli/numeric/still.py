"""Whether outputs stand still however far an input moves: then its gradient is zero."""

import numpy as np

from gradcli.arrays import Array, FloatArray, largest
from gradcli.numeric.function import Function, bend, random_moves
from gradcli.numeric.rounding import Noise, output_noise
from gradcli.numeric.structure import Structure

_PARTS = (1.0, -0.25)  # of the length over which outputs may bend
_FEW = 16.0  # times the rounding: what may be no more than that


def stands_still(
    function: Function,
    name: str,
    structure: Structure,
    cotangents: tuple[Array, ...],
    noise: Noise,
    scale: float,
    rng: np.random.Generator,
) -> bool:
    """Whether moves of a whole input, as long as outputs may take to bend, leave <cotangent, f> as it is.

    To within rounding, which is measured there as well: a number that has moved far rounds by its own size.
    Cost: 10 evaluations, 5 where it moves.
    """
    point = function.point[name]
    move = bend(scale) * random_moves(rng, point.shape)
    for part in _PARTS:
        try:
            there = function.elsewhere({name: point + part * move})
        except Exception:  # any code: a domain error
            return False
        changes = [far - here for far, here in zip(there.base, function.base, strict=True)]
        # What (x + shift) - shift leaves of the digits of x gets less as the shift gets longer.
        longer = max(1.0, largest(part * move) / function.spread(name))
        # A jitter leaves elements as they are by luck: x + b of a small x rounds by digits that x has not.
        levels = tuple(
            np.broadcast_to(max(longer * largest(here), largest(far)), here.shape)
            for here, far in zip(noise, output_noise(there, rng), strict=True)
        )
        allowed = _FEW * _contracted(structure, cotangents, levels)
        with np.errstate(invalid="ignore"):
            if not np.all(np.abs(structure.contract(cotangents, changes)) <= allowed):
                return False
    return True


def _contracted(structure: Structure, cotangents: tuple[Array, ...], noise: Noise) -> FloatArray:
    """The rounding of <cotangent, f>, for each place of a group."""
    size = max(map(largest, noise), default=0.0) or 1.0
    weighed = [c * (level / size) for c, level in zip(cotangents, noise, strict=True)]
    return np.asarray(size * np.sqrt(structure.contract(tuple(weighed), weighed)))
