"""Small edits of a statement, of the kind by which slips are made: a repair is an edit undone.

Each edit changes the tree in place and can be taken back.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

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
_MODULES = ("np", "numpy", "math")
_OTHER = dict(_CALLS) | {b: a for a, b in _CALLS}
_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt, ast.GtE),
    ast.LtE: (ast.Lt, ast.GtE, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt, ast.LtE),
    ast.GtE: (ast.Gt, ast.LtE, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


@dataclass(frozen=True, eq=False)
class Edit:
    """One change: `old` becomes `new` at a line; `kind` says what sort of slip that undoes."""

    kind: str
    line: int
    old: ast.AST | None
    new: ast.AST | None
    rank: int  # the lower, the more likely a slip
    apply: Callable[[], Callable[[], None]]  # returns what takes it back

    @property
    def before(self) -> str:
        """The text that it changes. Most edits are tried and forgotten, so none is kept."""
        return "" if self.old is None else _text(self.old)

    @property
    def after(self) -> str:
        if self.new is None or self.new is not self.old:
            return "" if self.new is None else _text(self.new)
        back = self.apply()  # what is shown is more than what is put in its place
        text = _text(self.new)
        back()
        return text


@dataclass(frozen=True, eq=False)
class Slot:
    """A place in a tree that holds a node."""

    parent: Any
    field: str
    index: int | None

    def get(self) -> Any:
        held = getattr(self.parent, self.field)
        return held if self.index is None else held[self.index]

    def put(self, node: Any) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def slots(node: ast.AST) -> Iterator[Slot]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield Slot(node, name, None)
            yield from slots(value)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield Slot(node, name, index)
                    yield from slots(item)


def edits(
    statement: ast.stmt, body: list[ast.stmt], names: Sequence[str], settled: Callable[[ast.AST], bool]
) -> Iterator[Edit]:
    """The edits of one statement that stands in `body`.

    `names` are variables that may stand in for others, attributes (`self.x`), keys (`'x'`) and
    functions (`f()`). Parts that are `settled` are right and not touched.
    """
    yield from _whole(statement, body)
    yield from _reversals(statement)
    if isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try | ast.FunctionDef):
        heads = list(_head_slots(statement))
        yield from _bounds(statement, names)
    else:
        heads = list(_open_slots(statement, settled))
    for slot in heads:
        for edit in _of_slot(slot, names):
            if not _is_named_so(statement, edit):
                yield edit


def _is_named_so(statement: ast.stmt, edit: Edit) -> bool:
    """Whether a name says that a sum, or a mean, is meant: `d_sum = d.sum()`."""
    called = edit.before.rpartition(".")[2]
    if edit.kind != "function" or called not in ("sum", "mean") or not isinstance(statement, ast.Assign):
        return False
    return any(called in _text(target) for target in statement.targets)


def _reversals(statement: ast.stmt) -> Iterator[Edit]:
    """A loop that runs the other way."""
    if isinstance(statement, ast.For) and not (
        isinstance(statement.iter, ast.Call) and getattr(statement.iter.func, "id", "") == "reversed"
    ):
        made = ast.Call(ast.Name("reversed", ast.Load()), [statement.iter], [])
        yield replace(Slot(statement, "iter", None), statement.iter, made, "direction", 1)


def _bounds(statement: ast.stmt, names: Sequence[str]) -> Iterator[Edit]:
    """A loop that runs to another bound: `range(i, i + 1)` for `range(i, n)`."""
    call = statement.iter if isinstance(statement, ast.For) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range":
        for index, argument in enumerate(call.args):
            for name in names if isinstance(argument, ast.BinOp) else ():
                if name.isidentifier():
                    made = ast.Name(name, ast.Load())
                    yield replace(Slot(call, "args", index), argument, made, "bound", 2)


def _head_slots(statement: ast.stmt) -> Iterator[Slot]:
    for name in ("test", "iter"):
        value = getattr(statement, name, None)
        if isinstance(value, ast.expr):
            yield Slot(statement, name, None)
            yield from slots(value)


def _open_slots(node: ast.AST, settled: Callable[[ast.AST], bool]) -> Iterator[Slot]:
    """Slots but for those within parts that are right; such a part itself may still be misused."""
    for name, value in ast.iter_fields(node):
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            if isinstance(item, ast.AST):
                yield Slot(node, name, index if isinstance(value, list) else None)
                if not (isinstance(item, ast.expr) and settled(item)):
                    yield from _open_slots(item, settled)
                else:  # sin(x) may be a value of forward, and cos(x) due
                    yield from (Slot(p, "func", None) for p in ast.walk(item) if isinstance(p, ast.Call))


def _whole(statement: ast.stmt, body: list[ast.stmt]) -> Iterator[Edit]:
    """Edits of the statement as such."""
    place = next((i for i, s in enumerate(body) if s is statement), None)
    if place is None:
        return

    def swap(new: ast.stmt) -> Callable[[], Callable[[], None]]:
        def apply() -> Callable[[], None]:
            body[place] = ast.fix_missing_locations(ast.copy_location(new, statement))

            def back() -> None:
                body[place] = statement

            return back

        return apply

    line = statement.lineno
    if isinstance(statement, ast.AugAssign):
        target = _loaded_as(statement.target, ast.Store())
        plain = ast.Assign([target], statement.value)
        yield Edit("accumulated", line, statement, plain, 1, swap(plain))
        yield from _accumulated(statement, swap)
        for other in _OPERATORS.get(type(statement.op), ()):
            changed = ast.AugAssign(statement.target, other(), statement.value)
            yield Edit("operator", line, statement, changed, 1, swap(changed))
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name | ast.Subscript | ast.Attribute):
            grown = ast.AugAssign(target, ast.Add(), statement.value)
            renames = isinstance(target, ast.Name) and isinstance(statement.value, ast.Name)
            yield Edit("overwritten", line, statement, grown, 3 if renames else 1, swap(grown))
            yield from _accumulated(statement, swap)
        if isinstance(target, ast.Tuple) and 2 <= len(target.elts) <= 6:
            for i, j in combinations(range(len(target.elts)), 2):
                elements = list(target.elts)
                if _is_in_order((elements[i], elements[j]), statement.value):
                    continue
                elements[i], elements[j] = elements[j], elements[i]
                made = ast.Assign([ast.Tuple(elements, ast.Store())], statement.value)
                yield Edit("unpacked", line, statement, made, 2, swap(made))
    if isinstance(statement, ast.AugAssign | ast.Expr | ast.Assign):
        yield Edit("superfluous", line, statement, None, 2, swap(ast.Pass()))


def _is_in_order(names: Sequence[ast.expr], value: ast.expr) -> bool:
    """Whether what is computed gets names in order of the alphabet: hardly the wrong way round."""
    texts = [_text(name) for name in names]
    single = all(len(text) == 1 for text in texts)
    return isinstance(value, ast.Call) and single and ord(texts[1]) - ord(texts[0]) == 1


def _accumulated(
    statement: ast.Assign | ast.AugAssign, swap: Callable[[ast.stmt], Callable[[], Callable[[], None]]]
) -> Iterator[Edit]:
    """`np.add.at`, which adds once for each time that an element is named."""
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    adds = not isinstance(statement, ast.AugAssign) or isinstance(statement.op, ast.Add)
    if not isinstance(target, ast.Subscript) or not adds:
        return
    into = _loaded_as(target.value, ast.Load())
    add = ast.Attribute(ast.Attribute(ast.Name("np", ast.Load()), "add", ast.Load()), "at", ast.Load())
    made = ast.Expr(ast.Call(add, [into, _index(target.slice), statement.value], []))
    yield Edit("duplicates", statement.lineno, statement, made, 2, swap(made))


def _index(node: ast.expr) -> ast.expr:
    """An index as a value: slices have a syntax only within brackets."""
    if isinstance(node, ast.Tuple):
        return ast.Tuple([_index(element) for element in node.elts], ast.Load())
    if isinstance(node, ast.Slice):
        parts = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        return ast.Call(ast.Name("slice", ast.Load()), parts, [])
    return node


def _of_slot(slot: Slot, names: Sequence[str]) -> Iterator[Edit]:
    node = slot.get()
    if isinstance(node, ast.cmpop):
        for other in _COMPARISONS.get(type(node), ()):
            yield replace(slot, node, other(), "comparison", 1, shown=slot.parent)
        return
    if not isinstance(node, ast.expr) or isinstance(getattr(node, "ctx", None), ast.Store):
        if isinstance(node, ast.Subscript):
            for kind, made, rank in _of_subscript(node, names):
                if isinstance(made, ast.Subscript):
                    stored = ast.Subscript(made.value, made.slice, ast.Store())
                    yield replace(slot, node, stored, kind, rank)
        return
    for kind, made, rank in _variants(node, slot, names):
        yield replace(slot, node, made, kind, rank)


def _variants(node: ast.expr, slot: Slot, names: Sequence[str]) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    if isinstance(node, ast.UnaryOp) and _is_axis(slot):
        yield from (("axis", ast.Constant(axis), 1) for axis in (0, 1, None))
        yield "axis", ast.UnaryOp(ast.USub(), ast.Constant(1)), 1
    elif isinstance(node, ast.UnaryOp):
        kind = "sign" if isinstance(node.op, ast.USub) else "negation"
        yield ("reversed" if slot.field == "step" else kind), node.operand, 1
    if isinstance(node, ast.Constant):
        yield from _of_constant(node, slot)
    if isinstance(node, ast.Name):
        callee = isinstance(slot.parent, ast.Call) and slot.field == "func"
        if not callee and not (isinstance(slot.parent, ast.Attribute) and node.id in (*_MODULES, "self")):
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
        yield from _of_subscript(node, names)
    if isinstance(node, ast.Slice):
        yield from _of_slice(node)
    if isinstance(node, ast.Tuple) and isinstance(slot.parent, ast.Return):
        for i, j in combinations(range(len(node.elts)), 2):
            elements = list(node.elts)
            elements[i], elements[j] = elements[j], elements[i]
            yield "order", ast.Tuple(elements, ast.Load()), 1
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


def _is_permutation(node: ast.Tuple) -> bool:
    """Whether these may be the axes of a transposition."""
    values = [e.value if isinstance(e, ast.Constant) else None for e in node.elts]
    return 3 <= len(values) <= 4 and set(values) == set(range(len(values)))


def _transposed(node: ast.expr) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(node, ast.Attribute) and node.attr in ("T", "shape", "ndim", "size"):
        return
    if isinstance(node, ast.Name) and node.id in _MODULES:
        return
    yield "transpose", ast.Attribute(node, "T", ast.Load()), 2
    last: list[ast.expr] = [ast.Constant(-1), ast.Constant(-2)]
    yield "transpose", ast.Call(ast.Attribute(node, "swapaxes", ast.Load()), last, []), 2


def _summed(node: ast.expr) -> Iterator[tuple[str, ast.expr, int]]:
    if isinstance(node, ast.Name) and node.id in _MODULES:
        return
    for axis in (0, 1, -1, None):
        keywords = [] if axis is None else [ast.keyword("axis", ast.Constant(axis))]
        summed = ast.Call(ast.Attribute(node, "sum", ast.Load()), [], keywords)
        yield "sum missing", summed, 2
        if axis is not None:
            kept = [*keywords, ast.keyword("keepdims", ast.Constant(True))]
            yield "sum missing", ast.Call(ast.Attribute(node, "sum", ast.Load()), [], kept), 2


def _of_operation(node: ast.BinOp) -> Iterator[tuple[str, ast.expr, int]]:
    for other in _OPERATORS.get(type(node.op), ()):
        yield "operator", ast.BinOp(node.left, other(), node.right), 1
    if isinstance(node.op, ast.Add | ast.Sub):
        yield "extra term", node.left, 2
        yield "extra term", node.right, 2
    elif isinstance(node.op, ast.Mult | ast.Div):
        yield "extra factor", node.left, 2
        if isinstance(node.op, ast.Mult):
            yield "extra factor", node.right, 2
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
    module = isinstance(function.value, ast.Name) and function.value.id in _MODULES
    return slot.index == (1 if module else 0)


def _of_constant(node: ast.Constant, slot: Slot) -> Iterator[tuple[str, ast.expr, int]]:
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
        others = [value + 1, value - 1, 2 * value, value / 2, -value, 0.0, 1.0, 0.5, 2.0, 3.0, 4.0, 0.25]
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
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for i, j in combinations(range(min(len(node.args), 4)), 2):
        arguments = list(node.args)
        arguments[i], arguments[j] = arguments[j], arguments[i]
        yield "arguments", ast.Call(node.func, arguments, node.keywords), 2
    method = isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in _MODULES
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


def _of_subscript(node: ast.Subscript, names: Sequence[str]) -> Iterator[tuple[str, ast.expr, int]]:
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


def _of_slice(node: ast.Slice) -> Iterator[tuple[str, ast.expr, int]]:
    if node.lower is not None or node.upper is not None:
        yield "slice", ast.Slice(None, None, node.step), 1
    if node.lower is not None and node.upper is not None:
        yield "slice", ast.Slice(node.lower, None, node.step), 2
        yield "slice", ast.Slice(None, node.upper, node.step), 2
    if node.step is not None:
        yield "slice", ast.Slice(node.lower, node.upper, None), 2
    if node.lower is None and node.step is None:
        yield "slice", ast.Slice(ast.Constant(1), node.upper, None), 2


def replace(
    slot: Slot, old: ast.AST, new: ast.AST, kind: str, rank: int, shown: ast.AST | None = None
) -> Edit:
    line = int(getattr(old, "lineno", getattr(slot.parent, "lineno", 0)))
    ast.copy_location(new, old)

    def apply() -> Callable[[], None]:
        slot.put(new)
        if hasattr(old, "lineno"):
            ast.fix_missing_locations(new)

        def back() -> None:
            slot.put(old)

        return back

    return Edit(kind, line, shown or old, shown or new, rank, apply)


def _loaded_as(node: ast.expr, context: ast.expr_context) -> ast.expr:
    if isinstance(node, ast.Subscript):
        return ast.copy_location(ast.Subscript(node.value, node.slice, context), node)
    if isinstance(node, ast.Attribute):
        return ast.copy_location(ast.Attribute(node.value, node.attr, context), node)
    assert isinstance(node, ast.Name)
    return ast.copy_location(ast.Name(node.id, context), node)


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(node))
    except Exception:
        return ""
