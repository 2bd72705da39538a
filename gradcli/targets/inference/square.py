"""Arguments that linear algebra takes as they are: what is inverted is square."""

import ast
from collections.abc import Callable, Collection, Sequence
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.inference.guess import Drawn, Guess, drawn
from gradcli.targets.source_tree import source_tree

# Not `eigh` or `cholesky`: they read one half of a matrix, and a gradient may speak of both.
_SQUARE = ("inv", "det", "slogdet", "logdet", "trace", "matrix_power", "expm", "solve", "lu_factor")


_BOUNDING = ("maximum", "clip", "fmax")
_DEFINITE = ("sqrtm", "logm")  # of others they are complex


def by_linear_algebra(function: Callable[..., Any], names: Collection[str]) -> dict[str, Drawn]:
    """The arguments that are matrices of as many rows as columns."""
    tree = source_tree(function)
    found: dict[str, Drawn] = {}
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and node.args and (name := _converted(node.args[0])) in names:
            called = called_name(node)
            if called in (*_SQUARE, *_DEFINITE):
                found[name] = Drawn(("D", "D"), "definite" if called in _DEFINITE else "normal")
        elif (name := _against_a_model(node, names)) in names:
            found[name] = Drawn(("N", "N"), "joint")
        elif (name := _between(node)) in names:
            found[name] = Drawn(("D", "D"))
    return found


def _converted(node: ast.expr) -> str:
    """`a` of `a` and of `a.detach().numpy()`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    return node.id if isinstance(node, ast.Name) else ""


def _against_a_model(node: ast.AST, names: Collection[str]) -> str:
    """The P of `P * np.log(P / Q)`, where Q is computed: joint probabilities, if they are a square."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return ""
    weight, call = node.left, node.right
    called = isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "log" and call.args
    ratio = call.args[0] if isinstance(call, ast.Call) and called else None
    if not isinstance(ratio, ast.BinOp) or not isinstance(ratio.op, ast.Div):
        return ""
    given, model = _whole(ratio.left), _whole(ratio.right)
    return given if given == _whole(weight) and model and model not in names else ""


def _whole(node: ast.expr) -> str:
    """`P` of `P`, of `P[rest]`, of `(P + eps)` and of `np.maximum(P, eps)`."""
    while True:
        if isinstance(node, ast.Subscript | ast.BinOp):
            node = node.value if isinstance(node, ast.Subscript) else node.left
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _BOUNDING and node.args:
            node = node.args[0]
        else:
            break
    return node.id if isinstance(node, ast.Name) else ""


def _between(node: ast.AST) -> str:
    """The K of `x @ K @ x`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.MatMult):
        return ""
    left, right = node.left, _plain(node.right)
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):  # `0.5 * x @ K @ x`
        left = left.right
    if not isinstance(left, ast.BinOp) or not isinstance(left.op, ast.MatMult) or right == "":
        return ""
    first = left.left
    while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mult):
        first = first.right
    return _plain(left.right) if _plain(first) == right else ""


def _plain(node: ast.expr) -> str:
    """`x` of `x` and `x.T`."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def square_first(guesses: Sequence[tuple[int, Guess]], square: Drawn) -> list[tuple[int, Guess]]:
    """The guesses behind that of a square matrix."""
    return [(0, square), *((rank + 1, guess) for rank, guess in guesses if guess != drawn("D D"))]
