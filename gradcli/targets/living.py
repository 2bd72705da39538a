"""An object of a user's class, copied afresh for every call, so that nothing it keeps is seen by the next."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from gradcli.arrays import Array
from gradcli.targets.parameters import Parameter
from gradcli.targets.places import Attribute, Item, Place, at, entries, holders, write, written


class Sealed:
    """An object that nobody looks into: neither a check of what backward touched, nor a jitter."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(frozen=True)
class Twin:
    """Another array of the object with the numbers of a parameter, which forward uses in its place."""

    of: str
    place: Place
    transposed: bool


@dataclass(frozen=True, eq=False)
class Prototype:
    """An object before its first call, and what of it is moved."""

    made: Any
    parameters: tuple[Parameter, ...] = ()
    twins: tuple[Twin, ...] = ()

    def born(self, values: Mapping[str, Array]) -> Any:
        """A copy in which these arrays are the parameters, in every place that holds them."""
        instead: dict[int, Any] = {}
        late: list[tuple[Place, Any]] = []
        for parameter in self.parameters:
            if parameter.name not in values:
                continue
            held, value = at(self.made, parameter.value), values[parameter.name]
            if isinstance(held, np.ndarray):
                instead[id(held)] = value
            else:
                late.append((parameter.value, value))
            for twin in self.twins:
                if twin.of == parameter.name:
                    instead[id(at(self.made, twin.place))] = value.T if twin.transposed else value
        born = copied(self.made, instead)
        for place, value in late:
            write(born, place, value)
        return born

    def values(self) -> dict[str, Array]:
        """The parameters as the object was made with them."""
        return {p.name: np.array(at(self.made, p.value)) for p in self.parameters}


def copied(value: Any, instead: Mapping[int, Any]) -> Any:
    """A deep copy with other objects in the place of some, by id; what cannot be (a lock) is shared."""
    try:
        return copy.deepcopy(value, dict(instead))
    except TypeError:
        shared = {id(part): part for _, part in holders(value) if _cannot_be_copied(part)}
        return copy.deepcopy(value, {**shared, **instead})


def _cannot_be_copied(part: Any) -> bool:
    if isinstance(part, dict | list | tuple) or entries(part):
        return False  # what it holds is looked at by itself
    try:
        copy.deepcopy(part)
    except TypeError:
        return True
    return False


def revived(lived: Any, caches: Mapping[str, tuple[Place, Array]]) -> Any:
    """A copy of an object after its forward, with these arrays for its caches."""
    return copied(lived, {id(at(lived, place)): array for place, array in caches.values()})


def caches_of(lived: Any, prototype: Prototype) -> dict[str, tuple[Place, Array]]:
    """The arrays of floats that forward has put into an object, by place.

    Zeros are none: they are the empty buffers for gradients of layers that forward makes.
    """
    parameters = {id(at(lived, parameter.value)) for parameter in prototype.parameters}
    found: dict[str, tuple[Place, Array]] = {}
    for place, holder in holders(lived):
        for step, value in entries(holder):
            here = (*place, step)
            if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc" or id(value) in parameters:
                continue
            if not isinstance(at(prototype.made, here), np.ndarray) and value.any():
                found[written(here)] = (here, value)
    return found


def without_caches(lived: Any, again: Any, made: Any, parameters: Sequence[Parameter]) -> Any:
    """An object whose first forward made its parameters, as if that forward had made nothing else.

    again: the object after one more forward, which shows what counts the calls.
    """
    bare = copied(lived, {})
    _uncount(bare, again)
    kept = {p.value[0] for p in parameters} | {p.gradient[0] for p in parameters if p.gradient}
    for step, value in entries(bare):
        before = at(made, (step,))
        if step not in kept and _is_cache(value) and _is_new(step, made):
            delattr(bare, step.name)
        elif step not in kept and _is_cache(value) and isinstance(step, Attribute | Item):
            write(bare, (step,), _emptied(value, copied(before, {})))
    return bare


def _is_new(step: object, made: Any) -> TypeGuard[Attribute]:
    """Whether an object did not have this attribute: code may ask whether it has."""
    return isinstance(step, Attribute) and not hasattr(made, step.name)


def _uncount(lived: Any, again: Any) -> None:
    """Set integers back by what a forward adds to them."""
    for place, holder in list(holders(lived)):
        for step, value in entries(holder):
            later = at(again, (*place, step))
            counts = type(value) is int and type(later) is int and later != value
            if counts and not isinstance(holder, tuple):
                step.put(holder, 2 * value - later)


def _emptied(value: Any, before: Any) -> Any:
    """A cache as it was before, but with the lists and counters that were put into it since.

    Forward may append to them without making them again: its first call did that with the parameters.
    """
    if isinstance(value, list) and not isinstance(before, list):
        return []
    if not isinstance(value, dict):
        return before
    was = before if isinstance(before, dict) else {}
    emptied = copy.copy(value)
    emptied.clear()
    for key, inner in value.items():
        if key in was or not isinstance(inner, np.ndarray):
            emptied[key] = _emptied(inner, was.get(key)) if key in was or _is_cache(inner) else inner
    return emptied


def _is_cache(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else None
    return inner is not None and any(_is_cache(one) for one in inner)


def zero_gradients(born: Any, parameters: Sequence[Parameter]) -> None:
    """Set to zero what is there of the parameters' gradients, in place."""
    fill_gradients(born, parameters, np.zeros_like)


def fill_gradients(
    born: Any, parameters: Sequence[Parameter], content: Callable[[Array], Array]
) -> dict[str, Array]:
    """Write `content` into the buffers of the gradients; returns what was written, by parameter."""
    filled: dict[str, Array] = {}
    for parameter in parameters:
        buffer = at(born, parameter.gradient) if parameter.gradient else None
        if isinstance(buffer, np.ndarray) and buffer.flags.writeable and buffer.dtype.kind in "fc":
            filled[parameter.name] = content(buffer)
            buffer[...] = filled[parameter.name]
    return filled


def find_twins(
    prototype: Prototype, values: Mapping[str, Array], moves: Callable[[Mapping[str, Array]], bool]
) -> tuple[Twin, ...]:
    """For parameters whose perturbation forward does not notice: arrays with the very same numbers.

    moves: whether forward notices that these parameters are replaced.
    """
    found: list[Twin] = []
    for parameter in prototype.parameters:
        value = values[parameter.name]
        if value.size < 2 or np.ptp(value) == 0 or moves({parameter.name: 1.1 * value + 0.05}):
            continue
        for place, holder in holders(prototype.made):
            for step, other in entries(holder):
                here = (*place, step)
                if here == parameter.value or not isinstance(other, np.ndarray):
                    continue
                original = at(prototype.made, parameter.value)
                if np.ptp(original) and other.shape == value.shape and np.array_equal(other, original):
                    found.append(Twin(parameter.name, here, False))
                elif np.ptp(original) and value.ndim == 2 and np.array_equal(other, original.T):
                    found.append(Twin(parameter.name, here, True))
    return tuple(found)
