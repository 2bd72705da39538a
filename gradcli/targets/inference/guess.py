"""What an argument may be: an array whose axes are dimensions by name, or a value."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradcli.layers.declaration import evaluate
from gradcli.spec import InputSpec

Sizes = Mapping[str, int]

_SYMBOL = re.compile(r"[A-Za-z_]\w*")
# Lengths that suit a dimension of this name; all that meet in one check are to differ.
_USUAL = {
    "N": 4,
    "D": 3,
    "M": 5,
    "K": 5,
    "T": 2,
    "H": 6,
    "V": 7,
    "B": 2,
    "C": 3,
    "F": 4,
    "I": 5,
    "J": 3,
    "P": 3,
    "Q": 3,
    "HH": 3,
    "WW": 3,
    "f": 3,
}
_OTHERS = (4, 3, 5, 2, 6, 7, 8, 9, 10, 11, 12, 13)
_MAY_REPEAT = {"J", "P", "Q", "HH", "WW", "W", "f"}  # windows are as high as they are wide, and fit
# kind -> (dtype, scale, offset)
_KINDS: dict[str, tuple[str | None, float, float]] = {
    "normal": (None, 1.0, 0.0),
    "small": (None, 0.3, 0.0),  # a weight that saturates nothing
    "near1": (None, 0.3, 1.2),  # a factor, a variance: positive, and neither 1 nor all the same
    "unit": (None, 0.08, 0.5),  # a probability
    "int": ("int64", 1.0, 0.0),
    "bool": ("bool", 1.0, 0.0),
    "sign": ("sign", 1.0, 0.0),  # a label of a margin
    "symmetric": ("symmetric", 1.0, 0.0),
    "definite": ("definite", 1.0, 0.0),
    "joint": ("joint", 1.0, 0.0),
    "onehot": ("onehot", 1.0, 0.0),
    "onehot_columns": ("onehot_columns", 1.0, 0.0),
}


@dataclass(frozen=True)
class Drawn:
    """An array to be drawn."""

    axes: tuple[str, ...]  # each an expression of dimensions
    kind: str = "normal"  # one of _KINDS
    high: str = "2"  # integers only: their upper bound, an expression

    @property
    def symbols(self) -> list[str]:
        """The dimensions that it depends on."""
        bound = [self.high] if self.kind == "int" else []
        return [symbol for text in (*self.axes, *bound) for symbol in _SYMBOL.findall(text)]

    def spec(self, sizes: Sizes, factor: float = 1.0) -> InputSpec:
        """How to draw it at these sizes; factor scales arrays of plain normal numbers."""
        dtype, scale, offset = _KINDS[self.kind]
        shape = tuple(evaluate(axis, sizes) for axis in self.axes)
        high = evaluate(self.high, sizes) if self.kind == "int" else 2
        return InputSpec(shape, dtype, scale * factor if self.kind == "normal" else scale, offset, high)


@dataclass(frozen=True)
class Fixed:
    """A value that is no array."""

    value: object


Guess = Drawn | Fixed
Layout = Mapping[str, Guess]


def drawn(text: str) -> Drawn:
    """`N D`, `N|int|M`, `D|near1`, `` (a scalar): axes, kind and upper bound."""
    axes, kind, high = (*text.split("|"), "", "")[:3]
    return Drawn(tuple(axes.split()), kind or "normal", high or "2")


def sizes_for(layout: Iterable[Guess], bound: Sizes) -> dict[str, int]:
    """A length for every dimension of a layout, beside those that are bound; distinct as far as possible."""
    sizes = dict(bound)
    symbols = [symbol for guess in layout if isinstance(guess, Drawn) for symbol in guess.symbols]
    usual = _USUAL | {"H": 5, "W": 3} if {"H", "W"} <= set(symbols) else _USUAL
    for symbol in symbols:
        if symbol not in sizes:
            taken = set(sizes.values())
            free = [length for length in _OTHERS if length not in taken]
            preferred = usual.get(symbol)
            fits = preferred is not None and (preferred not in taken or symbol in _MAY_REPEAT)
            sizes[symbol] = preferred if fits and preferred is not None else free[0]
    return sizes
