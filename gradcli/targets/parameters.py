"""The parameters of an object, and where it keeps their gradients.

A parameter is an array that forward leaves as it is at whatever point it runs (a cache follows the point),
and that has a gradient beside it: `W` with `dW`, `gamma` with `grad_gamma`, `weights` with
`weights_gradient`; an entry of `params` with that of `grads`, by key or by place; an object's `value` with
its `grad`. What has none of these is taken for a parameter if backward itself changed it.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.arrays import Array, shape_of
from gradcli.targets.places import Attribute, Item, Place, at, entries, holders, written

_COLLECTIONS = ("params", "parameters", "weights", "theta", "variables", "p", "_params", "_parameters")
_GRADIENTS = (
    "grads", "gradients", "grad", "dparams", "d_params", "gradParams", "grad_params", "gradParameters",
    "derivatives", "param_grads", "params_grads", "_grads", "_gradients", "dweights", "g", "deltas",
)  # fmt: skip
_VALUES = ("value", "data", "val", "values", "param", "array", "tensor")
_BESIDE = ("grad", "gradient", "grads", "derivative", "grad_value", "diff")
# Of each name all that it may be the gradient of: `dL_dw` is that of `w`, unless there is an `L_dw`.
_MEANINGS = tuple(
    re.compile(pattern)
    for pattern in (
        r"_?(?:gradient(?:_of)?|grad|delta|nabla|derivative|d|g_)_?(?P<of>\w+)",
        r"_?d_?(?:[LJEC]|loss|cost|error|err|out|obj)_?d_?(?P<of>\w+)",
        r"_?(?P<of>\w+?)_?(?:grad|grads|gradient|gradients|delta|deriv|derivative|bar|Grad|Gradient)",
    )
)
_PART = re.compile(r"(?P<of>\w+)\[(?P<key>\d+|'[^']*')\]")
_CALLED_SO = re.compile(r"_?(d|grad|delta|nabla|derivative)_?[A-Za-z]\w*|\w+_grad(ient)?\w*")
# Different words for one parameter.
_ALIKE = (
    ("w", "weight", "weights", "kernel", "kernels", "filters", "filter", "mat", "params"),
    ("b", "bias", "biases", "offset"),
    ("gamma", "scale", "g"),
    ("beta", "shift", "b"),
)


@dataclass(frozen=True)
class Parameter:
    """A parameter by its place, and that of its gradient."""

    name: str
    value: Place
    gradient: Place | None  # None: backward returns it, or
    updated: float = 0.0  # it is read off a step that backward makes: the length of steps for a gradient of 1
    is_misnamed: bool = False  # its gradient is named after nothing: it has the shape


def find_parameters(settled: Any, elsewhere: Any, after: Any, *, rates: tuple[float, ...]) -> list[Parameter]:
    """The parameters of an object, each once however many names it has.

    settled: the object after a forward; elsewhere: after one more forward at another point; after: the
    object of the first forward after its backward; rates: how long the steps are that backward may make, the
    longest first. Cost: a walk through each.
    """
    found: dict[object, Parameter] = {}
    for place, holder in holders(settled, last=_COLLECTIONS):
        for value, gradient in _of(place, holder, at(after, place)):
            array = at(settled, value)
            known = any(p.gradient is not None and p.gradient == gradient for p in found.values())
            if known or not _stays(array, at(elsewhere, value)):
                continue
            one = Parameter(_name(value), value, gradient)
            key = _identity(array, value)
            found[key] = _better(found.get(key, one), one)
    found |= {
        _identity(at(settled, p.value), p.value): p for p in _misnamed(settled, elsewhere, after, found)
    }
    return [*found.values(), *_changed(settled, elsewhere, after, set(found), rates)]


def unclaimed(made: Any, settled: Any, elsewhere: Any, after: Any) -> Iterator[tuple[Place, Array]]:
    """The arrays of floats that an object is made with and that neither forward nor backward changes."""
    seen: set[int] = set()
    for place, holder in holders(made):
        for step, value in entries(holder):
            here = (*place, step)
            if (
                not isinstance(value, np.ndarray)
                or not _is_float(value)
                or not value.size
                or id(value) in seen
            ):
                continue
            seen.add(id(value))
            stays = all(_stays(value, at(one, here)) for one in (settled, elsewhere, after))
            if stays and not _CALLED_SO.fullmatch(getattr(step, "name", "")):
                yield here, value


def _misnamed(
    settled: Any, elsewhere: Any, after: Any, found: Mapping[object, Parameter]
) -> Iterator[Parameter]:
    """Parameters whose gradient is named after nothing: the only array that backward has put there that is
    called a gradient, has the parameter's shape and is nobody else's: `dweigths`."""
    taken = {parameter.gradient for parameter in found.values()}
    for place, holder in holders(settled):
        late = at(after, place)
        if isinstance(holder, dict | list | tuple) or late is None:
            continue
        put = {
            step.name: value
            for step, value in entries(late)
            if isinstance(step, Attribute) and isinstance(value, np.ndarray) and _is_float(value)
            if step.name not in _INPUTS and _CALLED_SO.fullmatch(step.name)
            if value is not at(settled, (*place, step)) and (*place, step) not in taken
            if not np.array_equal(value, np.asarray(at(settled, (*place, step))), equal_nan=True)
        }
        left = [
            (step, value)
            for step, value in entries(holder)
            if isinstance(step, Attribute) and isinstance(value, np.ndarray) and id(value) not in found
            if _stays(value, at(elsewhere, (*place, step))) and step.name not in put
        ]
        for step, value in left:
            fitting = [name for name, one in put.items() if one.shape == value.shape]
            rivals = [other for other, one in left if one.shape == value.shape]
            if len(fitting) == len(rivals) == 1:
                gradient = (*place, Attribute(fitting[0]))
                yield Parameter(_name((*place, step)), (*place, step), gradient, is_misnamed=True)


def _identity(value: Any, place: Place) -> object:
    """What tells a parameter from others; a number is one only in its place."""
    return id(value) if isinstance(value, np.ndarray) else place


def _better(first: Parameter, second: Parameter) -> Parameter:
    """Of two names of one parameter that which says more: `layers[0].W` rather than `params[0]`."""
    if (first.gradient is None) != (second.gradient is None):
        return second if first.gradient is None else first
    return second if first.name.endswith("]") and not second.name.endswith("]") else first


def gradient_of(name: str, holder: Any) -> Any:
    """What an object stores as the gradient of its input: `dx`, `grad_input`; None if nothing."""
    held = _floats(holder)
    for stored in (*_spellings(name, held), *_INPUTS):
        if stored in held:
            return held[stored]
    return None


def entry_of(name: str, stored: Mapping[Any, Any]) -> Any:
    """The gradient of `name` in a dict that a backward returned: its own key, or `dW`, `grad_W`, …

    That of `weights[0]` may be the first of `grad_weights`.
    """
    known = {key: value for key, value in stored.items() if isinstance(key, str)}
    if name in known:
        return known[name]
    match = _PART.fullmatch(name)
    if match is not None:
        parts = entry_of(
            match["of"], {key: one for key, one in known.items() if isinstance(one, list | dict)}
        )
        return at(parts, (Item(ast.literal_eval(match["key"])),))
    return next((known[k] for k in _spellings(name, known)), None)


def returned_parameters(
    settled: Any, elsewhere: Any, gradients: list[Any], known: set[str]
) -> list[Parameter]:
    """Parameters for gradients that backward only returned, in order: arrays of these shapes, each once.

    known: the names of those that are found already. None at all if they do not fit.
    """
    found: list[Parameter] = []
    for step, value in entries(settled):
        fits = (
            len(found) < len(gradients)
            and isinstance(value, np.ndarray)
            and shape_of(gradients[len(found)]) == value.shape
        )
        if (
            fits
            and isinstance(step, Attribute)
            and step.name not in known
            and _stays(value, at(elsewhere, (step,)))
        ):
            found.append(Parameter(step.name, (step,), None))
    return found if len(found) == len(gradients) else []


def mapped_parameters(
    settled: Any, elsewhere: Any, gradients: Mapping[Any, Any], known: set[str]
) -> list[Parameter]:
    """Parameters for gradients that backward only returned, by name: attributes that these belong to, and
    what is in lists and dicts that lists and dicts of gradients belong to."""
    return [
        Parameter(written(place), place, None)
        for place, value in _within(settled)
        if written(place) not in known
        and _stays(value, at(elsewhere, place))
        and entry_of(written(place), gradients) is not None
    ]


def _within(holder: Any) -> Iterator[tuple[Place, Any]]:
    """The attributes of an object, and what those hold that are lists and dicts."""
    for step, value in entries(holder):
        if isinstance(step, Attribute):
            yield (step,), value
            if isinstance(value, list | dict):
                yield from (((step, inner), one) for inner, one in entries(value))


_INPUTS = (
    "dx", "dX", "d_x", "dinputs", "dinput", "d_input", "grad_input", "gradInput", "input_grad", "grad_x",
    "input_gradient", "grad_in", "gradient_input", "din", "bottom_diff", "passed_gradient", "dL_dx",
    "dloss_din", "dL_dinput", "derivatives", "derivative", "gradient", "grad", "delta", "dvalues",
)  # fmt: skip


def _of(place: Place, holder: Any, after: Any) -> Iterator[tuple[Place, Place | None]]:
    """The parameters that a holder holds itself, and their gradients."""
    if isinstance(holder, dict | list | tuple) or after is None:
        return
    own = {step.name: value for step, value in entries(holder) if isinstance(step, Attribute)}
    late = {step.name: value for step, value in entries(after) if isinstance(step, Attribute)}
    boxed = _boxed(own, late)
    if boxed is not None:
        value, beside = boxed
        yield (*place, Attribute(value)), (*place, Attribute(beside))
        return
    for name in _floats_of(own):
        stored = next(iter(_spellings(name, {k: v for k, v in late.items() if _may_be_gradient(v)})), None)
        if stored is not None:
            yield (*place, Attribute(name)), (*place, Attribute(stored))
        elif (kept := _entry_for(name, own[name], late)) is not None:
            yield (*place, Attribute(name)), (*place, *kept)
    yield from _collected(place, own, late)
    yield from _side_by_side(place, own, late)


def _entry_for(name: str, value: Any, late: Mapping[str, Any]) -> Place | None:
    """Where a dict of gradients holds that of an attribute: `self.grads = {"W": dW}` beside `self.W`."""
    for stored in _GRADIENTS:
        held = late.get(stored)
        known = (
            {key: one for key, one in held.items() if isinstance(key, str)} if isinstance(held, dict) else {}
        )
        key = name if name in known else next(iter(_spellings(name, known)), None)
        if key is not None and _is_float(known[key]) and np.shape(known[key]) == np.shape(value):
            return (Attribute(stored), Item(key))
    return None


def _side_by_side(
    place: Place, own: Mapping[str, Any], late: Mapping[str, Any]
) -> Iterator[tuple[Place, Place | None]]:
    """The entries of `W` with those of `dW`, where both are lists or dicts with the same keys."""
    held = {name: value for name, value in late.items() if isinstance(value, dict | list | tuple)}
    for name, values in own.items():
        if name in _COLLECTIONS or not isinstance(values, dict | list | tuple):
            continue
        stored = next(iter(_spellings(name, held)), None)
        for step, value in entries(values) if stored is not None else ():
            if _is_float(value) and _may_be_gradient(at(held, (Item(stored), step))):
                yield (*place, Attribute(name), step), (*place, Attribute(str(stored)), step)


def _boxed(own: Mapping[str, Any], late: Mapping[str, Any]) -> tuple[str, str] | None:
    """An object that is nothing but a parameter: `value` and `grad`."""
    for value in _VALUES:
        if value in own and _is_float(own[value]):
            beside = next((b for b in _BESIDE if b in late), None)
            if beside is not None:
                return value, beside
    return None


def _collected(
    place: Place, own: Mapping[str, Any], late: Mapping[str, Any]
) -> Iterator[tuple[Place, Place | None]]:
    """The entries of `params` with those of `grads`."""
    for name in _COLLECTIONS:
        values = own.get(name)
        if not isinstance(values, dict | list | tuple) or not any(_is_float(v) for _, v in entries(values)):
            continue
        named = _spellings(name, {n: v for n, v in late.items() if isinstance(v, dict | list | tuple)})
        known = (g for g in (*named, *_GRADIENTS) if isinstance(late.get(g), dict | list | tuple))
        grads = next(known, None)
        for step, value in entries(values):
            if not _is_float(value) or not isinstance(step, Item):
                continue
            stored = None if grads is None else _entry(step, late[grads], late)
            attribute = None if stored is not None or not isinstance(step.key, str) else _lone(step.key, late)
            gradient: Place | None = None
            if stored is not None and grads is not None:
                gradient = (*place, Attribute(grads), stored)
            elif attribute is not None:
                gradient = (*place, Attribute(attribute))
            yield (*place, Attribute(name), step), gradient


def _entry(step: Item, grads: Any, late: Mapping[str, Any]) -> Item | None:
    """The entry of grads for one of params; where it should be if there is none."""
    if not isinstance(grads, dict):
        return step
    if step.key in grads:
        return step
    known = {key: value for key, value in grads.items() if isinstance(key, str)}
    key = next(iter(_spellings(str(step.key), known)), None)
    if key is not None:
        return Item(key)
    return None if _lone(str(step.key), late) else step


def _lone(key: str, late: Mapping[str, Any]) -> str | None:
    return next(iter(_spellings(key, {k: v for k, v in late.items() if _may_be_gradient(v)})), None)


def _spellings(name: str, stored: Mapping[str, Any]) -> list[str]:
    """The names among those stored that mean the gradient of `name`, the closest first."""
    ranked: list[tuple[int, str]] = []
    for other in stored:
        for pattern in _MEANINGS:
            match = pattern.fullmatch(other)
            rank = _likeness(name, match["of"]) if match and other != name else None
            if rank is not None:
                ranked.append((rank, other))
    return [other for _, other in sorted(ranked, key=lambda pair: pair[0])]


def _likeness(name: str, other: str) -> int | None:
    """How well two names agree, 0 the best: exactly, but for the case, or by another word for the same."""
    if name == other:
        return 0
    a, b = name.strip("_").lower(), other.strip("_").lower()
    if a == b or a.replace("_", "") == b.replace("_", ""):
        return 1
    (a_stem, a_rest), (b_stem, b_rest) = (_split(word) for word in (a, b))
    alike = any(a_stem in words and b_stem in words for words in _ALIKE)
    return 2 if alike and a_rest == b_rest else None


def _split(word: str) -> tuple[str, str]:
    stem = word.rstrip("0123456789")
    return stem.rstrip("_"), word[len(stem) :]


def _changed(
    settled: Any, elsewhere: Any, after: Any, seen: set[object], rates: tuple[float, ...]
) -> Iterator[Parameter]:
    """Arrays that no name gives a gradient to, but that backward moved: it updates them itself."""
    for place, holder in holders(settled):
        for step, value in entries(holder):
            here = (*place, step)
            key = _identity(value, here)
            if not _is_float(value) or key in seen or not _stays(value, at(elsewhere, here)):
                continue
            moved = at(after, here)
            if _is_float(moved) and np.shape(moved) == np.shape(value):
                rate = next((rate for rate in rates if _moved(value, moved, rate)), None)
                if rate is not None:
                    seen.add(key)
                    yield Parameter(_name(here), here, None, rate)


def _moved(before: Array, after: Array, rate: float) -> bool:
    """Whether a step of about that length was made (see constructor.RATE)."""
    with np.errstate(invalid="ignore"):
        return bool(np.max(np.abs(after - before), initial=0.0) > np.sqrt(rate) - 1)


def _name(place: Place) -> str:
    """`W` for what a collection of the object itself holds as 'W' or an object keeps in `W.value`."""
    if (
        len(place) >= 2
        and isinstance(place[-1], Item)
        and isinstance(place[-1].key, str)
        and not (isinstance(place[-2], Attribute) and place[-2].name not in _COLLECTIONS)
    ):
        return written((*place[:-2], Attribute(place[-1].key)))
    if len(place) >= 2 and isinstance(place[-1], Attribute) and place[-1].name in _VALUES:
        return written(place[:-1])
    return written(place)


def _stays(value: Any, elsewhere: Any) -> bool:
    return (
        _is_float(value)
        and _is_float(elsewhere)
        and np.shape(value) == np.shape(elsewhere)
        and np.array_equal(value, elsewhere, equal_nan=True)
    )


def _is_float(value: Any) -> bool:
    return isinstance(value, float | np.floating) or (
        isinstance(value, np.ndarray) and value.dtype.kind == "f"
    )


def _may_be_gradient(value: Any) -> bool:
    return value is None or isinstance(value, np.ndarray | np.generic | float | int)


def _floats(holder: Any) -> dict[str, Any]:
    return _floats_of({s.name: v for s, v in entries(holder) if isinstance(s, Attribute)})


def _floats_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if _is_float(value)}
