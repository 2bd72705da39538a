"""What can be read off a refusal: how long a flat vector of parameters must be, how large an index, of
which sign what a logarithm is taken of, that a matrix must be square, and which shape a target must have."""

import math
import re
from dataclasses import replace

from gradcli.layers.declaration import evaluate
from gradcli.targets.inference.candidates import Candidate
from gradcli.targets.inference.guess import Drawn, sizes_for
from gradcli.targets.inference.trial import NOT_FINITE
from gradcli.targets.labels import LABEL

_REFUSED = (
    re.compile(r"cannot reshape array of size (?P<size>\d+) into shape \((?P<shape>[\d, ]+)\)"),
    re.compile(r"shape '\[(?P<shape>[\d, ]+)\]' is invalid for input of size (?P<size>\d+)"),  # torch's
)
_OUT_OF_RANGE = re.compile(r"index \d+ is out of bounds for (axis|dimension) \d+ with size (?P<size>\d+)")
_SQUARE = re.compile(
    r"must be (a )?square|square matri(x|ces)|not (a )?square|expected (a )?square", re.IGNORECASE
)
_TOO_FLAT = re.compile(r"axis (?P<axis>\d+) is out of bounds for array of dimension (?P<rank>\d+)")
_DEEPER = ("I", "J", "K")
_UNLIKE = re.compile(r"shapes \((?P<first>[\d, ]*)\) \((?P<second>[\d, ]*)\)")  # of operands of NumPy's
_FLAT = re.compile(
    r"\w*theta\w*|\w*params?(_\w+)?|\w*parameters|\w*weights?\w*|w|x0?|p|z|vec\w*", re.IGNORECASE
)
_LONGEST = 500
_OUTPUT_FIRST = "a target needs the output's shape"  # in so many words, by a loss of our own
_ASKED = 2.5  # the rank of a target that two operands of other shapes ask for: an output may be meant for it
_ONE_HOT = ("onehot", "onehot_columns")


def resized(candidate: Candidate, refusal: str) -> Candidate | None:
    """The same with the vector as long as the reshape that refused it asks for; None where it was no such.

    Each part of a vector that is too short is refused in turn: the first `theta[:12].reshape(4, 3)` with what
    there is of it, the last with none.
    """
    match = next((found for pattern in _REFUSED if (found := pattern.search(refusal))), None)
    if match is None:
        return None
    asked = math.prod(int(length) for length in match["shape"].split(",") if length.strip())
    name = next((name for name, guess in candidate.layout.items() if _is_flat(name, guess)), None)
    if name is None:
        return None
    vector = candidate.layout[name]
    assert isinstance(vector, Drawn)
    length = evaluate(vector.axes[0], candidate.sizes) + asked - int(match["size"])
    if not 0 < length <= _LONGEST:
        return None
    layout = {**candidate.layout, name: replace(vector, axes=(str(length),), kind="small")}
    return replace(candidate, layout=layout)


def in_range(candidate: Candidate, refusal: str) -> Candidate | None:
    """The same with integers below the length that they were no index for; None where it was no such refusal,
    or a single element is all there is."""
    match = _OUT_OF_RANGE.search(refusal)
    if match is None or int(match["size"]) < 2:
        return None
    layout = {
        name: replace(guess, high=match["size"])
        if isinstance(guess, Drawn)
        and guess.kind == "int"
        and evaluate(guess.high, candidate.sizes) > int(match["size"])
        else guess
        for name, guess in candidate.layout.items()
    }
    return None if layout == candidate.layout else replace(candidate, layout=layout)


def squared(candidate: Candidate, refusal: str) -> Candidate | None:
    """The same with a square matrix for the first that is none; None where no such is asked for."""
    if not _SQUARE.search(refusal):
        return None
    for name, guess in candidate.layout.items():
        if isinstance(guess, Drawn) and len(guess.axes) > 1 and guess.axes[-1] != guess.axes[-2]:
            square = replace(guess, axes=(*guess.axes[:-1], guess.axes[-2]))
            return replace(candidate, layout={**candidate.layout, name: square})
    return None


def deepened(candidate: Candidate, refusal: str) -> Candidate | None:
    """The same with as many axes more as were lacking for the first array, and for what is shaped like it."""
    match = _TOO_FLAT.search(refusal)
    first = next(iter(candidate.layout.values()), None)
    if match is None or not isinstance(first, Drawn) or first.kind in _ONE_HOT:
        return None
    free = [symbol for symbol in _DEEPER if symbol not in candidate.sizes]
    more = int(match["axis"]) + 1 - int(match["rank"])
    if len(first.axes) != int(match["rank"]) or not 0 < more <= len(free) or int(match["axis"]) < 2:
        return None
    layout = {
        name: replace(guess, axes=(*guess.axes, *free[:more]))
        if isinstance(guess, Drawn) and guess.axes == first.axes and guess.kind not in _ONE_HOT
        else guess
        for name, guess in candidate.layout.items()
    }
    return replace(candidate, layout=layout, sizes=sizes_for(layout.values(), candidate.sizes))


def as_positive(candidate: Candidate, refusal: str) -> Candidate | None:
    """The same with positive numbers, where others gave no finite value."""
    if refusal != NOT_FINITE:
        return None
    layout = {
        name: replace(guess, kind="near1") if isinstance(guess, Drawn) and guess.kind == "normal" else guess
        for name, guess in candidate.layout.items()
    }
    return None if layout == candidate.layout else replace(candidate, layout=layout)


def as_output(candidate: Candidate, refusal: str) -> Candidate | None:
    """The same with a target in the shape of what it was compared with; None where it was no such refusal.

    Axes as long as a dimension of another argument are that dimension.
    """
    match = _UNLIKE.search(refusal)
    if match is None:
        return None
    shapes = [_shape(match["first"]), _shape(match["second"])]
    for name, guess in candidate.layout.items():
        own = _shape_of(guess, candidate) if LABEL.fullmatch(name) else None
        if not isinstance(guess, Drawn) or own not in shapes or shapes[0] == shapes[1]:
            continue
        wanted = shapes[1 - shapes.index(own)]
        others = [one for other, one in candidate.layout.items() if other != name and isinstance(one, Drawn)]
        known = {candidate.sizes[symbol]: symbol for one in others for symbol in one.symbols}
        axes = tuple(known.get(length, str(length)) if length > 1 else "1" for length in wanted)
        kind = "normal" if guess.kind == "int" else guess.kind  # no numbers of classes, as it seems
        if kind in _ONE_HOT and len(axes) == 2:
            samples = guess.axes[0 if kind == "onehot" else -1]
            kind = "onehot_columns" if axes[-1] == samples else "onehot"
        layout = {**candidate.layout, name: replace(guess, axes=axes, kind=kind)}
        further = 0 if _OUTPUT_FIRST in refusal else _ASKED
        return replace(candidate, layout=layout, rank=candidate.rank + further)
    return None


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(length) for length in text.split(",") if length.strip())


def _shape_of(guess: object, candidate: Candidate) -> tuple[int, ...] | None:
    if not isinstance(guess, Drawn):
        return None
    return tuple(evaluate(axis, candidate.sizes) for axis in guess.axes)


def _is_flat(name: str, guess: object) -> bool:
    return (
        isinstance(guess, Drawn)
        and len(guess.axes) == 1
        and guess.kind in ("normal", "small")
        and _FLAT.fullmatch(name) is not None
    )
