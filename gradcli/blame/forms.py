"""What an expression looks like: how much there is in it that can be wrong."""

import ast

_SAME = ("reshape", "copy", "astype", "ravel", "squeeze", "view", "asarray", "array", "ascontiguousarray")
_MOST_LEAVES = 3
_PLAIN = ast.Mult | ast.Add | ast.MatMult | ast.Div


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
