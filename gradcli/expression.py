"""Small arithmetic that a user writes: `1/m`, `-2`, `1/sqrt(x.shape[1])`. Read, never executed."""

import ast
import math
import operator
from collections.abc import Callable

from gradcli.errors import UsageError

_LONGEST = 200
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_GRAMMAR = "a number, a name, a length (x.shape[0], len(x), x.size), + - * / and sqrt"

# What a name stands for: a number, or the shape of an array; None where there is nothing of that name.
Lookup = Callable[[str], float | tuple[int, ...] | None]


class UnknownName(UsageError):
    """A name in an expression that stands for nothing."""


def number(text: str, lookup: Lookup = lambda name: None) -> float:
    """The value of an expression.

    Raises UsageError, one line, for what is no such expression, for a name that nothing is known of, and for
    a result that is not finite.
    """
    return _Reader(text, lookup).value()


def require_grammar(text: str) -> None:
    """Raise UsageError for what is no such expression, whatever its names mean."""
    _check(_parsed(text), text)


class _Reader:
    def __init__(self, text: str, lookup: Lookup) -> None:
        self.text = text
        self.lookup = lookup
        self.tree = _parsed(text)

    def value(self) -> float:
        _check(self.tree, self.text)
        try:
            value = self._number(self.tree)
        except ZeroDivisionError:
            raise UsageError(f"{self.text} divides by 0") from None
        except (OverflowError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise UsageError(f"{self.text} is not a finite number here")
        return value

    def _number(self, node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as found):
                return float(found)
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=op, operand=operand):
                return -self._number(operand) if isinstance(op, ast.USub) else self._number(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _BINARY[type(op)](self._number(left), self._number(right))
            case ast.Call(func=function, args=[argument]) if _called(function) == "sqrt":
                return math.sqrt(self._number(argument))
            case ast.Call(args=[ast.Name(id=name)]):
                return float(self._axis(name, 0))
            case ast.Attribute(value=ast.Name(id=name)):
                return float(math.prod(self._shape(name)))
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name)), slice=place):
                return float(self._axis(name, int(self._number(place))))
        raise AssertionError(ast.dump(node))

    def _named(self, name: str) -> float:
        value = self.lookup(name)
        if isinstance(value, tuple):
            raise UsageError(f"{self.text}: {name} is an array; of an array write {name}.shape[0]")
        if value is None:
            raise UnknownName(f"{self.text}: there is no number {name!r} here")
        return value

    def _shape(self, name: str) -> tuple[int, ...]:
        value = self.lookup(name)
        if not isinstance(value, tuple):
            raise UnknownName(f"{self.text}: there is no array {name!r} here")
        return value

    def _axis(self, name: str, place: int) -> int:
        shape = self._shape(name)
        if not -len(shape) <= place < len(shape):
            raise UsageError(f"{self.text}: {name} has {len(shape)} axes")
        return shape[place]


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise UsageError(f"must be {_GRAMMAR}; got {len(text)} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise UsageError(f"must be {_GRAMMAR}; got {text!r}") from None


def _check(node: ast.expr, text: str) -> None:
    if not _is_arithmetic(node):
        raise UsageError(f"must be {_GRAMMAR}; got {text!r}")


def _is_arithmetic(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=int() | float() as found):
            return not isinstance(found, bool)
        case ast.Name():
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return _is_arithmetic(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return type(op) in _BINARY and _is_arithmetic(left) and _is_arithmetic(right)
        case ast.Call(func=function, args=[argument], keywords=[]) if _called(function) == "sqrt":
            return _is_arithmetic(argument)
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name()], keywords=[]):
            return True
        case ast.Attribute(value=ast.Name(), attr="size"):
            return True
        case ast.Subscript(value=ast.Attribute(value=ast.Name(), attr="shape"), slice=place):
            return _is_integer(place)
    return False


def _is_integer(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) is int


def _called(function: ast.expr) -> str:
    """`sqrt` for sqrt, np.sqrt and math.sqrt."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np" | "numpy" | "math"), attr=name):
            return name
    return ""
