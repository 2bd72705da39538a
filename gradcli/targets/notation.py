"""How inputs and constants are written on a command line, in both directions.

    x=4x3   y=4:int:10   mask=4x4:bool   y=4:sign   y=4x3:onehot   inputs: NAME=SHAPE[:DTYPE[:HIGH]]
    A=4x4:symmetric
    x=4x3*1000   gamma=3*0.5+1                                  and SHAPE*SCALE+OFFSET
    eps=1e-5   causal=true   axis=none   size=[2, 2]            constants: NAME=VALUE

Everything that is written here reads back as the same value, so that a re-run line repeats its check.
Imports no NumPy.
"""

import ast
import math
import re

from gradcli.errors import UsageError
from gradcli.spec import DTYPES, InputSpec

FLOAT_DTYPES = DTYPES
INTEGER_DTYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
ONE_HOT = ("onehot", "onehot_columns")  # integers: a single 1 in each row, in each column
SIGN = "sign"  # integers: -1 or 1
SYMMETRIC = "symmetric"  # floats: a square matrix that is its own transpose
DEFINITE = "definite"  # floats: a symmetric matrix without a negative eigenvalue, and none that is near 0
JOINT = "joint"  # floats: joint probabilities of two different ones of N, symmetric
_ALIASES = {"int": "int64", "float": None}  # "float" is whatever the check's dtype is
_MAX_AXES = 32  # NumPy's limit before 2.0

_LENGTHS = re.compile(r"\d{1,18}([x,]\d{1,18})*,?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_SPREAD = re.compile(r"(?P<shape>[^*+]*)(\*(?P<scale>[^*+]+))?(\+(?P<offset>.+))?", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d{1,300}", re.ASCII)
_WORDS = {
    "true": True,
    "false": False,
    "none": None,
    "null": None,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
}
_NOT_A_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def parse_shape(text: str) -> tuple[int, ...]:
    """`4x3`, `4,3`, `(4, 3)`, `4`, `scalar` and `()` as a shape; lengths may be zero.

    Raises UsageError for anything else.
    """
    compact = re.sub(r"\s", "", text).lower()
    if compact in ("scalar", "()", "[]"):
        return ()
    if compact[:1] + compact[-1:] in ("()", "[]"):
        compact = compact[1:-1]
    if not _LENGTHS.fullmatch(compact):
        raise UsageError(f"{text!r} is not a shape; write 4x3, 3 or scalar")
    shape = tuple(int(length) for length in re.findall(r"\d+", compact))
    if len(shape) > _MAX_AXES:
        raise UsageError(f"{text!r} has {len(shape)} axes; NumPy has at most {_MAX_AXES}")
    return shape


def parse_input(text: str) -> tuple[str, InputSpec]:
    """`NAME=SHAPE[:DTYPE[:HIGH]]` as an input to be drawn: `x=4x3`, `y=4:int:10`, `mask=4x4:bool`.

    Raises UsageError that repeats the option.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not (name and equals):
        raise UsageError(f"--input {text}: write NAME=SHAPE, for example --input x=4x3")
    shape, *extras = (part.strip() for part in rest.split(":"))
    if len(extras) > 2:
        raise UsageError(f"--input {text}: write NAME=SHAPE:DTYPE:HIGH, for example --input y=4:int:10")
    try:
        dtype = parse_dtype(extras[0]) if extras else None
        high = _parse_high(extras[1], dtype) if len(extras) > 1 else 2
        lengths, scale, offset = _parse_spread(shape)
        return name, InputSpec(lengths, dtype=dtype, high=high, scale=scale, offset=offset)
    except UsageError as error:
        raise UsageError(f"--input {text}: {error}") from None


def _parse_spread(text: str) -> tuple[tuple[int, ...], float, float]:
    """`4x3*0.5+1`: the shape, what the normal numbers are multiplied by, and what is added."""
    match = _SPREAD.fullmatch(text)
    if match is None:
        return parse_shape(text), 1.0, 0.0
    spread = [1.0 if match["scale"] is None else match["scale"], match["offset"] or 0.0]
    try:
        scale, offset = (float(value) for value in spread)
    except ValueError:
        return parse_shape(text), 1.0, 0.0  # which says what is wrong with it
    return parse_shape(match["shape"]), scale, offset


def parse_dtype(text: str) -> str | None:
    """A dtype that an input may have, by its full name; None for `float`, the dtype of the check."""
    known = (*FLOAT_DTYPES, *INTEGER_DTYPES, "bool", SIGN, SYMMETRIC, DEFINITE, JOINT, *ONE_HOT)
    if text in _ALIASES:
        return _ALIASES[text]
    if text not in known:
        raise UsageError(
            f"{text!r} is not a dtype of an input; write float, int or one of {', '.join(known)}"
        )
    return text


def _parse_high(text: str, dtype: str | None) -> int:
    if dtype not in INTEGER_DTYPES:
        raise UsageError(f"only integers have an upper bound, not {dtype or 'float'}")
    if not re.fullmatch(r"[1-9]\d*", text, re.ASCII):
        raise UsageError(
            f"{text!r} is not an upper bound; integers are drawn from 0 up to, not including, it"
        )
    return int(text)


def parse_constant(text: str) -> tuple[str, object]:
    """`NAME=VALUE` with a number, true, false, none, a Python or JSON literal, or else plain text.

    Raises UsageError that repeats the option.
    """
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not (name and equals):
        raise UsageError(f"--set {text}: write NAME=VALUE, for example --set eps=1e-5")
    if value.lower() in _WORDS:
        return name, _WORDS[value.lower()]
    if _INTEGER.fullmatch(value):
        return name, int(value)
    if _NUMBER.fullmatch(value):
        return name, float(value)
    if value[:1] in tuple("[({'\""):
        return name, _parse_literal(text, value)
    return name, value


def _parse_literal(text: str, value: str) -> object:
    try:
        return ast.literal_eval(value)
    except _NOT_A_LITERAL:
        pass
    import json  # rarely needed, and slow to import

    try:
        return json.loads(value)  # [true, null]
    except _NOT_A_LITERAL:
        raise UsageError(f"--set {text}: {value!r} is neither a Python nor a JSON literal") from None


def format_shape(shape: tuple[int, ...]) -> str:
    """The shape as `parse_shape` reads it."""
    return "x".join(map(str, shape)) or "scalar"


def format_input(name: str, spec: InputSpec) -> str | None:
    """The input as `parse_input` reads it; None if flags cannot say it (a negative offset)."""
    if spec.offset < 0 or not all(map(math.isfinite, (spec.scale, spec.offset))):
        return None
    text = f"{name}={format_shape(spec.shape)}"
    if spec.scale != 1.0:
        text += f"*{_decimal(spec.scale)}"
    if spec.offset != 0.0:
        text += f"+{_decimal(spec.offset)}"
    if spec.dtype is not None:
        text += f":{spec.dtype}"
    if spec.dtype in INTEGER_DTYPES and spec.high != 2:
        text += f":{spec.high}"
    return text


def _decimal(number: float) -> str:
    """The number so that it reads back, without the plus sign of an exponent."""
    return repr(float(number)).removesuffix(".0").replace("e+", "e")


def format_constant(name: str, value: object) -> str | None:
    """The constant as `parse_constant` reads it; None if no text gives this value back."""
    if isinstance(value, float):
        value = float(value)  # NumPy's floats show as np.float64(...)
    plain = str(value).lower() if value is None or isinstance(value, bool) else str(value)
    quoted = repr(value).replace("'", '"')  # single quotes are the shell's
    candidates = (f"{name}={plain}", f"{name}={quoted}", f"{name}={value!r}")
    return next((text for text in candidates if _reads_back(text, value)), None)


def _reads_back(text: str, value: object) -> bool:
    try:
        return repr(parse_constant(text)[1]) == repr(value)
    except UsageError:
        return False
