"""A place in the source at which there is a tap, and what part it plays there."""

import ast
from dataclasses import dataclass

DEF, WRITE, RETURN, USE, EXPRESSION = "def", "write", "return", "use", "expression"
CARRIED = "carried"


@dataclass(frozen=True, eq=False)
class Site:
    """A place in the source at which there is a tap."""

    number: int
    # DEF: a name gets its value; WRITE: into a slice; RETURN: of what is returned; CARRIED: the value of a
    # name from one pass of a loop to the next
    role: str
    name: str | None  # of the variable, where it is one
    node: ast.AST  # of the original tree
    statement: ast.stmt | None
    function: str
    file: str

    @property
    def line(self) -> int:
        return int(getattr(self.node, "lineno", 0))

    @property
    def text(self) -> str:
        return ast.unparse(self.node)
