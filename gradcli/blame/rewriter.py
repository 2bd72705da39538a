"""Repairs of the text: an edit of a statement, run in its place, here and at another point."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from types import FunctionType

import numpy as np

from gradcli.blame.alternatives import made
from gradcli.blame.bench import Bench
from gradcli.blame.change import Edit
from gradcli.blame.edits import edits
from gradcli.blame.evidence import Evidence
from gradcli.blame.flow import is_key
from gradcli.blame.insertions import counts, insertions, is_count, is_scaling
from gradcli.blame.program import Program
from gradcli.blame.repair import Repair
from gradcli.blame.site import DEF
from gradcli.blame.source import Written

_OF_ARRAYS = ("T", "shape", "ndim", "size", "dtype")
_MOST_PLACES = 6  # statements into which something is put by way of trial


@dataclass(frozen=True, eq=False)
class _Place:
    """A statement that may be edited, and the block it stands in."""

    written: Written
    body: list[ast.stmt]
    statement: ast.stmt


class Rewriter:
    """Tries edits of statements."""

    def __init__(self, bench: Bench, evidence: Evidence, program: Program, rng: np.random.Generator) -> None:
        self.bench = bench
        self.evidence = evidence
        self.program = program
        self.rng = rng

    def by_count(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """A number of elements that is that of something else."""
        traced = {id(s.statement) for s in self.bench.backward.taps.sites if s.number in self._seen()}
        for place in self._places(suspects):
            named = id(place.statement) not in traced and is_count(place.statement)
            if named or is_scaling(place.statement):
                yield from self._tried([(place, e) for e in counts(place.statement, self._counts())], wrong)

    def _seen(self) -> set[int]:
        return {key[0] for key in self.evidence.trace.values}

    def _counts(self) -> list[int]:
        """Lengths of axes, and how many elements any of them have together."""
        arrays = [*self.bench.inputs.values(), *self.bench.outputs, *self.evidence.trace.values.values()]
        lengths = {n for array in arrays for n in array.shape}
        together = {int(np.prod(s)) for a in arrays for k in (2, 3) for s in combinations(a.shape, k)}
        return sorted(n for n in lengths | together | {a.size for a in arrays} if n > 1)

    def by_insertion(self, suspects: set[ast.stmt], wrong: frozenset[str]) -> Iterator[Repair]:
        """Something that is put in, where nothing smaller helps and few statements are in question."""
        places = [place for place in self._places(suspects) if not hasattr(place.statement, "body")]
        if len(places) > _MOST_PLACES:
            return
        for place in places:
            node = place.written.node
            names, masks = [*_names(node), *dict.fromkeys(_attributes(node))], _masks(node)
            found = (e for e in insertions(place.statement, names) if not _adds(e, masks))
            yield from self._tried([(place, e) for e in found], wrong)

    def by_edit(
        self, suspects: set[ast.stmt], wrong: frozenset[str], kinds: tuple[str, ...] = ()
    ) -> Iterator[Repair]:
        """Likely slips first, wherever they stand."""
        found: list[tuple[_Place, Edit]] = []
        mains = (self.bench.forward.main.node, self.bench.backward.main.node)
        kept = list(dict.fromkeys(name for node in mains for name in (*_attributes(node), *_keys(node))))
        kept += dict.fromkeys(
            n for written in self.bench.forward.taps.functions for n in _numbers(written.node)
        )
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


def _adds(edit: Edit, names: set[str]) -> bool:
    """Whether an edit adds one of some variables to what is there."""
    right = edit.new.right if isinstance(edit.new, ast.BinOp) else None
    return edit.kind == "term missing" and isinstance(right, ast.Name) and right.id in names


def _masks(function: ast.AST) -> set[str]:
    """Variables that are true or false: nobody means to add them to something."""
    return {
        target.id
        for part in ast.walk(function)
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Compare)
        for target in part.targets
        if isinstance(target, ast.Name)
    }


def _numbers(function: ast.AST) -> Iterator[str]:
    """The numbers that a function is written with, but for those that are tried anyway."""
    for part in ast.walk(function):
        if isinstance(part, ast.Constant) and isinstance(part.value, float):
            yield repr(part.value)


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for part in ast.walk(node):
        for _, value in ast.iter_fields(part):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield value
