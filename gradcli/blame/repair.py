"""Repairs: the smallest change to the suspects with which every gradient is right.

A repair is tried by running it. What it says is then not a guess: with this change, the wrong gradients agree
with the numeric ones to within the verdict's own tolerance; where it is a change of the text, also at another
point.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.blame.alternatives import made
from gradcli.blame.bench import Attempt, Bench
from gradcli.blame.change import Edit
from gradcli.blame.edits import edits
from gradcli.blame.evidence import Evidence
from gradcli.blame.flow import is_key
from gradcli.blame.insertions import counts, insertions, is_count
from gradcli.blame.program import Program
from gradcli.blame.source import Written
from gradcli.blame.taps import CARRIED, DEF, EXPRESSION, RETURN, USE, WRITE, Site
from gradcli.blame.trace import Key, Trace, changing, replacing
from gradcli.blame.truth import Node, in_passes, is_measurable

_OF_ARRAYS = ("T", "shape", "ndim", "size", "dtype")
_MOST_PLACES = 6  # statements into which something is put by way of trial
PATHS = ("path", "path twice")
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
    through: str = ""  # the node behind a lost path
    use: Site | None = None  # in forward, where that path begins
    term: Array | None = None  # what a sum lacks, or a product


@dataclass(frozen=True, eq=False)
class _Place:
    """A statement that may be edited, and the block it stands in."""

    written: Written
    body: list[ast.stmt]
    statement: ast.stmt


class Repairer:
    """Tries changes to a set of statements."""

    def __init__(self, bench: Bench, evidence: Evidence, program: Program, rng: np.random.Generator) -> None:
        self.bench = bench
        self.evidence = evidence
        self.program = program
        self.rng = rng

    def search(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """All repairs among the suspects, as far as time allows."""
        found: list[Repair] = []
        late = (self._by_count, self._by_insertion)
        for trial in (self._by_factor, self._by_array, self._by_term, self._by_syntax, *late):
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
        return list(self._by_syntax(places, wrong, ("unpacked", "order")))

    def edited(self, places: set[ast.stmt], wrong: frozenset[str]) -> list[Repair]:
        """Repairs by an edit of the text alone."""
        return list(self._by_syntax(places, wrong))

    # --- edits of the text

    def _by_count(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A number of elements that is that of something else."""
        traced = {id(s.statement) for s in self.bench.backward.taps.sites if s.number in self._seen()}
        for place in self._places(suspects):
            if id(place.statement) not in traced and is_count(place.statement):
                yield from self._tried([(place, e) for e in counts(place.statement, self._counts())], wrong)

    def _seen(self) -> set[int]:
        return {key[0] for key in self.evidence.trace.values}

    def _counts(self) -> list[int]:
        """Lengths of axes, and how many elements any of them have together."""
        arrays = [*self.bench.inputs.values(), *self.bench.outputs, *self.evidence.trace.values.values()]
        lengths = {n for array in arrays for n in array.shape}
        together = {int(np.prod(s)) for a in arrays for k in (2, 3) for s in combinations(a.shape, k)}
        return sorted(n for n in lengths | together | {a.size for a in arrays} if n > 1)

    def _by_insertion(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """Something that is put in, where nothing smaller helps and few statements are in question."""
        places = [place for place in self._places(suspects) if not hasattr(place.statement, "body")]
        if len(places) > _MOST_PLACES:
            return
        for place in places:
            node = place.written.node
            names = [*_names(node), *dict.fromkeys(_attributes(node))]
            yield from self._tried([(place, e) for e in insertions(place.statement, names)], wrong)

    def _by_syntax(
        self, suspects: set[ast.stmt], wrong: frozenset[str], kinds: tuple[str, ...] = ()
    ) -> Iterator[Repair]:
        """Likely slips first, wherever they stand."""
        found: list[tuple[_Place, Edit]] = []
        mains = (self.bench.forward.main.node, self.bench.backward.main.node)
        kept = list(dict.fromkeys(name for node in mains for name in (*_attributes(node), *_keys(node))))
        for place in self._places(suspects):
            statement = place.statement
            names = [*_names(place.written.node), *kept, *_neighbours(place.written)]
            tried = edits(statement, place.body, names, self._settled_within(statement))
            if self.evidence.is_right(getattr(statement, "value", statement)):
                # A slip in what is right for something is less likely than one in what is right for nothing.
                # That a value is right says nothing of where it goes.
                tried = (e if e.kind == "exchanged" else replace(e, rank=e.rank + 1) for e in tried)
            found += [
                (place, e)
                for e in tried
                if (not kinds or e.kind in kinds)
                and not (e.kind == "unpacked" and self._is_as_named(statement))
            ]
        yield from self._tried(found, wrong)

    def _is_as_named(self, statement: ast.stmt) -> bool:
        """Whether all that a statement computes is the gradient that its name says."""
        sites = [s for s in self.bench.backward.taps.sites if s.role == DEF and s.statement is statement]
        return bool(sites) and all(map(self.evidence.confirmed, sites))

    def _settled_within(self, statement: ast.stmt) -> Callable[[ast.AST], bool]:
        """Which parts are right; the value of a suspect as a whole may be that for something else only."""
        value = getattr(statement, "value", None)
        return lambda node: node is not value and self.evidence.is_right(node)

    def _places(self, suspects: set[ast.stmt]) -> Iterator["_Place"]:
        """The suspects that may be edited, each with the block it stands in."""
        for written in self.program.functions:
            if isinstance(written.node, ast.FunctionDef):
                endless = _in_while(written.node)
                for body in list(_bodies(written.node)):
                    for statement in list(body):
                        if statement in suspects and id(statement) not in endless:
                            yield _Place(written, body, statement)

    def _tried(self, found: list[tuple["_Place", Edit]], wrong: frozenset[str]) -> Iterator[Repair]:
        """Those edits that are repairs, the likely ones first."""
        if self.bench.standing:
            return  # another code has other taps
        found = sorted(found, key=lambda one: one[1].rank)
        by_place: dict[_Place, list[Edit]] = {}
        for place, edit in found:
            by_place.setdefault(place, []).append(edit)
        versions = {p: made(p.written, p.body, p.statement, own) for p, own in by_place.items()}
        for place, edit in found:
            if not self.bench.clock.affords(0.0):
                return
            function = next(versions[place])
            if function is not None and self._works(place.written, function, wrong):
                yield Repair(place.statement, edit.line, edit.kind, edit.rank, edit.before, edit.after)

    def _works(self, written: Written, function: FunctionType, wrong: frozenset[str]) -> bool:
        with self.bench.other(written, function) as attempt:
            return (
                attempt is not None
                and self.bench.repairs(attempt.gradients(), wrong)
                and attempt.holds_elsewhere(wrong, self.rng)
            )

    # --- changes of a value

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
            factor = self._solve(base, twice, wrong)
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
            beside = [(name, row) for name, passes in known for row in self._fitted(passes, values)]
            for name, fitted in beside:
                if not self.bench.clock.affords(0.0):
                    return
                for kind, change in _CHANGES.items():
                    if kind == "plus" and fitted[0].ndim and name not in self.bench.cotangent_names:
                        continue
                    if kind == "instead" and not self._stands_for(site, name):
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
        return list(found.items())

    def _by_term(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A path that was left out: the gradient through one use of a value is missing from a sum."""
        own = [(node,) for node in self.evidence.nodes if node.site is None]
        rows: list[tuple[Node, ...]] = [*own, *in_passes(self.evidence.nodes)]
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


def _is_a_place(node: ast.AST) -> bool:
    """Whether an expression only says where a value is kept: `hs[t]`."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


_CHANGES: dict[str, Callable[[Array, Array], Array]] = {
    "times": lambda array, value: value * array,
    "over": lambda array, value: value / array,
    "plus": lambda array, value: value + array,
    "instead": lambda array, value: np.broadcast_to(array, np.shape(value)).copy(),
}


def as_changes(repair: Repair, trace: Trace) -> dict[Key, Callable[[Any], Any]]:
    """The changes of values that a repair consists of; none if it is a change of the text."""
    if repair.site is None:
        return {}
    change: Callable[[Any], Any]
    if repair.kind == "factor":
        change = partial(np.multiply, repair.factor or 0.0)
    elif repair.term is None or trace.counts.get(repair.site.number) != 1:
        return {}
    elif repair.kind in PATHS:
        change = partial(np.add, repair.term if repair.kind == "path" else -repair.term)
    else:
        change = partial(_CHANGES[repair.kind], repair.term)
    return dict.fromkeys(trace.keys(repair.site.number), change)


def assigned_name(statement: ast.stmt | None) -> str:
    """The name that a statement assigns, if it is one."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


def with_array(node: ast.AST, kind: str, name: str, index: str = "") -> str:
    """An expression as it is with a factor or a term put to it, which an index may give more axes."""
    assert isinstance(node, ast.expr)
    array = ast.parse(name + index, mode="eval").body
    operations = {"times": ast.Mult(), "over": ast.Div(), "plus": ast.Add()}
    if kind == "instead":
        return name
    return ast.unparse(ast.BinOp(node, operations[kind], array))


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


def is_small(factor: float) -> bool:
    """Whether a factor is one that people forget: a sign, a 2 or a half."""
    return any(abs(factor - small) < 1e-7 for small in (-1.0, 2.0, 0.5, -2.0, -0.5))


def _in_while(function: ast.FunctionDef) -> set[int]:
    """Statements of loops that an edit could keep from ending."""
    loops = [part for part in ast.walk(function) if isinstance(part, ast.While)]
    return {id(part) for loop in loops for part in ast.walk(loop)}


def _names(function: ast.AST) -> list[str]:
    """Variables of a function."""
    found = [a.arg for a in ast.walk(function) if isinstance(a, ast.arg)]
    found += [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys(found))


def _neighbours(written: Written) -> Iterator[str]:
    """The functions of the same file that a function can call."""
    for name, value in written.function.__globals__.items():
        here = isinstance(value, FunctionType) and value.__code__.co_filename == written.file
        if here and name != written.node_name:
            yield f"{name}()"


def _attributes(function: ast.AST) -> Iterator[str]:
    """What a function reads from its variables, or puts into them: `self.x`."""
    variables = set(_names(function))
    called = {id(part.func) for part in ast.walk(function) if isinstance(part, ast.Call)}
    for part in ast.walk(function):
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id in variables
            and id(part) not in called
            and part.attr not in _OF_ARRAYS
        ):
            yield f"{part.value.id}.{part.attr}"


def _keys(function: ast.AST) -> Iterator[str]:
    """The keys by which a function looks things up."""
    for part in ast.walk(function):
        if isinstance(part, ast.Subscript) and is_key(part.slice):
            yield ast.unparse(part.slice)
        elif isinstance(part, ast.Dict):
            yield from (ast.unparse(k) for k in part.keys if k is not None and is_key(k))


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for part in ast.walk(node):
        for _, value in ast.iter_fields(part):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield value
