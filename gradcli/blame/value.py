"""What is right by definition: forward, or what belongs to the value in a function that returns both."""

import ast
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import FunctionType

from gradcli.blame.program import Program
from gradcli.blame.taps import Tapped


@dataclass(frozen=True, eq=False)
class Given:
    """What no blame falls on."""

    functions: AbstractSet[FunctionType]
    statements: AbstractSet[ast.stmt] | None = None  # None: of no function of its own
    parts: AbstractSet[int] = frozenset()  # by id, what a return says of the value


def of_forward(forward: Tapped) -> Given:
    """Forward is a function of its own: it and what it calls are right."""
    return Given({written.function for written in forward.taps.functions})


def of_value(both: Tapped, place: int) -> Given:
    """The statements from which the value at a place of the return comes, and the functions that they call.

    The function must have run: which methods it calls is seen only then.
    """
    program = Program(both, ())
    found: set[ast.stmt] = set()
    parts: set[int] = set()
    for statement in program.returns():
        value = statement.value
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) > place:
            found |= program.sources(statement, [value.elts[place]], lambda _: False) - {statement}
            parts |= {id(node) for node in ast.walk(value.elts[place])}
        else:  # `return cost`, where no gradient is wanted
            found |= program.sources(statement, None, lambda _: False)
    own = {written.function for written in program.functions if program.has_any(written, found)}
    return Given(own - {both.main.function}, found, parts)
