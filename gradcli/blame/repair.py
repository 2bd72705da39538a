"""Repairs: the smallest change to the suspects with which every gradient is right.

A repair is tried by running it. What it says is then not a guess: with this change, the wrong gradients agree
with the numeric ones to within the verdict's own tolerance; where it is a change of the text, also at another
point.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.blame.bench import Bench, replacing
from gradcli.blame.edits import Edit, bodies, edits, in_while
from gradcli.blame.evidence import Evidence
from gradcli.blame.source import NotReadable, Written, rebuild
from gradcli.blame.taps import DEF, RETURN, USE, WRITE, Site

NATURAL, LIKELY, POSSIBLE = 1, 2, 3


@dataclass(frozen=True, eq=False)
class Repair:
    """A change at a line that makes the gradients right."""

    statement: ast.stmt | None
    line: int
    kind: str
    rank: int
    before: str = ""
    after: str = ""
    factor: float | None = None
    array: str = ""  # of a factor or a term
    site: Site | None = None


class Repairer:
    """Tries changes to a set of statements."""

    def __init__(self, bench: Bench, evidence: Evidence, rng: np.random.Generator) -> None:
        self.bench = bench
        self.evidence = evidence
        self.rng = rng

    def search(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """All repairs among the suspects, as far as time allows."""
        found = []
        for trial in (self._by_syntax, self._by_factor, self._by_array, self._by_term):
            for repair in trial(suspects, wrong):
                found.append(repair)
                if len(found) > 60:
                    return found
                if not self.bench.clock.affords(0.0):
                    return found
        return found

    def reordered(self, places: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """Repairs that only change the order in which values are unpacked or returned."""
        return list(self._by_syntax(places, wrong, ("unpacked", "order")))

    # --- edits of the text

    def _by_syntax(
        self, suspects: set[ast.stmt], wrong: frozenset[str], kinds: tuple[str, ...] = ()
    ) -> Iterator[Repair]:
        for written in self.bench.backward.taps.functions:
            if written is not self.bench.backward.main or not isinstance(written.node, ast.FunctionDef):
                continue
            names = _names(written.node)
            endless = in_while(written.node)
            for body in list(bodies(written.node)):
                for statement in list(body):
                    if statement not in suspects or id(statement) in endless:
                        continue
                    for edit in list(edits(statement, body, names, self.evidence.is_right)):
                        if kinds and edit.kind not in kinds:
                            continue
                        if not self.bench.clock.affords(0.0):
                            return
                        if self._works(written, edit, wrong):
                            yield Repair(statement, edit.line, edit.kind, edit.rank, edit.before, edit.after)

    def _works(self, written: Written, edit: Edit, wrong: frozenset[str]) -> bool:
        back = edit.apply()
        try:
            made = rebuild(written, written.node, {})
        except (NotReadable, SyntaxError, ValueError, TypeError, AttributeError):
            return False
        finally:
            back()
        attempt = self.bench.other(made)
        return self.bench.repairs(attempt.gradients(), wrong) and attempt.holds_elsewhere(wrong, self.rng)

    # --- changes of a value

    def _sites(self, suspects: set[ast.stmt]) -> list[Site]:
        return [
            s
            for s in self.bench.backward.taps.sites
            if s.statement in suspects
            and not (s.role == RETURN and isinstance(s.node, ast.Name))
            and self.evidence.trace.counts.get(s.number)
            and not isinstance(s.node, ast.stmt)
        ]

    def _by_factor(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A constant factor on one expression, solved for: the gradients are affine in it, or it is none."""
        base = self.bench.found
        for site in self._sites(suspects):
            if not self.bench.clock.affords(0.0):
                return
            twice = self.bench.gradients(replacing(site.number, None, partial(np.multiply, 2.0)))
            factor = self._solve(base, twice, wrong)
            if factor is None:
                continue
            after = self.bench.gradients(replacing(site.number, None, partial(np.multiply, factor)))
            if self.bench.repairs(after, wrong):
                yield Repair(
                    site.statement,
                    site.line,
                    "factor",
                    POSSIBLE,
                    ast.unparse(site.node),
                    "",
                    factor,
                    "",
                    site,
                )

    def _solve(
        self, base: dict[str, FloatArray], twice: dict[str, FloatArray] | None, wrong: frozenset[str]
    ) -> float | None:
        if twice is None:
            return None
        above, below, count = 0.0, 0.0, 0
        for name in wrong:
            known = self.bench.known.get(name)
            if known is None or name not in twice or twice[name].shape != base[name].shape:
                return None
            there = np.isfinite(known.numeric)
            slope = (twice[name] - base[name])[there]
            gap = (known.numeric - base[name])[there]
            scale = float(np.max(np.abs(known.numeric[there]), initial=0.0)) or 1.0
            above += float(np.sum(slope * gap)) / scale**2
            below += float(np.sum(slope * slope)) / scale**2
            count += slope.size
        if count < 2 or not below > 0.0 or not np.isfinite(above):
            return None
        return 1.0 + above / below

    def _by_array(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A value of forward that was left out of a product, or stands in it too often."""
        known = self._forward_values()
        for site in self._sites(suspects):
            values = self.evidence.trace.of(site.number)
            if len(values) != 1:
                continue
            for name, array in known:
                if not self.bench.clock.affords(0.0):
                    return
                fitted = _fitted(array, values[0].shape)
                if fitted is None:
                    continue
                for kind, change in (
                    ("times", partial(np.multiply, fitted)),
                    ("over", _divided_by(fitted)),
                    ("plus", partial(np.add, fitted)),
                ):
                    if kind == "plus" and array.ndim:
                        continue
                    after = self.bench.gradients(replacing(site.number, None, change))
                    if self.bench.repairs(after, wrong):
                        text = ast.unparse(site.node)
                        yield Repair(site.statement, site.line, kind, LIKELY, text, "", None, name, site)

    def _forward_values(self) -> list[tuple[str, Array]]:
        """Named values of forward, its inputs and its constants."""
        found: dict[str, Array] = {n: a for n, a in self.bench.inputs.items() if a.dtype.kind == "f"}
        found |= {
            n: np.asarray(float(c))
            for n, c in self.bench.original.constants.items()
            if isinstance(c, int | float) and not isinstance(c, bool)
        }
        for node in self.evidence.nodes:
            if node.name and node.site is not None and node.site.role == DEF:
                found.setdefault(node.name, node.value)
        return list(found.items())

    def _by_term(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A path that was left out: the gradient through one use of a value is missing from a sum."""
        for site in self._sites(suspects):
            if site.role not in (DEF, RETURN, WRITE, USE):
                continue
            values = self.evidence.trace.of(site.number)
            if len(values) != 1:
                continue
            for node in self.evidence.nodes:
                if node.gradient.shape != values[0].shape or not node.gradient.any():
                    continue
                if not self.bench.clock.affords(0.0):
                    return
                for sign in (1.0, -1.0):
                    term = sign * node.gradient
                    after = self.bench.gradients(replacing(site.number, None, partial(np.add, term)))
                    if self.bench.repairs(after, wrong):
                        line = node.site.line if node.site is not None else 0
                        kind = "path" if sign > 0 else "path twice"
                        text = ast.unparse(site.node)
                        yield Repair(
                            site.statement, site.line, kind, LIKELY, text, str(line), None, node.name, site
                        )


def _divided_by(array: Array) -> Callable[[Any], Any]:
    return lambda value: value / array


def _fitted(array: Array, shape: tuple[int, ...]) -> Array | None:
    """The array so that it broadcasts against a shape without widening it."""
    try:
        if np.broadcast_shapes(array.shape, shape) == shape:
            return array
    except ValueError:
        pass
    squeezed = array.squeeze()
    if squeezed.ndim == 1 and len(shape) >= 2:
        for axis, length in enumerate(shape):
            if length == squeezed.size:
                return squeezed.reshape([length if a == axis else 1 for a in range(len(shape))])
    return None


def _names(function: ast.FunctionDef) -> list[str]:
    found = [a.arg for a in ast.walk(function) if isinstance(a, ast.arg)]
    found += [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys(found))
