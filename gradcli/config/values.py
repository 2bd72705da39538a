"""Single values of a config: strict types, and messages that say what was found.

Each function returns the value or raises `Wrong`; where it stands is the caller's to add.
"""

import math

from gradcli.config.mistakes import Wrong, suggestion
from gradcli.config.settings import Setting
from gradcli.config.yaml import Node, describe, hides_a_value
from gradcli.errors import UsageError
from gradcli.layers import Dim, Option
from gradcli.layers.declaration import Value, convert
from gradcli.targets.notation import (
    DEFINITE,
    FLOAT_DTYPES,
    INTEGER_DTYPES,
    JOINT,
    ONE_HOT,
    SIGN,
    SYMMETRIC,
    parse_dtype,
    parse_shape,
)

INPUT_DTYPES = (
    "float",
    "int",
    "bool",
    SIGN,
    SYMMETRIC,
    DEFINITE,
    JOINT,
    *ONE_HOT,
    *FLOAT_DTYPES,
    *INTEGER_DTYPES,
)
MOST_AXES = 32  # NumPy's limit before 2.0
LARGEST_HIGH = 2**63 - 1
_LARGEST_EXACT = 2**53  # up to here a float that looks like an integer is that integer
LONGEST_TEXT = 1000


def text(node: Node) -> str:
    """Text that can stand in a table and on a command line."""
    if not isinstance(node.value, str):
        plain = node.raw and node.value is not None
        hint = "; put it in quotes" if plain else ""
        raise Wrong(node, f"must be text, got {describe(node)}{hint}")
    if not node.value.strip():
        raise Wrong(node, "must not be empty")
    if len(node.value) > LONGEST_TEXT or not node.value.isprintable():
        raise Wrong(node, f"must be at most {LONGEST_TEXT} printable characters, got {describe(node)}")
    return node.value


def number(node: Node) -> float:
    """A finite number; text in quotes and true are not numbers."""
    found = node.value
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Wrong(node, f"must be a number, got {describe(node)}{_unquote(node)}")
    if not math.isfinite(found):
        raise Wrong(node, f"must be a finite number, got {describe(node)}")
    return float(found)


def integer(node: Node) -> int:
    """An integer; 1e5 is one too, as in JSON Schema."""
    found = node.value
    if isinstance(found, float) and found.is_integer() and abs(found) <= _LARGEST_EXACT:
        return int(found)
    if isinstance(found, bool) or not isinstance(found, int):
        raise Wrong(node, f"must be an integer, got {describe(node)}{_unquote(node)}")
    return found


def flag(node: Node) -> bool:
    """True or false; YAML 1.2 knows no other words for them."""
    if not isinstance(node.value, bool):
        raise Wrong(node, f"must be true or false, got {describe(node)}{_unquote(node)}")
    return node.value


def choice(node: Node, choices: tuple[str, ...]) -> str:
    if isinstance(node.value, str) and node.value in choices:
        return node.value
    near = suggestion(node.value, choices) if isinstance(node.value, str) else ""
    raise Wrong(node, f"must be one of {', '.join(choices)}, got {describe(node)}{near}")


def setting(setting: Setting, node: Node) -> object:
    """The value of a setting, of its type and within its range."""
    match setting.kind:
        case "flag":
            return flag(node)
        case "choice":
            return choice(node, setting.choices)
        case "elements":
            return _elements(setting, node)
        case "integer":
            return _bounded(setting, node, integer(node))
        case "number":
            return _bounded(setting, node, number(node))


def parameter(parameter: Dim | Option, node: Node) -> Value:
    """The value of a layer's dimension or option, as its declaration wants it."""
    value: bool | int | float
    if isinstance(parameter.default, bool):
        value = flag(node)
    elif isinstance(parameter.default, int):
        value = integer(node)
    else:
        value = number(node)
    try:
        return convert(parameter, value)
    except UsageError as error:
        expected = str(error).removeprefix(f"{parameter.name} ").rpartition(", got ")[0]
        raise Wrong(node, f"{expected}, got {describe(node)}") from None  # as it is written


def shape(node: Node) -> tuple[int, ...]:
    """A list of lengths, or a shape as on the command line: 4x3, 3, scalar."""
    if isinstance(node.value, list):
        if len(node.value) > MOST_AXES:
            raise Wrong(node, f"must have at most {MOST_AXES} axes, got {len(node.value)}")
        return tuple(_length(item) for item in node.value)
    if isinstance(node.value, float):
        return (_length(node),)
    # As written, because YAML reads 0x3 as the hexadecimal number 3.
    written = node.value if isinstance(node.value, str) else node.raw
    try:
        return parse_shape(written or "")
    except (UsageError, ValueError):  # ValueError: a length of thousands of digits
        raise Wrong(node, f"must be a shape such as [4, 3] or 4x3, got {describe(node)}") from None


def input_dtype(node: Node) -> str | None:
    """The dtype of an input; None for `float`, which is the dtype of the check."""
    return parse_dtype(choice(node, INPUT_DTYPES))


def constant(node: Node) -> object:
    """A number, a truth value, text, null, or a list or mapping of such."""
    match node.value:
        case dict(entries):
            return {key: constant(entry.value) for key, entry in entries.items()}
        case list(items):
            return [constant(item) for item in items]
        case None if not node.raw:  # an empty value is a slip; a null that is written is meant
            raise Wrong(node, "must be a number, true, false, text, a list or a mapping, got nothing")
        case float(value) if not math.isfinite(value):
            raise Wrong(node, f"must be a finite number, got {describe(node)}")
        case value:
            return value


def _length(node: Node) -> int:
    length = integer(node)
    if length < 0:
        raise Wrong(node, f"must be a length, 0 or more, got {describe(node)}")
    return length


def _elements(setting: Setting, node: Node) -> str | int:
    words = ", ".join(setting.choices)
    if isinstance(node.value, str):
        if node.value in setting.choices:
            return node.value
        near = suggestion(node.value, setting.choices) or _unquote(node)
        raise Wrong(node, f"must be one of {words} or a number of elements, got {describe(node)}{near}")
    count = integer(node)
    if setting.minimum is not None and count < setting.minimum:
        raise Wrong(node, f"must be one of {words} or at least {setting.minimum}, got {describe(node)}")
    return count


def _bounded(setting: Setting, node: Node, value: float) -> float:
    if setting.minimum is not None and value < setting.minimum:
        raise Wrong(node, f"must be at least {setting.minimum}, got {describe(node)}")
    if setting.above is not None and value <= setting.above:
        raise Wrong(node, f"must be greater than {setting.above:g}, got {describe(node)}")
    return value


def _unquote(node: Node) -> str:
    return "; remove the quotes" if hides_a_value(node) else ""
