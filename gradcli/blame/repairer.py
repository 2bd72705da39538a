"""Tries repairs: changes of values through the taps, and edits of the text."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.blame.bench import Attempt, Bench
from gradcli.blame.evidence import Evidence
from gradcli.blame.program import Program
from gradcli.blame.repair import CHANGES, LIKELY, NATURAL, PATHS, POSSIBLE, Repair, is_small, with_array
from gradcli.blame.rewriter import Rewriter
from gradcli.blame.site import CARRIED, DEF, EXPRESSION, RETURN, USE, WRITE, Site
from gradcli.blame.trace import changing, replacing
from gradcli.blame.truth import Node, in_passes, is_measurable

_TELLING = 8  # elements of a mask: few may agree with the right one by accident


class Repairer:
    """Tries changes to a set of statements."""

    def __init__(self, bench: Bench, evidence: Evidence, program: Program, rng: np.random.Generator) -> None:
        self.bench = bench
        self.evidence = evidence
        self.text = Rewriter(bench, evidence, program, rng)
        self.rng = rng

    def search(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """All repairs among the suspects, as far as time allows."""
        found: list[Repair] = []
        late = (self.text.by_count, self.text.by_insertion)
        for trial in (self._by_factor, self._by_array, self._by_term, self.text.by_edit, *late):
            if trial in late and any(r.kind not in PATHS for r in found):
                break
            for repair in trial(suspects, wrong):
                found.append(repair)
                if len(found) > 60:
                    return found
                if not self.bench.clock.affords(0.0):
                    return found
        return found

    def factors(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """Repairs by a constant factor alone."""
        return list(self._by_factor(suspects, wrong))

    def reordered(self, places: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """Repairs that only change the order in which values are unpacked or returned."""
        return list(self.text.by_edit(places, wrong, ("unpacked", "order")))

    def edited(
        self, places: set[ast.stmt], wrong: frozenset[str], kinds: tuple[str, ...] = ()
    ) -> list[Repair]:
        """Repairs by an edit of the text alone, of some kinds unless none are given."""
        return list(self.text.by_edit(places, wrong, kinds))

    def _sites(self, suspects: set[ast.stmt]) -> list[Site]:
        return [
            s
            for s in self.bench.backward.taps.sites
            if s.statement in suspects
            and self.evidence.trace.counts.get(s.number)
            and not isinstance(s.node, ast.stmt)
        ]

    def _by_factor(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A constant factor on one expression, solved for: the gradients are affine in it, or it is none."""
        base = self.bench.found
        for site in self._sites(suspects):
            if is_named_sum(site.statement):
                continue
            if not self.bench.clock.affords(0.0):
                return
            twice = self.bench.gradients(replacing(site.number, None, partial(np.multiply, 2.0)))
            factor = self.solve(base, twice, wrong)
            if factor is None:
                continue
            scaling = replacing(site.number, None, partial(np.multiply, factor))
            if self.bench.repairs(self.bench.gradients(scaling), wrong) and self._holds(scaling, wrong):
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

    def _holds(self, hook: Callable[[int, Any], Any], wrong: frozenset[str]) -> bool:
        """Whether what is done to values mends other points as well: some are mended by accident."""
        if self.bench.standing:
            return True  # other slips are mended at this point only
        attempt = Attempt(self.bench, self.bench.problem, hook)
        return any(attempt.holds_elsewhere(wrong, self.rng) for _ in range(2))

    def solve(
        self, base: dict[str, FloatArray], twice: dict[str, FloatArray] | None, wrong: frozenset[str]
    ) -> float | None:
        """The factor on a value with which gradients are right, given those with it and with twice of it.

        A value that one element alone follows has always such a factor: it says something where it is small.
        """
        if twice is None:
            return None
        above, below, count, moved = 0.0, 0.0, 0, 0
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
            moved += int(np.count_nonzero(slope))
        if count < 2 or not below > 0.0 or not np.isfinite(above):
            return None
        factor = 1.0 + above / below
        return factor if moved > 1 or is_small(factor) else None

    def _by_array(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A value of forward that was left out of a product, or stands in it too often."""
        known = self._forward_values()
        for site in self._sites(suspects):
            values = self.evidence.trace.of(site.number)
            beside = [(name, row) for name, passes in known for row in self._fitted(passes, values)]
            for name, fitted in beside:
                if not self.bench.clock.affords(0.0):
                    return
                for kind, change in CHANGES.items():
                    if kind == "plus" and fitted[0].ndim and name not in self.bench.cotangent_names:
                        continue
                    if kind == "instead" and (
                        not self._stands_for(site, name) or _is_shifted(values, fitted)
                    ):
                        continue
                    changes = [partial(change, array) for array in fitted]
                    if self.bench.repairs(self.bench.gradients(changing(site.number, changes)), wrong):
                        text = ast.unparse(site.node)
                        made = with_array(site.node, kind, name)
                        # A value that forward has by the same name, and backward computes otherwise.
                        rank = NATURAL if kind == "instead" and site.role == DEF else LIKELY
                        yield Repair(
                            site.statement,
                            site.line,
                            kind,
                            rank,
                            text,
                            made,
                            None,
                            name,
                            site,
                            term=fitted[0],
                        )

    def _stands_for(self, site: Site, name: str) -> bool:
        """Whether this may be a value of forward, and another one where this one is due."""
        if self.evidence.depends(site):
            return False
        if site.role == DEF:
            return site.name == name
        return _is_a_place(site.node) and ast.unparse(site.node) != name

    def _fitted(self, passes: list[Array], values: list[Array]) -> Iterator[list[Array]]:
        """A value of forward beside one of backward, which goes through a loop the other way, or the same."""
        if not values or len(passes) not in (1, len(values)):
            return
        rows = [passes[::-1], passes] if len(passes) > 1 else [passes * len(values)]
        for row in rows:
            fitted = [_fitted(array, value.shape) for array, value in zip(row, values, strict=True)]
            if all(array is not None for array in fitted):
                yield [array for array in fitted if array is not None]

    def _forward_values(self) -> list[tuple[str, list[Array]]]:
        """Named values of forward by pass, its inputs and its constants."""
        found: dict[str, list[Array]] = {n: [a] for n, a in self.bench.inputs.items() if a.dtype.kind == "f"}
        found |= {
            n: [np.asarray(float(c))]
            for n, c in self.bench.original.constants.items()
            if isinstance(c, int | float) and not isinstance(c, bool)
        }
        for site in self.bench.forward.taps.sites:
            passes = self.evidence.forward.of(site.number)
            if site.role == DEF and site.name and passes and all(map(is_measurable, passes)):
                found.setdefault(site.name, passes)
        for name, cotangent in zip(self.bench.cotangent_names, self.bench.cotangents, strict=False):
            found.setdefault(name, [cotangent])
        for name, passes in list(found.items()):
            masks = [(array > 0).astype(np.float64) for array in passes]
            if masks[0].size >= _TELLING and any(0 < mask.sum() < mask.size for mask in masks):
                found[f"({name} > 0)"] = masks  # of a rectifier
        return list(found.items())

    def _by_term(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A path that was left out: the gradient through one use of a value is missing from a sum."""
        # A part of a line without a name is no place that a path leads from.
        ends = [n for n in self.evidence.nodes if n.site is None or n.site.role != EXPRESSION]
        own = [(node,) for node in ends if node.site is None]
        rows: list[tuple[Node, ...]] = [*own, *in_passes(ends)]
        rows.sort(key=lambda passes: _unlikely(passes[0], wrong))
        carried = [p for p in rows if p[0].site is not None and p[0].site.role == CARRIED]
        for site in self._sites(suspects):
            if site.role not in (DEF, RETURN, WRITE, USE, EXPRESSION):
                continue
            values = self.evidence.trace.of(site.number)
            shapes = [value.shape for value in values]
            tried: set[tuple[bytes, ...]] = set()
            for passes in carried if site.role == EXPRESSION else rows:
                if [node.gradient.shape for node in passes[::-1]] != shapes:
                    continue
                if not any(node.gradient.any() for node in passes):
                    continue
                key = tuple(node.gradient.tobytes() for node in passes)
                if key in tried:  # a value and its only use have the same gradient
                    continue
                tried.add(key)
                if not self.bench.clock.affords(0.0):
                    return
                for kind in self._by_path(site, passes, wrong):
                    lost = _lost(site, passes[0], kind)
                    # Of a value and its gradient, nothing is treated as a constant: the value is its own.
                    yield replace(lost, through="") if self.bench.lone else lost

    def _by_path(self, site: Site, passes: tuple[Node, ...], wrong: frozenset[str]) -> Iterator[str]:
        """Whether the gradient of a node lacks in a value, or is there once too often."""
        base = self.bench.found
        added = self._with(site, passes, 1.0)
        if added is None:
            return
        if self.bench.repairs(added, wrong):
            yield "path"
        # Gradients are affine in a value that depends on the cotangent: what taking it away gives is known.
        taken = {name: 2 * base[name] - value for name, value in added.items() if name in base}
        if self.bench.repairs(taken, wrong) and self.bench.repairs(self._with(site, passes, -1.0), wrong):
            yield "path twice"

    def _with(self, site: Site, passes: tuple[Node, ...], sign: float) -> dict[str, FloatArray] | None:
        changes = [partial(np.add, sign * node.gradient) for node in passes[::-1]]
        return self.bench.gradients(changing(site.number, changes))


def _unlikely(node: Node, wrong: frozenset[str]) -> tuple[bool, bool]:
    """Paths from pass to pass come first, then those that begin at what has a wrong gradient."""
    return node.site is None or node.site.role != CARRIED, node.site is None or node.name not in wrong


def _lost(site: Site, node: Node, kind: str) -> Repair:
    """A path through one use of a value of forward that a sum lacks, or has twice."""
    text, use = ast.unparse(site.node), node.site
    if use is not None and use.role == CARRIED:
        return Repair(site.statement, site.line, kind, LIKELY, text, CARRIED, None, node.name, site)
    line, through = ("0", "") if use is None else (str(use.line), assigned_name(use.statement))
    name = node.name or ("" if use is None or not _is_a_place(use.node) else use.text)
    made = site.statement, site.line, kind, LIKELY, text, line, None, name, site, through, use
    return Repair(*made, node.gradient)


def _is_shifted(values: list[Array], due: list[Array]) -> bool:
    """Whether values of a loop are those of other passes: not the line is at fault, but what it goes by."""
    return any(
        value.shape == other.shape and np.array_equal(value, other)
        for place, value in enumerate(values)
        for other in [*due[:place], *due[place + 1 :]]
    )


def _is_a_place(node: ast.AST) -> bool:
    """Whether an expression only says where a value is kept: `hs[t]`."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def assigned_name(statement: ast.stmt | None) -> str:
    """The name that a statement assigns, if it is one."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


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


def is_named_sum(statement: ast.stmt | None) -> bool:
    """Whether a name says that a sum is meant: no factor belongs into `d_sum = d.sum(0)`."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return False
    function = statement.value.func
    named = any("sum" in ast.unparse(target).lower() for target in statement.targets)
    return named and isinstance(function, ast.Attribute) and function.attr == "sum"
