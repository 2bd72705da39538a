"""What a statement could do about a wrong gradient, were its value another one.

What depends on the cotangent enters the gradients linearly. So it can be solved for the value with which they
are right. A statement for which there is none is not at fault by its value; and one that has little to
say, and still explains every element, is at fault rather than one that could explain anything.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.blame.bench import Bench
from gradcli.blame.evidence import Evidence
from gradcli.blame.site import DEF, RETURN, WRITE
from gradcli.blame.trace import Key, shifting
from gradcli.blame.versions import is_piecewise

_MOST_ELEMENTS = 400  # of a statement's values, each moved once


def freedom(bench: Bench, evidence: Evidence, statement: ast.stmt, wrong: frozenset[str]) -> int | None:
    """In how many independent ways a statement can change the gradients, 0 if in none that makes them right.

    None where that cannot be told: its value enters otherwise than linearly, or it may be written to the
    wrong place. Cost: a backward for each element of its value.
    """
    free = _free(bench, evidence, statement)
    names = sorted(bench.known)
    base = _flat(bench.found, bench, names)
    true = _flat({n: k.numeric for n, k in bench.known.items()}, bench, names)
    if (
        not any(len(f.places) for f in free)
        or sum(len(f.places) for f in free) > _MOST_ELEMENTS
        or base is None
        or true is None
    ):
        return None
    units = [(f.key, unit) for f in free for unit in f.units()]
    columns = []
    for key, unit in units:
        if not bench.clock.affords(0.0):
            return None
        moved = _flat(bench.gradients(shifting({}, {key: unit})), bench, names)
        if moved is None:
            return None
        columns.append(moved - base)
    together: dict[Key, Array] = {}
    for place, (key, unit) in enumerate(units):
        together[key] = together.get(key, np.zeros_like(unit)) + (-1.0) ** place * unit
    moved = _flat(bench.gradients(shifting({}, together)), bench, names)
    signs = (-1.0) ** np.arange(len(columns))
    expected = np.stack(columns, axis=1) @ signs
    if moved is None or np.max(np.abs(moved - base - expected)) > 1e-8 * np.max(np.abs(expected), initial=0):
        return None  # it enters otherwise than linearly
    weights, rank = _solved(np.stack(columns, axis=1), true - base)
    if weights is None:
        # An index may be wrong rather than the value, but hardly where zeros are put.
        return None if any(f.in_part and not _wipes(statement) for f in free) else 0
    changes: dict[Key, Array] = {}
    for (key, unit), weight in zip(units, weights, strict=True):
        changes[key] = changes.get(key, 0.0) + weight * unit
    return rank if bench.repairs(bench.gradients(shifting({}, changes)), wrong) else None


@dataclass(frozen=True, eq=False)
class _Free:
    """Elements of a value that a statement decides on."""

    key: Key
    value: Array
    places: Array
    in_part: bool

    def units(self) -> Iterator[Array]:
        scale = float(np.max(np.abs(self.value), initial=0.0)) or 1.0
        for place in self.places:
            unit = np.zeros(self.value.size)
            unit[place] = scale
            yield unit.reshape(self.value.shape)


def _free(bench: Bench, evidence: Evidence, statement: ast.stmt) -> list[_Free]:
    """What a statement computes and others use; of what it writes into, the elements that it changes."""
    own = [s for s in bench.backward.taps.sites if s.statement is statement and evidence.trace.of(s.number)]
    written = [s for s in own if s.role == DEF and s.node is statement and is_piecewise(s)]
    if not written:
        assigned = [s for s in own if s.role == DEF]
        own = assigned or [s for s in own if s.role in (WRITE, RETURN) and isinstance(s.node, ast.expr)]
        return [
            _Free(key, value, np.arange(value.size), False)
            for s in own
            for key in evidence.trace.keys(s.number)
            for value in [evidence.trace.values[key]]
        ]
    found = []
    latest: dict[str | None, Array] = {}
    numbers = {s.number for s in written}
    for key, value in evidence.trace.values.items():
        site = bench.site(key[0])
        if site.role != DEF:
            continue
        if key[0] in numbers:
            before = latest.get(site.name, np.zeros_like(value))
            same = before.shape == value.shape
            places = np.flatnonzero((before != value).ravel()) if same else np.arange(value.size)
            if (
                not len(places)
                and isinstance(site.node, ast.AugAssign)
                and isinstance(site.node.target, ast.Name)
            ):
                places = np.arange(value.size)  # `d *= 1` changes nothing, and could change all
            found.append(_Free(key, value, places, True))
        latest[site.name] = value
    return found


def _wipes(statement: ast.stmt) -> bool:
    """Whether a statement puts zeros somewhere."""
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, ast.Constant) and value.value == 0


def _solved(jacobian: FloatArray, gap: FloatArray) -> tuple[FloatArray | None, int]:
    """The solution of a system of equations, if it has one, and the system's rank."""
    largest, most = float(np.max(np.abs(jacobian), initial=0.0)), float(np.max(np.abs(gap), initial=0.0))
    if not 0 < largest < np.inf or not 0 < most < np.inf:
        return None, 0
    found, _, rank, _ = np.linalg.lstsq(jacobian / largest, gap / largest, rcond=1e-9)
    solution = np.asarray(found, dtype=np.float64)
    rest = gap / largest - jacobian / largest @ solution
    return (solution if np.max(np.abs(rest)) <= 1e-6 * most / largest else None), int(rank)


def _flat(gradients: Mapping[str, Array] | None, bench: Bench, names: Sequence[str]) -> FloatArray | None:
    """All gradients in one row, where they are known."""
    if gradients is None:
        return None
    parts = []
    for name in names:
        value, there = gradients.get(name), np.isfinite(bench.known[name].numeric)
        if value is None or value.shape != there.shape:
            return None
        parts.append(value[there])
    return np.concatenate(parts)
