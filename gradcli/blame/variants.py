"""What an expression may have been meant to be: other operators, functions, names, axes."""

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Any, TypeGuard

from gradcli.blame.change import Slot
from gradcli.blame.indices import of_slice, of_subscript
from gradcli.called_name import called_name

_CALLS = (
    ("sum", "mean"),
    ("sin", "cos"),
    ("sinh", "cosh"),
    ("max", "min"),
    ("maximum", "minimum"),
    ("argmax", "argmin"),
    ("tril", "triu"),
    ("vstack", "hstack"),
    ("ones_like", "zeros_like"),
    ("ones", "zeros"),
    ("sqrt", "square"),
    ("exp", "log"),
    ("floor", "ceil"),
)


_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std", "cumsum", "cumprod")


MODULES = ("np", "numpy", "math")


_OTHER = dict(_CALLS) | {b: a for a, b in _CALLS}


OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}


def variants(node: ast.expr, slot: Slot, names: Sequence[str]) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    if isinstance(node, ast.UnaryOp) and _is_axis(slot):
        yield from (("axis", ast.Constant(axis), 1) for axis in (0, 1, None))
        yield "axis", ast.UnaryOp(ast.USub(), ast.Constant(1)), 1
    elif isinstance(node, ast.UnaryOp):
        kind = "sign" if isinstance(node.op, ast.USub) else "negation"
        yield ("reversed" if slot.field == "step" else kind), node.operand, 1
    if isinstance(node, ast.Constant):
        yield from _of_constant(node, slot, names)
    if isinstance(node, ast.Name):
        callee = isinstance(slot.parent, ast.Call) and slot.field == "func"
        if not callee and not (isinstance(slot.parent, ast.Attribute) and node.id in (*MODULES, "self")):
            for name in names:
                if name != node.id and name.isidentifier():
                    yield "variable", ast.Name(name, ast.Load()), 2
    if isinstance(node, ast.Attribute):
        other = _OTHER.get(node.attr)
        if other is not None:
            yield "function", ast.Attribute(node.value, other, ast.Load()), 1
        if node.attr == "T":
            yield "transpose", node.value, 1
        if isinstance(node.value, ast.Name) and not (
            isinstance(slot.parent, ast.Call) and slot.field == "func"
        ):
            for name in names:
                owner, _, attribute = name.rpartition(".")
                if owner == node.value.id and attribute != node.attr:
                    yield "variable", ast.Attribute(node.value, attribute, ast.Load()), 2
    if isinstance(node, ast.Call):
        yield from _of_call(node)
        if isinstance(node.func, ast.Name):
            for name in names:
                if name.endswith("()") and name != f"{node.func.id}()":
                    function = ast.Name(name.removesuffix("()"), ast.Load())
                    yield "function", ast.Call(function, node.args, node.keywords), 2
    if isinstance(node, ast.Subscript):
        yield from of_subscript(node, names)
    if isinstance(node, ast.Slice):
        yield from of_slice(node)
    if isinstance(node, ast.Tuple) and isinstance(slot.parent, ast.Return):
        for i, j in combinations(range(len(node.elts)), 2):
            elements = list(node.elts)
            elements[i], elements[j] = elements[j], elements[i]
            yield "order", ast.Tuple(elements, ast.Load()), 1
    if _is_listing(node, slot):
        for i, j in combinations(range(len(node.elts)), 2):
            elements = list(node.elts)
            elements[i], elements[j] = elements[j], elements[i]
            yield "listed", type(node)(elements, ast.Load()), 1
    if (
        isinstance(node, ast.Tuple)
        and 2 <= len(node.elts) <= 3
        and all(isinstance(e, ast.Constant) for e in node.elts)
    ):
        for i in range(len(node.elts)):
            yield "axes", ast.Tuple([e for j, e in enumerate(node.elts) if j != i], ast.Load()), 2
    if isinstance(node, ast.Tuple) and _is_permutation(node):
        for order in permutations(node.elts):
            if order != tuple(node.elts):
                yield "permutation", ast.Tuple(list(order), ast.Load()), 1
    if isinstance(node, ast.IfExp):
        yield "branch", ast.IfExp(node.test, node.orelse, node.body), 1
    if isinstance(node, ast.Name | ast.BinOp | ast.Call | ast.Attribute | ast.Subscript) and slot.field in (
        "args",
        "left",
        "right",
        "value",
        "values",
        "elts",
        "operand",
    ):
        yield from _transposed(node)
        counted = isinstance(slot.parent, ast.Attribute) and slot.parent.attr in ("shape", "ndim", "size")
        if not counted and (not isinstance(slot.parent, ast.Call) or isinstance(node, ast.BinOp | ast.Call)):
            yield from _summed(node)


def _is_listing(node: ast.expr, slot: Slot) -> TypeGuard[ast.Tuple | ast.List]:
    """Whether values are put together here, to be joined or gone through: `np.hstack((di, df, do))`."""
    if not isinstance(node, ast.Tuple | ast.List) or not 2 <= len(node.elts) <= 6:
        return False
    if all(isinstance(e, ast.Constant) for e in node.elts) or any(map(_is_length, node.elts)):
        return False
    joined = isinstance(slot.parent, ast.Call) and slot.field == "args" and slot.index == 0
    return joined or (isinstance(slot.parent, ast.comprehension) and slot.field == "iter")


def _is_length(node: ast.expr) -> bool:
    """Whether a part of a tuple makes it a shape: `(n, -1)`, `(x.shape[0], d)`."""
    return isinstance(node, ast.Constant) or any(getattr(p, "attr", "") == "shape" for p in ast.walk(node))


def _is_permutation(node: ast.Tuple) -> bool:
    """Whether these may be the axes of a transposition."""
    values = [e.value if isinstance(e, ast.Constant) else None for e in node.elts]
    return 3 <= len(values) <= 4 and set(values) == set(range(len(values)))


def _transposed(node: ast.expr) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(node, ast.Attribute) and node.attr in ("T", "shape", "ndim", "size"):
        return
    if isinstance(node, ast.Name) and node.id in MODULES:
        return
    yield "transpose", ast.Attribute(node, "T", ast.Load()), 2
    last: list[ast.expr] = [ast.Constant(-1), ast.Constant(-2)]
    yield "transpose", ast.Call(ast.Attribute(node, "swapaxes", ast.Load()), last, []), 2


def _summed(node: ast.expr) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(node, ast.Name) and node.id in MODULES:
        return
    for axis in (0, 1, -1, None):
        keywords = [] if axis is None else [ast.keyword("axis", ast.Constant(axis))]
        summed = ast.Call(ast.Attribute(node, "sum", ast.Load()), [], keywords)
        yield "sum missing", summed, 2
        if axis is not None:
            kept = [*keywords, ast.keyword("keepdims", ast.Constant(True))]
            yield "sum missing", ast.Call(ast.Attribute(node, "sum", ast.Load()), [], kept), 2


def _of_operation(node: ast.BinOp) -> Iterator[tuple[str, ast.expr, int]]:
    for other in OPERATORS.get(type(node.op), ()):
        yield "operator", ast.BinOp(node.left, other(), node.right), 1
    if isinstance(node.op, ast.Add | ast.Sub):
        yield "extra term", node.left, 2
        yield "extra term", node.right, 2
    elif isinstance(node.op, ast.Mult | ast.Div):
        yield "extra factor", node.left, 2
        if isinstance(node.op, ast.Mult):
            yield "extra factor", node.right, 2
        if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Mult | ast.Div):
            yield "extra factors", node.left.left, 3  # p * (1 - p), where that is no part of it
    elif isinstance(node.op, ast.Pow):
        yield "power", node.left, 2
        if isinstance(node.left, ast.BinOp):
            power = ast.BinOp(node.left.right, ast.Pow(), node.right)
            yield "misplaced power", ast.BinOp(node.left.left, node.left.op, power), 2
    elif isinstance(node.op, ast.MatMult):
        yield "order of a product", ast.BinOp(node.right, ast.MatMult(), node.left), 2
    if isinstance(node.op, ast.Div | ast.Sub | ast.Pow):
        yield "operands", ast.BinOp(node.right, node.op, node.left), 2


def _is_axis(slot: Slot) -> bool:
    """Whether a place is that of an axis: a keyword, or `x.sum(0)`, `np.sum(x, 0)`."""
    if isinstance(slot.parent, ast.keyword):
        return slot.parent.arg in ("axis", "axes")
    if not (isinstance(slot.parent, ast.Call) and slot.field == "args"):
        return False
    function = slot.parent.func
    if not isinstance(function, ast.Attribute) or function.attr not in _REDUCTIONS:
        return False
    module = isinstance(function.value, ast.Name) and function.value.id in MODULES
    return slot.index == (1 if module else 0)


def _of_constant(node: ast.Constant, slot: Slot, names: Sequence[str]) -> Iterator[tuple[str, ast.expr, int]]:
    value = node.value
    if isinstance(value, bool):
        yield "flag", ast.Constant(not value), 1
        return
    if isinstance(value, str):
        if "->" in value:
            yield from (("subscripts", ast.Constant(s), 1) for s in _einsums(value))
        return
    if not isinstance(value, int | float):
        return
    axis = _is_axis(slot)
    if isinstance(value, int):
        others: list[Any] = [value + 1, value - 1, -value, 0, 1, 2, 3, -1, -2]
        if axis:
            others += [None, (0, 1), (0, 2), (1, 2), (0, 1, 2), (0, 2, 3)]
    else:
        others = [
            value + 1,
            value - 1,
            2 * value,
            value / 2,
            3 * value,
            value / 3,
            -value,
            0.0,
            1.0,
            0.5,
            2.0,
            3.0,
            4.0,
            0.25,
            *(float(name) for name in names if name[0].isdigit()),
        ]
    for other in dict.fromkeys(others):
        if other != value or type(other) is not type(value):
            made: ast.expr = (
                ast.Tuple([ast.Constant(o) for o in other], ast.Load())
                if isinstance(other, tuple)
                else ast.Constant(other)
            )
            power = isinstance(slot.parent, ast.BinOp) and isinstance(slot.parent.op, ast.Pow)
            kind = "exponent" if power and slot.field == "right" else "constant"
            yield ("axis" if axis else kind), made, 1


def _einsums(text: str) -> Iterator[str]:
    """Subscripts in which one operand or the result has two letters swapped, or another letter."""
    left, _, right = text.replace(" ", "").partition("->")
    parts = [*left.split(","), right]
    for place, part in enumerate(parts):
        letters = list(permutations(part)) if len(part) <= 4 else []
        for letter in letters:
            changed = "".join(letter)
            if changed != part:
                made = [*parts[:place], changed, *parts[place + 1 :]]
                yield ",".join(made[:-1]) + "->" + made[-1]


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.expr, int]]:
    name = called_name(node)
    for i, j in combinations(range(min(len(node.args), 4)), 2):
        arguments = list(node.args)
        arguments[i], arguments[j] = arguments[j], arguments[i]
        yield "arguments", ast.Call(node.func, arguments, node.keywords), 2
    method = isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in MODULES
    )
    if name in ("sum", "mean"):
        has_axis = any(k.arg == "axis" for k in node.keywords) or len(node.args) > (0 if method else 1)
        if not has_axis:
            for axis in (0, 1, -1):
                keywords = [ast.keyword("axis", ast.Constant(axis)), *node.keywords]
                yield "axis", ast.Call(node.func, node.args, keywords), 1
        rest = [k for k in node.keywords if k.arg != "axis"]
        if len(rest) < len(node.keywords):
            yield "axis", ast.Call(node.func, node.args, rest), 1
    if method and isinstance(node.func, ast.Attribute):
        yield "extra call", node.func.value, 2
    elif len(node.args) >= 1 and name not in ("zeros", "ones", "empty", "range"):
        yield "extra call", node.args[0], 2
