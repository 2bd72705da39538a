"""How inputs and constants reach the arguments of a forward.

By keyword where a name is an argument's; by position for positional-only arguments, `*args` and functions
without a signature. The gradients' order is that of the arguments.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from inspect import Parameter
from typing import Any

import numpy as np

from gradcli.dataclass import dataclass
from gradcli.errors import UsageError
from gradcli.targets.decorated import behind
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.remembered import remembered

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (*_POSITIONAL, Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class ForwardCall:
    """Which input or constant goes where; worked out once, used on every call."""

    order: tuple[str, ...]  # the inputs, in the order of forward's arguments
    positional: tuple[str, ...]  # names of inputs, constants or defaults, in order
    keywords: tuple[tuple[str, str], ...]  # (argument, name of the input or constant)
    defaults: Mapping[str, Any]  # of the arguments that nothing was given for
    aliases: Mapping[str, str]  # argument -> the input it takes, where their names differ

    def __call__(self, forward: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Call forward on values, the inputs and the constants by name."""
        keywords = {argument: values[name] for argument, name in self.keywords}
        if not self.positional:  # mostly, and every call comes this way
            return forward(**keywords)
        args = [values[name] if name in values else self.defaults[name] for name in self.positional]
        return forward(*args, **keywords)


def parameters_of(function: Callable[..., Any]) -> Sequence[Parameter] | None:
    """The parameters of a function, or None where Python cannot tell (some builtins).

    Nor are those of a ufunc told: its `out`, `where` and `dtype` are nobody's inputs. Those that a decorator
    hides are seen through it; by position alone where it takes no keywords.
    """
    if type(function) is not partial or function.keywords:
        return _found_out(function)
    left, given = _left_by_partials(function.func), len(function.args)
    if given not in left:
        left[given] = _found_out(function)
    return left[given]


@remembered
def _left_by_partials(function: Callable[..., Any]) -> dict[int, Sequence[Parameter] | None]:
    """The parameters that are left by so many arguments, as they are asked for: guessing makes the partial
    of a method anew each time, and what is left is a matter of the method alone."""
    return {}


@remembered
def _found_out(function: Callable[..., Any]) -> Sequence[Parameter] | None:
    if isinstance(function, np.ufunc):
        return None
    hidden = _hidden_parameters(function)
    if hidden is not None:
        return hidden
    try:
        return list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return None


def _hidden_parameters(function: Callable[..., Any]) -> list[Parameter] | None:
    if isinstance(function, type):
        hidden = _hidden_parameters(function.__init__)  # type: ignore[misc]
        return hidden[1:] if hidden else None
    inner = behind(function)
    if inner is function:
        return None
    outer = inspect.signature(function).parameters.values()
    found = list(inspect.signature(inner).parameters.values())
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in outer):
        return found
    return [p.replace(kind=Parameter.POSITIONAL_ONLY) for p in found if p.kind in _POSITIONAL]


def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's arguments, as far as it has any."""
    return tuple(parameter.name for parameter in parameters_of(function) or () if parameter.kind in _NAMED)


def required_arguments(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments that have no default."""
    return [
        parameter.name
        for parameter in parameters_of(function) or ()
        if parameter.kind in _NAMED and parameter.default is Parameter.empty
    ]


def is_open_ended(function: Callable[..., Any]) -> bool:
    """Whether a function takes arguments that its signature does not name."""
    parameters = parameters_of(function)
    return parameters is None or any(parameter.kind not in _NAMED for parameter in parameters)


def bind_forward(
    where: str,
    forward: Callable[..., Any],
    inputs: Sequence[str],
    constants: Collection[str],
    *,
    by_position: bool,
    advise: Callable[[list[str]], str],
) -> ForwardCall:
    """Work out how forward is called on these inputs and constants.

    by_position: inputs whose names forward does not have may fill its unnamed arguments in order, as
    `lambda a, b: …` called on x and w; otherwise they are mistakes. advise says how to add what is missing.
    Raises UsageError that starts with where and lists everything missing, or the arguments that there are.
    """
    for name in inputs:
        if name in constants:
            raise UsageError(f"{where}: {name} is given twice, as an input and as a constant")
    parameters = parameters_of(forward)
    if parameters is None:
        return ForwardCall(tuple(inputs), tuple(inputs), tuple((name, name) for name in constants), {}, {})
    named = {parameter.name: parameter for parameter in parameters if parameter.kind in _NAMED}
    kinds = {parameter.kind for parameter in parameters}
    takes: dict[str, str] = {name: name for name in (*inputs, *constants) if name in named}
    strays = [name for name in inputs if name not in named]
    extras: list[str] = []  # for *args
    loose = [name for name in constants if name not in named]  # for **kwargs
    if strays and (by_position or Parameter.VAR_POSITIONAL in kinds):
        strays = _fill_slots(parameters, strays, takes, optional=Parameter.VAR_POSITIONAL not in kinds)
        if Parameter.VAR_POSITIONAL in kinds:
            extras, strays = strays, []
    unknown = strays + loose
    if unknown and Parameter.VAR_KEYWORD not in kinds:
        raise UsageError(_unknown(where, unknown[0], list(named)))
    missing = [
        name
        for name, parameter in named.items()
        if name not in takes and parameter.default is Parameter.empty
    ]
    if missing:
        raise UsageError(f"{where}: {advise(missing)}")
    positional, keywords = _places(named, takes, extras)
    used = [takes[name] for name in named if name in takes] + extras + strays
    return ForwardCall(
        order=tuple(name for name in used if name in inputs),
        positional=tuple(positional),
        keywords=(*keywords, *((name, name) for name in unknown)),
        defaults={name: parameter.default for name, parameter in named.items() if name not in takes},
        aliases={name: source for name, source in takes.items() if name != source},
    )


def _fill_slots(
    parameters: Sequence[Parameter], strays: list[str], takes: dict[str, str], optional: bool
) -> list[str]:
    """Let strays fill the positional arguments still open, in order; what is left over comes back."""
    remaining = list(strays)
    for parameter in parameters:
        is_open = parameter.kind in _POSITIONAL and parameter.name not in takes
        if remaining and is_open and (optional or parameter.default is Parameter.empty):
            takes[parameter.name] = remaining.pop(0)
    return remaining


def _places(
    named: Mapping[str, Parameter], takes: Mapping[str, str], extras: list[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Which names go by position (with defaults in the gaps) and which by keyword."""
    last = -1
    order = [name for name, parameter in named.items() if parameter.kind in _POSITIONAL]
    for place, name in enumerate(order):
        if extras or (name in takes and named[name].kind is Parameter.POSITIONAL_ONLY):
            last = place
    positional = [takes.get(name, name) for name in order[: last + 1]]
    keywords = [(name, takes[name]) for name in named if name in takes and name not in order[: last + 1]]
    return positional + extras, keywords


def _unknown(where: str, name: str, known: list[str]) -> str:
    near = did_you_mean(name, known)
    arguments = f"Its arguments: {', '.join(known)}" if known else "It takes none by name"
    return f"{where}: forward has no argument {name!r}{near or '.'} {arguments}"
