"""Ways to damage a function, one at a time: the slips that people make in a backward pass."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

_OPPOSITE: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_SUMS = ("sum", "mean")


@dataclass(frozen=True, eq=False)
class Edit:
    """One damage: the line, what was done, and the damaged tree."""

    line: int
    what: str
    tree: ast.FunctionDef
    lines: range  # those of the statement it is in, without what stands within that


def edits(function: ast.FunctionDef) -> Iterator[Edit]:
    """Every damage of a function, in the order of its lines. The tree that is given stays as it is."""
    nodes = [node for node in ast.walk(function) if isinstance(node, ast.stmt | ast.expr)]
    lines = dict(_lines(function, range(0)))
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        for what, change in _changes(node):
            yield Edit(node.lineno, what, _changed(function, node, change), lines[node])


def _lines(node: ast.AST, outer: range) -> Iterator[tuple[ast.AST, range]]:
    """For every node the lines of the statement that it is in; of a loop or a branch, those of its head."""
    own = outer
    if isinstance(node, ast.stmt):
        body = getattr(node, "body", None)
        end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
        own = range(node.lineno, max(end, node.lineno + 1))
    yield node, own
    for child in ast.iter_child_nodes(node):
        yield from _lines(child, own)


Change = Callable[[ast.AST], ast.AST | None]  # a copy of the node -> what stands in its place; None: nothing


def _changed(function: ast.FunctionDef, target: ast.AST, change: Change) -> ast.FunctionDef:
    place = next(number for number, node in enumerate(ast.walk(function)) if node is target)
    tree = copy.deepcopy(function)
    twin = next(node for number, node in enumerate(ast.walk(tree)) if number == place)

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST | None:
            if node is twin:
                changed = change(node)
                return changed if changed is None else ast.copy_location(changed, node)
            return self.generic_visit(node)

    Replace().visit(tree)
    return ast.fix_missing_locations(tree)


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) if _is_arithmetic(node.value):
            yield f"the sign of {name}", _negated
            yield f"twice {name}", _doubled
        case ast.AugAssign():
            yield from _of_augmented(node)
        case ast.BinOp():
            yield from _of_operation(node)
        case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
            yield f"lost sign of {ast.unparse(node.operand)}", lambda n: n.operand  # type: ignore[attr-defined]
        case ast.Call():
            yield from _of_call(node)
        case ast.Attribute(attr="T"):
            yield f"lost .T of {ast.unparse(node.value)}", lambda n: n.value  # type: ignore[attr-defined]
        case ast.Slice(upper=ast.expr()):
            yield f"off by one: {ast.unparse(node)}", _shorter


def _is_arithmetic(value: ast.expr) -> bool:
    """Whether a value is computed, not only looked up, counted or unpacked."""
    return isinstance(value, ast.BinOp | ast.Call | ast.UnaryOp) and "shape" not in ast.unparse(value)


def _negated(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Assign)
    node.value = ast.UnaryOp(ast.USub(), node.value)
    return node


def _doubled(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Assign)
    node.value = ast.BinOp(ast.Constant(2), ast.Mult(), node.value)
    return node


def _of_augmented(node: ast.AugAssign) -> Iterator[tuple[str, Change]]:
    target = ast.unparse(node.target)

    def overwritten(n: ast.AST) -> ast.AST:
        assert isinstance(n, ast.AugAssign)
        return ast.Assign([n.target], n.value)

    def opposite(n: ast.AST) -> ast.AST:
        assert isinstance(n, ast.AugAssign)
        n.op = _OPPOSITE[type(n.op)]()
        return n

    if isinstance(node.op, ast.Add | ast.Sub):
        yield f"{target} overwritten, not added to", overwritten
    if type(node.op) in _OPPOSITE:
        yield f"{_other(node.op)}= for {_SIGNS[type(node.op)]}= on {target}", opposite
    yield f"lost statement: {ast.unparse(node)}", lambda _: ast.Pass()


def _of_operation(node: ast.BinOp) -> Iterator[tuple[str, Change]]:
    text = ast.unparse(node)

    def side(name: str) -> Change:
        return lambda n: getattr(n, name)

    def opposite(n: ast.AST) -> ast.AST:
        assert isinstance(n, ast.BinOp)
        n.op = _OPPOSITE[type(n.op)]()
        return n

    def swapped(n: ast.AST) -> ast.AST:
        assert isinstance(n, ast.BinOp)
        n.left, n.right = n.right, n.left
        return n

    if type(node.op) in _OPPOSITE:
        yield f"{_other(node.op)} for {_SIGNS[type(node.op)]} in {text}", opposite
        what = "factor" if isinstance(node.op, ast.Mult | ast.Div) else "term"
        yield f"lost {what} {ast.unparse(node.right)} of {text}", side("left")
    if isinstance(node.op, ast.Add | ast.Mult):
        what = "factor" if isinstance(node.op, ast.Mult) else "term"
        yield f"lost {what} {ast.unparse(node.left)} of {text}", side("right")
    if isinstance(node.op, ast.MatMult | ast.Div):
        yield f"operands swapped: {text}", swapped
    if isinstance(node.op, ast.Pow):
        yield f"lost power: {text}", side("left")


def _other(operator: ast.operator) -> str:
    return _SIGNS[_OPPOSITE[type(operator)]]


def _of_call(node: ast.Call) -> Iterator[tuple[str, Change]]:
    text = ast.unparse(node)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _SUMS:
        whole = _summed(node)
        other = _SUMS[1 - _SUMS.index(node.func.attr)]
        yield f"{other} for {node.func.attr}: {text}", lambda n: _renamed(n, other)
        if whole is not None:
            yield f"lost .{node.func.attr}: {text}", _summed
    for place, keyword in enumerate(node.keywords):
        if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant):
            yield f"wrong axis: {text}", partial(_other_axis, place)


def _summed(node: ast.AST) -> ast.expr | None:
    """What a sum is taken of: `x` in `x.sum(axis=0)` and in `np.sum(x, axis=0)`."""
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    owner = node.func.value
    if isinstance(owner, ast.Name) and owner.id in ("np", "numpy"):
        return node.args[0] if node.args else None
    return owner


def _renamed(node: ast.AST, name: str) -> ast.AST:
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    node.func.attr = name
    return node


def _other_axis(place: int, node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Call)
    value = node.keywords[place].value
    assert isinstance(value, ast.Constant)
    node.keywords[place].value = ast.Constant(1 if value.value == 0 else 0)
    return node


def _shorter(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Slice)
    assert node.upper is not None
    node.upper = ast.BinOp(node.upper, ast.Sub(), ast.Constant(1))
    return node
