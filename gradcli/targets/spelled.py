"""Functions that belong together by the user's word: `layers.py:forward=ahead,backward=back`.

What a name cannot show is spelled out: which function is the forward and which its backward, or which
computes a value and which its gradient (`f=score,grad=hessian`; twice the same one if it returns both;
`f=grad,grad=hessp` where it takes a vector too).
A name may lead into classes and objects of the file: `net.forward`. Two methods of one class or object are
the two halves of it, with its parameters: `forward=Net.ahead,backward=Net.back`.
"""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from gradcli.errors import TargetError
from gradcli.targets.classes import CheckableClass
from gradcli.targets.convention import Checkable
from gradcli.targets.cost_methods import spelled_cost_halves
from gradcli.targets.costs import CheckableCost
from gradcli.targets.forward_call import argument_names, required_arguments
from gradcli.targets.halves import Halves
from gradcli.targets.naming import Pair
from gradcli.targets.pairs import CheckablePair
from gradcli.targets.python_file import Loaded
from gradcli.targets.spelling import roles_of
from gradcli.targets.vjp_file import VjpFile


def find(loaded: Loaded, symbol: str) -> list[Checkable]:
    """The check that a symbol spells out. Raises TargetError for functions that are not there."""
    roles = roles_of(symbol)
    methods = _methods(loaded, list(roles.values()))
    if methods is not None:
        holder, ahead, back = methods
        halves = Halves(ahead, back) if "forward" in roles else spelled_cost_halves(ahead, back)
        if isinstance(holder, type):
            return [CheckableClass(symbol, holder, halves)]
        return [CheckableClass(symbol, type(holder), halves, holder)]
    first, second = (_function(loaded, name) for name in roles.values())
    names = tuple(roles.values())
    if "vjp" in roles:
        return [VjpFile(first, second, symbol, names, f"{names[0]}(inputs)")]
    takes_cotangent = len(required_arguments(second)) > len(argument_names(first)) > 0
    if "forward" in roles or takes_cotangent:
        return [CheckablePair(Pair(symbol, *names), first, second)]
    return [CheckableCost(symbol, names, first, second)]


def _methods(loaded: Loaded, names: list[str]) -> tuple[Any, FunctionType, FunctionType] | None:
    """The class or the object that both names are methods of, and these; None if there is none."""
    holders = {name.rpartition(".")[0] for name in names}
    if len(holders) != 1 or not (path := holders.pop()):
        return None
    holder = _at(loaded, path)
    cls = holder if isinstance(holder, type) else type(holder)
    methods = [inspect.getattr_static(cls, name.rpartition(".")[2], None) for name in names]
    first, second = methods
    if isinstance(first, FunctionType) and isinstance(second, FunctionType):
        return holder, first, second
    return None


def _function(loaded: Loaded, name: str) -> Callable[..., Any]:
    found = _at(loaded, name)
    if not callable(found) or isinstance(found, type):
        raise TargetError(f"{loaded.at(name.partition('.')[0])}: {name} is no function")
    function: Callable[..., Any] = found
    return function


def _at(loaded: Loaded, name: str) -> Any:
    """What a name leads to. Raises TargetError if that is not there."""
    first, *rest = name.split(".")
    found = loaded.value(first)
    for part in rest:
        if not hasattr(found, part):
            raise TargetError(f"{loaded.at(first)}: {first} has no {'.'.join(rest)!r}")
        found = getattr(found, part)
    return found
