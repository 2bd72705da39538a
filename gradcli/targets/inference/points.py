"""The cases that a check without explicit sizes looks at beside its first."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gradcli.spec import InputSpec
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.modes import by_comparison, by_constructor, by_option
from gradcli.targets.inference.search import Found

TINY, LARGE = 1e-4, 1e3
_BATCH = re.compile(r"N|B|m|batch\w*|bs|number_of_examples|num_(examples|samples)|n_samples")
_DATA = re.compile(r"x\w?|inp\w*|scores|logits|z|pred\w*|y_?(hat|pred)|a_?prev", re.IGNORECASE)
_PENALTY = re.compile(r"reg\w*|lam(bda)?_?|l2\w*|weight_decay", re.IGNORECASE)
_COUNTS = (3, 5, 4, *range(6, 100))
_STRIDE = re.compile(r"\w*(stride|dilation)\w*")
_SIZE = re.compile(
    r"ax(is|es)|pad\w*|seed|dim|\w*(size|dim|classes|labels|features|channels|units|inputs|outputs)|groups"
)
_FLATTENS = re.compile(r"reshape\([^)]*(-1|prod)|\.\.\.,? *d_?k|flatten\(")
# The other settings of option dicts: windows that overlap, strides that leave something out, no padding.
_SETTINGS: tuple[tuple[frozenset[str], dict[str, object]], ...] = (
    (frozenset({"stride", "pad"}), {"stride": 2, "pad": 0}),
    (frozenset({"stride", "padding"}), {"stride": 2, "padding": 0}),
    (frozenset({"pool_height", "pool_width", "stride"}), {"pool_height": 3, "pool_width": 2, "stride": 1}),
    (frozenset({"f", "stride"}), {"f": 2, "stride": 1}),
)


@dataclass(frozen=True)
class Point:
    """A case: what is drawn, and the values that are no arrays."""

    found: Found
    sizes: Mapping[str, int]
    factors: Mapping[str, float] = field(default_factory=dict)
    changed: Mapping[str, object] = field(default_factory=dict)  # constants in place of those inferred
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # in place of those of the sizes
    is_extreme: bool = False
    runs_at: Mapping[str, int] | None = None  # other sizes that the code must take as well
    must_fit: bool = False  # a gradient of another shape shows no defect, but what it was not written for

    @property
    def inputs(self) -> dict[str, InputSpec]:
        inputs = self.found.inputs(self.sizes, self.factors)
        return inputs | {name: replace(inputs[name], shape=shape) for name, shape in self.shapes.items()}

    @property
    def constants(self) -> dict[str, object]:
        return self.found.constants | dict(self.changed)


def further(
    found: Found,
    functions: Sequence[Callable[..., Any]],
    values: Iterable[Mapping[str, object]] = (),
    lengths: Sequence[Mapping[str, int]] = (),
) -> Iterator[Point]:
    """The other cases, the most telling first; not all of them will be accepted.

    functions: forward, and backward; values: others than the defaults, each a case; lengths: longer sizes,
    each a case, at which values are changed as well.
    """
    forward = functions[0]
    sizes = dict(found.candidate.sizes)
    base = Point(found, sizes)
    longer = [replace(base, sizes=one, must_fit=True) for one in lengths]
    yield from _modes(found, functions, base)
    yield from _batches(found, base)
    yield from longer
    many = {symbol: 11 if _BATCH.fullmatch(symbol) else length for symbol, length in sizes.items()}
    for changed in values:
        for at in longer or [replace(base, sizes=many)]:
            yield replace(at, changed=changed, must_fit=True)
    yield from _settings(found, base)
    yield from _penalised(forward, base)
    for at in longer or [base]:
        yield from _counts(found, at)
    if _flattens(forward):
        yield from _deeper(found, base)
    data = _data(found)
    if data:
        yield replace(base, factors=dict.fromkeys(data, TINY))
        yield replace(base, factors=dict.fromkeys(data, LARGE), is_extreme=True)


def shorter(point: Point) -> Iterator[Point]:
    """The same case with one dimension shortened, to 2 at the least; lengths that differ stay different."""
    for symbol, length in sorted(point.sizes.items(), key=lambda item: -item[1]):
        others = {other for name, other in point.sizes.items() if name != symbol}
        least = next((smaller for smaller in range(2, length) if smaller not in others), length)
        if least < length:
            yield replace(point, sizes={**point.sizes, symbol: least})


def _batches(found: Found, base: Point) -> Iterator[Point]:
    """A batch of one, and one in which indices repeat; without a batch, more steps in time."""
    for symbol in base.sizes:
        if _BATCH.fullmatch(symbol):
            more = {**{name: length + 1 for name, length in base.sizes.items()}, symbol: 11}
            is_length = _is_of_one_vector(found, symbol)
            # A vector of one is spread by broadcasting where its length has to do with another.
            runs_at = {**base.sizes, symbol: 11} if is_length and len(found.names) > 1 else None
            yield replace(base, sizes={**base.sizes, symbol: 1}, must_fit=is_length, runs_at=runs_at)
            if "B" not in base.sizes:
                yield replace(base, sizes=more)
            elif _is_of_indices(found, symbol):
                yield replace(base, sizes={**base.sizes, symbol: 11})
            return
    if "T" in base.sizes:  # two steps have a single transition
        yield replace(base, sizes={**base.sizes, "T": 6 if 6 not in base.sizes.values() else 7})
    for guess in found.candidate.layout.values():  # a sequence of indices, as of tags
        if isinstance(guess, Drawn) and guess.kind == "int" and len(guess.axes) == 1 <= len(guess.symbols):
            yield replace(base, sizes={**base.sizes, guess.symbols[0]: 17})
            return


def _is_of_indices(found: Found, symbol: str) -> bool:
    """Whether a length is that of indices: the more there are, the more of them repeat."""
    layout = found.candidate.layout.values()
    return any(isinstance(guess, Drawn) and guess.kind == "int" and symbol in guess.axes for guess in layout)


def _is_of_one_vector(found: Found, symbol: str) -> bool:
    """Whether a length is that of a single vector: then it is no number of samples."""
    arrays = [guess.axes for guess in found.candidate.layout.values() if isinstance(guess, Drawn)]
    return [axes for axes in arrays if symbol in axes] == [(symbol,)]


def _settings(found: Found, base: Point) -> Iterator[Point]:
    for name, value in found.constants.items():
        for keys, other in _SETTINGS:
            if isinstance(value, dict) and keys <= value.keys():
                yield replace(base, changed={name: value | other})


def _modes(found: Found, functions: Sequence[Callable[..., Any]], base: Point) -> Iterator[Point]:
    """The other ways to compute that an argument or an option chooses between."""
    forward = functions[0]
    dicts = [(name, value) for name, value in found.constants.items() if isinstance(value, dict)]
    for name, value in dicts:
        for key, words in by_option(functions, name).items():
            others = [word for word in words if word != value.get(key)]
            yield from (replace(base, changed={name: {**value, key: word}}, must_fit=True) for word in others)
    for cls in (one for one in functions if isinstance(one, type)):
        chosen = {parameter.name: parameter.default for parameter in parameters_of(cls) or ()}
        for name, words in by_constructor(cls).items():
            others = [word for word in words if name in chosen and word != chosen[name]]
            yield from (replace(base, changed={name: word}, must_fit=True) for word in others)
    usual = {parameter.name: parameter.default for parameter in parameters_of(forward) or ()}
    usual |= found.constants
    free = [name for name, value in usual.items() if isinstance(value, str)]
    for name, words in by_comparison(forward, free).items():
        for word in words:
            if word != usual[name]:
                yield replace(base, changed={name: word})


def _penalised(forward: Callable[..., Any], base: Point) -> Iterator[Point]:
    """A regularisation that is off by default, switched on."""
    for parameter in parameters_of(forward) or ():
        if (
            _PENALTY.fullmatch(parameter.name)
            and parameter.default in (0, 0.0)
            and parameter.name not in base.found.names
        ):
            yield replace(base, changed={parameter.name: 0.3})


def _counts(found: Found, base: Point) -> Iterator[Point]:
    """Another whole number, no length of anything: with an exponent of 1, a lost factor does not show."""
    for name, value in found.constants.items():
        if type(value) is int and not _SIZE.fullmatch(name):
            taken = {value, *base.sizes.values()}
            free = (number for number in _COUNTS if number not in taken)
            yield replace(base, changed={name: 2 if _STRIDE.fullmatch(name) else next(free)})


def _flattens(forward: Callable[..., Any]) -> bool:
    """Whether the code says that it takes more axes than two."""
    try:
        return _FLATTENS.search(inspect.getsource(forward)) is not None
    except (OSError, TypeError):
        return False


def _deeper(found: Found, base: Point) -> Iterator[Point]:
    """Rows that are images: x (4, 2, 3) where it was (4, 6)."""
    for name in _data(found):
        guess = found.candidate.layout[name]
        if isinstance(guess, Drawn) and len(guess.axes) == 2 and guess.axes[1].isidentifier():
            rows = base.inputs[name].shape[0]
            yield replace(base, sizes={**base.sizes, guess.axes[1]: 6}, shapes={name: (rows, 2, 3)})
            return


def _data(found: Found) -> Sequence[str]:
    layout = found.candidate.layout
    return [
        name
        for name in found.names
        if _DATA.fullmatch(name) and isinstance(guess := layout[name], Drawn) and guess.kind == "normal"
    ]
