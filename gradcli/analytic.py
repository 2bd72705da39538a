"""How well the analytic gradient is known: its rounding, measured where it was computed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import numpy as np

from gradcli.arrays import Array, FloatArray, blocks, largest
from gradcli.cache import with_arrays
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.numeric import (
    POINTS,
    Noise,
    bend,
    hidden,
    jitter_key,
    jittered,
    least_noise,
    most_beside_one,
    scatter,
    spread,
    widen_noise,
)
from gradcli.observed import Observed
from gradcli.problem import Problem

Move = Callable[[Array], Array]
Watch = Callable[[tuple[Array, ...]], None]

_MORE_JITTERS = 24
_KINKS = 1e6
_TIMES = 64.0  # what a few jitters show: the most that rounding is
_FEW = 64


def rounding(
    seen: Observed,
    rng: np.random.Generator,
    *,
    repeats: int,
    coarse: float = 0.0,
    within: float = -1.0,
    watch: Watch | None = None,
) -> dict[str, FloatArray]:
    """Half-width of the rounding in each element of each gradient.

    Inputs, cotangents and what forward saved are moved by one unit in the last place and the gradients
    computed again (tanh(20) does not follow a move of its input, yet it was rounded). The largest deviation
    predicts the distance between a correct backward and the truth to within a small factor.
    Never less than a few units in the gradient's own last place (constants inside round, too). `coarse` is
    the unit of a lower precision, for code that drops digits inside. Saved arrays of whole numbers up to
    `within` are moved as well: a saturated tanh is exactly 1, and was rounded. `watch` is shown the outputs
    of each forward, unless the code takes many points in one call.
    Cost: `repeats` forwards and backwards.
    """
    width: dict[str, FloatArray] = {}
    for name, gradient in seen.gradients.items():
        precision = float(np.finfo(seen.subject.problem.precision_of(name, gradient)).eps)
        width[name] = np.asarray(np.abs(gradient, dtype=np.float64))
        width[name] *= 4 * precision
    keys = (jitter_key(rng) for _ in range(repeats))
    moves = (partial(jittered, key=key, coarse=coarse) for key in keys)
    for found in _moved_gradients(seen, moves, within, watch):
        for name in found.keys() & width.keys():
            _widen(width[name], found[name], seen.gradients[name])
        del found  # before the next: it takes as much memory as the inputs
    return width


def _moved_gradients(
    seen: Observed, moves: Iterable[Move], within: float, watch: Watch | None
) -> Iterator[dict[str, Array]]:
    """The gradients where all that goes into them is moved, in one way after the other; none where the code
    raises there."""
    subject, inputs = seen.subject, seen.subject.problem.inputs
    if not subject.stacks:
        yield from (_moved(seen, move, within, watch) for move in moves)
        return
    points = (({n: move(a) for n, a in inputs.items()}, tuple(map(move, seen.cotangents))) for move in moves)
    for found in subject.gradients(points):
        yield {} if isinstance(found, BrokenPromise) else comparable(subject.problem, found, copy=False)


def _moved(seen: Observed, move: Move, within: float, watch: Watch | None) -> dict[str, Array]:
    subject = seen.subject
    try:
        run = subject.forward({name: _own(move, array) for name, array in subject.problem.inputs.items()})
        if watch is not None:
            watch(run.outputs)
        saved = with_arrays(run.saved, _unless_whole(move, within))
        del run
        return comparable(
            subject.problem, subject.backward(tuple(map(move, seen.cotangents)), saved), copy=False
        )
    except BrokenPromise:
        return {}


def _own(move: Move, array: Array) -> Array:
    """An array moved, or a copy where it has nothing to move: the code may write to it."""
    moved = move(array)
    return array.copy() if moved is array else moved


def _widen(width: FloatArray, found: Array, gradient: Array) -> None:
    """Let a half-width reach as far as a gradient was found from the one at the point."""
    for block in blocks(width.shape):
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.asarray(np.subtract(found[block], gradient[block], dtype=np.float64))
            np.abs(distance, out=distance)
            np.fmax(width[block], distance, out=width[block])


def rounding_and_noise(
    seen: Observed, rng: np.random.Generator, *, repeats: int
) -> tuple[dict[str, FloatArray], Noise]:
    """The rounding of each gradient, and that of each output, from the same forwards.

    Of the outputs nothing may be held constant for differencing. Cost: `repeats` forwards and backwards.
    """
    outputs = seen.outputs
    noise = least_noise(outputs, [float(np.finfo(out.dtype).eps) for out in outputs])

    def watch(moved: tuple[Array, ...]) -> None:
        if [out.shape for out in moved] == [out.shape for out in outputs]:
            widen_noise(
                noise,
                [
                    np.asarray(np.subtract(out, base, dtype=np.float64))
                    for out, base in zip(moved, outputs, strict=True)
                ],
            )

    return rounding(seen, rng, repeats=repeats, watch=watch), noise


def floor(
    problem: Problem, outputs: tuple[Array, ...], cotangents: tuple[Array, ...], *, least: float = 0.0
) -> dict[str, float]:
    """What is zero to rounding, for each input: the size of a gradient if the outputs changed by themselves
    over the length on which they may bend, times the precision. Where terms cancel to nothing, so much is
    left of them. `least`: the size of an output before something cancelled in it."""
    size = sum(
        float(np.sum(np.abs(c.astype(np.float64)) * np.maximum(np.abs(out), least)))
        for c, out in zip(cotangents, outputs, strict=True)
    )
    return {
        name: abs(problem.declared.factor(name))
        * float(np.finfo(array.dtype).eps)
        * size
        / bend(spread(array))
        for name, array in problem.inputs.items()
        if array.dtype.kind == "f"
    }


def _unless_whole(move: Callable[[Array], Array], within: float) -> Callable[[Array], Array]:
    """Whole numbers are left alone: they may be counts or places, and one ulp off is another place.

    Up to `within` they are taken for numbers like any other.
    """

    def change(array: Array) -> Array:
        if array.dtype.kind != "f":
            return array
        if array.size and float(array.item(0)) % 1.0 > 0.0:
            return move(array)  # mostly the first number tells
        few = array.flat[:_FEW]  # mostly they tell
        whole = bool(np.all(few == np.rint(few)) and np.all(array == np.rint(array)))
        whole = whole and float(np.max(np.abs(array), initial=0.0)) > within
        return array if whole else move(array)

    return change


def thorough(
    seen: Observed,
    known: Mapping[str, FloatArray],
    floor: Mapping[str, float],
    rng: np.random.Generator,
    *,
    coarse: float = 0.0,
) -> dict[str, FloatArray]:
    """The rounding measured with much more effort, where something disagrees; never less than is `known`.

    `floor` is what is zero to rounding: scatter beyond a million times that comes from kinks on the way.

    Cost: 94 forwards and backwards, and where gradients are small up to 152 more.
    """
    more = rounding(seen, rng, repeats=_MORE_JITTERS, coarse=coarse, within=1.0)
    in_use = rounding_in_use(seen, rng)
    more = hidden_rounding(seen, more, coarse=coarse)
    return {
        name: np.maximum.reduce(
            [
                known[name],
                width,
                np.minimum(
                    in_use.get(name, known[name]),
                    np.maximum(_KINKS * floor[name], _widest(seen.gradients[name], known[name], width)),
                ),
            ]
        )
        for name, width in more.items()
    }


def _widest(gradient: Array, known: FloatArray, width: FloatArray) -> FloatArray:
    """The most that scatter in use may add to what jitters show (`known` of few, `width` of many).

    A jitter leaves elements as they are by luck: x + b of a small x rounds by digits that x has not. One that
    is no larger than what others round by may be all rounding, and scatter as those do.
    """
    others = _TIMES * max(largest(known), largest(width))
    return np.maximum(_TIMES * known, np.where(np.abs(gradient) <= others, others, 0.0))


def hidden_rounding(
    seen: Observed, known: Mapping[str, FloatArray], *, coarse: float
) -> dict[str, FloatArray]:
    """What is known of the rounding of gradients, and what hides in them beside numbers about one.

    Cost: that of `numeric.hidden`, in forwards and backwards.
    """
    subject, cotangents = seen.subject, seen.cotangents
    names = list(seen.gradients)
    base = [seen.gradients[name].astype(np.float64) for name in names]

    def changes(points: Iterable[Mapping[str, Array]]) -> Iterator[list[FloatArray] | None]:
        for found in subject.gradients((point, cotangents) for point in points):
            there = {} if isinstance(found, BrokenPromise) else comparable(subject.problem, found, copy=False)
            complete = there.keys() >= set(names)
            yield [there[n] - here for n, here in zip(names, base, strict=True)] if complete else None

    dtypes = [subject.problem.precision_of(name, seen.gradients[name]) for name in names]
    precision = [max(coarse, float(np.finfo(dtype).eps)) for dtype in dtypes]
    size = sum(float(np.sum(np.abs(cotangent))) for cotangent in cotangents)
    most = [most_beside_one(eps) * size for eps in precision]
    more = hidden(changes, base, subject.problem.inputs, precision, most, each=True, nearer=True)
    return {name: np.maximum(known[name], width) for name, width in zip(names, more, strict=True)}


def rounding_in_use(seen: Observed, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Rounding that one-ulp jitter cannot move, from its scatter along a random direction.

    Where a backward computes 1 - tanh(x)^2 far out, a jitter of x leaves tanh(x) as it is, to the bit, and
    the rounding in it goes unseen. At longer equal steps it scatters: see `scatter`.
    Cost: 26 forwards and backwards.
    """
    subject, inputs = seen.subject, seen.subject.problem.inputs
    steps = {
        name: 2.0**-14
        * reach(array)
        * rng.choice([-1.0, 1.0], array.shape)
        * rng.uniform(0.5, 1.5, array.shape)
        for name, array in inputs.items()
        if array.dtype.kind == "f"
    }
    rows: dict[str, list[FloatArray]] = {name: [] for name in seen.gradients}
    points = (  # beside the point, which may itself be at a kink
        {n: (a + t * steps[n]).astype(a.dtype) if n in steps else a for n, a in inputs.items()}
        for t in range(1, POINTS + 1)
    )
    for gradients_there in subject.gradients((point, seen.cotangents) for point in points):
        if isinstance(gradients_there, BrokenPromise):
            return {}
        found = comparable(subject.problem, gradients_there)
        for name, row in rows.items():
            row.append(
                found[name].astype(np.float64) if name in found else np.full(inputs[name].shape, np.nan)
            )
    return {name: scatter(np.stack(row)) for name, row in rows.items()}


def reach(array: Array) -> FloatArray:
    """How far each element may move: its own size, in an array of very different ones."""
    size = np.abs(array.astype(np.float64))
    return np.asarray(np.where(size > 0, np.minimum(size, spread(array)), spread(array)))
