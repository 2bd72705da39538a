"""What backward promises: a gradient for every input, of its shape and precision; nothing else touched."""

from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.cache import arrays_within
from gradcli.contract.equality import changed_names, same_bits
from gradcli.problem import Problem
from gradcli.result import Violation
from gradcli.subject import Subject, copies


def observe_backward(
    subject: Subject, cotangents: tuple[Array, ...], violations: list[Violation]
) -> dict[str, Array]:
    """Run backward and test what it returns and what it touches; raises BrokenPromise.

    Returns the gradients that can be compared. Cost: one backward and one forward.
    """
    problem = subject.problem
    inputs = copies(problem.inputs)
    fresh = subject.forward(inputs)
    given = tuple(c.copy() for c in cotangents)
    before = [array.copy() for array in arrays_within(fresh.saved)]
    raw = subject.backward(given, fresh.saved)
    if any(not same_bits(a, b) for a, b in zip(cotangents, given, strict=True)):
        violations.append(Violation("GC107", "backward changed the cotangent in place"))
    touched = changed_names(problem.inputs, inputs)
    violations += [
        Violation("GC107", f"backward changed the input {name} in place", name)
        for name in touched
        if not any(v.code == "GC107" and v.gradient == name for v in violations)
    ]
    violations += _narrow_cache(problem, before)
    after = arrays_within(fresh.saved)
    if not touched and (
        len(before) != len(after) or any(not same_bits(a, b) for a, b in zip(before, after, strict=True))
    ):
        violations.append(
            Violation("GC107", "backward changed the cache: a second backward would see other values")
        )
    violations += [v for name in problem.declared.constant for v in _not_constant(name, raw.get(name))]
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


def _narrow_cache(problem: Problem, saved: list[Array]) -> list[Violation]:
    """GC104 for numbers that forward rounded before it saved them; short ones (a mask) lose nothing."""
    if any(array.dtype.kind == "f" and array.dtype != np.float64 for array in problem.inputs.values()):
        return []
    for array in saved:
        if array.dtype in (np.float16, np.float32) and array.size:
            word = "u2" if array.dtype == np.float16 else "u4"
            rounded = np.ascontiguousarray(array).view(word) % 2  # the last digit is in use
            if 4 * int(np.sum(rounded)) >= max(1, int(np.count_nonzero(array))):
                message = f"forward saves {array.dtype} for float64 inputs: backward works on what is left"
                return [Violation("GC104", message)]
    return []


def _not_constant(name: str, value: Any) -> list[Violation]:
    """GC112 for a gradient of an input through which none is declared to go."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if value is None or (array.dtype.kind in "fiub" and not np.any(array)):
        return []
    shown = f"largest element {np.max(np.abs(array)):.6g}" if array.dtype.kind in "fiub" else str(array.dtype)
    message = (
        f"{name} is declared stop_gradient, but backward gives it a gradient that is not zero ({shown}): "
        "remove the gradient or the declaration"
    )
    return [Violation("GC112", message, name)]


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
