"""What a call in a syntax tree calls."""

import ast


def called_name(call: ast.Call) -> str:
    """`dot` of `np.dot(x, w)` and of `dot(x, w)`; "" where what is called has no name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
