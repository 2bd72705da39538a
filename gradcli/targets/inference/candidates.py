"""The combinations of guesses that are worth a try, the likeliest first."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from gradcli.targets.advice import usual_constant
from gradcli.targets.cost_names import is_gradient
from gradcli.targets.inference.by_column import by_column, columns_first
from gradcli.targets.inference.clipped import by_clipping
from gradcli.targets.inference.documented import annotation_of, by_annotation, by_docstring
from gradcli.targets.inference.guess import Drawn, Fixed, Guess, Layout, drawn, sizes_for
from gradcli.targets.inference.indexed import alone, by_indexing, by_unpacking, indices
from gradcli.targets.inference.masked import by_masking, of_masks
from gradcli.targets.inference.modes import by_comparison, options_of
from gradcli.targets.inference.names import by_name, may_be_number
from gradcli.targets.inference.of_two import by_two, of_two
from gradcli.targets.inference.one_feature import by_one_feature
from gradcli.targets.inference.one_hot import by_classes, by_numbers, of_several
from gradcli.targets.inference.one_sample import by_one_sample
from gradcli.targets.inference.positive import by_complement, by_logarithm, of_positive
from gradcli.targets.inference.recipes import by_function
from gradcli.targets.inference.signed import by_margin, of_signs
from gradcli.targets.inference.square import by_linear_algebra, square_first
from gradcli.targets.inference.stepped import COLUMNS, by_stepping
from gradcli.targets.inference.transposed import by_transposing, matrices_first
from gradcli.targets.labels import LABEL
from gradcli.targets.results import input_named
from gradcli.targets.returned_names import returned_names

Shape = tuple[int, ...]
_MOST_RANK = 14
_NUMBERS_RANK = 8  # where single numbers all over come in
_ONE_HOT = ("N D|onehot", "N M|onehot", "D N|onehot_columns", "M N|onehot_columns", "N|onehot")
_COEFFICIENTS = re.compile(
    r"w|weights?|theta|coefs?", re.IGNORECASE
)  # of a label of two, one for each feature
_INDEXES = ("N|int|V", "N T|int|V", "|int|V")  # of what something is indexed by
_OF_ONE = re.compile(r"([a-z_]Ind|[a-z_]Idx|[a-z_]Index|_ind|_idx|_index)$")  # `outsideWordIdx` is a number
_OF_ONE_ELEMENT = 2  # the rank of a single index, where it is all of one
_AS_COLUMNS = 2  # the rank of lists of columns, where each is right of a matrix
_BESIDE, _MOST_BESIDE = 2, 8  # the rank of shapes in the dimensions of others, and how many of them
_PLAIN_NUMBERS = (2, 0.5)
_PLAIN = drawn("N D")  # what is guessed where a name says nothing
_MEAN, _SPREAD = re.compile(r"(z_?)?(mu|mean)"), re.compile(r"(z_?)?log_?(var(iance)?|sigma|std)\w*")
_BIAS = re.compile(r"b|bias(es)?", re.IGNORECASE)
_WEIGHT = re.compile(r"w|weights?", re.IGNORECASE)
# What compares its argument with a label.
_LABELLED = re.compile(
    r"loss|cost|entropy|mse|mae|nll|hinge|logistic|svm|soft_?max|error|criterion|likelihood|huber",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Candidate:
    """A guess for every argument, and the lengths of its dimensions."""

    layout: Layout
    sizes: Mapping[str, int]
    rank: float  # 0: what names and documentation say

    @property
    def strangeness(self) -> int:
        """What speaks against it although it runs: one bias for all columns of a weight matrix."""
        biases = [guess for name, guess in self.layout.items() if _BIAS.fullmatch(name)]
        weights = [guess for name, guess in self.layout.items() if _WEIGHT.fullmatch(name)]
        has_scalar = any(isinstance(bias, Drawn) and not bias.axes for bias in biases)
        has_matrix = any(isinstance(w, Drawn) and len(w.axes) > 1 and w.axes[-1] != "1" for w in weights)
        return 4 if has_scalar and has_matrix else 0

    @property
    def has_only_vectors(self) -> bool:
        """Whether there is nothing in it that could be transposed."""
        return all(len(guess.axes) < 2 for guess in self.layout.values() if isinstance(guess, Drawn))


def ranked(
    functions: Sequence[Callable[..., Any]],
    symbols: Sequence[str],
    names: Sequence[str],
    *,
    numbers: Collection[str] = (),
    moving: Collection[str] = (),
) -> dict[str, list[tuple[int, Guess]]]:
    """Every argument's guesses with their ranks; what is documented goes before what names suggest.

    numbers: the arguments that are no arrays; moving: those that have a gradient.
    """
    forward = functions[0]
    told = by_indexing(forward, names) | by_docstring(forward, names) | by_annotation(forward)
    classes = by_classes(functions[:2], symbols, names)
    numbered = by_numbers(functions[:2], names) - told.keys()
    columns_of = by_column(functions[:2], names) - told.keys()
    modes = by_comparison(forward, names)
    clipped = by_clipping(forward, names) | by_complement(forward, names)
    two = by_two(functions[:2], names) - told.keys()
    signs = by_margin(functions[:2], names)
    positive = by_logarithm(forward, names)
    matrices = by_transposing(forward, names) - told.keys()
    single = {name for name in alone(forward, names) - told.keys() if LABEL.fullmatch(name)}
    columns = by_stepping(forward, names) - told.keys()
    operands = _operands(forward, symbols, names)
    given_back = _given_back(functions, names)
    moving = {*names} - {*numbers} if _has_as_many_gradients(functions, names) else moving
    masks = by_masking(forward, names) - given_back - {names[0]} if names else set()
    unpacked, indexes = by_unpacking(forward, names), indices(forward, names)
    told |= {
        n: replace(told[n], kind="int", high="V")
        for n in indexes & told.keys()
        if told[n] == Drawn(told[n].axes)
    }
    square = by_linear_algebra(forward, names)
    told |= {
        n: replace(told[n], kind=one.kind)
        for n, one in square.items()
        if n in told and told[n].kind in ("normal", "unit") and told[n].axes == told[n].axes[:1] * 2
    }
    told |= {n: _of_classes(told[n]) for n in classes & told.keys()}
    beside, gradient = _of_the_same(told), functions[:2][-1]
    of_one = by_one_sample(forward, gradient, names) or by_one_feature(forward, gradient, names)
    found: dict[str, list[tuple[int, Guess]]] = {}
    for name in names:
        if name in modes:
            found[name] = [*enumerate(map(Fixed, modes[name]))]
            continue
        size = usual_constant(name)
        if type(size) is int and name in told and told[name].axes in (("2",), ("3",)):  # `ph, pw = pool_size`
            found[name] = [(0, Fixed((size,) * int(told[name].axes[0])))]
            continue
        options = options_of(forward, name) if not size else {}
        if options:
            found[name] = [(0, Fixed({key: words[0] for key, words in options.items()}))]
            continue
        guesses = _with_unpacked(_known(name, symbols, told), unpacked.get(name, []))
        guesses = of_several(guesses) if classes or numbered else guesses
        if name in classes and name not in told and name not in of_one:
            found[name] = _classes(guesses, by_name(name, annotation_of(forward, name)))
            found[name] = columns_first(found[name]) if columns_of else found[name]
            continue
        start = len(guesses) + (2 if guesses else 0)
        role = (
            "" if name in operands else "shift" if name == "bias" and {"gain", "gamma"} & {*names} else name
        )
        usual = by_name(role, annotation_of(forward, name))
        if name == names[0] and len(functions) > 1 and not annotation_of(forward, name):
            usual = _not_only_numbers(name, usual)
        if name == names[0] and len(functions) > 1 and annotation_of(forward, name) == "float":
            usual = sorted(usual, key=lambda one: isinstance(one[1], Fixed))  # it is what is differentiated
            usual = [*enumerate(guess for _, guess in usual)]
        if name in given_back and not annotation_of(forward, name):
            usual = _differentiated(usual)
        if name in moving:
            usual = _of_one_number_first(usual)
        if name in numbers and name not in told:
            usual = _numbers_first(name, usual)
        if {"x", "y"} <= operands:  # coordinates may be numbers
            usual = [usual[0], (1, Drawn(())), *((rank + 1, guess) for rank, guess in usual[1:])]
        if guesses and isinstance(guesses[0], Fixed):
            usual = [(rank, guess) for rank, guess in usual if isinstance(guess, Fixed)]
        if not guesses and name in indexes and usual[0] == (0, _PLAIN):
            one_first = _INDEXES[::-1] if _OF_ONE.search(name) else _INDEXES
            guesses, start = [*map(drawn, one_first)], len(_INDEXES) + 2
        guesses_with_rank = [*enumerate(guesses), *((start + rank, guess) for rank, guess in usual)]
        found[name] = _probable(guesses_with_rank) if name in clipped else guesses_with_rank
        if beside and name not in told and any(isinstance(guess, Drawn) for _, guess in usual):
            found[name] = sorted([*found[name], *beside], key=lambda one: one[0])
        if name in positive and name not in clipped:
            found[name] = of_positive(found[name])
        if name in two:
            found[name] = of_two(found[name])
        if name in signs:
            found[name] = of_signs(found[name])
        if name in masks:
            found[name] = of_masks(found[name])
        if name in numbered:
            likely = [*_indices_of_the_same(told), (0, drawn("N|int|M"))]
            found[name] = [*likely, *((rank + 1, guess) for rank, guess in found[name])]
        if two and name not in told and _COEFFICIENTS.fullmatch(name):
            found[name] = [(0, drawn("D|small")), *((rank + 1, guess) for rank, guess in found[name])]
        if name in single and drawn("|int|2") not in [guess for _, guess in found[name]]:
            found[name] = [*found[name], (_OF_ONE_ELEMENT, drawn("|int|2"))]
        if name in matrices:
            found[name] = matrices_first(found[name])
        if name in columns:
            found[name] = [*found[name], (_AS_COLUMNS, COLUMNS)]
        if name in columns_of and not LABEL.fullmatch(name):
            found[name] = columns_first(found[name])
        if name in square and name not in told:
            found[name] = square_first(found[name], square[name])
        if name in of_one and name not in told:
            first = of_one[name]
            found[name] = [*enumerate(first), *((rank + len(first), guess) for rank, guess in found[name])]
    return found


def _of_the_same(told: Mapping[str, Drawn]) -> list[tuple[int, Guess]]:
    """Arrays of the dimensions that the documentation names for others: what else is made of them."""
    axes = list(dict.fromkeys(axis for one in told.values() for axis in one.axes if axis.isidentifier()))
    shapes = [*((axis,) for axis in axes), *((axis, axis) for axis in axes)]
    return [(_BESIDE + place // 2, Drawn(shape)) for place, shape in enumerate(shapes[:_MOST_BESIDE])]


def _of_classes(told: Drawn) -> Drawn:
    """Labels that are multiplied with logarithms are one-hot where two axes are documented."""
    if len(told.axes) != 2 or told.kind != "normal" or "1" in told.axes:
        return told
    return replace(told, kind="onehot_columns" if told.axes[0] in ("C", "K") else "onehot")


def _indices_of_the_same(told: Mapping[str, Drawn]) -> list[tuple[int, Guess]]:
    """Numbers of classes along one dimension that the documentation names for others, below another one."""
    axes = list(dict.fromkeys(axis for one in told.values() for axis in one.axes if axis.isidentifier()))
    shapes: list[Guess] = [Drawn((a,), "int", b) for a in axes for b in axes if a != b]
    return [(0, shape) for shape in shapes[:_MOST_BESIDE]]


def _not_only_numbers(name: str, usual: list[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """What comes first is usually what is differentiated: `lam_free` is no number, whatever `lam` is, and a
    capital `C` is a matrix."""
    if any(isinstance(guess, Drawn) for _, guess in usual):
        return usual
    shapes = ("N D", "N N", "D", "N") if name.isupper() else ("D", "N")
    return [*usual, *((len(usual) + rank, drawn(text)) for rank, text in enumerate(shapes))]


def _given_back(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> set[str | None]:
    """The arguments that backward returns a gradient of, as its names say: `return dmu, deps`."""
    return (
        {input_named(name, names) for name in returned_names(functions[1])} if len(functions) > 1 else set()
    )


def _has_as_many_gradients(functions: Sequence[Callable[..., Any]], names: Sequence[str]) -> bool:
    """Whether backward returns as many gradients as there are arguments: `return dtau * delta, drgb`."""
    if len(functions) < 2 or functions[0] is functions[1]:
        return False
    returned = returned_names(functions[1])
    return len(returned) == len(names) and all(not name or is_gradient(name) for name in returned)


def _differentiated(usual: list[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """What has a gradient is no hyperparameter, whatever its name: `eps` may be noise."""
    if not all(isinstance(guess, Fixed) for _, guess in usual):
        return usual
    arrays = by_name("", "")
    return [*arrays, *((len(arrays) + rank, guess) for rank, guess in usual)]


def _of_one_number_first(usual: list[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """What is called like a hyperparameter and has a gradient: a positive number, or arrays."""
    if not isinstance(usual[0][1], Fixed):
        return usual
    return [(0, Drawn((), "near1")), *((rank + 1, guess) for rank, guess in _differentiated(usual))]


def _numbers_first(name: str, usual: list[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """What has no gradient and no name of an array is a number."""
    if usual[0][1] != _PLAIN and not may_be_number(name):
        return usual
    return [*enumerate(map(Fixed, _PLAIN_NUMBERS)), *((rank + 2, guess) for rank, guess in usual)]


def _with_unpacked(known: list[Guess], unpacked: Sequence[Drawn]) -> list[Guess]:
    """What the code says of the number of axes goes before what is known of others that are called so."""
    ranks = {len(guess.axes) for guess in known if isinstance(guess, Drawn)}
    return known if {len(guess.axes) for guess in unpacked} <= ranks else [*unpacked, *known]


def _operands(function: Callable[..., Any], symbols: Sequence[str], names: Sequence[str]) -> set[str]:
    """The arguments whose names only say a place: the b of `a * b` is no bias, the y of f(x, y) no label."""
    if {"a", "b"} <= set(names):
        return {"a", "b"}
    if any(map(_SPREAD.fullmatch, names)):  # the mean of a distribution is no running mean
        return {name for name in names if _MEAN.fullmatch(name)}
    is_plane = {"x", "y"} <= set(names) <= {"x", "y", "z"} and not any(map(_LABELLED.search, symbols))
    return {*names} if is_plane and not indices(function, names) else set()


def _classes(known: Sequence[Guess], usual: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """One-hot classes, then what is known but for one of two; far behind them what a name suggests."""
    numbered = [guess for guess in known if not (_is_integer(guess) and guess.high == "2")]
    likely: list[Guess] = [*map(drawn, _ONE_HOT), *numbered]
    far = 2 * len(likely)
    return [
        *enumerate(likely),
        *((far + rank, guess) for rank, guess in usual if not _is_integer(guess)),
    ]


def _is_integer(guess: Guess) -> TypeGuard[Drawn]:
    return isinstance(guess, Drawn) and guess.kind == "int"


def _probable(guesses: Sequence[tuple[int, Guess]]) -> list[tuple[int, Guess]]:
    """The guesses with probabilities in the place of plain normal numbers."""
    return [(rank, replace(guess, kind="unit") if _is_real(guess) else guess) for rank, guess in guesses]


def _is_real(guess: Guess) -> TypeGuard[Drawn]:
    return isinstance(guess, Drawn) and guess.kind in ("normal", "near1")


def _known(name: str, symbols: Sequence[str], told: Mapping[str, Drawn]) -> list[Guess]:
    by_habit = next((guesses for symbol in symbols if (guesses := by_function(symbol, name))), [])
    return [told[name], *by_habit] if name in told else by_habit


def candidates(
    guesses: Mapping[str, Sequence[tuple[int, Guess]]],
    given: Mapping[str, Shape],
    links: Mapping[str, tuple[str, int]] | None = None,
) -> Iterator[Candidate]:
    """Combinations by the sum of their ranks; given shapes bind the dimensions of the rest.

    links: the axis of another argument that each index is for; it is within its length.
    """
    names = list(guesses)
    for rank in range(_MOST_RANK):
        if rank == _NUMBERS_RANK and not given:
            yield from _of_numbers(guesses)
        for layout in _of_rank(names, guesses, rank):
            bound = _bound(layout, given)
            if bound is None:
                continue
            linked = _within(layout, links or {})
            yield Candidate(linked, sizes_for(linked.values(), bound), rank)


def _within(layout: Layout, links: Mapping[str, tuple[str, int]]) -> Layout:
    """The layout with every index as large as the axis that it is for."""
    found = dict(layout)
    for name, (array, axis) in links.items():
        index, indexed = layout.get(name), layout.get(array)
        if not (isinstance(index, Drawn) and isinstance(indexed, Drawn) and axis < len(indexed.axes)):
            continue
        if index.kind == "int" != indexed.kind:
            found[name] = replace(index, high=indexed.axes[axis])
    return found


def _of_numbers(guesses: Mapping[str, Sequence[tuple[int, Guess]]]) -> Iterator[Candidate]:
    """Single numbers all over: `max(0, 1 - y * t)` takes no arrays. Then numbers beside a series of them."""
    layout: dict[str, Guess] = {}
    for name, ranked_guesses in guesses.items():
        likely = ranked_guesses[0][1]
        layout[name] = replace(likely, axes=()) if isinstance(likely, Drawn) else likely
    if any(isinstance(guess, Drawn) for guess in layout.values()):
        yield Candidate(layout, sizes_for(layout.values(), {}), _NUMBERS_RANK)
    first = next(iter(layout), "")
    if len(layout) > 1 and isinstance(layout[first], Drawn):
        series = layout | {first: drawn("N")}
        yield Candidate(series, sizes_for(series.values(), {}), _NUMBERS_RANK)


def _of_rank(
    names: Sequence[str], guesses: Mapping[str, Sequence[tuple[int, Guess]]], rank: int
) -> Iterator[dict[str, Guess]]:
    """All layouts whose guesses' ranks sum up to rank."""
    if not names:
        if rank == 0:
            yield {}
        return
    first, *rest = names
    for own, guess in guesses[first]:
        if own <= rank:
            for others in _of_rank(rest, guesses, rank - own):
                yield {first: guess, **others}


def _bound(layout: Layout, given: Mapping[str, Shape]) -> dict[str, int] | None:
    """The dimensions that given shapes fix; None if the layout contradicts them."""
    bound: dict[str, int] = {}
    for name, shape in given.items():
        guess = layout.get(name)
        if guess is None:
            continue
        if not isinstance(guess, Drawn) or len(guess.axes) != len(shape):
            return None
        for axis, length in zip(guess.axes, shape, strict=True):
            if axis.isdigit() and int(axis) != length:
                return None
            if axis.isidentifier() and bound.setdefault(axis, length) != length:
                return None
    return bound
