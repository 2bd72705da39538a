"""Lengths that hold more than one window: with a single one, a wrong stride does not show."""

import re
from collections.abc import Iterator

from gradcli.targets.convention import Checkable
from gradcli.targets.forward_call import argument_names
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.search import Found

_WINDOWED = re.compile(r"pool|conv(?!e)|window", re.IGNORECASE)
_ARGUMENT = re.compile(
    r"((pool|kernel|filter|window)_?(size|width|length|w|l)|strides?|dilation)", re.IGNORECASE
)
_FIXED = re.compile(r"N|B|C|F|m|batch\w*|channels?\w*", re.IGNORECASE)  # no length that a window runs along
# Even, then odd: windows of 2 and 3, side by side or two apart with nothing left over, fit one of them.
_LENGTHS = ((6, 8, 10), (7, 9, 11))


def is_windowed(one: Checkable) -> bool:
    """Whether its names say that it looks at what it is given through windows."""
    names = {argument for function in one.functions for argument in argument_names(function)}
    return _WINDOWED.search(one.name) is not None or any(map(_ARGUMENT.fullmatch, names))


def of_many_windows(found: Found) -> Iterator[dict[str, int]]:
    """The sizes with the lengths along which windows can run made longer; nothing if there are none."""
    arrays = [guess for guess in found.candidate.layout.values() if isinstance(guess, Drawn)]
    axes = [axis for guess in arrays for axis in set(guess.axes) if not _FIXED.fullmatch(axis)]
    along = [axis for axis in dict.fromkeys(arrays[0].axes if arrays else ()) if axes.count(axis) == 1]
    along = [axis for axis in along if axis in found.candidate.sizes]
    if 0 < len(along) <= 3:
        for lengths in _LENGTHS:
            yield {**found.candidate.sizes, **dict(zip(along, lengths, strict=False))}
