"""The damaged versions of a backward: its source with one edit each, in a fixed order."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import groupby

from gradcli.blame.edits import Edit, bodies, edits, in_while
from gradcli.blame.source import NotReadable, like, plain, read, rebuild
from gradcli.errors import UsageError
from gradcli.problem import Problem, Source

# An edit that a repair would undo is, the other way round, a damage; the words are those of its maker.
_WORDS = {
    "sign": "the sign",
    "operator": "the operator",
    "extra term": "a term dropped",
    "extra factor": "a factor dropped",
    "extra call": "a call dropped",
    "superfluous": "a statement dropped",
    "accumulated": "assigned, not accumulated",
    "operands": "operands swapped",
    "order of a product": "operands swapped",
    "order": "gradients swapped",
    "transpose": "a .T lost",
    "axis": "the axis",
    "function": "another function",
    "constant": "a constant",
    "power": "a power lost",
    "comparison": "the comparison",
    "slice": "the slice",
    "index": "off by one",
}
_ONE_EACH = {"constant", "axis", "slice", "index", "comparison"}  # of many variants at a place, the first


@dataclass(frozen=True, eq=False)
class Damage:
    """One damaged version."""

    line: int
    what: str  # "the sign"
    before: str
    after: str
    variable: str  # what the statement assigns, "" if nothing
    problem: Problem  # the same check with this backward


def damages(problem: Problem) -> Iterator[Damage]:
    """Every damaged version of a problem's backward, each made when it is asked for.

    Edits within `while` loops are left out: they could keep them from ending. Raises UsageError where the
    backward is not Python source that can be read.
    """
    source = problem.source
    if source is None or source.remake is None:
        raise UsageError(f"{problem.id}: only a pair of Python functions can be damaged")
    try:
        yield from _of_source(source)
    except NotReadable as error:
        raise UsageError(f"{problem.id}: the backward cannot be damaged: {error}") from error


def _of_source(source: Source) -> Iterator[Damage]:
    original = read(plain(source.backward))
    written = replace(original, node=deepcopy(original.node))  # the tree is shared, and edited in place
    assert source.remake is not None
    for statement, edit in _edits(written.node):
        back = edit.apply()
        try:
            made = like(source.backward, rebuild(written, written.node, {}))
        except (SyntaxError, ValueError, NotReadable):
            continue
        finally:
            back()
        problem = source.remake(source.forward, made)
        what = _WORDS[edit.kind]
        yield Damage(edit.line, what, edit.before, edit.after, _assigned(statement), problem)


def _edits(function: ast.AST) -> list[tuple[ast.stmt, Edit]]:
    endless = in_while(function)
    found = [
        (statement, edit)
        for body in bodies(function)
        for statement in body
        if id(statement) not in endless and not _is_docstring(statement)
        for edit in _chosen(edits(statement, body, (), lambda _part: False))
    ]
    return sorted(found, key=lambda pair: pair[1].line)


def _chosen(offered: Iterator[Edit]) -> Iterator[Edit]:
    fitting = (edit for edit in offered if edit.kind in _WORDS and not _adds(edit))
    for (kind, *_), group in groupby(fitting, key=lambda edit: (edit.kind, edit.line, edit.before)):
        variants = list(group)
        yield from variants[:1] if kind in _ONE_EACH else variants


def _adds(edit: Edit) -> bool:
    """A .T that was not there is no loss of one."""
    return edit.kind == "transpose" and edit.after.endswith(".T")


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _assigned(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return ast.unparse(statement.target) if isinstance(statement, ast.AugAssign) else ""
