"""Classes that have one half, and a method that is nearly called like the other: `forwrad`."""

import inspect
from collections.abc import Iterator, Sequence

from gradcli.targets.halves import backward_of, forward_of
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.python_file import Loaded

_ALIKE = 0.85  # two letters that changed places
_FRAMEWORKS = ("torch", "jax", "flax", "autograd")  # their modules have a forward alone


def misspelt(loaded: Loaded, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The classes among these names that have a half by a misspelt name, and what to say of each."""
    for name in loaded.classes(names):
        cls = loaded.namespace[name]
        if any(kind.__module__.partition(".")[0] in _FRAMEWORKS for kind in cls.__mro__):
            continue
        has = {"forward": forward_of(cls), "backward": backward_of(cls)}
        lacks = [half for half, found in has.items() if found is None and not hasattr(cls, half)]
        # `backward_D` beside forward is one of several, not a slip.
        spare = [word for word in dir(cls) if word.isalpha() and inspect.isfunction(getattr(cls, word))]
        near = did_you_mean(lacks[0], spare, cutoff=_ALIKE) if len(lacks) == 1 else ""
        if near:
            yield name, f"{loaded.at(name)}: {name} has no {lacks[0]}{near}"
