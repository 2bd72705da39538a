"""How a built-in layer declares itself.

One declaration is the single source for CLI options, help, config validation, the JSON Schema and
`gradcli layers`. It names the module of its pair instead of importing it, so that help needs no NumPy.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from numbers import Integral, Real
from types import ModuleType
from typing import Any, cast

from gradcli.dataclass import dataclass
from gradcli.errors import UsageError

Value = int | float | bool


@dataclass(frozen=True)
class Dim:
    """A dimension that shapes are made of: a positive integer."""

    name: str  # "batch"; the option is --batch, with dashes for underscores
    default: int
    help: str
    minimum: int = 1


@dataclass(frozen=True)
class Option:
    """A constant of forward, passed to it by keyword."""

    name: str
    default: float | int | bool  # its type is the option's type
    help: str
    minimum: float | None = None  # inclusive
    maximum: float | None = None  # inclusive
    above: float | None = None  # exclusive lower bound
    below: float | None = None  # exclusive upper bound


@dataclass(frozen=True)
class Requirement:
    """What several dimensions and options must satisfy together."""

    holds: str  # a comparison of expressions: "channels % groups == 0"
    message: str  # names in braces stand for their values: "groups must divide channels, got {groups}"


@dataclass(frozen=True)
class Input:
    """An argument of forward: its symbolic shape and how it is drawn.

    The kinds:
        "normal": standard normal;
        "weight": standard normal divided by the square root of `fan_in`;
        "positive": the magnitude of a standard normal, plus 0.1;
        "integer": integers from [0, high), repetitions allowed; no gradient;
        "mask": booleans, true with probability one half; no gradient.
    `offset` is added to what is drawn for the first three.
    """

    name: str
    shape: tuple[str | int, ...]  # names of dims, or expressions of dims and options: "4 * hidden"
    kind: str = "normal"
    high: str | int = 2  # an expression
    fan_in: str | int = 1  # an expression: how many products each output element sums
    help: str = ""
    offset: float = 0.0  # e.g. 1.0 for a gamma around one

    @property
    def has_gradient(self) -> bool:
        """Whether backward returns a gradient for this input."""
        return self.kind not in ("integer", "mask")


@dataclass(frozen=True)
class Layer:
    """A built-in layer: a plain forward/backward pair in a module of its own."""

    name: str
    summary: str
    formula: str
    source: str  # paper or textbook
    dims: tuple[Dim, ...]
    inputs: tuple[Input, ...]
    output: str  # symbolic shape for people: "(batch, features)"
    options: tuple[Option, ...] = ()
    intermediates: tuple[tuple[str, str], ...] = ()  # name in the cache -> what it is
    requirements: tuple[Requirement, ...] = ()
    output_names: tuple[str, ...] = ("out",)  # more than one: forward returns a tuple, backward takes one

    def module(self) -> ModuleType:
        """The file with `NAME_forward` and `NAME_backward`; imports NumPy."""
        return import_module(f"gradcli.layers.{self.name}")

    @property
    def parameters(self) -> tuple[Dim | Option, ...]:
        """All that a user can set: the dimensions, then the options."""
        return (*self.dims, *self.options)

    def validate(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Complete and check the user's values: every dimension and option by name, of its exact type.

        Raises UsageError with one line per mistake.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        complete: dict[str, Value] = {parameter.name: parameter.default for parameter in self.parameters}
        mistakes = []
        for name, value in values.items():
            if name not in known:
                mistakes.append(_unknown(self.name, str(name), tuple(known)))
                continue
            try:
                complete[name] = convert(known[name], value)
            except UsageError as error:
                mistakes.append(str(error))
        # Together they are judged only once each is sound: what two bad values mean jointly is noise.
        if not mistakes:
            mistakes = self._unmet(complete)
        if mistakes:
            raise UsageError("\n".join(mistakes))
        return complete

    def refuse_misfit(self, values: Mapping[str, object]) -> None:
        """Raise UsageError for values that do not fit together, each of which is what `convert` makes."""
        if self.requirements:
            complete = {parameter.name: parameter.default for parameter in self.parameters}
            if unmet := self._unmet(complete | cast("dict[str, Value]", dict(values))):
                raise UsageError("\n".join(unmet))

    def shapes(self, values: Mapping[str, Value]) -> dict[str, tuple[int, ...]]:
        """The shape of each input; dimensions and options that are not given have their defaults.

        Raises UsageError for values that do not fit together.
        """
        complete = {parameter.name: parameter.default for parameter in self.parameters} | dict(values)
        if unmet := self._unmet(complete):
            raise UsageError("\n".join(unmet))
        return {item.name: tuple(evaluate(length, complete) for length in item.shape) for item in self.inputs}

    def constants(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The keywords of forward: the options among the values, defaults where not given."""
        return {option.name: values.get(option.name, option.default) for option in self.options}

    def _unmet(self, values: Mapping[str, Value]) -> list[str]:
        return [
            f"{self.name}: {requirement.message.format_map(values)}"
            for requirement in self.requirements
            if not _evaluate(requirement.holds, values)
        ]


def convert(parameter: Dim | Option, value: object) -> Value:
    """The value as the parameter's own type; nothing is guessed, only an integer may stand for a float.

    Raises UsageError if the type or the range is wrong.
    """
    number = _typed(parameter, value)
    for relation, bound, holds in _bounds(parameter):
        if not holds(number, bound):
            raise UsageError(f"{parameter.name} must be {relation} {bound:g}, got {value}")
    return number


def evaluate(expression: str | int, values: Mapping[str, Value]) -> int:
    """An integer expression of dimensions and options, such as a length in `Input.shape`."""
    return int(_evaluate(str(expression), values))


def _typed(parameter: Dim | Option, value: object) -> Value:
    if isinstance(parameter.default, bool):
        if not isinstance(value, bool):
            raise UsageError(f"{parameter.name} must be true or false, got {value!r}")
        return value
    if isinstance(parameter.default, int):
        if type(value) is int:  # the rule; asking an abstract class takes long
            return value
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise UsageError(f"{parameter.name} must be an integer, got {value!r}")
        return int(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{parameter.name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the floats
        number = math.inf
    if not math.isfinite(number):
        raise UsageError(f"{parameter.name} must be a finite number, got {value}")
    return number


def _bounds(parameter: Dim | Option) -> list[tuple[str, float, Callable[[Any, Any], bool]]]:
    if isinstance(parameter, Dim):
        return [("at least", parameter.minimum, operator.ge)]
    bounds = (
        ("at least", parameter.minimum, operator.ge),
        ("at most", parameter.maximum, operator.le),
        ("greater than", parameter.above, operator.gt),
        ("less than", parameter.below, operator.lt),
    )
    return [(relation, bound, holds) for relation, bound, holds in bounds if bound is not None]


def _unknown(layer: str, name: str, known: tuple[str, ...]) -> str:
    import difflib  # only where something is misspelt

    near = difflib.get_close_matches(name, known, n=1)
    suggestion = f"; did you mean {near[0]!r}?" if near else "."
    return f"{layer} has no option {name!r}{suggestion} It has: {', '.join(known)}"


_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.LtE: operator.le,
}


def _evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Integers, names, + - * // % and one comparison: all that a declaration needs, and no more."""

    def value_of(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return values[name]
            case (
                ast.BinOp(left=left, op=op, right=right)
                | ast.Compare(left=left, ops=[op], comparators=[right])
            ):
                return _OPERATORS[type(op)](value_of(left), value_of(right))
        raise ValueError(f"not an expression of a declaration: {expression!r}")

    result: Value = value_of(_parsed(expression))
    return result


@cache  # as many as the declarations of all layers hold
def _parsed(expression: str) -> ast.AST:
    return ast.parse(expression, mode="eval").body
