"""What is known of the gradient by one input, and what is moved at once to learn more of it."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray
from gradcli.numeric.function import Function, jitter_key, jittered
from gradcli.numeric.perturb import Perturbation
from gradcli.numeric.rounding import Noise
from gradcli.numeric.structure import Position, Structure

LINEAR, COMPLEX, CENTRAL = "linear", "complex", "central"  # the methods
MOST_AT_ONCE = 4096  # elements of a batch that are measured with care


class Known:
    """The elements of one gradient, as they are measured by one method or another.

    Attributes: `value` and `uncertainty` have the input's shape, NaN where not measured; `kinked` marks
    elements whose slopes on the two sides differ however small the step. `structure` tells sums along any
    direction apart; `moves`, what is moved at once to measure single elements.
    """

    def __init__(
        self,
        function: Function,
        name: str,
        cotangents: tuple[Array, ...],
        noise: Noise,
        rng: np.random.Generator,
        structure: Structure,
        scale: float,
        *,
        fresh: bool,
    ) -> None:
        self.function = function
        self.name = name
        self.cotangents = cotangents
        self.noise = noise
        self.rng = rng
        self.structure = self.moves = structure
        self.scale = scale
        self._fresh = fresh

    # Made when they are first needed: the inputs of a check take their turns, and memory counts.

    @cached_property
    def perturbation(self) -> Perturbation:
        return Perturbation(self.function, self.name, self.moves, self.cotangents, fresh=self._fresh)

    def release(self) -> None:
        """Let the working copies of moves go."""
        self.__dict__.pop("perturbation", None)

    @cached_property
    def value(self) -> FloatArray:
        return np.full(self.structure.shape, np.nan)

    @cached_property
    def uncertainty(self) -> FloatArray:
        return np.full(self.structure.shape, np.nan)

    @cached_property
    def kinked(self) -> BoolArray:
        return np.zeros(self.structure.shape, dtype=bool)

    @property
    def rounding(self) -> FloatArray:
        """Measured rounding of a contracted response, for each place in a group."""
        return self.rounding_at(self.structure, ())

    def rounding_at(self, structure: Structure, position: Position) -> FloatArray:
        """The same for what is moved at a position of some structure."""
        largest = max((float(np.max(level, initial=0.0)) for level in self.noise), default=0.0) or 1.0
        weighed = [c * (level / largest) for c, level in zip(self.cotangents, self.noise, strict=True)]
        rounding = np.sqrt(structure.contract(tuple(weighed), weighed, position))
        return np.asarray(largest * rounding)

    def spread_over(self, group: FloatArray) -> FloatArray:
        """What holds for each place of a group, as an array of the input's shape."""
        inner = iter(group.shape)
        axes = self.structure.separable
        shape = tuple(next(inner) if axis in axes else 1 for axis in range(len(self.structure.shape)))
        return np.broadcast_to(group.reshape(shape), self.structure.shape)

    def roundings(self, factor: float = 1.0) -> Callable[[Position], FloatArray]:
        """The rounding of what a batch measures, times a factor; many batches have it in common."""
        known: dict[Position, FloatArray] = {}

        def rounding(position: Position) -> FloatArray:
            starts = self.moves.starts(position)
            if starts not in known:
                known[starts] = self.rounding_at(self.moves, position)
                known[starts] *= factor
            return known[starts]

        return rounding

    def jittered(self, point: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """The point (another if given), every input moved by one unit in the last place."""
        key = jitter_key(self.rng)
        return {name: jittered(array, key) for name, array in (point or self.function.point).items()}

    def holds(self, position: Position, mask: BoolArray) -> bool:
        """Whether a batch has any element of a mask."""
        return bool(np.any(mask[self.moves.selection(position)]))

    def places(self, position: Position, mask: BoolArray) -> Array:
        """Those of a batch that a mask holds, by their place in the group."""
        return np.flatnonzero(np.ravel(mask[self.moves.selection(position)]))[:MOST_AT_ONCE]

    def sample(self, size: int, most: int) -> Array:
        """So many places at most, drawn at random."""
        return np.arange(size) if size <= most else np.sort(self.rng.choice(size, most, replace=False))
