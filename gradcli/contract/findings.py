"""Findings about numbers, as violations with their codes."""

import numpy as np

from gradcli.arrays import largest
from gradcli.digits import telling_apart
from gradcli.result import FAIL, TIES, Gradient, Violation


def precision(digits_lost: bool, violations: list[Violation]) -> None:
    """GC104 for code that drops digits inside and gives float64 back."""
    if digits_lost and not any(v.code == "GC104" for v in violations):
        violations.append(
            Violation(
                "GC104",
                "forward drops digits inside: it does not follow moves far above float64 rounding "
                "(a cast to float32, a float32 constant? Rounding on purpose, as of a straight-through "
                "estimator, is declared: --surrogate)",
            )
        )


def _zero(gradient: Gradient) -> str:
    """What is zero, and what of backward's numbers was not told from it."""
    most = largest(gradient.analytic)
    if most == 0.0:
        return f"the gradient of {gradient.name} is zero everywhere"
    return (
        f"the gradient of {gradient.name} is zero everywhere to within rounding, "
        f"from which what backward gives (up to {most:.1e}) cannot be told"
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
        found.append(Violation("GC201", f"{_zero(gradient)}: passing proves little", gradient.name))
    if gradient.at_kink:
        message = (
            f"{gradient.at_kink} of {gradient.size} elements of {gradient.name} are at a kink: "
            "any value between the slopes on its two sides passes"
        )
        found.append(Violation("GC202", message, gradient.name))
    return found


def _wrong(gradient: Gradient) -> str:
    failing = int(np.sum(gradient.failing)) if gradient.failing is not None else 0
    if gradient.note == TIES:
        return (
            f"{failing} tied elements of {gradient.name} share one slope, "
            "and their gradients do not add up to it"
        )
    where = gradient.worst_index
    digits = telling_apart(gradient.relative_error)
    beside = "" if gradient.beside is None else " (right at the kinks by luck, wrong right beside them)"
    return (
        f"the gradient of {gradient.name} is wrong in {failing} of {_those(gradient)}, "
        f"worst at {where}: analytic {float(gradient.analytic[where]):.{digits}g}, "
        f"numeric {float(gradient.numeric[where]):.{digits}g} "
        f"± {float(gradient.uncertainty[where]):.1e}{beside}"
    )


def _those(gradient: Gradient) -> str:
    if gradient.probes:
        return f"the {gradient.compared} elements that probes led to, of {gradient.size}"
    return f"{gradient.compared} elements"
