"""Edits that put something in: a factor, a term or a power that was left out.

There are many of them, so they are tried where nothing smaller is a repair.
"""

import ast
from collections.abc import Iterator, Sequence

from gradcli.blame.change import Edit, Slot, replace


def insertions(statement: ast.stmt, names: Sequence[str]) -> Iterator[Edit]:
    """Each value of `names`, put into the terms of a statement in every likely way."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr):
        return
    for slot in _terms(Slot(statement, "value", None)):
        node = slot.get()
        for kind, made in _grown(node, names):
            yield replace(slot, node, made, kind, 2)
    for slot in _factors(statement):
        node = slot.get()
        for name in names:
            for operation in (ast.Add(), ast.Sub()):
                made = ast.BinOp(node, operation, ast.parse(name, mode="eval").body)
                yield replace(slot, node, made, "term missing", 2)
    for slot in _squarable(statement):
        node = slot.get()
        yield replace(slot, node, _squared(node), "power missing", 2)
        one = ast.Constant(1)
        yield replace(slot, node, ast.BinOp(one, ast.Sub(), node), "complement", 2)
        for operation in (ast.Add(), ast.Sub()):
            yield replace(slot, node, ast.BinOp(node, operation, one), "term missing", 2)
        for number in (2, 0.5, -1):  # a factor within a function that is not linear
            yield replace(slot, node, ast.BinOp(ast.Constant(number), ast.Mult(), node), "factor missing", 2)


def is_count(statement: ast.stmt) -> bool:
    """Whether a statement may give a name to a number of elements."""
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and not isinstance(statement.value, ast.Tuple | ast.List | ast.Dict | ast.Lambda)
    )


def is_scaling(statement: ast.stmt) -> bool:
    """Whether a statement scales a value by a number that is written there: `d /= 2`."""
    return (
        isinstance(statement, ast.AugAssign)
        and isinstance(statement.op, ast.Mult | ast.Div)
        and isinstance(statement.value, ast.Constant)
    )


def counts(statement: ast.stmt, numbers: Sequence[int]) -> Iterator[Edit]:
    """Other numbers in place of one that is assigned to a name, or that a value is scaled by."""
    slot = Slot(statement, "value", None)
    for number in numbers:
        yield replace(slot, slot.get(), ast.Constant(number), "count", 2)
        if is_scaling(statement):
            made = ast.BinOp(ast.Constant(1), ast.Div(), ast.Constant(number))
            yield replace(slot, slot.get(), made, "count", 2)


def _terms(slot: Slot) -> Iterator[Slot]:
    """Where the terms of sums stand in an expression, the whole of it included."""
    node = slot.get()
    if isinstance(node, ast.Tuple | ast.List):
        for index in range(len(node.elts)):
            yield from _terms(Slot(node, "elts", index))
        return
    if not isinstance(node, ast.expr) or isinstance(node, ast.Constant | ast.Dict):
        return
    yield slot
    yield from _inner(node)


def _inner(node: ast.expr) -> Iterator[Slot]:
    if isinstance(node, ast.BinOp):
        for name in ("left", "right"):
            side = getattr(node, name)
            slot = Slot(node, name, None)
            if isinstance(node.op, ast.Add | ast.Sub | ast.MatMult):
                yield from _terms(slot)
            elif isinstance(side, ast.BinOp | ast.Call | ast.UnaryOp):
                yield from _inner(side)
    elif isinstance(node, ast.UnaryOp):
        yield from _inner(node.operand)
    elif isinstance(node, ast.IfExp):
        for name in ("body", "orelse"):
            yield from _terms(Slot(node, name, None))
    elif isinstance(node, ast.Call):
        for index in range(len(node.args)):
            yield from _terms(Slot(node, "args", index))
        if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
            yield from _terms(Slot(node.func, "value", None))


def _grown(node: ast.expr, names: Sequence[str]) -> Iterator[tuple[str, ast.expr]]:
    for name in names:
        one = ast.parse(name, mode="eval").body  # a variable, or an attribute
        yield "factor missing", ast.BinOp(node, ast.Mult(), one)
        yield "term missing", ast.BinOp(node, ast.Add(), one)
        yield "term missing", ast.BinOp(node, ast.Sub(), one)
        yield "factor missing", ast.BinOp(node, ast.Div(), one)
        for inner in (one, _squared(one)):
            rest = ast.BinOp(ast.Constant(1), ast.Sub(), inner)
            yield "factor missing", ast.BinOp(node, ast.Mult(), rest)
        yield "factor missing", ast.BinOp(node, ast.Mult(), _squared(one))


def _factors(node: ast.AST) -> Iterator[Slot]:
    """Names in products."""
    for part in ast.walk(node):
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult | ast.Div):
            for name in ("left", "right"):
                if isinstance(getattr(part, name), ast.Name):
                    yield Slot(part, name, None)


def _squared(node: ast.expr) -> ast.expr:
    return ast.BinOp(node, ast.Pow(), ast.Constant(2))


def _squarable(node: ast.AST) -> Iterator[Slot]:
    for name, value in ast.iter_fields(node):
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(item, ast.expr) or name in ("slice", "func", "targets", "target", "keywords"):
                continue
            called = isinstance(item, ast.Call) and isinstance(node, ast.BinOp)
            if isinstance(item, ast.Name | ast.Attribute | ast.Subscript) or called:
                yield Slot(node, name, index if isinstance(value, list) else None)
            if not isinstance(item, ast.Name | ast.Attribute):
                yield from _squarable(item)
