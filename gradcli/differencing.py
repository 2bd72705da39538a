"""The code under test as a function that can be differenced: in float64 wherever it lets us."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import numpy as np

from gradcli.arrays import Array, FloatArray, coarsest, largest
from gradcli.dataclass import dataclass
from gradcli.errors import BrokenPromise
from gradcli.numeric import Function, Noise, bend, dropped_to, output_noise, scatter, spread, with_hidden
from gradcli.subject import Subject, copies

_FAR = (1.0, 2.0**4)  # times the length over which outputs may bend
_WALK, _STRIDE = 9, 2.0**-4  # steps, and how long they are, at which it is seen what is noise
_NOISY = 8.0  # times the noise: the most that it is
_DROWNED = 16.0  # times the precision: what may be left of numbers about one


@dataclass(frozen=True, eq=False)
class Differencing:
    """A numeric function, its measured rounding, and how the code treats precision."""

    function: Function
    noise: Noise
    grain: float  # the unit of the lower precision that the code computes in inside; 0 where it does not
    unit: float  # of the precision that the outputs come in, if not float64; else 0
    carries: bool  # the code takes float64 in place of a lower precision and computes the same function
    fresh: bool  # arguments must be copied for every call: the code writes into them

    @property
    def digits_lost(self) -> bool:
        return self.grain > 0

    def add_hidden(self) -> None:
        """Measure what rounding hides in few small outputs among larger ones: all that use the noise know it
        then. Cost: that of `numeric.hidden`."""
        more = with_hidden(self.function, self.noise, coarse=self.unit, each=True)
        for level, other in zip(self.noise, more, strict=True):
            np.copyto(level, other)


def differencing(
    subject: Subject,
    outputs: tuple[Array, ...],
    rng: np.random.Generator,
    *,
    fresh: bool,
    noise: Noise | None = None,
) -> Differencing:
    """Prepare the forward of a subject for numeric differentiation; raises BrokenPromise.

    Inputs of float32 and float16 are exact in float64, and a forward that carries the dtype through is
    differenced there, at the same point. `noise`: the rounding of the outputs, where it is known already.
    Cost: 10 forwards, 6 where the noise is known, 12 for lower precisions, 32 where the code
    computes in one.
    """
    inputs = subject.problem.inputs
    wide = {n: a.astype(np.float64, copy=False) if a.dtype.kind == "f" else a for n, a in inputs.items()}
    narrow = any(a.dtype.kind == "f" and a.dtype != np.float64 for a in inputs.values())

    forward = cache(partial(subject.differenced, wide))
    forward_narrow = cache(partial(subject.differenced, inputs))

    def call(arrays: Mapping[str, Array]) -> tuple[Array, ...]:
        return forward()(copies(arrays) if fresh else arrays).outputs

    def call_narrow(arrays: Mapping[str, Array]) -> tuple[Array, ...]:
        # A complex step has no counterpart in the narrow dtype.
        if any(array.dtype.kind == "c" for array in arrays.values()):
            raise TypeError("complex")
        given = {n: a.astype(inputs[n].dtype) for n, a in arrays.items()}
        return forward_narrow()(given).outputs

    def call_together(points: Sequence[Mapping[str, Array]]) -> Sequence[tuple[Array, ...]]:
        dtypes = {n: a.dtype for n, a in (wide if carries else inputs).items()}
        return subject.outputs([{n: a.astype(dtypes[n], copy=False) for n, a in p.items()} for p in points])

    carries = not narrow or _carries(call, call_narrow, wide, outputs, coarsest(inputs.values()), rng)
    function = Function(
        call if carries else call_narrow,
        wide,
        outputs=None if narrow else outputs,
        together=call_together if subject.stacks else None,
    )
    noise = output_noise(function, rng) if noise is None else noise
    grain = dropped_to(function, noise, rng) if carries else 0.0
    unit = grain if carries else coarsest(inputs.values())
    if unit:
        noise = output_noise(function, rng, coarse=unit)
    noise = with_hidden(function, noise, coarse=unit)
    return Differencing(function, noise, grain, unit, carries, fresh)


Call = Callable[[Mapping[str, Array]], tuple[Array, ...]]


def _carries(
    call: Call,
    call_narrow: Call,
    wide: Mapping[str, Array],
    outputs: tuple[Array, ...],
    unit: float,
    rng: np.random.Generator,
) -> bool:
    """Whether forward takes float64 in place of the lower precision and computes the same function.

    Where the outputs have drowned in what is taken off again, as in (c + 3000) - 3000, they are alike at
    another point, far enough. Where nothing but rounding is left of them anywhere (a sum of what is centred),
    they are alike to within that, which scatters from point to point as no other function does. Cost: a
    forward, up to 43 where the two differ.
    """
    try:
        there = call(wide)
        if _alike(outputs, there):
            return True
        noise = output_noise(Function(call_narrow, wide, outputs=outputs), rng, coarse=unit)
        if _alike(outputs, there, noise):
            return True
        if any(_alike(call_narrow(point), call(point)) for point in (_far(wide, times) for times in _FAR)):
            return True
        return _scatters(call, call_narrow, wide)
    except BrokenPromise:
        return False


def _scatters(call: Call, call_narrow: Call, point: Mapping[str, Array]) -> bool:
    """Whether what the two are apart is noise: from step to step it changes by as much as it is."""
    rows: list[list[FloatArray]] = []
    for number in range(_WALK):
        there = _far(point, number * _STRIDE)
        narrow, wide = call_narrow(there), call(there)
        if [a.shape for a in narrow] != [b.shape for b in wide]:
            return False
        rows.append([a.astype(np.float64) - b for a, b in zip(narrow, wide, strict=True)])
    apart = [np.stack(row) for row in zip(*rows, strict=True)]
    return all(bool(np.all(np.abs(each) <= _NOISY * np.max(scatter(each)))) for each in apart)


def _far(point: Mapping[str, Array], times: float) -> dict[str, Array]:
    """All inputs moved by as much as outputs may take to bend, or more."""
    return {
        name: array + times * bend(spread(array)) * np.cos(np.arange(array.size)).reshape(array.shape)
        if array.dtype.kind == "f"
        else array
        for name, array in point.items()
    }


def _alike(narrow: tuple[Array, ...], wide: tuple[Array, ...], noise: Noise | None = None) -> bool:
    levels = (0.0,) * len(narrow) if noise is None else map(largest, noise)
    return len(wide) == len(narrow) and all(map(_agree, narrow, wide, levels))


def _agree(narrow: Array, wide: Array, level: float) -> bool:
    if narrow.shape != wide.shape:
        return False
    scale = float(np.max(np.abs(narrow), initial=0.0))
    distance = np.abs(narrow.astype(np.float64) - wide)
    # Where numbers about one cancel, rounding is left: sqrt(1 + x**2) - 1 of a small x is 0 in float32.
    drowned = _DROWNED * float(np.finfo(narrow.dtype).eps) if narrow.dtype.kind == "f" else 0.0
    allowed = max(0.05 * scale, drowned, _DROWNED * level)
    return bool(np.all(distance <= allowed)) if np.isfinite(scale) else False
