"""What goes through the taps in one run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array

_LARGEST = 200_000  # elements of a value that is still recorded
_OCCURRENCES = 64  # of one site, recorded at most

Key = tuple[int, int]  # site, occurrence


@dataclass(frozen=True, eq=False)
class Trace:
    """The values at the taps in one run, in order of time."""

    values: dict[Key, Array]
    counts: dict[int, int]

    def keys(self, site: int) -> list[Key]:
        """The occurrences of one site that were recorded."""
        return [(site, i) for i in range(self.counts.get(site, 0)) if (site, i) in self.values]

    def of(self, site: int) -> list[Array]:
        """The values of one site, or none if some were left out."""
        found = [self.values[key] for key in self.keys(site)]
        return found if len(found) == self.counts.get(site, 0) else []


@dataclass(eq=False)
class Recording:
    """A hook that keeps a copy of every array."""

    largest: int = _LARGEST
    occurrences: int = _OCCURRENCES
    values: dict[Key, Array] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def __call__(self, site: int, value: Any) -> Any:
        occurrence = self.counts.get(site, 0)
        self.counts[site] = occurrence + 1
        if (
            occurrence < self.occurrences
            and np.size(value) <= self.largest
            and np.asarray(value).dtype.kind in "fc"
        ):
            self.values[site, occurrence] = np.array(value)
        return value

    @property
    def trace(self) -> Trace:
        return Trace(self.values, self.counts)


def replacing(site: int, occurrence: int | None, change: Callable[[Any], Any]) -> Callable[[int, Any], Any]:
    """A hook that changes what goes through one site, at one occurrence or (None) always."""
    seen = 0

    def hook(number: int, value: Any) -> Any:
        nonlocal seen
        if number != site:
            return value
        seen += 1
        return change(value) if occurrence is None or seen == occurrence + 1 else value

    return hook


def changing_each(changes: Mapping[Key, Callable[[Any], Any]]) -> Callable[[int, Any], Any]:
    """A hook that changes certain values, each in its own way."""
    seen: dict[int, int] = {}

    def hook(number: int, value: Any) -> Any:
        key = number, seen.get(number, 0)
        seen[number] = key[1] + 1
        return changes[key](value) if key in changes else value

    return hook


def changing(site: int, changes: Sequence[Callable[[Any], Any]]) -> Callable[[int, Any], Any]:
    """A hook that changes what goes through one site, each time in another way."""
    return changing_each({(site, occurrence): change for occurrence, change in enumerate(changes)})


def replacing_each(values: Mapping[Key, Array]) -> Callable[[int, Any], Any]:
    """A hook that puts other arrays in the place of certain values."""
    return changing_each({key: partial(instead, array) for key, array in values.items()})


def shifting(values: Mapping[Key, Array], shifts: Mapping[Key, Array]) -> Callable[[int, Any], Any]:
    """As `replacing_each`, with something added to certain values."""
    replace = replacing_each(values)
    shift = changing_each({key: partial(_shifted, array) for key, array in shifts.items()})
    return lambda number, value: shift(number, replace(number, value))


def instead(array: Array, _: Any) -> Array:
    """An array in the place of any value."""
    return array.copy()


def _shifted(array: Array, value: Any) -> Any:
    return value + array if array.shape == np.shape(value) else value
