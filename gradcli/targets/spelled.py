"""Functions that belong together by the user's word: `layers.py:forward=ahead,backward=back`.

What a name cannot show is spelled out: which function is the forward and which its backward, or which
computes a value and which its gradient (`f=score,grad=hessian`; twice the same one if it returns both;
`f=grad,grad=hessp` where it takes a vector too).
A name may lead into classes and objects of the file: `net.forward`.
"""

from collections.abc import Callable
from typing import Any

from gradcli.errors import TargetError
from gradcli.targets.convention import Checkable
from gradcli.targets.costs import CheckableCost
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.naming import Pair
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.pairs import CheckablePair
from gradcli.targets.python_file import Loaded
from gradcli.targets.spelling import roles_of


def find(loaded: Loaded, symbol: str) -> list[Checkable]:
    """The check that a symbol spells out. Raises TargetError for functions that are not there."""
    roles = roles_of(symbol)
    first, second = (_function(loaded, name) for name in roles.values())
    names = tuple(roles.values())
    takes_cotangent = len(required_arguments(second)) > len(argument_names(first)) > 0
    if "forward" in roles or takes_cotangent:
        return [CheckablePair(Pair(symbol, *names), first, second)]
    return [CheckableCost(symbol, names, first, second)]


def _function(loaded: Loaded, name: str) -> Callable[..., Any]:
    first, *rest = name.split(".")
    if first not in loaded.namespace:
        near = did_you_mean(first, loaded.lines) or "."
        raise TargetError(f"{loaded.shown}: no {first!r}{near} It defines {', '.join(loaded.lines)}")
    found: Any = loaded.namespace[first]
    for part in rest:
        if not hasattr(found, part):
            raise TargetError(f"{loaded.at(first)}: {first} has no {'.'.join(rest)!r}")
        found = getattr(found, part)
    if not callable(found) or isinstance(found, type):
        raise TargetError(f"{loaded.at(first)}: {name} is no function")
    function: Callable[..., Any] = found
    return function
