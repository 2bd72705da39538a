"""Which argument a returned gradient belongs to, and at what it is taken.

A name settles it (`dW`, a key "W"). Else every argument of that shape is a possible reading, and the one that
agrees with a difference along a random direction is taken; where none does, or several do, the name decides.
"""

import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.arrays import Array, shape_of
from gradcli.targets.cost_names import is_force, is_gradient
from gradcli.targets.results import input_named

# What a cost is usually differentiated by, and what never.
_PARAMETERS = re.compile(
    r"\w*theta\w*|w\w?|weights?|\w*params?|beta|coefs?|y_?(hat|pred)\w*|pred\w*|a_?l|logits|scores|output\w*|z"
    r"|x0|p|u",
    re.IGNORECASE,
)
_LEARNED = re.compile(r"w|weights?|theta|beta|coefs?|params?", re.IGNORECASE)
_GIVEN = re.compile(
    r"y|t|y_?(true|train)\w*|targets?|labels?|ys|truth|actual|(\w+_)?expected|data|d", re.IGNORECASE
)
_STEP, _AGREES = 1e-6, 1e-4

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """A returned value that may be a gradient."""

    value: Any
    name: str  # "" if it has none
    place: int | None  # among several results; None: it is the result
    key: Any = None  # within a dict


@dataclass(frozen=True)
class Cut:
    """The part of an array that joins several gradients end to end."""

    start: int
    shape: tuple[int, ...]

    def of(self, joined: Any) -> Any:
        """That part in its own shape; the whole as it is where it is too short."""
        flat = np.ravel(joined)[self.start : self.start + math.prod(self.shape)]
        return flat.reshape(self.shape) if flat.size == math.prod(self.shape) else joined


@dataclass(frozen=True)
class Reading:
    """The gradient of one argument."""

    argument: str
    place: int | None
    key: Any = None
    cut: Cut | None = None

    def of(self, result: Any) -> Any:
        """Its value in a later result of the same form; None where that lacks it."""
        whole = result if self.place is None else _item(result, self.place)
        part = whole if self.key is None else _item(whole, self.key)
        return part if self.cut is None or part is None else self.cut.of(part)


def parts_of(
    result: Any, names: Sequence[str], *, without: int | None, within: Sequence[Sequence[str]] = ()
) -> list[Part]:
    """The parts of a result, the value at place `without` left out; dicts and tuples are taken apart.

    within: the names of what each returned tuple holds.
    """
    if isinstance(result, Mapping):
        return [Part(value, str(key), None, key) for key, value in result.items()]
    if not isinstance(result, tuple | list) or (isinstance(result, list) and _is_array(result)):
        return [Part(result, names[0] if len(names) == 1 else "", None)]
    named = names if len(names) == len(result) else [""] * len(result)
    parts: list[Part] = []
    for place, (value, name) in enumerate(zip(result, named, strict=True)):
        if place == without:
            continue
        if isinstance(value, Mapping):
            parts += [Part(item, str(key), place, key) for key, item in value.items()]
        elif isinstance(value, tuple | list) and not _is_array(value):
            inner = within[place] if len(within) == len(result) else ()
            inner = inner if len(inner) == len(value) else [""] * len(value)
            parts += [
                Part(item, name, place, key)
                for key, (item, name) in enumerate(zip(value, inner, strict=True))
            ]
        else:
            parts.append(Part(value, name, place))
    likely = [part for part in parts if _is_derivative(part) or part.key is not None]
    return likely if without is not None and likely else parts


def possible(parts: Sequence[Part], arguments: Mapping[str, Array], out: Array) -> list[tuple[Reading, ...]]:
    """The ways to give each part an argument, the likeliest first."""
    fixed: list[Reading] = []
    unnamed: list[Part] = []
    for part in parts:
        name = input_named(part.name, arguments)
        if name is not None and name not in [reading.argument for reading in fixed]:
            fixed.append(Reading(name, part.place, part.key))
        else:
            unnamed.append(part)
    taken = {reading.argument for reading in fixed}
    left = [name for name in sorted(arguments, key=_unlikely) if name not in taken]
    if fixed and not any(map(_is_derivative, unnamed)):
        # `return dx1, -dx1`: an expression among gradients is one too.
        unnamed = [part for part in unnamed if not part.name and part.key is None and _is_array(part.value)]
        if not unnamed or not all(map(_is_derivative, (part for part in parts if part.name))):
            return [tuple(fixed)]
    if len(unnamed) == 1:
        fitting = [name for name in left if fits(unnamed[0].value, out, arguments[name])]
        joined = [] if fitting or fixed else _joined(unnamed[0], arguments, out)
        if joined:
            return joined
        learned = [name for name in left if _LEARNED.fullmatch(name)]
        if learned and not {*learned} & {*fitting}:
            fitting = [learned[0], *fitting]  # of another shape; data come only where the numbers say so
        fitting = fitting or left[:1]
        return [(*fixed, Reading(name, unnamed[0].place, unnamed[0].key)) for name in fitting]
    for part in unnamed:
        name = next((name for name in left if fits(part.value, out, arguments[name])), None)
        if name is not None:
            left.remove(name)
            fixed.append(Reading(name, part.place, part.key))
    return [tuple(fixed)] if fixed else []


def _joined(part: Part, arguments: Mapping[str, Array], out: Array) -> list[tuple[Reading, ...]]:
    """The ways to read one array as the gradients of several arguments, end to end or one for each.

    `np.array([df_dx, df_dy])`, `np.concatenate([dX.ravel(), dTheta.ravel()])`, `np.vstack((dX, dTheta))`.
    """
    if not _is_array(part.value):
        return []
    gradient, found = np.asarray(part.value), []
    learned = {name for name in arguments if _LEARNED.fullmatch(name)}
    for group in _groups(list(arguments)):
        if learned and not learned & {*group}:
            continue  # what is learned has a gradient, whatever shape was guessed for it
        shapes = [arguments[name].shape for name in group]
        alike = out.shape in ((), shapes[0]) and set(shapes) == {shapes[0]}
        if alike and gradient.shape == (len(group), *shapes[0]):
            found.append(tuple(Reading(n, part.place, place) for place, n in enumerate(group)))
        elif part.key is None and set(shapes) == {()} and gradient.shape == (*out.shape, len(group)):
            found.append(tuple(Reading(n, part.place, (..., place)) for place, n in enumerate(group)))
        elif part.key is None and out.size == 1 and gradient.size == sum(map(math.prod, shapes)):
            starts = itertools.accumulate(map(math.prod, shapes), initial=0)
            cuts = [Cut(start, shape) for start, shape in zip(starts, shapes, strict=False)]
            found.append(tuple(Reading(n, part.place, None, cut) for n, cut in zip(group, cuts, strict=True)))
    return found


def _groups(names: Sequence[str]) -> list[Sequence[str]]:
    """Neighbours among the arguments, two or more: those without a target or data first, the most first."""
    ends = [(i, j) for i in range(len(names)) for j in range(i + 2, len(names) + 1)]
    groups = [names[i:j] for i, j in ends]
    return sorted(groups, key=lambda group: (max(map(_unlikely, group)) == 2, -len(group)))


def likeliest(arguments: Iterable[str]) -> str:
    """The argument that a cost is usually differentiated by."""
    return min(arguments, key=_unlikely)


def fits(gradient: Any, out: Array, argument: Array) -> bool:
    """Whether this can be the derivative of an output by an argument of these shapes."""
    shape = shape_of(gradient)
    if shape is None:
        return False
    if out.size == 1 and shape == argument.shape:
        return True
    elementwise = (argument.shape, ()) if out.shape == argument.shape else ()  # (): a slope that is constant
    is_by_row = shape == argument.shape and _is_for_each_row(out.shape, argument.shape)
    is_by_row = is_by_row or _is_jacobian_for_each_row(shape, out.shape, argument.shape)
    return is_by_row or shape in (out.shape + argument.shape, *elementwise)


def _is_jacobian_for_each_row(shape: Shape, out: Shape, argument: Shape) -> bool:
    """Whether it is (N, K, D), for outputs (N, K) of (N, D)."""
    return len(out) == len(argument) == 2 and out[0] == argument[0] and shape == (*out, argument[1])


def _is_for_each_row(out: Shape, argument: Shape) -> bool:
    """Whether an output has a number for each row: losses (N,) or (N, 1) of predictions (N, D)."""
    rows = out[:-1] if len(out) == len(argument) and out[-1:] == (1,) else out
    return 0 < len(rows) < len(argument) and argument[: len(rows)] == rows


def pulled_back(cotangent: Array, gradient: Any, argument: Array) -> Any:
    """The cotangent through a gradient, an elementwise derivative, a Jacobian or the gradients of a number
    for each row; else the value as it is."""
    if gradient is None or not _is_array(gradient):
        return gradient
    array = np.asarray(gradient)
    if array.dtype.kind == "b" and array.shape == argument.shape == cotangent.shape:
        return cotangent * array  # a slope of 0 or 1: `x > 0`
    if array.dtype.kind not in "fiu":
        return gradient
    if cotangent.size == 1 and array.shape != cotangent.shape + argument.shape:
        return array * (array.dtype.type(cotangent.item()) if array.dtype.kind == "f" else cotangent.item())
    if argument.shape == cotangent.shape and array.shape in (argument.shape, ()):
        return cotangent * array
    if array.shape == cotangent.shape + argument.shape:
        return np.tensordot(cotangent, array, axes=cotangent.ndim)
    if array.shape == argument.shape and _is_for_each_row(cotangent.shape, argument.shape):
        rows = cotangent.shape + (1,) * (argument.ndim - cotangent.ndim)
        return cotangent.reshape(rows) * array
    if _is_jacobian_for_each_row(array.shape, cotangent.shape, argument.shape):
        return np.einsum("nk,nkd->nd", cotangent, array)
    return array


def agrees(
    value: Callable[[Mapping[str, Array]], Array],
    arguments: Mapping[str, Array],
    name: str,
    gradient: Any,
    *,
    sign: int = 1,
) -> bool:
    """Whether a gradient agrees with a difference of the value along a random direction.

    sign: what the derivative is multiplied by.
    """
    rng = np.random.default_rng(7)
    direction = rng.standard_normal(arguments[name].shape)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ahead = value({**arguments, name: arguments[name] + _STEP * direction})
            behind = value({**arguments, name: arguments[name] - _STEP * direction})
            cotangent = np.asarray(rng.standard_normal(np.shape(ahead)))
            numeric = float(np.sum(cotangent * (ahead - behind))) / (2 * _STEP)
            analytic = float(np.sum(direction * pulled_back(cotangent, gradient, arguments[name])))
    except (Exception, SystemExit):  # the user's code, at a point that nobody asked for
        return False
    return bool(abs(numeric - sign * analytic) <= _AGREES * max(abs(numeric), abs(analytic)))


def _is_derivative(part: Part) -> bool:
    return is_gradient(part.name) or is_force(part.name)


def _unlikely(name: str) -> int:
    if _PARAMETERS.fullmatch(name):
        return 0
    return 2 if _GIVEN.fullmatch(name) else 1


def _is_array(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "fiubc"
    except (Exception, SystemExit):  # ragged, or an object that refuses
        return False


def _item(container: Any, place: Any) -> Any:
    try:
        return container[place]
    except (LookupError, TypeError):
        return None
