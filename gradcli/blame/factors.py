"""Constant factors in words: 2, 1/N, √d, a variable, and of which axis a size is the length."""

import ast
import re
from collections.abc import Sequence

import numpy as np

from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence
from gradcli.blame.repair import Repair
from gradcli.blame.site import DEF
from gradcli.ratio import constant_ratio
from gradcli.result import Gradient


def factor_missing(bench: Bench, evidence: Evidence, repair: Repair) -> str:
    factor = repair.factor or 0.0
    named = name_factor(factor, sizes(bench))
    if "-1)" in named and not _counts_one_less(bench):
        named = ""  # other sizes may have that ratio
    variable = "" if name_factor(factor, ()) else _variable(evidence, factor)
    if variable:
        return f"a factor is missing: {repair.before} must be multiplied by {variable} ({factor:.6g})"
    shown = f"{named} ({factor:.6g})" if named and named != f"{factor:.6g}" else f"{factor:.6g}"
    shown += _origin(bench, named)
    return f"a constant factor: {repair.before} must be multiplied by {shown}"


def common_factor(gradients: Sequence[Gradient]) -> str:
    """The factor that all of these lack, in words; empty if there is none."""
    ratios = [ratio for ratio in map(constant_ratio, gradients) if ratio is not None]
    if len(ratios) < len(gradients) or max(ratios) - min(ratios) > 1e-6 * abs(ratios[0]):
        return ""
    lengths = {n for gradient in gradients for n in (*gradient.shape, gradient.size) if n > 1}
    named, factor = name_factor(1 / ratios[0], sorted(lengths)), f"{1 / ratios[0]:.6g}"
    shown = f"{named} ({factor})" if named and named != factor else factor
    return f"a constant factor: it must be multiplied by {shown}"


def _counts_one_less(bench: Bench) -> bool:
    """Whether N - 1 occurs in the code."""
    text = "".join(ast.unparse(tapped.main.node) for tapped in (bench.forward, bench.backward))
    return "- 1" in text or "ddof" in text


def _variable(evidence: Evidence, factor: float) -> str:
    """A number in backward that a factor is, or is one over: `keep`, `delta`."""
    for site in evidence.bench.backward.taps.sites:
        values = evidence.trace.of(site.number)
        if site.role == DEF and site.name and values and not values[-1].ndim and not evidence.depends(site):
            value = float(values[-1])
            for text, number in ((site.name, value), (f"1 / {site.name}", 1 / value if value else 0.0)):
                if abs(number - factor) <= 1e-7 * abs(factor):
                    return text
    return ""


def _origin(bench: Bench, named: str) -> str:
    """Of which axis a size in a factor is the length."""
    size = max((int(n) for n in re.findall(r"\d+", named)), default=0)
    if size in _scalars(bench):
        return ""  # it may be that number as well
    for name, array in bench.inputs.items():
        if size > 2 and size in array.shape:
            return f", where {size} is the length of axis {array.shape.index(size)} of {name}"
        if size > 2 and size == array.size:
            return f", where {size} is the number of elements of {name}"
    return ""


def _scalars(bench: Bench) -> set[float]:
    """Numbers in the code and among its constants, and one over them."""
    trees = [written.node for tapped in (bench.forward, bench.backward) for written in tapped.taps.functions]
    found = {part.value for tree in trees for part in ast.walk(tree) if isinstance(part, ast.Constant)}
    found |= set(map(_number, bench.original.constants.values()))
    numbers = {float(n) for n in found if isinstance(n, int | float) and n}
    return numbers | {n**2 for n in numbers} | {1 / n for n in numbers}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def sizes(bench: Bench) -> list[int]:
    shapes = [a.shape for a in bench.original.inputs.values()] + [out.shape for out in bench.outputs]
    lengths = {n for shape in shapes for n in shape} | {int(np.prod(shape)) for shape in shapes if shape}
    return sorted(n for n in lengths if n > 1)


def name_factor(factor: float, sizes: Sequence[int]) -> str:
    """A factor in terms of small numbers and of the sizes of the arrays; empty if it is none of these."""
    known: dict[str, float] = {
        "-1": -1.0,
        "2": 2.0,
        "1/2": 0.5,
        "-2": -2.0,
        "-1/2": -0.5,
        "3": 3.0,
        "1/3": 1 / 3,
        "4": 4.0,
        "1/4": 0.25,
    }
    for n in sizes:
        known |= {f"{n}": float(n), f"1/{n}": 1 / n, f"√{n}": n**0.5, f"1/√{n}": n**-0.5}
        known |= {f"{n}/({n}-1)": n / (n - 1), f"({n}-1)/{n}": (n - 1) / n, f"2/{n}": 2 / n, f"{n}/2": n / 2}
        if n > 2:
            known |= {f"{n}-1": n - 1.0, f"1/({n}-1)": 1 / (n - 1)}
    for text, value in known.items():
        if abs(factor - value) <= 1e-7 * abs(value):
            return text
    return ""
