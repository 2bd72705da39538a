"""What products and reshapes say of shapes: `X @ Theta.T - Y`, `params[: n * k].reshape(n, k)`.

One guess for all arguments together. Lengths that meet in a product or element by element are the same; what
a shape is made of are integers, and a flat vector is as long as its parts.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeGuard

from gradcli.layers.declaration import evaluate
from gradcli.targets.advice import usual_constant
from gradcli.targets.inference.candidates import Candidate
from gradcli.targets.inference.dimension import Dimension, Part, Shape, Unknown, Value
from gradcli.targets.inference.guess import Drawn, Fixed, Guess, sizes_for
from gradcli.targets.source_tree import source_tree

RANK = 1.5  # names and documentation come first
_SYMBOLS = ("N", "D", "M", "K", "H", "T", "V", "P", "Q", "E", "G", "L", "R", "S", "U", "X", "Y", "Z")
_LENGTHS = (4, 3, 5, 2, 6, 7, 8, 9)
_ELEMENTWISE = (
    "exp log log1p tanh sqrt abs square sign clip sin cos power negative sigmoid relu softmax logistic"
)
_ALIKE = frozenset([*_ELEMENTWISE.split(), "copy", "astype", "asarray", "array"])
_OF_TWO = frozenset(("multiply", "add", "subtract", "divide", "maximum", "minimum"))
_COUNT = re.compile(r"(n|num|nb)_?\w*|\w*(size|dim|rank|count|units|features|classes|labels)|k|m")
_SPREADS = ("row", "column", "one row", "number")
_SPREAD_NAME = re.compile(r"b\w?|\w*bias\w*|gamma|beta|scale|shift|offset", re.IGNORECASE)
_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


def by_algebra(
    function: Callable[..., Any], guesses: Mapping[str, Sequence[tuple[int, Guess]]]
) -> list[Candidate]:
    """The guesses that the code of a function allows; none where it says nothing, or contradicts itself.

    guesses: those by name, for what the code does not say. What is called like a bias or a factor may be
    spread over the rows or the columns of a matrix, or be a number: each is a guess, and so are data in a
    vector or in rows. Cost: up to eight walks through the code.
    """
    tree = source_tree(function)
    found: list[Candidate] = []
    for by_rows in (False, True):
        for spread in _SPREADS if tree is not None else ():
            assert tree is not None
            reader = _Reader(guesses, spread, by_rows=by_rows)
            with suppress(RecursionError, ValueError, ArithmeticError, SyntaxError):
                reader.read(tree)
                candidate = reader.candidate(guesses)
                found += [] if candidate is None or _is_among(candidate, found) else [candidate]
            if not reader.spreads:
                break
    return found


def _is_among(candidate: Candidate, found: Sequence[Candidate]) -> bool:
    return any(candidate.layout == other.layout for other in found)


class _Reader:
    def __init__(self, names: Mapping[str, object], spread: str, *, by_rows: bool) -> None:
        self.by_rows = by_rows  # whether data of which nothing is known are a matrix
        self.spread = spread  # how what is called like a bias is spread over a matrix
        self.spreads = False  # whether anything is
        self.shapes: dict[str, Shape] = {}  # of arguments
        self.integers: dict[str, None] = {}  # arguments that shapes are made of
        self.lengths: dict[str, list[tuple[str, Shape]]] = {}  # flat vectors: what they are as long as
        self.vectors: dict[Part, Shape] = {}  # parts of them that are used as they are
        self.known: dict[str, Value] = {name: _first_value(name) for name in names}
        self.says = False  # whether anything was read that names do not say

    def read(self, tree: ast.AST) -> None:
        """Follow the statements in their order, whatever they are under."""
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.Assign):
                self._assign(node.targets[0], node.value)
            elif isinstance(node, ast.AugAssign):
                self._alike(self.value(node.target), self.value(node.value))
            elif isinstance(node, ast.Return | ast.Expr) and node.value is not None:
                for part in node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]:
                    self.value(part)
            elif isinstance(node, ast.stmt):
                self.read(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.known[target.id] = self.value(value)
        if not isinstance(target, ast.Tuple):
            return
        names = [part.id if isinstance(part, ast.Name) else "" for part in target.elts]
        if isinstance(value, ast.Tuple) and len(value.elts) == len(names):
            self.known |= {name: self.value(part) for name, part in zip(names, value.elts, strict=True)}
        else:
            self.value(value)
            self.known |= dict.fromkeys(names)

    def value(self, node: ast.expr) -> Value:
        """What an expression is, as far as its shape goes."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Constant):
            return str(node.value) if type(node.value) is int else [] if type(node.value) is float else None
        if isinstance(node, ast.UnaryOp):
            return self.value(node.operand)
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.Attribute) and node.attr != "T":
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            return self.known.get(node.attr) if is_own else None  # an argument that the constructor has kept
        if isinstance(node, ast.Attribute):
            return self._matrix(self.value(node.value))[::-1]
        if isinstance(node, ast.Subscript):
            return self._part(node)
        return self._call(node) if isinstance(node, ast.Call) else None

    def _operation(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.MatMult):
            return self._product(left, right)
        if isinstance(node.op, ast.Pow):
            return left if not isinstance(left, str) else None
        if isinstance(left, str | Unknown) and isinstance(right, str | Unknown):
            return self._integer(node) or self._alike(left, right)
        return self._alike(left, right)

    def _integer(self, node: ast.expr, *, surely: bool = False) -> str:
        """An integer as a text; "" if it is none. surely: arguments in it must be integers."""
        if isinstance(node, ast.BinOp):
            if type(node.op) not in _SIGNS:
                return ""
            parts = [self._integer(part, surely=surely) for part in (node.left, node.right)]
            return f"({_SIGNS[type(node.op)].join(parts)})" if all(parts) else ""
        value = self.value(node)
        if isinstance(value, Unknown) and (surely or _counts(value.name)):
            self.integers[value.name] = None
            self.known[value.name] = value.name
            return value.name
        return value if isinstance(value, str) else ""

    def _part(self, node: ast.Subscript) -> Value:
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self.known.get(node.slice.value)  # an entry of a dictionary of parameters
        value = self.value(node.value)
        if not isinstance(value, Unknown):
            return None
        if not isinstance(node.slice, ast.Slice):
            return self._element(value.name, node.slice)
        if node.slice.step:
            return None
        ends = (node.slice.lower, node.slice.upper)
        if _is_before_end(ends[1]) and (ends[0] is None or self._integer(ends[0])):
            start = "0" if ends[0] is None else self._integer(ends[0])
            return Part(value.name, start, "", ast.unparse(ends[1].operand))
        start, stop = (self._integer(end, surely=True) if end is not None else "" for end in ends)
        is_told = [bool(start), bool(stop)] == [end is not None for end in ends]
        return Part(value.name, start or "0", stop) if is_told else None

    def _element(self, name: str, index: ast.expr) -> Value:
        """A number out of a vector of which the code has taken a part before: `log_r = params[n]`."""
        if not any(part.name == name for part in self.known.values() if isinstance(part, Part)):
            return None
        place = self._integer(index)
        if place:
            self.lengths.setdefault(name, []).append((f"{place}+1", []))
        return []

    def _call(self, node: ast.Call) -> Value:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        is_module = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") in (
            "np",
            "numpy",
        )
        own = [function.value] if isinstance(function, ast.Attribute) and not is_module else []
        arguments = [*own, *node.args]
        if name in ("dot", "matmul", "mm") and len(arguments) == 2:
            return self._product(*map(self.value, arguments))
        if name == "reshape" and len(arguments) > 1:
            return self._reshaped(self.value(arguments[0]), arguments[1:])
        if name == "transpose" and len(arguments) == 1:
            return self._matrix(self.value(arguments[0]))[::-1]
        if name == "einsum" and arguments and isinstance(arguments[0], ast.Constant):
            return self._summed(str(arguments[0].value), arguments[1:])
        if name in _OF_TWO and len(arguments) == 2:
            return self._alike(*map(self.value, arguments))
        if name in ("concatenate", "hstack") and arguments and isinstance(arguments[0], ast.List | ast.Tuple):
            is_beside = name == "hstack" or any(ast.unparse(word) == "axis=1" for word in node.keywords)
            return _side_by_side([self.value(part) for part in arguments[0].elts]) if is_beside else None
        if name in ("array", "asarray") and len(arguments) == 1 and isinstance(arguments[0], ast.List):
            return _written_out(arguments[0])
        values = [self.value(argument) for argument in arguments]
        if name in ("sum", "mean") and len(values) == 1 and not node.keywords:
            return []
        if name in _ALIKE and values:
            return values[0]
        return None

    def _summed(self, subscripts: str, operands: list[ast.expr]) -> Value:
        """What `np.einsum("bi,oij,bj->bo", x1, W, x2)` says of its operands and gives."""
        terms, arrow, result = subscripts.replace(" ", "").partition("->")
        names = terms.split(",")
        if len(names) != len(operands) or not all(name.isalpha() for name in names):
            return None
        lengths: dict[str, Dimension] = {letter: Dimension() for name in names for letter in name}
        for name, operand in zip(names, operands, strict=True):
            shape = [lengths[letter] for letter in name]
            value = self.value(operand)
            known = value if isinstance(value, list) and len(value) == len(shape) else None
            for own, other in zip(shape, known or (), strict=False):
                own.merge(other)
            if isinstance(value, Unknown):
                self._array(value, len(shape), shape)
                self.says = True
        return [lengths[letter] for letter in result] if arrow else None

    def _reshaped(self, value: Value, lengths: list[ast.expr]) -> Value:
        parts = lengths[0].elts if isinstance(lengths[0], ast.Tuple) else lengths
        if not isinstance(value, Unknown | Part):
            return None
        texts = [self._integer(part, surely=True) for part in parts if not _is_rest(part)]
        if not all(texts):
            return None
        shape = [Dimension() if _is_rest(part) else Dimension(self._integer(part)) for part in parts]
        start, stop = (value.start, value.stop) if isinstance(value, Part) else ("0", "")
        self.says = True
        self.lengths.setdefault(value.name, []).append((stop or start, [] if stop else shape))
        return shape

    def _product(self, left: Value, right: Value) -> Value:
        if (
            isinstance(left, Unknown)
            and isinstance(right, Unknown)
            and not any(map(_is_matrix, (left, right)))
        ):
            return None
        if left is None or right is None:
            return None
        is_matrix = isinstance(right, list) and len(right) == 2
        are_rows = self.by_rows and isinstance(left, Unknown) and _is_matrix(right)
        one = self._array(left, 2 if is_matrix or _is_matrix(left) or are_rows else 1)
        two = self._array(right, 2 if _is_matrix(right) else 1)
        if not one or not two:
            return None
        self.says = True
        one[-1].merge(two[-2] if len(two) > 1 else two[0])
        return one[:-1] + (two[:-2] + two[-1:] if len(two) > 1 else [])

    def _alike(self, left: Value, right: Value) -> Value:
        left, right = self._by_now(left), self._by_now(right)
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str) or one == []:  # a number
                return other if not isinstance(other, str) else []
            if isinstance(one, Unknown) and isinstance(other, list) and other:
                own = self._spread_over(one.name, other)
                self._array(one, len(own), own)
                return other
        if not isinstance(left, list) or not isinstance(right, list):
            return left if isinstance(left, list) else right if isinstance(right, list) else None
        for one_length, other_length in zip(left[::-1], right[::-1], strict=False):
            if "1" not in (one_length.root.text, other_length.root.text):
                one_length.merge(other_length)
        return left if len(left) >= len(right) else right

    def _by_now(self, value: Value) -> Value:
        """What is known of an argument after the other side was read: `S` of `S + S.T`."""
        return self.known.get(value.name) if isinstance(value, Unknown) else value

    def _spread_over(self, name: str, other: Shape) -> Shape:
        """The shape of an argument beside a matrix: that of the matrix, unless it is called like a bias."""
        if len(other) != 2 or _SPREAD_NAME.fullmatch(name) is None:
            return other
        self.spreads = True
        one = Dimension("1")
        spread = {"row": [other[1]], "column": [other[0], one], "one row": [one, other[1]], "number": []}
        return spread[self.spread]

    def _matrix(self, value: Value) -> Shape:
        return self._array(value, 2) if _is_matrix(value) or isinstance(value, list) else []

    def _array(self, value: Value, axes: int, like: Shape | None = None) -> Shape:
        """The shape of a value; that of an argument is settled here, if it was not."""
        if isinstance(value, Part):
            return self._vector(value)
        if not isinstance(value, Unknown):
            return value if isinstance(value, list) else []
        shape = list(like) if like is not None else [Dimension() for _ in range(axes)]
        self.shapes[value.name] = shape
        self.known[value.name] = shape
        return shape

    def _vector(self, part: Part) -> Shape:
        """The shape of a part that is used as it is: a vector."""
        if part not in self.vectors:
            told = part.stop if part.start == "0" else f"({part.stop}-{part.start})" if part.stop else ""
            shape = [Dimension(told)]
            start = part.stop or f"{part.start}+{part.behind}"
            self.vectors[part] = shape
            self.lengths.setdefault(part.name, []).append((start, [] if part.stop else shape))
        return self.vectors[part]

    def candidate(self, guesses: Mapping[str, Sequence[tuple[int, Guess]]]) -> Candidate | None:
        """What was read as a guess for every argument."""
        numbers = self._numbers()
        if not self.says and not any(map(_is_square, self.shapes.values())):
            return None
        symbols: dict[int, str] = {}

        def axis(dimension: Dimension) -> str:
            text = dimension.root.text
            if text:
                return str(evaluate(text, numbers))
            return symbols.setdefault(id(dimension.root), _SYMBOLS[len(symbols)])

        layout: dict[str, Guess] = {}
        for name, guessed in guesses.items():
            if name in numbers:
                layout[name] = Fixed(numbers[name])
            elif name in self.lengths:
                layout[name] = Drawn((_longest(self._ends(name, numbers, axis)),), "small")
            elif name in self.shapes and not self.shapes[name]:
                layout[name] = Fixed(2)
            elif self.shapes.get(name):
                axes = tuple(map(axis, self.shapes[name]))
                layout[name] = replace(_of_kind(guessed, len(axes)), axes=axes)
            elif guessed:
                layout[name] = guessed[0][1]
        drawn = [guess for guess in layout.values() if isinstance(guess, Drawn)]
        taken = numbers | {axis: int(axis) for guess in drawn for axis in guess.axes if axis.isdigit()}
        sizes = sizes_for(drawn, taken)
        return Candidate(layout, {name: n for name, n in sizes.items() if name not in taken}, RANK)

    def _ends(self, name: str, numbers: Mapping[str, int], axis: Callable[[Dimension], str]) -> list[str]:
        """Where each part of a flat vector ends."""
        return [
            f"{evaluate(start, numbers)}+{'*'.join(map(axis, shape)) or '0'}"
            for start, shape in self.lengths[name]
        ]

    def _numbers(self) -> dict[str, int]:
        """A value for each integer, all different; the one that a number in the code asks for."""
        free = iter(_LENGTHS)
        return {name: next(free) for name in self.integers}


def _first_value(name: str) -> Value:
    return [] if usual_constant(name) is not None and not _counts(name) else Unknown(name)


def _counts(name: str) -> bool:
    return (
        re.fullmatch(r"(n|num|nb)_?\w*|\w*(size|dim|rank|count|units|features|classes|labels)|k|m", name)
        is not None
    )


def _side_by_side(values: Sequence[Value]) -> Value:
    """Matrices with as many rows, put together."""
    shapes = [value for value in values if isinstance(value, list) and len(value) == 2]
    texts = [shape[1].root.text for shape in shapes]
    if not values or len(shapes) < len(values) or not all(texts):
        return None
    for shape in shapes[1:]:
        shapes[0][0].merge(shape[0])
    return [shapes[0][0], Dimension(f"({'+'.join(texts)})")]


def _written_out(rows: ast.List) -> Value:
    """The shape of a matrix that is written out: `[[c, -s], [s, c]]`."""
    lengths = {len(row.elts) if isinstance(row, ast.List) else 0 for row in rows.elts}
    if len(lengths) != 1 or not (length := lengths.pop()):
        return None
    return [Dimension(str(len(rows.elts))), Dimension(str(length))]


def _is_square(shape: Shape) -> bool:
    """Whether two axes are of one length: it was said by `S + S.T`."""
    return len({id(length.root) for length in shape}) < len(shape)


def _longest(ends: list[str]) -> str:
    """The furthest of several ends; the last of those that depend on a dimension."""
    dependent = [end for end in ends if re.search("[A-Z]", end)]
    return dependent[-1] if dependent else str(max(evaluate(end, {}) for end in ends))


def _is_before_end(node: ast.expr | None) -> TypeGuard[ast.UnaryOp]:
    """`-1` of `v[:-1]`."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    )


def _is_rest(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _is_matrix(value: Value) -> bool:
    return isinstance(value, Unknown) and value.name[:1].isupper()


def _of_kind(guesses: Sequence[tuple[int, Guess]], axes: int) -> Drawn:
    """What a name says of the numbers of an array with as many axes; what is computed with is no index."""
    alike = [guess for _, guess in guesses if isinstance(guess, Drawn) and len(guess.axes) == axes]
    return next((guess for guess in alike if guess.kind != "int" or guess.high == "2"), Drawn(()))
