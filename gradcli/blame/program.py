"""Backward together with the functions that it calls: where a value comes from, across all of them."""

import ast
from collections.abc import Collection, Iterator, Sequence, Set
from types import FunctionType

from gradcli.blame.flow import Cut, Flow, own_expressions
from gradcli.blame.source import FunctionNode, Written
from gradcli.blame.tapping import locals_of
from gradcli.blame.taps import Tapped


class Program:
    """The statements of a tapped function and of its helpers.

    `given`: functions that are taken as they are, because forward, which is right by definition, calls them.
    """

    def __init__(self, tapped: Tapped, given: Collection[FunctionType]) -> None:
        self.main = Flow(tapped.main.node)
        self.functions = [w for w in tapped.taps.functions if w is tapped.main or w.function not in given]
        self._calls = tapped.taps.calls
        self._flows: dict[int, Flow] = {}  # by function node
        self._inner: dict[str, FunctionNode] = {}  # functions that are defined within others, by name
        for written in self.functions:
            for node in ast.walk(written.node):
                if isinstance(node, ast.FunctionDef):
                    self._flows[id(node)] = self.main if node is tapped.main.node else Flow(node)
                    if node is not written.node:
                        self._inner[node.name] = node
        self._written = {w.function: w for w in self.functions}

    @property
    def loops(self) -> bool:
        """Whether there is a loop anywhere."""
        flows = self._flows.values()
        return any(isinstance(s.statement, ast.For | ast.While) for flow in flows for s in flow.steps)

    def has_any(self, written: Written, statements: Set[ast.stmt]) -> bool:
        """Whether a function holds some of these statements."""
        return any(part in statements for part in ast.walk(written.node) if isinstance(part, ast.stmt))

    def written(self, statement: ast.stmt) -> Written:
        """The function that a statement stands in."""
        holders = (w for w in self.functions if any(part is statement for part in ast.walk(w.node)))
        return next(holders, self.functions[0])

    def returns(self) -> list[ast.Return]:
        """Those of the function itself."""
        return self.main.returns()

    def stubs(self) -> list[ast.stmt]:
        """`pass` beside other statements, which holds a place for something that is still to be written."""
        return [
            statement
            for flow in self._flows.values()
            for block in flow.blocks()
            for statement in block
            if isinstance(statement, ast.Pass) and len(block) > 1
        ]

    def is_taken_as_named(self, statement: ast.Return) -> bool:
        """Whether callers of a helper take what it returns under the very names that it has there."""
        if statement in self.returns() or not isinstance(statement.value, ast.Tuple):
            return False
        own = next((node for node, flow in self._flows.items() if flow.holds(statement)), 0)
        given = [part.id if isinstance(part, ast.Name) else None for part in statement.value.elts]
        taken = [
            [part.id if isinstance(part, ast.Name) else None for part in target.elts]
            for caller in self._callers(own)
            if isinstance(caller, ast.Assign)
            for target in caller.targets
            if isinstance(target, ast.Tuple)
        ]
        return bool(taken) and all(len(names) == len(given) and _same_order(names, given) for names in taken)

    def leaving(self) -> list[ast.stmt]:
        """Statements of the function itself that change objects or arrays."""
        return [step.statement for step in self.main.steps if _leaves_something(step.statement)]

    def is_blank(self, statement: ast.stmt) -> bool:
        return any(flow.is_blank(statement) for flow in self._flows.values() if flow.holds(statement))

    def sources(self, statement: ast.stmt, parts: list[ast.AST] | None, cut: Cut) -> set[ast.stmt]:
        """As of a `Flow`, with what happens in the functions that are called on the way.

        Behind a statement of a helper is all that is behind the calls of it.
        """
        return self._sources(statement, parts, cut, frozenset())

    def _sources(
        self, statement: ast.stmt, parts: list[ast.AST] | None, cut: Cut, around: frozenset[int]
    ) -> set[ast.stmt]:
        """`around`: functions that are called there, of which only what they are given is asked for."""
        found = self._within(statement, parts, cut)
        done = set(around)
        todo = list(found)
        while todo:
            for callee in self._called(todo.pop(), cut):
                if id(callee) in done:
                    continue
                done.add(id(callee))
                behind = self._behind_results(self._flows[id(callee)], cut) - found
                found |= behind
                todo += behind
        own = next((node for node, flow in self._flows.items() if flow.holds(statement)), None)
        if own is not None and self._flows[own] is not self.main and own not in around:
            for caller in self._callers(own):
                if caller not in found:
                    found |= self._sources(caller, None, cut, around | {own})
        return found

    def _within(self, statement: ast.stmt, parts: list[ast.AST] | None, cut: Cut) -> set[ast.stmt]:
        for flow in self._flows.values():
            if flow.holds(statement):
                return flow.sources(statement, parts, cut)
        return {statement}

    def _behind_results(self, flow: Flow, cut: Cut) -> set[ast.stmt]:
        """What a helper returns, and what it leaves in objects."""
        found: set[ast.stmt] = set()
        for step in flow.steps:
            leaves = isinstance(step.statement, ast.Return) or _leaves_something(step.statement)
            if leaves and not cut(step.statement):
                found |= flow.sources(step.statement, None, cut)
        return found

    def _called(self, statement: ast.stmt, cut: Cut) -> Iterator[FunctionNode]:
        """The functions that the expressions of a statement call, where their values are not right."""
        todo: list[ast.AST] = list(own_expressions(statement))
        while todo:
            node = todo.pop()
            if cut(node):
                continue
            if isinstance(node, ast.Call):
                yield from self._callees(node)
            todo += ast.iter_child_nodes(node)

    def _callees(self, call: ast.Call) -> Iterator[FunctionNode]:
        for function in self._calls.get(id(call), ()):
            written = self._written.get(function)
            if written is not None and id(written.node) in self._flows:
                yield written.node
        if isinstance(call.func, ast.Name) and call.func.id in self._inner:
            yield self._inner[call.func.id]

    def unseen_calls(self, statement: ast.stmt) -> Iterator[ast.Call]:
        """Calls of functions that a variable holds, of which no code is seen: `pull(g)`, `layers[i](g)`."""
        function = next((w.node for w in self.functions if self.has_any(w, {statement})), None)
        known = set(locals_of(function)) if function is not None else set()
        for expression in own_expressions(statement):
            for call in ast.walk(expression):
                if isinstance(call, ast.Call) and not any(self._callees(call)):
                    held = isinstance(call.func, ast.Subscript | ast.Call)
                    if held or (isinstance(call.func, ast.Name) and call.func.id in known):
                        yield call

    def _callers(self, own: int) -> Iterator[ast.stmt]:
        """Statements that call a function."""
        for node_id, flow in self._flows.items():
            for step in flow.steps if node_id != own else ():
                if any(id(node) == own for node in self._called(step.statement, lambda _: False)):
                    yield step.statement


def _leaves_something(statement: ast.stmt) -> bool:
    """Whether a statement hands out a value, or changes an object or an array that others hold as well."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.Yield | ast.YieldFrom)
    if not isinstance(statement, ast.Assign | ast.AugAssign):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(isinstance(part, ast.Attribute | ast.Subscript) for t in targets for part in ast.walk(t))


def _same_order(first: Sequence[str | None], second: Sequence[str | None]) -> bool:
    """Whether the names that occur in both stand at the same places, and there are some."""
    common = {name for name in first if name is not None} & set(second)
    return len(common) > 1 and all(first.index(name) == second.index(name) for name in common)
