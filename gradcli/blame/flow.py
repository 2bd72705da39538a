"""Which statements a value comes from: reaching definitions, read off the tree."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gradcli.blame.source import FunctionNode
from gradcli.called_name import called_name

Cut = Callable[[ast.AST], bool]


@dataclass(frozen=True, eq=False)
class Step:
    """A statement and the blocks it stands in, outermost first."""

    statement: ast.stmt
    place: int
    within: tuple[tuple[ast.stmt, str], ...]

    @property
    def loops(self) -> list[ast.stmt]:
        return [s for s, _ in self.within if isinstance(s, ast.For | ast.While)]


class Flow:
    """The statements of one function in the order of the text."""

    def __init__(self, node: FunctionNode) -> None:
        self.steps: list[Step] = []
        self._defined: dict[int, dict[str, str]] = {}
        self._collect(node.body, ())
        self._of = {id(step.statement): step for step in self.steps}

    def _collect(self, body: list[ast.stmt], within: tuple[tuple[ast.stmt, str], ...]) -> None:
        for statement in body:
            self.steps.append(Step(statement, len(self.steps), within))
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                continue
            for name, value in ast.iter_fields(statement):
                if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    self._collect(value, (*within, (statement, name)))
                elif (
                    isinstance(value, list)
                    and value
                    and isinstance(value[0], ast.ExceptHandler | ast.match_case)
                ):
                    for i, inner in enumerate(value):
                        self._collect(inner.body, (*within, (statement, f"{name}{i}")))

    def holds(self, statement: ast.stmt) -> bool:
        """Whether a statement is one of this function's."""
        return id(statement) in self._of

    def blocks(self) -> list[list[ast.stmt]]:
        """The statements that stand in the same block, one after the other."""
        found: dict[tuple[tuple[int, str], ...], list[ast.stmt]] = {}
        for step in self.steps:
            found.setdefault(tuple((id(s), name) for s, name in step.within), []).append(step.statement)
        return list(found.values())

    def returns(self) -> list[ast.Return]:
        return [s.statement for s in self.steps if isinstance(s.statement, ast.Return)]

    def sources(self, statement: ast.stmt, parts: list[ast.AST] | None, cut: Cut) -> set[ast.stmt]:
        """Statements from which the values of some parts of a statement come, the statement included.

        `parts` None: all of it. `cut` says which expressions are known to be right: nothing is looked for
        behind them.
        """
        found: set[ast.stmt] = {statement, *(s for s, _ in self._of[id(statement)].within)}
        todo = [
            (self._of[id(statement)], name) for part in parts or [statement] for name in _reads(part, cut)
        ]
        done: set[tuple[int, str]] = set()
        while todo:
            step, name = todo.pop()
            if (step.place, name) in done:
                continue
            done.add((step.place, name))
            for source in self._reaching(step, name):
                if source.statement in found and source is not step:
                    continue
                if cut(source.statement):
                    continue
                found.add(source.statement)
                todo += [(source, read) for read in _reads(source.statement, cut)]
                for outer, _ in source.within:
                    found.add(outer)
                    todo += [(self._of[id(outer)], read) for read in _header_reads(outer, cut)]
        return found

    def is_blank(self, statement: ast.stmt) -> bool:
        """Whether a statement makes arrays of zeros that are filled later on."""
        if not makes_blank(statement):
            return False
        names = [n for n, kind in _defines(statement).items() if kind == "whole"]
        later = self.steps[self._of[id(statement)].place + 1 :]
        return all(
            any(
                _defines(s.statement).get(n) == "part" or (s.loops and n in _defines(s.statement))
                for s in later
            )
            for n in names
        )

    def _defines(self, statement: ast.stmt) -> dict[str, str]:
        if id(statement) not in self._defined:
            self._defined[id(statement)] = _defines(statement)
        return self._defined[id(statement)]

    def _changes(self, step: Step, name: str) -> str | None:
        """How a statement changes what a name stands for: `self` holds `self.x`."""
        found: str | None = None
        for defined, kind in self._defines(step.statement).items():
            if defined == name or _is_part(name, defined):
                found = "whole" if "whole" in (kind, found) else "part"
            elif _is_part(defined, name):
                found = found or "part"
        return found

    def _reaching(self, step: Step, name: str) -> Iterator[Step]:
        for loop in step.loops:
            for later in self.steps[step.place :]:
                if any(s is loop for s, _ in later.within) and self._changes(later, name) is not None:
                    yield later
        for earlier in reversed(self.steps[: step.place]):
            kind = self._changes(earlier, name)
            if kind is None:
                continue
            yield earlier
            encloses = isinstance(earlier.statement, ast.For) and any(
                s is earlier.statement for s, _ in step.within
            )
            dominates = earlier.within == step.within[: len(earlier.within)]
            if kind == "whole" and dominates and (encloses or not isinstance(earlier.statement, ast.For)):
                return


def _is_part(name: str, of: str) -> bool:
    """Whether a name is an attribute of what another stands for, or what is found there under a key."""
    return name.startswith((f"{of}.", f"{of}["))


def is_key(index: ast.expr) -> bool:
    """Whether an index is the name of an entry rather than a place in an array."""
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


def _defines(statement: ast.stmt) -> dict[str, str]:
    """Names that a statement gives a value to: as a `whole`, or in `part`."""
    found: dict[str, str] = {}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.For | ast.AugAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
        found[statement.name] = "whole"
    elif isinstance(statement, ast.With):
        targets = [i.optional_vars for i in statement.items if i.optional_vars is not None]
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                found[part.id] = "part" if isinstance(statement, ast.AugAssign) else "whole"
            elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
                base = _base(part)
                if base is not None and base == _dotted(part) and not isinstance(statement, ast.AugAssign):
                    found[base] = "whole"
                elif base is not None:
                    found.setdefault(base, "part")
    own = own_expressions(statement)
    for expression in own:
        for part in ast.walk(expression):
            if isinstance(part, ast.NamedExpr):
                found[part.target.id] = "whole"
            elif isinstance(part, ast.Call):
                for keyword in part.keywords:
                    if keyword.arg == "out" and isinstance(keyword.value, ast.Name):
                        found.setdefault(keyword.value.id, "part")
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        arguments: list[ast.expr] = [*call.args]
        if isinstance(call.func, ast.Attribute):
            arguments.append(call.func.value)
        for argument in arguments:
            base = _base(argument)
            if base is not None:
                found.setdefault(base, "part")
    return found


def makes_blank(statement: ast.stmt) -> bool:
    """Whether a statement makes arrays of zeros, or sets variables to zero."""
    if not isinstance(statement, ast.Assign):
        return False
    if any(isinstance(target, ast.Subscript) for target in statement.targets):
        return False  # this wipes out what was there
    values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    return all(_is_blank(value) for value in values)


def _is_blank(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and value.value == 0
    return isinstance(value, ast.Call) and called_name(value) in _BLANK


_BLANK = ("zeros", "zeros_like", "empty", "empty_like")


def _base(node: ast.AST) -> str | None:
    """The variable that an expression is a part of; an attribute of a name is one of its own."""
    while isinstance(node, ast.Subscript | ast.Attribute) and _dotted(node) is None:
        node = node.value
    return node.id if isinstance(node, ast.Name) else _dotted(node)


def _dotted(node: ast.AST) -> str | None:
    """What counts as a variable of its own: an attribute of a name, and an entry of either by its key."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    if isinstance(node, ast.Subscript) and is_key(node.slice):
        base = node.value.id if isinstance(node.value, ast.Name) else _dotted(node.value)
        return None if base is None else f"{base}[{ast.unparse(node.slice)}]"
    return None


def own_expressions(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement itself, not of the statements within it."""
    return [v for _, v in ast.iter_fields(statement) if isinstance(v, ast.expr)] + [
        v
        for _, vs in ast.iter_fields(statement)
        if isinstance(vs, list)
        for v in vs
        if isinstance(v, ast.expr)
    ]


def _header_reads(statement: ast.stmt, cut: Cut) -> Iterator[str]:
    for expression in own_expressions(statement):
        yield from _reads(expression, cut)


def _reads(node: ast.AST, cut: Cut) -> Iterator[str]:
    """Names that are read, but for those within parts that are known to be right."""
    if isinstance(node, ast.stmt):
        if isinstance(node, ast.FunctionDef):
            for inner in node.body:
                yield from _reads(inner, cut)
            return
        if isinstance(node, ast.AugAssign):
            base = _base(node.target)
            if base is not None:
                yield base
        for name in _defines(node):
            if _defines(node)[name] == "part":
                yield name
        for expression in own_expressions(node):
            yield from _reads(expression, cut)
        return
    if cut(node):
        return
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            yield node.id
        return
    dotted = _dotted(node)
    if dotted is not None:
        if not cut(node.value):  # type: ignore[attr-defined]
            yield dotted
        return
    for child in ast.iter_child_nodes(node):
        yield from _reads(child, cut)
