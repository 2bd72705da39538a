"""What expressions and statements look like: how much there is in them that can be wrong."""

import ast
from collections.abc import Iterator

_SAME = (
    "reshape",
    "copy",
    "astype",
    "ravel",
    "flatten",
    "squeeze",
    "view",
    "asarray",
    "array",
    "ascontiguousarray",
)
_MOST_LEAVES = 3
_PLAIN = ast.Mult | ast.Add | ast.MatMult | ast.Div
_SHAPES = ("shape", "ndim", "size", "dtype")


def reshaped(node: ast.expr) -> ast.expr:
    """What is left of an expression without calls that change no number."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SAME:
        owner = node.func.value
        module = isinstance(owner, ast.Name) and owner.id in ("np", "numpy")
        if module and not node.args:
            return node
        node = node.args[0] if module else owner
    return node


def is_plain(statement: ast.stmt) -> bool:
    """Whether a statement only selects, or multiplies or adds a few names.

    Whatever a slip can make of such a statement is among the repairs.
    """
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr) or isinstance(value, ast.Tuple | ast.Dict):
        return False
    leaves = list(_leaves(value))
    return None not in leaves and len(leaves) <= _MOST_LEAVES


def computes(statement: ast.Assign) -> bool:
    """Whether a statement does more than look something up, such as the length of an axis."""
    value: ast.expr = statement.value
    constants = isinstance(value, ast.Tuple) and all(isinstance(e, ast.Constant) for e in value.elts)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "len":
        return False
    return constants or any(isinstance(part, ast.BinOp | ast.Call | ast.Compare) for part in ast.walk(value))


def _leaves(node: ast.expr) -> list[ast.expr | None]:
    """The names that an expression is made of; None for what is more than a name."""
    node = reshaped(node)
    if isinstance(node, ast.Name):
        return [node]
    if isinstance(node, ast.Attribute | ast.Subscript):
        return _leaves(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, _PLAIN):
        return [*_leaves(node.left), *_leaves(node.right)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dot":
        inside = [leaf for argument in node.args for leaf in _leaves(argument)]
        module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
        return inside if module else [*_leaves(node.func.value), *inside]
    return [None]


def is_idle(statement: ast.stmt) -> bool:
    """Whether nothing but `x = x` is left of a statement."""
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Assign) or not isinstance(value, ast.Name):
        return False
    return any(isinstance(t, ast.Name) and t.id == value.id for t in statement.targets)


def overwriting(function: ast.AST) -> Iterator[ast.stmt]:
    """Statements that give a name another value before anything has used the one it had."""
    for block in ast.walk(function):
        for field in ("body", "orelse"):
            body = getattr(block, field, None)
            if isinstance(body, list):
                yield from _overwriting_in(body)


def _overwriting_in(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    idle: set[str] = set()
    for statement in body:
        names = [part for part in ast.walk(statement) if isinstance(part, ast.Name)]
        stored = {part.id for part in names if isinstance(part.ctx, ast.Store)}
        idle -= {part.id for part in names if isinstance(part.ctx, ast.Load)}
        if isinstance(statement, ast.AugAssign):
            idle -= stored
        elif isinstance(statement, ast.Assign):
            if stored & idle:
                yield statement
            idle |= stored
        else:
            idle -= stored


def is_reshaping(statement: ast.stmt | None) -> bool:
    """Whether a statement gives a name its own numbers in another shape: `dx = dx.reshape(shape)`."""
    if not isinstance(statement, ast.Assign) or isinstance(statement.value, ast.Name):
        return False
    bare = reshaped(statement.value)
    return isinstance(bare, ast.Name) and any(
        isinstance(target, ast.Name) and target.id == bare.id for target in statement.targets
    )


def adds(statement: ast.stmt) -> bool:
    """Whether a statement adds something up."""
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Add | ast.Sub)
    value = getattr(statement, "value", None)
    return isinstance(value, ast.expr) and any(
        isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add | ast.Sub) for part in ast.walk(value)
    )


def takes_a_part(node: ast.expr) -> bool:
    """Whether a slice with bounds is taken: not all values may be in their place."""
    slices = (part for part in ast.walk(node) if isinstance(part, ast.Slice))
    return any(part.lower is not None or part.upper is not None for part in slices)


def selects(statement: ast.stmt) -> bool:
    """Whether a statement computes places or a mask, rather than counts, shapes or nothing at all."""
    if not isinstance(statement, ast.Assign | ast.AugAssign) or isinstance(
        statement.value, ast.Name | ast.Attribute | ast.Constant
    ):
        return False
    return any(isinstance(p, ast.Compare) for p in ast.walk(statement.value)) or any(
        _looked_up(statement.value)
    )


def _looked_up(node: ast.AST) -> Iterator[bool]:
    """Elements of arrays, other than lengths, that go into an expression."""
    if isinstance(node, ast.Attribute) and node.attr in _SHAPES:
        return
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "len":
        return
    if isinstance(node, ast.Subscript) and not any(
        isinstance(p, ast.Attribute) and p.attr in _SHAPES for p in ast.walk(node.value)
    ):
        yield not (isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant))
    for child in ast.iter_child_nodes(node):
        yield from _looked_up(child)
