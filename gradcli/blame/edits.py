"""Small edits of a statement, of the kind by which slips are made: a repair is an edit undone.

Each edit changes the tree in place and can be taken back.
"""

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from gradcli.blame.change import Edit, Slot, replace, slots, text_of
from gradcli.blame.indices import of_subscript
from gradcli.blame.variants import OPERATORS, variants

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt, ast.GtE),
    ast.LtE: (ast.Lt, ast.GtE, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt, ast.LtE),
    ast.GtE: (ast.Gt, ast.LtE, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


def edits(
    statement: ast.stmt, body: list[ast.stmt], names: Sequence[str], settled: Callable[[ast.AST], bool]
) -> Iterator[Edit]:
    """The edits of one statement that stands in `body`.

    `names` are variables that may stand in for others, attributes (`self.x`), keys (`'x'`), functions
    (`f()`) and numbers (`0.1`). Parts that are `settled` are right and not touched.
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
    return any(called in text_of(target) for target in statement.targets)


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
        for other in OPERATORS.get(type(statement.op), ()):
            changed = ast.AugAssign(statement.target, other(), statement.value)
            yield Edit("operator", line, statement, changed, 1, swap(changed))
        for rest in _narrowed(statement):
            yield Edit("widened", line, statement, rest, 2, swap(rest))
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


def _narrowed(statement: ast.AugAssign) -> Iterator[ast.stmt]:
    """`grad[1:] += (lam * theta)[1:]` for `grad += lam * theta`: the first, or the last, is left out."""
    if not isinstance(statement.target, ast.Name) or not isinstance(statement.op, ast.Add | ast.Sub):
        return
    for index in ("1:", ":, 1:", ":-1", ":, :-1"):
        place = ast.parse(f"_[{index}]", mode="eval").body
        assert isinstance(place, ast.Subscript)
        into = ast.Name(statement.target.id, ast.Load())
        target = ast.Subscript(into, place.slice, ast.Store())
        yield ast.AugAssign(target, statement.op, ast.Subscript(statement.value, place.slice, ast.Load()))


def _is_in_order(names: Sequence[ast.expr], value: ast.expr) -> bool:
    """Whether what is computed gets names in order of the alphabet: hardly the wrong way round."""
    texts = [text_of(name) for name in names]
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
            for kind, made, rank in of_subscript(node, names):
                if isinstance(made, ast.Subscript):
                    stored = ast.Subscript(made.value, made.slice, ast.Store())
                    yield replace(slot, node, stored, kind, rank)
        return
    for kind, made, rank in variants(node, slot, names):
        yield replace(slot, node, made, kind, rank)


def _loaded_as(node: ast.expr, context: ast.expr_context) -> ast.expr:
    if isinstance(node, ast.Subscript):
        return ast.copy_location(ast.Subscript(node.value, node.slice, context), node)
    if isinstance(node, ast.Attribute):
        return ast.copy_location(ast.Attribute(node.value, node.attr, context), node)
    assert isinstance(node, ast.Name)
    return ast.copy_location(ast.Name(node.id, context), node)
