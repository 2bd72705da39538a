"""How it is written which functions belong together, and where in an object something is.

`layers.py:forward=ahead,backward=back`; `layers[0].W`.
"""

import ast
import re
from collections.abc import Mapping

ROLES = (("forward", "backward"), ("forward", "vjp"), ("f", "grad"))
_WORD = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_SPELLED = re.compile("|".join(f"{first}={_WORD},{second}={_WORD}" for first, second in ROLES))


def roles_of(symbol: str) -> dict[str, str]:
    """The functions by role; empty for a symbol that is a plain name."""
    if not _SPELLED.fullmatch(symbol):
        return {}
    return dict(part.split("=") for part in symbol.split(","))


def spelled(roles: Mapping[str, str]) -> str:
    """The symbol that `roles_of` reads."""
    return ",".join(f"{role}={name}" for role, name in roles.items())


def is_place(text: str) -> bool:
    """Whether a text names a place in an object: attributes, and entries by number or text."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript) and not _is_key(node.slice):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _is_key(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, str)
