"""Equal calls give equal numbers, whatever was called before."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.contract.elsewhere import elsewhere
from gradcli.contract.equality import comparable, equal_gradients, same
from gradcli.errors import BrokenPromise
from gradcli.numeric import spread
from gradcli.problem import Run
from gradcli.result import Violation
from gradcli.subject import Pass, Subject, copies

Cotangents = tuple[Array, ...]

_STEPS_OF_A_DRIFT = 5  # further changes of one sign: random numbers seldom rise or fall for so long
_SHORT = 2.0**-16  # of an input's spread: few kinks lie between
_LONGER = (2.0**-12, 2.0**-8)  # the stairs of rounding do not reach so far
_DOUBTS, _FEWER_DOUBTS = 16.0, 2.0  # times a slope's doubt; over longer steps kinks are a part of it
_MANY_KINKS = 1e-4  # of the size: what kinks within short steps add up to
_DROWNED = 0.01  # of the size: rounding from which a slope says nothing
_DIRECTIONS, _CONTRADICTING = 3, 2  # tried, and needed to say that a gradient is another point's
_IN_A_ROW = 7  # equal calls that are held against the one before: random ties rarely fall alike so often


def calls(
    subject: Subject,
    outputs: tuple[Array, ...],
    cotangents: Cotangents,
    gradients: dict[str, Array],
    violations: list[Violation],
) -> tuple[Pass, bool]:
    """GC106 and GC111: do equal calls give equal numbers?

    Returns outputs and gradients, and whether they can be judged. Where only a fixed seed makes the code
    repeatable, the subject is told to reseed, and the numbers are those of that seed.
    Cost: 4 forwards and 4 backwards, up to 13 more of each where something is found.
    """
    inputs = subject.problem.inputs
    first = Pass(Run(outputs, None), gradients)
    run = subject.forward(copies(inputs))
    again = _again(subject, cotangents, run.saved)
    if not equal_gradients(gradients, again):
        second = Pass(run, comparable(subject.problem, again))
        return _differing(subject, cotangents, first, second, violations)
    del again
    if any(v.code == "GC107" for v in violations):
        return first, True  # what follows could only repeat it
    try:
        broken = _kept(subject, run.saved, first, cotangents)
    except BrokenPromise as raised:
        message = f"a repeated call fails: {raised.message}"
        broken = Violation("GC111", message, None, raised.file, raised.line)
    return unless_random(subject, cotangents, first, [broken] if broken else [], violations)


def unless_random(
    subject: Subject, cotangents: Cotangents, first: Pass, found: list[Violation], violations: list[Violation]
) -> tuple[Pass, bool]:
    """Report what a test of promises `found`, unless the code is random and only luck made two calls agree.

    What differs among several equal calls in a row is random, unless it drifts as kept statistics do. Returns
    outputs and gradients, and whether they can be judged, as `calls`. Cost: up to 13 forwards and backwards
    where something was found.
    """
    if not found or any(v.code == "GC107" for v in violations):
        violations += found
        return first, True
    told = in_a_row(subject, cotangents, violations)
    if told is not None:
        return told
    violations += found
    return first, True


def in_a_row(
    subject: Subject, cotangents: Cotangents, violations: list[Violation]
) -> tuple[Pass, bool] | None:
    """Whether several equal calls in a row differ at random: what `calls` returns then, else None.

    Cost: 8 forwards and backwards, up to 5 more where some differ.
    """
    try:
        last = _pass(subject, cotangents)
        for _ in range(_IN_A_ROW):
            last, before = _pass(subject, cotangents), last
            if not _equal(before, last):
                if _drifts(subject, cotangents, before, last):
                    break
                return _differing(subject, cotangents, before, last, violations)
    except BrokenPromise:
        pass  # that is told already
    return None


def _drifts(subject: Subject, cotangents: Cotangents, before: Pass, last: Pass) -> bool:
    """Whether equal calls go on to move every output the way they just did: towards a mean that is kept."""
    trend = _directions(before, last)
    if not trend.any():
        return False
    for _ in range(_STEPS_OF_A_DRIFT):
        last, before = _pass(subject, cotangents), last
        if not np.array_equal(trend, _directions(before, last)):
            return False
    return True


def _directions(before: Pass, last: Pass) -> FloatArray:
    """The sign of the change of each element of the outputs."""
    pairs = zip(before.run.outputs, last.run.outputs, strict=True)
    changes: FloatArray = np.concatenate([np.ravel(b - a).astype(np.float64) for a, b in pairs])
    return np.sign(changes)


def _pass(subject: Subject, cotangents: Cotangents) -> Pass:
    """Forward and backward at the point, with the gradients that can be compared."""
    both = subject.both(subject.problem.inputs, cotangents)
    return Pass(both.run, comparable(subject.problem, both.gradients))


def _again(subject: Subject, cotangents: Cotangents, saved: Any) -> Mapping[str, Any]:
    return subject.backward(tuple(c.copy() for c in cotangents), saved)


def _equal(first: Pass, second: Pass) -> bool:
    return same(first.run.outputs, second.run.outputs) and equal_gradients(first.gradients, second.gradients)


def _differing(
    subject: Subject, cotangents: Cotangents, first: Pass, second: Pass, violations: list[Violation]
) -> tuple[Pass, bool]:
    """Name what makes two equal calls differ."""
    if _piles_up(subject, cotangents, first.gradients, second.gradients):
        message = "gradients pile up from call to call: a buffer is added to and never zeroed"
        violations.append(Violation("GC111", message))
        return first, False
    cured = False
    fixed = first
    if not subject.reseed:
        subject.reseed = True
        fixed = _pass(subject, cotangents)
        cured = _equal(fixed, _pass(subject, cotangents))
    what = "backward" if same(first.run.outputs, second.run.outputs) else "forward"
    reason = "it draws from the global random generator" if cured else "even with fixed random seeds"
    violations.append(Violation("GC106", f"{what} is not deterministic: two calls differ ({reason})"))
    return (fixed, True) if cured else (first, False)


def _piles_up(
    subject: Subject, cotangents: Cotangents, first: Mapping[str, Array], second: Mapping[str, Array]
) -> bool:
    """Whether a third call adds what the second one added."""
    third = comparable(subject.problem, subject.both(subject.problem.inputs, cotangents).gradients)
    if not set(first) == set(second) == set(third):
        return False
    steps = [(second[name].astype(np.float64) - g, third[name] - second[name]) for name, g in first.items()]
    slack = [
        64 * float(np.finfo(g.dtype).eps) * float(np.max(np.abs(third[n]), initial=0.0))
        for n, g in first.items()
    ]
    return all(bool(np.all(np.abs(a - b) <= s)) for (a, b), s in zip(steps, slack, strict=True))


def _kept(subject: Subject, saved: Any, first: Pass, cotangents: Cotangents) -> Violation | None:
    """GC111 for a second backward from a cache, the same point again after another point, or a backward after
    a forward at another point, that gives other numbers."""
    gradients = first.gradients
    if not equal_gradients(gradients, _again(subject, cotangents, saved)):
        return Violation("GC111", "a second backward from the same cache gives other numbers")
    try:
        run = subject.forward(_another_point(subject))
        away = comparable(subject.problem, _again(subject, cotangents, run.saved), copy=False)
        del run
        if _is_stale(subject, away, cotangents, gradients):
            return Violation(
                "GC111",
                "at another point backward still gives the gradient of the first one: "
                "something is kept from an earlier call",
            )
    except BrokenPromise:
        return None  # the code may refuse the other point: nothing was learnt
    del away
    if not equal_gradients(gradients, _again(subject, cotangents, saved)):
        message = (
            "backward gives other numbers once forward has run at another point: it reads state that forward "
            "left outside the cache"
        )
        return Violation("GC111", message)
    if not _equal(first, subject.both(subject.problem.inputs, cotangents)):
        return Violation(
            "GC111", "the same point gives other numbers after a call at another point: stale state"
        )
    return None


def _another_point(subject: Subject) -> dict[str, Array]:
    return {name: elsewhere(array) for name, array in subject.problem.inputs.items()}


def _is_stale(
    subject: Subject,
    away: Mapping[str, Array],
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
) -> bool:
    """Whether backward gives the first point's gradient, to the bit, where the function has another one.

    A gradient that does not depend on the point is right for a linear function, so the function is asked: one
    direction, with generous bounds, and only in the rare case that all gradients are the same.
    """
    if any(name not in away or not np.array_equal(g, away[name]) for name, g in gradients.items()):
        return False
    there = _another_point(subject)
    if all(np.array_equal(there[name], array) for name, array in subject.problem.inputs.items()):
        return False  # zeros stay where they are
    directions = [_direction(subject, gradients, phase) for phase in range(_DIRECTIONS)]
    if not all(_fits_here(subject, direction, cotangents, gradients) for direction in directions):
        return False
    # Most of them must contradict it: one may happen to lie along a kink.
    misfits = (not _fits_there(subject, there, d, cotangents, gradients) for d in directions)
    return next(islice(filter(None, misfits), _CONTRADICTING - 1, None), False)


def _direction(subject: Subject, gradients: Mapping[str, Array], phase: int) -> dict[str, FloatArray]:
    inputs = subject.problem.inputs
    return {
        name: np.cos(phase + np.arange(g.size)).reshape(g.shape) * spread(elsewhere(inputs[name]))
        for name, g in gradients.items()
    }


def _claim(gradients: Mapping[str, Array], direction: Mapping[str, FloatArray]) -> tuple[float, float]:
    """What gradients say of the slope along a direction, and the size of what it is summed up from."""
    weighed = [g.astype(np.float64) * direction[name] for name, g in gradients.items()]
    return sum(float(np.sum(w)) for w in weighed), sum(float(np.sum(np.abs(w))) for w in weighed)


def _fits_here(
    subject: Subject,
    direction: Mapping[str, FloatArray],
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
) -> bool:
    """Whether the gradients fit the function at the point for certain."""
    claimed, size = _claim(gradients, direction)
    slope = _slope(subject, subject.problem.inputs, direction, cotangents, _SHORT)
    allowed = _DOUBTS * slope.doubt + slope.rounding + _MANY_KINKS * size
    return abs(claimed - slope.value) <= allowed <= size


def _fits_there(
    subject: Subject,
    there: Mapping[str, Array],
    direction: Mapping[str, FloatArray],
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
) -> bool:
    """Whether the gradients may fit the function at another point, over steps of any length that tells.

    Short ones have few kinks between them, but may stand on one stair of rounding, where the slope is 0
    whatever the function's is. A kink so near that even they reach it shows in the slopes of the two sides.
    """
    claimed, size = _claim(gradients, direction)
    told = False
    for step, doubts in ((_SHORT, _DOUBTS), *((step, _FEWER_DOUBTS) for step in _LONGER)):
        slope = _slope(subject, there, direction, cotangents, step)
        if slope.rounding > _DROWNED * size:
            continue
        allowed = doubts * slope.doubt + slope.rounding + _MANY_KINKS * size
        allowed += 0.0 if told else 2 * slope.bend
        if abs(claimed - slope.value) <= allowed:
            return True
        told = True
    return not told


class _Slope(NamedTuple):
    """A rough derivative along a direction."""

    value: float
    doubt: float  # by how much it differs over a step four times as long
    bend: float  # the slopes of the two sides, one minus the other, as far as that step reaches
    rounding: float  # of outputs, and of numbers about one in front of them


def _slope(
    subject: Subject,
    point: Mapping[str, Array],
    direction: Mapping[str, FloatArray],
    cotangents: Cotangents,
    step: float,
) -> _Slope:
    """Cost: 4 forwards."""
    grain = 0.0

    def loss(length: float) -> float:
        nonlocal grain
        moved = {
            n: (a + length * direction[n]).astype(a.dtype) if n in direction else a.copy()
            for n, a in point.items()
        }
        total, grain = 0.0, 0.0
        for c, out in zip(cotangents, subject.forward(moved).outputs, strict=True):
            total += float(np.sum(c * out.astype(np.float64)))
            eps = float(np.finfo(np.result_type(out, np.float16)).eps)
            grain += eps * float(np.sum(np.abs(c) * np.maximum(np.abs(out), 1.0)))
        return total

    (far_up, far_down), (up, down) = ((loss(length), loss(-length)) for length in (4 * step, step))
    far, near = (far_up - far_down) / (8 * step), (up - down) / (2 * step)
    bend = abs(far_up + far_down - up - down) / (3 * step)
    return _Slope(near, abs(far - near), bend, grain / step)
