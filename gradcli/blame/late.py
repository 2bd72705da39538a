"""Where backward is not one function: statements that run only in it, wherever they stand, and their repairs.

A tape engine's operations leave closures behind, which its backward calls. No value in them can be followed;
but a small edit of one of their statements can be run, and with it the gradients are right or not.
"""

import ast
import linecache
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcli import checker
from gradcli.arrays import Array
from gradcli.blame.case import Case
from gradcli.blame.change import Edit, Slot, slots
from gradcli.blame.change import replace as replaced
from gradcli.blame.diagnosis import changed
from gradcli.blame.edits import edits
from gradcli.blame.factors import common_factor
from gradcli.blame.insertions import insertions
from gradcli.blame.source import NotReadable, Written, read, rebuild, standing_in
from gradcli.clock import Clock
from gradcli.executed import TooManyLines, at_most, lines_run
from gradcli.problem import Late, Problem
from gradcli.result import Blame, Gradient
from gradcli.spec import Settings
from gradcli.subject import copies

_MOST_LINES = 200_000  # that a version may run: more than any engine's operations take
_POINTS = 2  # at which a repair must hold beside that of the check


@dataclass(frozen=True, eq=False)
class _Place:
    """A statement that runs in backward and not in forward, or makes something that does."""

    written: Written
    body: list[ast.stmt]
    statement: ast.stmt


def find_late(case: Case, late: Late, settings: Settings, clock: Clock) -> tuple[list[Blame], str]:
    """The statement at fault among those that only backward runs; or why none is named.

    Cost: two checks at other points, and up to a few hundred forwards and backwards.
    """
    problem, cotangents, wrong = case.problem, case.cotangents, case.wrong
    flowing = None if late.tape is None else late.tape.flowing(problem.inputs, cotangents)
    places = list(_places(problem, late.functions, cotangents, flowing))
    if not places:
        return [], "none of its statements runs in backward alone"
    points = [case, *_others(problem, settings, clock)]
    search = _Search(problem, points, wrong, late.beside, clock)
    of_driver = list(_places(problem, late.driving, cotangents, flowing, loops=True))
    for trial, tried in ((_with_others, places), (_with_others, of_driver), (_with_insertions, places)):
        found = [repair for place in tried for repair in search.repairs(place, trial)]
        if found:
            best = min(edit.rank for _, edit in found)
            top = [(place, edit) for place, edit in found if edit.rank == best]
            if len({id(place.statement) for place, _ in top}) > 1:
                return [], "several places could be repaired"
            place, edit = min(top, key=lambda one: len(one[1].before))
            return [_blame(place, edit.line, changed(edit.kind, edit.before, edit.after), wrong)], ""
    forgotten = _forgotten(problem, late, cotangents, wrong)
    if forgotten is not None:
        return [forgotten], ""
    alone = [place for place in places if search.may_be_alone(place)]
    known = {*late.functions, *late.driving}
    if len(alone) == 1 and (flowing is None or not _elsewhere(flowing, known)):
        (place,) = alone
        said = common_factor([case.gradients[name] for name in wrong]) or "no single change explains it"
        said += f"; of all that backward runs, this alone makes {', '.join(wrong)}"
        return [_blame(place, _line(place.statement), said, wrong)], ""
    return [], f"{len(places)} statements could be at fault"


class _Search:
    """Tries versions of single statements."""

    def __init__(
        self,
        problem: Problem,
        points: Sequence[Case],  # where the true gradients are known
        wrong: Sequence[str],
        beside: Sequence[Problem],
        clock: Clock,
    ) -> None:
        self.problem = problem
        self.points = points
        self.wrong = wrong
        self.clock = clock
        self.outputs = [out.copy() for out in problem.forward(copies(problem.inputs)).outputs]
        self.before = _gradients(problem, points[0])
        self.beside = [other for other in beside if _holds(other)]

    def repairs(self, place: _Place, trial: Any) -> Iterator[tuple[_Place, Edit]]:
        """The edits of a statement with which all gradients are right at all points."""
        names = list(dict.fromkeys(_values(place.written)))
        for edit in list(trial(place.statement, place.body, names, lambda _: False)):
            if not self.clock.affords(0.0):
                return
            if edit.kind == "accumulated":
                continue  # a tape adds up whatever there is
            with _edited(place.written, edit) as is_program:
                if is_program and self._works(place):
                    yield place, edit

    def may_be_alone(self, place: _Place) -> bool:
        """Whether, for all one can tell, the wrong gradients and no others come from a statement."""
        without = Edit("", 0, None, None, 0, lambda: _emptied(place))
        with _edited(place.written, without) as is_program, at_most(_MOST_LINES, {place.written.file}):
            after = _gradients(self.problem, self.points[0]) if is_program else None
        if after is None or self.before is None or set(after) != set(self.before):
            return True
        moved = {n for n, array in self.before.items() if not np.array_equal(array, after[n])}
        return moved == set(self.wrong)

    def _works(self, place: _Place) -> bool:
        """Whether the version that is in place is a repair; one that may not end is none."""
        try:
            with at_most(_MOST_LINES, {place.written.file}):
                return self._is_forward_same() and self._mends()
        except TooManyLines:
            return False

    def _mends(self) -> bool:
        """Whether all is right at all points, and what is right beside it stays so."""
        return all(map(self._is_right, self.points)) and all(map(_holds, self.beside))

    def _is_forward_same(self) -> bool:
        try:
            outputs = self.problem.forward(copies(self.problem.inputs)).outputs
        except Exception:
            return False
        return all(np.array_equal(a, b) for a, b in zip(self.outputs, outputs, strict=True))

    def _is_right(self, point: Case) -> bool:
        found = _gradients(self.problem, point)
        return found is not None and all(_fits(found.get(n), known) for n, known in point.gradients.items())


def _places(
    problem: Problem,
    functions: Sequence[FunctionType],
    cotangents: tuple[Array, ...],
    flowing: set[tuple[str, int]] | None,
    *,
    loops: bool = False,
) -> Iterator[_Place]:
    """`flowing`: the lines through which gradients go, where they are known; `loops`: their heads as well."""
    readable = list(_readable(functions))
    for file in dict.fromkeys(written.file for written in readable):
        with lines_run(file) as ahead:
            run = problem.forward(copies(problem.inputs))
        with lines_run(file) as back:
            problem.backward(tuple(c.copy() for c in cotangents), run.saved)
        if flowing is not None:  # what runs before, sorts values: no gradient goes through it
            back &= {line for place, line in flowing if place == file}
            ahead &= back
        for written in readable:
            if written.file == file:
                yield from _late(written, written.node, back - ahead, ahead, loops)


def _elsewhere(flowing: set[tuple[str, int]], functions: Iterable[FunctionType]) -> bool:
    """Whether gradients go through lines of functions that cannot be read."""
    read_lines = {
        (written.file, line)
        for written in _readable(functions)
        for line in range(written.node.lineno, (written.node.end_lineno or written.node.lineno) + 1)
    }
    return not flowing <= read_lines


def _readable(functions: Iterable[FunctionType]) -> Iterator[Written]:
    for function in functions:
        with suppress(NotReadable):
            yield read(function)


def _forgotten(
    problem: Problem, late: Late, cotangents: tuple[Array, ...], wrong: Sequence[str]
) -> Blame | None:
    """The function in which a gradient is forgotten: it gives one to the other inputs, nothing gives one to
    those that are wrong."""
    if late.tape is None:
        return None
    inputs = [one for one in late.tape.read(problem.inputs, cotangents) if not one.name]
    without = {str(one.place) for one in inputs if one.backward_line is None}
    given = [one for one in inputs if one.backward_line is not None]
    if without != set(wrong) or not given:
        return None
    around = {
        (written.file, part.lineno, part.name)
        for written in _readable(late.functions)
        for part in ast.walk(written.node)
        if isinstance(part, ast.FunctionDef) and part is not written.node
        for one in given
        if written.file == one.backward_file
        and part.lineno <= (one.backward_line or 0) <= (part.end_lineno or 0)
    }
    if len(around) != 1:
        return None
    ((file, line, name),) = around
    said = f"{name} adds nothing to the gradient of {' and '.join(wrong)}"
    source = linecache.getline(file, line).strip()
    return Blame(wrong[0], "", file, line, said, source=source, gradients=tuple(wrong))


def _late(written: Written, node: ast.AST, late: set[int], early: set[int], loops: bool) -> Iterator[_Place]:
    if isinstance(node, ast.While):
        return  # an edit could keep it from ending
    for field in ("body", "orelse"):
        held: Any = getattr(node, field, None)
        body: list[ast.stmt] = held if isinstance(held, list) else []
        for statement in body:
            runs = {*range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)}
            made = (part.body for part in ast.walk(statement) if isinstance(part, ast.Lambda))
            makes = any(not isinstance(body, ast.Constant) for body in made)
            whole = not hasattr(statement, "body") or (loops and isinstance(statement, ast.For))
            if whole and (runs & late or (makes and runs & early)):
                yield _Place(written, body, statement)
            yield from _late(written, statement, late, early, loops)


def _others(problem: Problem, settings: Settings, clock: Clock) -> Iterator[Case]:
    """The problem at other points, with the numeric gradients there."""
    rng = np.random.default_rng([settings.seed, 6])
    for _ in range(_POINTS):
        inputs = {n: np.asarray(a * rng.uniform(0.7, 1.3, a.shape)) for n, a in problem.inputs.items()}
        budget = max(0.1, min(settings.budget, 0.25 * clock.left()))
        own = replace(settings, blame=False, nodes=False, budget=budget)
        moved = replace(problem, inputs=inputs, source=None)
        there = Case.of(moved, checker.run(moved, own))
        if there.cotangents and there.gradients:
            yield there


def _gradients(problem: Problem, point: Case) -> dict[str, Array] | None:
    try:
        saved = problem.forward(copies(point.problem.inputs)).saved
        found = problem.backward(tuple(c.copy() for c in point.cotangents), saved)
        return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}
    except Exception:
        return None


def _holds(problem: Problem) -> bool:
    """Whether the gradients of a problem agree with a difference along one direction."""
    rng = np.random.default_rng(7)
    moves = {n: np.asarray(rng.standard_normal(problem.inputs[n].shape)) for n in problem.differentiable}
    step = 1e-5
    try:
        with np.errstate(all="ignore"):
            run = problem.forward(copies(problem.inputs))
            weights = tuple(np.asarray(rng.standard_normal(out.shape)) for out in run.outputs)
            found = problem.backward(tuple(w.copy() for w in weights), run.saved)
            claimed = sum(float(np.sum(np.asarray(found[n]) * move)) for n, move in moves.items())
            sides = [
                problem.forward({n: a + s * step * moves.get(n, 0.0) for n, a in problem.inputs.items()})
                for s in (1.0, -1.0)
            ]
    except Exception:
        return False
    triples = zip(weights, sides[0].outputs, sides[1].outputs, strict=True)
    measured = sum(float(np.sum(w * (plus - minus))) for w, plus, minus in triples) / (2 * step)
    return abs(claimed - measured) <= 1e-5 * (abs(claimed) + abs(measured) + 1.0)


def _fits(found: Array | None, known: Gradient) -> bool:
    if found is None or found.shape != known.numeric.shape:
        return False
    there = np.isfinite(known.numeric)
    slack = 1e-6 * np.abs(known.numeric) + 1e-9 * np.max(np.abs(known.numeric), initial=0.0, where=there)
    allowed = np.maximum(np.nan_to_num(known.allowed), slack)
    with np.errstate(invalid="ignore"):
        return bool(np.all((np.abs(found - known.numeric) <= allowed)[there]))


@contextmanager
def _edited(written: Written, edit: Edit) -> Iterator[bool]:
    """A function with an edit in it; says whether it is a program."""
    back = edit.apply()
    try:
        made = rebuild(written, written.node, {})
    except (NotReadable, SyntaxError, ValueError, TypeError, AttributeError):
        made = None
    finally:
        back()
    if made is None:
        yield False
        return
    with standing_in(written, made) as is_program:
        yield is_program


def _emptied(place: _Place) -> Any:
    """Take a statement out; returns what puts it back."""
    at = next(i for i, statement in enumerate(place.body) if statement is place.statement)
    place.body[at] = ast.copy_location(ast.Pass(), place.statement)

    def back() -> None:
        place.body[at] = place.statement

    return back


def _with_others(statement: ast.stmt, body: Any, names: Sequence[str], settled: Any) -> Iterator[Edit]:
    """The edits of any code, and those of a tape: the values of another operand, a sum that is none."""
    yield from edits(statement, body, names, settled)
    for slot in slots(statement):
        node = slot.get()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            for name in names:
                owner, _, attribute = name.rpartition(".")
                if owner and owner != node.value.id and attribute == node.attr:
                    made = ast.Attribute(ast.Name(owner, ast.Load()), attribute, node.ctx)
                    yield replaced(slot, node, made, "variable", 2)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        yield from _added_up(statement, statement.targets[0])


def _added_up(statement: ast.Assign, target: ast.expr) -> Iterator[Edit]:
    """`t.grad = g` where `t.grad + g` is due, unless there is nothing yet."""
    if isinstance(target, ast.Attribute | ast.Subscript):
        there = ast.parse(ast.unparse(target), mode="eval").body
        total = ast.BinOp(there, ast.Add(), statement.value)
        if isinstance(target, ast.Attribute):
            none: ast.expr = ast.Compare(there, [ast.Is()], [ast.Constant(None)])
        else:
            key = ast.parse(ast.unparse(target.slice), mode="eval").body
            held = ast.parse(ast.unparse(target.value), mode="eval").body
            none = ast.Compare(key, [ast.NotIn()], [held])
        grown = ast.IfExp(none, statement.value, total)
        yield replaced(Slot(statement, "value", None), statement.value, grown, "overwritten", 1)


def _with_insertions(statement: ast.stmt, body: Any, names: Sequence[str], settled: Any) -> Iterator[Edit]:
    del body, settled
    yield from insertions(statement, names)


def _values(written: Written) -> Iterator[str]:
    """What a function and those within it call values: names, and attributes of names.

    A module has only the attributes that are there: what is tried must not write new ones into it.
    """
    space = written.function.__globals__
    owners: dict[str, None] = {}
    attributes: dict[str, None] = {}
    for part in ast.walk(written.node):
        if isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            yield f"{part.value.id}.{part.attr}"
            if not isinstance(space.get(part.value.id), ModuleType):
                owners[part.value.id] = None
            if isinstance(part.ctx, ast.Store) and not part.attr.startswith("_"):
                attributes[part.attr] = None  # `out.grad` may be what is missing beside `self.grad`
    yield from (f"{owner}.{attribute}" for owner in owners for attribute in attributes)


def _line(statement: ast.stmt) -> int:
    """That of the only function within a statement, or of the statement."""
    made = [part for part in ast.walk(statement) if isinstance(part, ast.Lambda)]
    return made[0].lineno if len(made) == 1 else statement.lineno


def _blame(place: _Place, line: int, diagnosis: str, wrong: Sequence[str]) -> Blame:
    return Blame(
        gradient=wrong[0],
        node="",
        file=place.written.file,
        line=line,
        diagnosis=f"in {place.written.node_name}: {diagnosis}",
        source=linecache.getline(place.written.file, line).strip(),
        gradients=tuple(wrong),
    )
