"""Other values for what has a default: with `beta=1.0`, a factor beta that is lost does not show."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from inspect import Parameter
from typing import Any

from gradcli.targets.constructor import guess
from gradcli.targets.convention import Checkable
from gradcli.targets.forward_call import argument_names, parameters_of

_OTHER = 0.7  # times the default
_LEAST, _MOST = 1e-3, 32  # below are epsilons; beyond, lengths and counts of iterations
_STRIDE = re.compile(r"(\w+_)?strides?(_\w+)?")
# What is no hyperparameter of a formula, or one that the gradient does not depend on.
_LEFT = re.compile(
    r"eps\w*|\w*tol\w*|lr|learning_rate|eta|step_size|momentum|verbose|debug|\w*seed\w*|random_state|ax(is|es)|\w*dims?"
    r"|pad\w*|\w*(size|classes|labels|features|channels|units|inputs|outputs|iter\w*|steps|epochs|jobs)|groups|dtype"
    r"|order|ord|ddof|(n|num)_\w+|train\w*|mode",
    re.IGNORECASE,
)
_HOLDERS = {"self", "cls", "ctx"}


def other_values(one: Checkable, said: Collection[str]) -> Iterator[dict[str, object]]:
    """Defaults that may be changed together: the numbers first, then the whole numbers; none that was said.

    Where backward computes anew from forward's arguments, it must take the hyperparameter as well: a slope
    that is written for the default alone is right there.
    """
    numbers: dict[str, object] = {}
    counts: dict[str, object] = {}
    for name, value in _defaults(one.functions):
        if name in said or not one.takes(name) or _LEFT.fullmatch(name):
            continue
        if type(value) is float and _LEAST <= abs(value) < _MOST:
            numbers.setdefault(name, float(f"{_OTHER * value:.6g}"))
        elif type(value) is int and 1 <= value < _MOST:
            counts.setdefault(name, value - 1 if _STRIDE.fullmatch(name) and value > 1 else value + 1)
    yield from (changed for changed in (numbers, counts) if changed)


def _defaults(functions: Sequence[Callable[..., Any]]) -> Iterator[tuple[str, Any]]:
    forward, *others = functions
    for parameter in parameters_of(forward) or ():
        if not others or _knows(others[0], forward, parameter.name):
            yield parameter.name, parameter.default
    for made in others[1:]:
        if isinstance(made, type):
            yield from map(_of_constructor, parameters_of(made) or ())


def _of_constructor(parameter: Parameter) -> tuple[str, Any]:
    """A stride that must be said, or that is that of the windows, is checked at two values as any other."""
    is_open = _STRIDE.fullmatch(parameter.name) and parameter.default in (Parameter.empty, None)
    usual = guess(parameter.name, None) if parameter.default is Parameter.empty else 2
    return parameter.name, usual if is_open else parameter.default


def _knows(backward: Callable[..., Any], forward: Callable[..., Any], name: str) -> bool:
    takes = {*argument_names(backward)}
    return name in takes or not takes & {*argument_names(forward)} - _HOLDERS
