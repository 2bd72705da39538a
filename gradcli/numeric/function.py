"""The function that is differentiated: named arrays in, arrays out, evaluations counted."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray, blocks

Outputs = tuple[Array, ...]
Point = Mapping[str, Array]

_NUMBERS = 1 << 22  # that one call for many points may be given
_SHORTEST = 1e-9  # seconds: by a coarse clock, an evaluation may seem to take none


class Function:
    """A pure function of named arrays at a fixed point.

    `call` may be any code: an exception at a moved point (a domain error) and a changed output shape
    make that evaluation worthless (None), they do not end the check. At the point itself they propagate.
    `outputs`: those at the point, where they are known already; they must not change any more.
    `together`: the same function at many points in one call, where a call is dear. It may raise because of
    one of them.
    """

    def __init__(
        self,
        call: Callable[[Mapping[str, Array]], Outputs],
        point: Mapping[str, Array],
        counter: list[int] | None = None,
        outputs: Outputs | None = None,
        together: Callable[[Sequence[Point]], Sequence[Outputs]] | None = None,
    ) -> None:
        self._counter = [0] if counter is None else counter
        self._call = call
        self._together = together
        self.seconds = float("inf")  # that one evaluation takes, at best
        self.point: dict[str, Array] = dict(point)
        here = self._evaluate(self.point) if outputs is None else outputs
        self.precision = tuple(float(np.finfo(out.dtype).eps) for out in here)  # of each output's dtype
        # Outputs that were given are nobody else's; others may be the code's own memory.
        self.base: tuple[FloatArray, ...] = tuple(
            np.array(out, dtype=np.float64) if outputs is None else out.astype(np.float64, copy=False)
            for out in here
        )
        self._shapes = [out.shape for out in self.base]
        self._spreads: dict[str, float] = {}

    def _evaluate(self, arrays: Mapping[str, Array]) -> Outputs:
        self._counter[0] += 1
        started = time.perf_counter()
        try:
            return self._call(arrays)
        finally:
            self.seconds = min(self.seconds, max(_SHORTEST, time.perf_counter() - started))

    @property
    def evaluations(self) -> int:
        return self._counter[0]

    def spread(self, name: str) -> float:
        """The `spread` of an input at the point."""
        if name not in self._spreads:
            self._spreads[name] = spread(self.point[name])
        return self._spreads[name]

    def elsewhere(self, changes: Mapping[str, Array]) -> "Function":
        """The same function around another point; what the code raises there propagates.

        Evaluations of either count for both. Cost: one evaluation.
        """
        return Function(self._call, {**self.point, **changes}, self._counter, together=self._together)

    def at(self, changes: Mapping[str, Array]) -> Outputs | None:
        """Outputs with some inputs replaced, or None where the code raised or changed a shape.

        The result may be a view of the code's own memory: use it before the next evaluation.
        """
        try:
            outputs = self._evaluate({**self.point, **changes})
        except Exception:
            return None
        return outputs if self._fits(outputs) else None

    def _fits(self, outputs: Outputs) -> bool:
        return [out.shape for out in outputs] == self._shapes

    def change(self, changes: Mapping[str, Array]) -> list[FloatArray] | None:
        """Outputs with some inputs replaced, minus those at the point: difference first, contract later."""
        return self._since(self.at(changes))

    def changes(self, moved: Iterable[Mapping[str, Array]]) -> Iterator[list[FloatArray] | None]:
        """`change`, for one replacement after the other.

        They are evaluated as they are asked for, or, by code that takes many points in one call, ahead of
        that: what is asked for must not depend on what was answered. The arrays may be reused for the next.
        """
        return map(self.change, moved) if self._together is None else self._ahead(moved)

    def _ahead(self, moved: Iterable[Mapping[str, Array]]) -> Iterator[list[FloatArray] | None]:
        points = ({n: np.array(a) for n, a in {**self.point, **changes}.items()} for changes in moved)
        most = max(1, _NUMBERS // max(1, sum(array.size for array in self.point.values())))
        while part := list(islice(points, most)):
            yield from map(self._since, self._at_once(part))

    def _at_once(self, points: Sequence[Point]) -> list[Outputs | None]:
        """The outputs at many points, in one call; in more where the code raises at some of them."""
        assert self._together is not None
        started = time.perf_counter()
        try:
            answers = self._together(points)
        except Exception:
            if len(points) == 1:
                return [None]
            half = len(points) // 2
            return self._at_once(points[:half]) + self._at_once(points[half:])
        finally:
            self._counter[0] += len(points)
        spent = max(_SHORTEST, time.perf_counter() - started)
        self.seconds = min(self.seconds, spent / len(points))
        return [outputs if self._fits(outputs) else None for outputs in answers]

    def _since(self, outputs: Outputs | None) -> list[FloatArray] | None:
        if outputs is None:
            return None
        return [
            np.asarray(np.subtract(out, base, dtype=np.float64))
            for out, base in zip(outputs, self.base, strict=True)
        ]


_LOCAL = 32.0  # how many times sooner than over its inputs' spread a function may bend


def bend(spread: float) -> float:
    """The length over which a function may change by itself: a part of its input's spread, but 1 at least.

    A function may bend far sooner than its inputs are apart: 1 - tanh(x)**2 does at 1, though the x reach 30.
    """
    return max(spread / _LOCAL, 1.0)


def spread(array: Array) -> float:
    """The scale on which an input varies, from which steps are chosen.

    The standard deviation where there is one (inputs of 1e3, of 1e-4 and of 1 ± 1e-5 all occur),
    else the magnitude, else 1.
    """
    values = np.asarray(array, dtype=np.float64)
    deviation = float(values.std()) if values.size > 1 else 0.0
    magnitude = float(np.abs(values).max(initial=0.0))
    if np.isfinite(deviation) and deviation > 1e-13 * magnitude:
        return deviation
    return magnitude if 0.0 < magnitude < np.inf else 1.0


_WORD: dict[int, Any] = {2: np.uint16, 4: np.uint32, 8: np.uint64}
_SIGNED: dict[int, Any] = {2: np.int16, 4: np.int32, 8: np.int64}


def random_moves(
    rng: np.random.Generator, shape: tuple[int, ...], least: float = 0.5, most: float = 1.5
) -> FloatArray:
    """Numbers of either sign and of sizes between two bounds: a direction in which everything moves."""
    drawn = np.asarray(rng.random(shape))  # and no more: `uniform` takes twice as long
    drawn *= 2 * (most - least)
    drawn += least - most
    size = np.asarray(np.abs(drawn))
    size += least
    return np.asarray(np.copysign(size, drawn, out=size))


def jitter_key(rng: np.random.Generator) -> int:
    """What makes one jitter differ from the next; one key serves all arrays of a jitter."""
    return int(rng.integers(1 << 62)) * 2 + 1


def jittered(array: Array, key: int, *, coarse: float = 0.0) -> Array:
    """Each value moved by one unit in the last place, up or down; float64 by `coarse` of its size, if given.

    The direction is a hash of the value, so that equal values stay equal, within an array and between arrays,
    and zeros stay zero: a tie in a maximum and a kink at zero are not torn apart by the measurement. What is
    not finite stays as it is, and so do arrays that are not floating.
    """
    size = array.dtype.itemsize
    if array.dtype.kind != "f" or size not in _WORD or array.size == 0:
        return array
    if coarse and array.dtype == np.float64:
        with np.errstate(invalid="ignore"):  # what is not finite stays as it is
            up_or_down = np.nan_to_num(np.sign(np.abs(jittered(array, key)) - np.abs(array)))
            return np.asarray(np.where(up_or_down, array * (1 + coarse * up_or_down), array))
    word = _WORD[size]
    factor = word(key & (256**size - 1))
    result: Array = np.empty(array.shape, array.dtype.newbyteorder("="))
    for block in blocks(array.shape):
        numbers = np.asarray(array[block], dtype=result.dtype, order="C")
        bits, moved = numbers.view(word), result[block].view(word)
        # The neighbours of a floating-point number are those of its bits, read as an integer.
        down = np.multiply(bits, factor, out=moved).view(_SIGNED[size])
        down >>= 8 * size - 1  # the first bit of the hash everywhere: -1 or 0 ...
        down |= 1  # ... and -1 or 1
        np.subtract(bits, moved, out=moved)
        moves = np.asarray(np.isfinite(numbers))
        moves &= numbers != 0
        if np.count_nonzero(moves) < moves.size:
            np.copyto(moved, bits, where=~moves)
    return result
