"""How numbers are written in a report."""

import math

from gradcli.digits import USUAL, telling_apart
from gradcli.result import FAIL, Gradient
from gradcli.targets.notation import format_shape


def relative(value: float) -> str:
    """An error or an uncertainty: its size counts, not its digits."""
    if value == 0:
        return "0"
    return f"{value:.1e}" if math.isfinite(value) else str(value)


def value(number: float, digits: int) -> str:
    """A number with that many digits, trailing zeros included; 0 is 0."""
    return f"{number:#.{digits}g}" if math.isfinite(number) and number else f"{number:g}"


def digits_to_tell_apart(gradient: Gradient) -> int:
    """As many digits as show in which one the two sides of a wrong gradient differ."""
    return telling_apart(gradient.relative_error) if gradient.verdict == FAIL else USUAL


def shape(gradient: Gradient) -> str:
    return format_shape(gradient.shape)


def index(position: tuple[int, ...]) -> str:
    return ",".join(map(str, position))


def count(number: int, noun: str) -> str:
    """`1 gradient`, `3 gradients`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
