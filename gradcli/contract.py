"""The promises of a backward beside its numbers, each with a code.

Every test costs a handful of evaluations, whatever the size of the arrays. A test that a broken promise has
made meaningless (linearity of random code) is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.errors import BrokenPromise
from gradcli.numeric import spread
from gradcli.problem import Problem, Run
from gradcli.result import FAIL, Gradient, Violation
from gradcli.subject import Pass, Subject, copies

Cotangents = tuple[Array, ...]

# Multiplying by these is exact in binary floating point, so a linear function follows to the last bit.
_FACTORS = (0.0, -1.0, 2.0**10, 2.0**-10)


# --- forward


def observe_forward(subject: Subject, violations: list[Violation]) -> tuple[Run, bool]:
    """Run forward at the point and test what can be tested without backward; raises BrokenPromise.

    Returns the run and whether forward is deterministic. Where only a fixed seed makes it so, the subject is
    told to reseed, so that the numbers can still be judged. Cost: 2 to 5 evaluations of forward.
    """
    inputs = subject.problem.inputs
    given = copies(inputs)
    run = subject.forward(given)
    violations += [
        Violation("GC107", f"forward changed its input {name} in place", name)
        for name in changed_names(inputs, given)
    ]
    outputs = tuple(np.array(out) for out in run.outputs)
    violations += _output_violations(subject.problem, outputs)
    again = subject.forward(copies(inputs)).outputs
    deterministic = same(outputs, again)
    if not deterministic:
        subject.reseed = True
        cured = same(
            tuple(np.array(out) for out in subject.forward(copies(inputs)).outputs),
            subject.forward(copies(inputs)).outputs,
        )
        reason = "it draws from the global random generator" if cured else "even with fixed random seeds"
        violations.append(Violation("GC106", f"forward is not deterministic: two calls differ ({reason})"))
        if not cured:
            return Run(outputs, run.saved), False
        run = subject.forward(copies(inputs))
    return Run(tuple(np.array(out) for out in run.outputs), run.saved), True


def _output_violations(problem: Problem, outputs: tuple[Array, ...]) -> Iterator[Violation]:
    names = output_names(problem, outputs)
    widest = max((problem.inputs[name].dtype.itemsize for name in problem.differentiable), default=0)
    for name, out in zip(names, outputs, strict=True):
        if not np.all(np.isfinite(out)):
            bad = int(np.sum(~np.isfinite(out)))
            yield Violation("GC105", f"forward: {bad} of {out.size} elements of {name} are not finite")
        if out.dtype.itemsize < widest:
            yield Violation(
                "GC104", f"forward: {name} is {out.dtype} for {_widest(problem)} inputs: digits are lost"
            )


def output_names(problem: Problem, outputs: tuple[Array, ...]) -> tuple[str, ...]:
    if len(problem.output_names) == len(outputs):
        return problem.output_names
    return tuple(f"out/{i}" for i in range(len(outputs))) if len(outputs) > 1 else ("out",)


# --- backward


def observe_backward(
    subject: Subject, cotangents: Cotangents, violations: list[Violation]
) -> dict[str, Array]:
    """Run backward and test what it returns and what it touches; raises BrokenPromise.

    Returns the gradients that can be compared. Cost: one backward and one forward.
    """
    problem = subject.problem
    inputs = copies(problem.inputs)
    fresh = subject.forward(inputs)
    given = tuple(c.copy() for c in cotangents)
    before = snapshot(fresh.saved)
    raw = subject.backward(given, fresh.saved)
    if any(not _same_bits(a, b) for a, b in zip(cotangents, given, strict=True)):
        violations.append(Violation("GC107", "backward changed the cotangent in place"))
    touched = changed_names(problem.inputs, inputs)
    violations += [
        Violation("GC107", f"backward changed the input {name} in place", name)
        for name in touched
        if not any(v.code == "GC107" and v.gradient == name for v in violations)
    ]
    after = snapshot(fresh.saved)
    if not touched and (
        len(before) != len(after) or any(not _same_bits(a, b) for a, b in zip(before, after, strict=True))
    ):
        violations.append(
            Violation("GC107", "backward changed the cache: a second backward would see other values")
        )
    gradients: dict[str, Array] = {}
    for name in problem.differentiable:
        found = _gradient_violations(problem, name, raw.get(name))
        violations += found
        if not any(v.code in ("GC102", "GC103", "GC108") for v in found):
            value = np.asarray(raw[name])
            gradients[name] = np.array(value, dtype=np.result_type(value.dtype, np.float16))
            if any(np.shares_memory(value, c) for c in given):
                violations.append(
                    Violation("GC204", f"the gradient of {name} is a view of the cotangent: copy it", name)
                )
    return gradients


def _gradient_violations(problem: Problem, name: str, value: Any) -> list[Violation]:
    point = problem.inputs[name]
    if value is None:
        return [Violation("GC102", f"backward returned no gradient for {name}", name)]
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        what = f"{array.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
        return [Violation("GC108", f"the gradient of {name} is a {what}, not an array of real numbers", name)]
    if array.shape != point.shape:
        return [
            Violation(
                "GC103", f"the gradient of {name} has shape {array.shape}, {name} has {point.shape}", name
            )
        ]
    found = []
    if array.size and (array.dtype.kind != "f" or array.dtype.itemsize < point.dtype.itemsize):
        found.append(
            Violation("GC104", f"the gradient of {name} is {array.dtype}, {name} is {point.dtype}", name)
        )
    if not np.all(np.isfinite(array)):
        bad = int(np.sum(~np.isfinite(array)))
        found.append(
            Violation(
                "GC105", f"{bad} of {array.size} elements of the gradient of {name} are not finite", name
            )
        )
    return found


# --- how calls relate to each other


def calls(
    subject: Subject, cotangents: Cotangents, gradients: Mapping[str, Array], violations: list[Violation]
) -> bool:
    """GC106 and GC111: do equal calls give equal numbers? Returns whether backward is deterministic.

    Cost: 4 forwards and 4 backwards.
    """
    inputs = subject.problem.inputs
    first = subject.both(inputs, cotangents)
    if not _equal_gradients(gradients, first.gradients):
        if _piles_up(subject, cotangents, gradients, comparable(subject.problem, first.gradients)):
            message = "gradients pile up from call to call: a buffer is added to and never zeroed"
            violations.append(Violation("GC111", message))
            return False
        cured = False
        if not subject.reseed:
            subject.reseed = True
            cured = _equal_gradients(
                comparable(subject.problem, subject.both(inputs, cotangents).gradients),
                subject.both(inputs, cotangents).gradients,
            )
        reason = "it draws from the global random generator" if cured else "even with fixed random seeds"
        violations.append(Violation("GC106", f"backward is not deterministic: two calls differ ({reason})"))
        return cured
    if any(v.code == "GC107" for v in violations):
        return True  # what follows could only repeat it
    try:
        again = subject.backward(tuple(c.copy() for c in cotangents), first.run.saved)
        if not _equal_gradients(gradients, again):
            violations.append(Violation("GC111", "a second backward from the same cache gives other numbers"))
            return True
        _elsewhere(subject, first, cotangents, gradients, violations)
    except BrokenPromise as broken:
        violations.append(
            Violation("GC111", f"a repeated call fails: {broken.message}", None, broken.file, broken.line)
        )
    return True


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


def _elsewhere(
    subject: Subject,
    first: Pass,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    violations: list[Violation],
) -> None:
    """The same point again after another point, and a backward after a forward at another point."""
    inputs = subject.problem.inputs
    kept = tuple(np.array(out) for out in first.run.outputs)
    there = {n: a * a.dtype.type(0.75) if a.dtype.kind == "f" else a.copy() for n, a in inputs.items()}
    try:
        away = subject.both(there, cotangents)
        if _is_stale(subject, there, away, cotangents, gradients):
            violations.append(
                Violation(
                    "GC111",
                    "at another point backward still gives the gradient of the first one: "
                    "something is kept from an earlier call",
                )
            )
            return
    except BrokenPromise:
        return  # the code may refuse the other point: nothing was learnt
    interleaved = subject.backward(tuple(c.copy() for c in cotangents), first.run.saved)
    if not _equal_gradients(gradients, interleaved):
        violations.append(
            Violation(
                "GC111",
                "backward gives other numbers once forward has run at another point: it reads state that "
                "forward left outside the cache",
            )
        )
        return
    back = subject.both(inputs, cotangents)
    if not (same(kept, back.run.outputs) and _equal_gradients(gradients, back.gradients)):
        violations.append(
            Violation(
                "GC111", "the same point gives other numbers after a call at another point: stale state"
            )
        )


def _is_stale(
    subject: Subject,
    there: Mapping[str, Array],
    away: Pass,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
) -> bool:
    """Whether backward gives the first point's gradient, to the bit, where the function has another one.

    A gradient that does not depend on the point is right for a linear function, so the function is asked: one
    direction, with generous bounds, and only in the rare case that all gradients are the same.
    """
    found = comparable(subject.problem, away.gradients)
    if any(name not in found or not np.array_equal(g, found[name]) for name, g in gradients.items()):
        return False
    direction = {
        n: np.cos(np.arange(g.size)).reshape(g.shape) * spread(there[n]) for n, g in gradients.items()
    }
    weighed = [g.astype(np.float64) * direction[n] for n, g in gradients.items()]
    claimed = sum(float(np.sum(w)) for w in weighed)
    size = sum(float(np.sum(np.abs(w))) for w in weighed)
    here, doubt_here = _slope(subject, subject.problem.inputs, direction, cotangents)
    away_slope, doubt_away = _slope(subject, there, direction, cotangents)
    was_right = abs(claimed - here) <= 16 * doubt_here + 1e-3 * size
    return was_right and abs(claimed - away_slope) > 16 * doubt_away + 1e-2 * size


def _slope(
    subject: Subject, point: Mapping[str, Array], direction: Mapping[str, FloatArray], cotangents: Cotangents
) -> tuple[float, float]:
    """A rough derivative along a direction and how rough it is. Cost: 4 forwards."""
    slopes = []
    for step in (2.0**-8, 2.0**-10):
        change = 0.0
        for sign in (1.0, -1.0):
            moved = {
                n: (a + sign * step * direction[n]).astype(a.dtype) if n in direction else a.copy()
                for n, a in point.items()
            }
            outputs = subject.forward(moved).outputs
            change += sign * sum(
                float(np.sum(c * out.astype(np.float64))) for c, out in zip(cotangents, outputs, strict=True)
            )
        slopes.append(change / (2 * step))
    return slopes[1], abs(slopes[0] - slopes[1])


# --- linearity in the cotangent


def linearity(
    subject: Subject,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    rounding: Mapping[str, FloatArray],
    violations: list[Violation],
) -> dict[str, float]:
    """GC109: a vector-Jacobian product is linear in the cotangent.

    Factors that are powers of two must scale the gradients bit for bit; sums must add up to within rounding.
    Returns how far sums were off for each gradient: code that computes in a lower precision shows here.
    Cost: 6 forwards and backwards.
    """
    problem = subject.problem
    off: dict[str, float] = {}
    blamed: set[str] = set()
    for factor in _FACTORS:
        scaled = tuple((c * c.dtype.type(factor)).astype(c.dtype) for c in cotangents)
        if not all(np.all(np.isfinite(c)) for c in scaled):
            continue
        found = comparable(problem, subject.both(problem.inputs, scaled).gradients)
        for name, gradient in gradients.items():
            if name in blamed or _scales(gradient, found.get(name), factor):
                continue
            blamed.add(name)
            violations.append(Violation("GC109", _not_scaled(name, gradient, found.get(name), factor), name))
    other = tuple((c[..., ::-1] if c.ndim else c * c.dtype.type(0.625)).copy() for c in cotangents)
    total = tuple(a + b for a, b in zip(cotangents, other, strict=True))
    second = comparable(problem, subject.both(problem.inputs, other).gradients)
    summed = comparable(problem, subject.both(problem.inputs, total).gradients)
    for name, gradient in gradients.items():
        if name in blamed or name not in second or name not in summed:
            continue
        a, b, c = (g.astype(np.float64) for g in (gradient, second[name], summed[name]))
        with np.errstate(invalid="ignore", over="ignore"):
            residual = np.abs(a + b - c)
            scale = float(np.max(np.abs(a) + np.abs(b), initial=0.0))
        # What is not finite is found elsewhere, and must not spread to the other elements.
        worst = float(np.max(residual, initial=0.0, where=np.isfinite(residual)))
        off[name] = worst
        precision = float(np.finfo(gradient.dtype).eps)
        explained = 16 * rounding[name] + 64 * precision * scale
        # Up to 1e-5 of the scale this is code that drops digits inside; its name is GC104.
        if np.any(residual > np.maximum(explained, 1e-5 * scale)):
            violations.append(
                Violation(
                    "GC109",
                    f"the gradient of {name} is not additive in the cotangent: "
                    f"backward(a) + backward(b) differs from backward(a + b) by {worst:.1e}",
                    name,
                )
            )
    return off


def _scales(gradient: Array, found: Array | None, factor: float) -> bool:
    if found is None:
        return False
    with np.errstate(all="ignore"):
        expected = (gradient * gradient.dtype.type(factor)).astype(gradient.dtype)
        tiny = float(np.finfo(gradient.dtype).tiny) * 2.0**20
        exact = (found == expected) | (np.isnan(found) & np.isnan(expected)) | ~np.isfinite(expected)
        # Below the smallest normal number a product rounds.
        return bool(np.all(exact | (np.abs(found - expected) <= tiny)))


def _not_scaled(name: str, gradient: Array, found: Array | None, factor: float) -> str:
    if found is not None and factor == 0.0:
        return f"the gradient of {name} is not zero for a zero cotangent: it is not linear in the cotangent"
    if found is not None and np.array_equal(found, gradient):
        return f"the gradient of {name} ignores the cotangent: times {factor:g}, it stays the same"
    return f"the gradient of {name} is not linear in the cotangent: times {factor:g}, it does not scale"


# --- memory layout of the cotangent


def layout(
    subject: Subject,
    cotangents: Cotangents,
    gradients: Mapping[str, Array],
    rounding: Mapping[str, FloatArray],
    violations: list[Violation],
) -> None:
    """GC110: the memory layout of the cotangent must not matter. Cost: at most 4 forwards and backwards."""
    if any(v.code == "GC107" and "cotangent" in v.message for v in violations):
        return
    if all(c.ndim == 0 or c.size < 2 for c in cotangents):
        return
    constant = tuple(np.full(c.shape, c.flat[0] if c.size else 0, c.dtype) for c in cotangents)
    flat = tuple(np.broadcast_to(c.flat[0] if c.size else c.dtype.type(0), c.shape) for c in cotangents)
    expected = None
    variants = [("non-contiguous", _strided(cotangents), gradients)]
    if any(c.ndim > 1 for c in cotangents):
        variants.append(("Fortran-ordered", tuple(np.asfortranarray(c) for c in cotangents), gradients))
    expected = comparable(subject.problem, subject.both(subject.problem.inputs, constant).gradients)
    variants.append(("broadcast", flat, expected))
    for what, given, wanted in variants:
        try:
            run = subject.forward(copies(subject.problem.inputs))
            found = comparable(subject.problem, subject.backward(given, run.saved))
        except BrokenPromise as broken:
            message = f"backward fails for a {what} cotangent: {broken.message}"
            violations.append(Violation("GC110", message, None, broken.file, broken.line))
            return
        for name, gradient in wanted.items():
            if name in found and _close(gradient, found[name], rounding[name]):
                continue
            message = f"the gradient of {name} is wrong for a {what} cotangent: backward assumes a layout"
            violations.append(Violation("GC110", message, name))
            return


def _strided(cotangents: Cotangents) -> Cotangents:
    """The same values in every other place of a larger array."""
    strided = []
    for cotangent in cotangents:
        if cotangent.ndim == 0:
            strided.append(cotangent.copy())
            continue
        wide = np.full((*cotangent.shape[:-1], 2 * cotangent.shape[-1]), 7, dtype=cotangent.dtype)
        wide[..., ::2] = cotangent
        strided.append(wide[..., ::2])
    return tuple(strided)


def _close(expected: Array, found: Array, rounding: FloatArray) -> bool:
    """Equal but for the order of summation, which follows the layout."""
    scale = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
    slack = 16 * rounding + 1024 * float(np.finfo(expected.dtype).eps) * scale
    with np.errstate(invalid="ignore"):
        distance = np.abs(expected.astype(np.float64) - found)
    return bool(np.all((distance <= slack) | ~np.isfinite(expected)))


# --- findings about numbers


def precision(digits_lost: bool, violations: list[Violation]) -> None:
    """GC104 for code that drops digits inside and gives float64 back."""
    if digits_lost and not any(v.code == "GC104" for v in violations):
        violations.append(
            Violation(
                "GC104",
                "forward drops digits inside: it does not follow moves far above float64 rounding "
                "(a cast to float32, or a float32 constant?)",
            )
        )


def findings(gradient: Gradient, violations: list[Violation]) -> list[Violation]:
    """GC101 for a wrong gradient, and the warnings about a check that proves little."""
    found = []
    if gradient.verdict == FAIL and gradient.failing is not None:
        found.append(Violation("GC101", _wrong(gradient), gradient.name))
    if gradient.size and not gradient.compared and not gradient.probes:
        if not any(v.gradient == gradient.name and not v.is_warning for v in violations):
            found.append(Violation("GC203", f"{gradient.name} was not compared", gradient.name))
    elif not gradient.size:
        found.append(Violation("GC203", f"{gradient.name} is empty: nothing was compared", gradient.name))
    elif gradient.note == "zero":
        message = f"the gradient of {gradient.name} is zero everywhere: passing proves little"
        found.append(Violation("GC201", message, gradient.name))
    if gradient.at_kink:
        message = (
            f"{gradient.at_kink} of {gradient.size} elements of {gradient.name} are at a kink: "
            "any value between the slopes on its two sides passes"
        )
        found.append(Violation("GC202", message, gradient.name))
    return found


def _wrong(gradient: Gradient) -> str:
    failing = int(np.sum(gradient.failing)) if gradient.failing is not None else 0
    where = gradient.worst_index
    return (
        f"the gradient of {gradient.name} is wrong in {failing} of {gradient.compared} elements, "
        f"worst at {where}: analytic {float(gradient.analytic[where]):.6g}, "
        f"numeric {float(gradient.numeric[where]):.6g} ± {float(gradient.uncertainty[where]):.1e}"
    )


# --- comparing


def comparable(problem: Problem, raw: Mapping[str, Any]) -> dict[str, Array]:
    """The gradients of the right shape, as floating arrays."""
    found: dict[str, Array] = {}
    for name in problem.differentiable:
        value = raw.get(name)
        if value is None:
            continue
        array = np.asarray(value)
        if array.shape == problem.inputs[name].shape and array.dtype.kind in "fiub":
            found[name] = np.array(array, dtype=np.result_type(array.dtype, np.float16))
    return found


def same(first: tuple[Array, ...], second: tuple[Array, ...]) -> bool:
    """Equal up to the rounding that threads and memory alignment may cause."""
    return len(first) == len(second) and all(_same_numbers(a, b) for a, b in zip(first, second, strict=True))


def _equal_gradients(gradients: Mapping[str, Array], raw: Mapping[str, Any]) -> bool:
    for name, gradient in gradients.items():
        value = raw.get(name)
        if value is None or not _same_numbers(gradient, np.asarray(value)):
            return False
    return True


def _same_numbers(a: Array, b: Array) -> bool:
    if a.shape != np.shape(b):
        return False
    if np.array_equal(a, b, equal_nan=True):
        return True
    with np.errstate(invalid="ignore", over="ignore"):
        slack = 64 * float(np.finfo(a.dtype).eps) * float(np.max(np.abs(a), initial=0.0))
        return bool(np.all(np.abs(np.asarray(a, dtype=np.float64) - b) <= slack))


def _same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def changed_names(before: Mapping[str, Array], after: Mapping[str, Array]) -> list[str]:
    return [name for name, array in before.items() if not _same_bits(array, after[name])]


def snapshot(saved: Any) -> list[Array]:
    """Copies of all arrays within a cache, in a fixed order."""
    found: list[Array] = []
    _walk(saved, found, set(), 0)
    return found


def _walk(value: Any, found: list[Array], seen: set[int], depth: int) -> None:
    if depth > 8 or id(value) in seen:
        return
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            found.append(value.copy())
        return
    if isinstance(value, (str, bytes, int, float, complex, type)) or value is None or callable(value):
        return
    seen.add(id(value))
    children: Iterator[Any]
    if isinstance(value, Mapping):
        children = iter(value.values())
    elif isinstance(value, (tuple, list, set, frozenset)):
        children = iter(value)
    elif is_dataclass(value):
        children = (getattr(value, field.name) for field in fields(value))
    else:
        children = iter(vars(value).values()) if hasattr(value, "__dict__") else iter(())
    for child in children:
        _walk(child, found, seen, depth + 1)


def _widest(problem: Problem) -> str:
    return str(max((problem.inputs[n].dtype for n in problem.differentiable), key=lambda d: d.itemsize))
