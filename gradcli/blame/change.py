"""Changes of a tree that can be taken back."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Edit:
    """One change: `old` becomes `new` at a line; `kind` says what sort of slip that undoes."""

    kind: str
    line: int
    old: ast.AST | None
    new: ast.AST | None
    rank: int  # the lower, the more likely a slip
    apply: Callable[[], Callable[[], None]]  # returns what takes it back

    @property
    def before(self) -> str:
        """The text that it changes. Most edits are tried and forgotten, so none is kept."""
        return "" if self.old is None else text_of(self.old)

    @property
    def after(self) -> str:
        if self.new is None or self.new is not self.old:
            return "" if self.new is None else text_of(self.new)
        back = self.apply()  # what is shown is more than what is put in its place
        text = text_of(self.new)
        back()
        return text


@dataclass(frozen=True, eq=False)
class Slot:
    """A place in a tree that holds a node."""

    parent: Any
    field: str
    index: int | None

    def get(self) -> Any:
        held = getattr(self.parent, self.field)
        return held if self.index is None else held[self.index]

    def put(self, node: Any) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def slots(node: ast.AST) -> Iterator[Slot]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield Slot(node, name, None)
            yield from slots(value)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield Slot(node, name, index)
                    yield from slots(item)


def replace(
    slot: Slot, old: ast.AST, new: ast.AST, kind: str, rank: int, shown: ast.AST | None = None
) -> Edit:
    line = int(getattr(old, "lineno", getattr(slot.parent, "lineno", 0)))
    ast.copy_location(new, old)

    def apply() -> Callable[[], None]:
        slot.put(new)
        if hasattr(old, "lineno"):
            ast.fix_missing_locations(new)

        def back() -> None:
            slot.put(old)

        return back

    return Edit(kind, line, shown or old, shown or new, rank, apply)


def text_of(node: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(node))
    except Exception:
        return ""
