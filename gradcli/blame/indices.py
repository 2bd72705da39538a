"""What an index may have been meant to be."""

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import combinations


def of_subscript(node: ast.Subscript, names: Sequence[str]) -> Iterator[tuple[str, ast.expr, int]]:
    index = node.slice
    if isinstance(index, ast.Constant) and isinstance(index.value, str):
        for key in (name[1:-1] for name in names if name.startswith("'")):
            if key != index.value:
                yield "variable", ast.Subscript(node.value, ast.Constant(key), ast.Load()), 2
        return
    yield "selection", node.value, 2
    elements = index.elts if isinstance(index, ast.Tuple) else [index]
    for place, element in enumerate(elements):
        number = element.operand if isinstance(element, ast.UnaryOp) else element
        if isinstance(number, ast.Constant) and isinstance(number.value, int):
            for name in names:
                if name.isidentifier():
                    variable = ast.Name(name, ast.Load())
                    made = [variable if i == place else e for i, e in enumerate(elements)]
                    inside = ast.Tuple(made, ast.Load()) if isinstance(index, ast.Tuple) else variable
                    yield "index", ast.Subscript(node.value, inside, ast.Load()), 2
    if len(elements) > 1:
        yield from _paired_off(node, elements)
    if sum(isinstance(e, ast.Slice) and e.step is not None for e in elements) > 1:
        onward = [ast.Slice(e.lower, e.upper, None) if isinstance(e, ast.Slice) else e for e in elements]
        yield "reversed", ast.Subscript(node.value, ast.Tuple(onward, ast.Load()), ast.Load()), 1
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        axis = ast.keyword("axis", ast.Constant(0))
        yield "sum missing", ast.Call(ast.Attribute(node.value, "sum", ast.Load()), [], [axis]), 2
    yield from _exchanged(node)
    if isinstance(index, ast.Tuple) and len(index.elts) == 2:
        swapped = ast.Tuple([index.elts[1], index.elts[0]], ast.Load())
        yield "indices", ast.Subscript(node.value, swapped, ast.Load()), 2
    if isinstance(index, ast.Name | ast.BinOp):
        for shift in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(index, shift, ast.Constant(1))
            yield "index", ast.Subscript(node.value, moved, ast.Load()), 2
    if isinstance(index, ast.BinOp):
        yield "index", ast.Subscript(node.value, index.left, ast.Load()), 1


def _exchanged(node: ast.Subscript) -> Iterator[tuple[str, ast.expr, int]]:
    """Two names of an index in each other's place: `x[2 * j, 3 * i]` for `x[2 * i, 3 * j]`."""
    index = node.slice
    if not isinstance(index, ast.Tuple) or not any(isinstance(e, ast.BinOp) for e in index.elts):
        return
    used = [{p.id for p in ast.walk(e) if isinstance(p, ast.Name)} for e in index.elts]
    for i, j in combinations(range(len(used)), 2):
        for one in sorted(used[i] - used[j]):
            for other in sorted(used[j] - used[i]):
                changed = _Exchange(one, other).visit(deepcopy(index))
                # `j` before `i` is more likely to be a slip than `i` before `j`.
                rank = 1 if other < one else 2
                yield "exchanged", ast.Subscript(node.value, changed, ast.Load()), rank


class _Exchange(ast.NodeTransformer):
    """Puts two names in each other's place."""

    def __init__(self, one: str, other: str) -> None:
        self.names = {one: other, other: one}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)


def _paired_off(node: ast.Subscript, elements: list[ast.expr]) -> Iterator[tuple[str, ast.expr, int]]:
    """One element of each row, `x[np.arange(n), i]`, in place of the same elements of all, `x[:, i]`."""
    for place, element in enumerate(elements):
        if isinstance(element, ast.Slice) and ast.unparse(element) == ":":
            length = ast.Subscript(
                ast.Attribute(node.value, "shape", ast.Load()), ast.Constant(place), ast.Load()
            )
            numbers = ast.Call(ast.Attribute(ast.Name("np", ast.Load()), "arange", ast.Load()), [length], [])
            made = [numbers if i == place else e for i, e in enumerate(elements)]
            yield "indices", ast.Subscript(node.value, ast.Tuple(made, ast.Load()), node.ctx), 2


def of_slice(node: ast.Slice) -> Iterator[tuple[str, ast.expr, int]]:
    if node.lower is not None or node.upper is not None:
        yield "slice", ast.Slice(None, None, node.step), 1
    if node.lower is not None and node.upper is not None:
        yield "slice", ast.Slice(node.lower, None, node.step), 2
        yield "slice", ast.Slice(None, node.upper, node.step), 2
    if node.step is not None:
        yield "slice", ast.Slice(node.lower, node.upper, None), 2
    if node.lower is None and node.step is None:
        yield "slice", ast.Slice(ast.Constant(1), node.upper, None), 2
