"""A statement in many versions, compiled at once: a compiler takes longer than most backwards.

The versions stand beside each other in a tree of conditions on a constant. Which of them runs is settled by
putting a number in the place of that constant in the code.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import CodeType, FunctionType
from typing import Any

from gradcli.blame.change import Edit, Slot
from gradcli.blame.source import NotReadable, Written, rebuild

_CHOICE = "which of the versions of a statement runs"
_TOGETHER = 64


def made(
    written: Written, body: list[ast.stmt], statement: ast.stmt, edits: Sequence[Edit]
) -> Iterator[FunctionType | None]:
    """The function with each edit of a statement of `body` in turn; None where that is no program.

    A function that is given may be the one before with other code in it.
    """
    place = Slot(_Block(body), "body", next(i for i, own in enumerate(body) if own is statement))
    if hasattr(statement, "body"):  # its head alone is edited
        place = Slot(statement, "iter" if hasattr(statement, "iter") else "test", None)
    rest = iter(edits)
    while part := list(islice(rest, _TOGETHER)):
        yield from _together(written, place, part)


@dataclass(frozen=True, eq=False)
class _Block:
    """What holds a list of statements."""

    body: list[ast.stmt]


def _together(written: Written, place: Slot, edits: Sequence[Edit]) -> Iterator[FunctionType | None]:
    own = place.get()
    versions = []
    for edit in edits:
        back = edit.apply()
        versions.append(_copied(place.get()))
        back()
    place.put(ast.fix_missing_locations(ast.copy_location(_choice(versions, 0), own)))
    try:
        function = rebuild(written, written.node, {})
    except (NotReadable, SyntaxError, ValueError, TypeError, AttributeError):
        function = None
    finally:
        place.put(own)
    if function is not None:
        code = function.__code__
        for number in range(len(edits)):
            function.__code__ = _chosen(code, number)
            yield function
    elif len(edits) == 1:
        yield None
    else:
        half = len(edits) // 2
        yield from _together(written, place, edits[:half])
        yield from _together(written, place, edits[half:])


def _choice(versions: Sequence[Any], first: int) -> Any:
    """One of the versions, by their numbers from `first` on: statements or expressions."""
    if len(versions) == 1:
        return versions[0]
    half = len(versions) // 2
    test = ast.Compare(ast.Constant(_CHOICE), [ast.Lt()], [ast.Constant(first + half)])
    left, right = _choice(versions[:half], first), _choice(versions[half:], first + half)
    return ast.IfExp(test, left, right) if isinstance(left, ast.expr) else ast.If(test, [left], [right])


def _chosen(code: CodeType, number: int) -> CodeType:
    def put(constant: Any) -> Any:
        if isinstance(constant, CodeType):
            return _chosen(constant, number)
        return number if isinstance(constant, str) and constant == _CHOICE else constant

    return code.replace(co_consts=tuple(map(put, code.co_consts)))


def _copied(node: Any) -> Any:
    """A tree of its own: nothing but nodes and lists is copied."""
    if isinstance(node, list):
        return [_copied(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    copy = type(node)()
    copy.__dict__.update((name, _copied(value)) for name, value in node.__dict__.items())
    return copy
