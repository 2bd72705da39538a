"""The calling conventions, in the order in which they claim what a file defines."""

from collections.abc import Callable, Sequence

from gradcli.errors import LoneHalf, NothingToCheck, TargetError
from gradcli.targets import (
    autograd_functions,
    classes,
    derivative_methods,
    factories,
    file_variables,
    flagged,
    jax_functions,
    networks,
    pairs,
    pullbacks,
    spelled,
    tape,
    torch_functions,
    vjp_file,
)
from gradcli.targets.convention import Checkable
from gradcli.targets.forward_call import argument_names
from gradcli.targets.misspelt_methods import misspelt
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.python_file import Loaded
from gradcli.targets.spelling import roles_of

# Each finds its own among the names that are left to it.
CONVENTIONS: tuple[Callable[[Loaded, Sequence[str]], list[Checkable]], ...] = (
    torch_functions.find,
    jax_functions.find,
    autograd_functions.find,
    vjp_file.find,
    networks.find,
    pairs.find,
    pullbacks.find,
    tape.find,
    flagged.find,
    classes.find,
    derivative_methods.find,
    file_variables.find,
)
# What is too common to be looked for, but can be checked if somebody asks for it by name.
ON_REQUEST: tuple[Callable[[Loaded, str], Checkable | None], ...] = (
    torch_functions.asked,
    jax_functions.asked,
    classes.asked,
)

LOOKED_FOR = (
    "X_forward with X_backward, a cost that returns (J, grad), f with f_grad, a class with forward and "
    "backward, a Tensor with .backward(), custom gradients of torch, JAX and autograd; "
    "other names can be spelled out: FILE.py:forward=F,backward=B"
)


def find_all(loaded: Loaded) -> list[Checkable]:
    """Everything that the file itself defines and that can be checked, in order of definition.

    Raises NothingToCheck if there is nothing, LoneHalf for half a pair where that is all there is, and
    TargetError for one whose other half is misspelt.
    """
    found = _recognise(loaded, list(loaded.lines))
    slip = pairs.lone_half(loaded, list(loaded.lines), misspelt=True)
    if slip is not None:
        raise TargetError(slip)
    if not found:
        half = pairs.lone_half(loaded, list(loaded.lines))
        slips = [said for _, said in misspelt(loaded, list(loaded.lines))]
        if slips:
            raise TargetError("\n".join(slips))
        if half is not None:
            raise LoneHalf(half)
        raise NothingToCheck(f"{loaded.shown}: nothing to check{_strays(loaded)}; looked for {LOOKED_FOR}")
    return found


def _strays(loaded: Loaded) -> str:
    """What to say of functions that take an object and are in no class (methods that were copied alone), and
    of those that return functions."""
    names = loaded.functions(loaded.lines)
    found = [name for name in names if argument_names(loaded.namespace[name])[:1] == ("self",)]
    if found:
        return f" ({loaded.at(found[0])}: {found[0]} takes self, but is in no class)"
    advice = factories.advice(loaded, names)
    return f" ({advice})" if advice else ""


def find_named(loaded: Loaded, symbol: str) -> list[Checkable]:
    """What is called symbol, or all its parts (the operations of a Tensor); what is imported counts too.

    Raises TargetError with what there is instead.
    """
    if roles_of(symbol):
        return spelled.find(loaded, symbol)
    names = list(dict.fromkeys([*loaded.lines, *loaded.namespace]))
    found = _recognise(loaded, names)
    named = [one for one in found if one.name == symbol or one.name.startswith(f"{symbol}.")]
    if named:
        return named
    for asked in ON_REQUEST:
        one_more = asked(loaded, symbol)
        if one_more is not None:
            return [one_more]
    half = pairs.lone_half(loaded, names, symbol=symbol) or dict(misspelt(loaded, [symbol])).get(symbol)
    if half is not None:
        raise TargetError(half)
    known = [one.name for one in found]
    by_part = {part: one.name for one in found for part in one.symbols}
    near = f"; did you mean {by_part[symbol]!r}?" if symbol in by_part else did_you_mean(symbol, known)
    has = f"It has: {', '.join(known)}" if known else f"It has nothing to check: looked for {LOOKED_FOR}"
    value = loaded.namespace.get(symbol)
    if isinstance(value, type) and classes.only_promised(value):
        raise TargetError(
            f"{loaded.at(symbol)}: {symbol} is abstract; name a class with forward and backward. {has}"
        )
    advice = factories.advice(loaded, [symbol])
    if advice is not None:
        raise TargetError(f"{advice}. {has}")
    if symbol in loaded.namespace:
        raise TargetError(
            f"{loaded.at(symbol)}: {symbol} is nothing that gradcli can check{near or '.'} {has}"
        )
    raise TargetError(f"{loaded.shown}: no {symbol!r}{near or '.'} {has}")


def find_order(loaded: Loaded, symbol: str | None, order: int) -> list[Checkable]:
    """What there is of this order: everything, or what is called symbol or is the derivative of that.

    Raises NothingToCheck, or TargetError for a symbol.
    """
    names = list(loaded.lines) if symbol is None else list({**loaded.lines, **loaded.namespace})
    found = [one for one in _recognise(loaded, names) if one.of_order(order) is not None]
    if symbol is not None:
        named = {symbol}
        for one in _recognise(loaded, names):
            named |= set(one.symbols) if symbol in (one.name, one.symbols[0]) else set()
        exact = [one for one in found if one.name == symbol]
        found = exact or [one for one in found if named & {one.name, one.symbols[0]}]
        if not found:
            asked = [ask(loaded, symbol) for ask in ON_REQUEST]
            found = [one for one in asked if one is not None and one.of_order(order) is not None]
    if found:
        return [made for one in found if (made := one.of_order(order)) is not None]
    what = _ORDERS[order - 1]
    if symbol is not None:
        raise TargetError(f"{loaded.shown}: {symbol} has nothing of order {order}; looked for {what}")
    raise NothingToCheck(f"{loaded.shown}: nothing of order {order} to check; looked for {what}")


_ORDERS = (
    "a function and its gradient",
    "a gradient beside its Hessian (f_der with f_hess, grad with hessian, hessp(x, p)), or a "
    "custom gradient of torch, JAX or autograd that can be differentiated twice",
)


def _recognise(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    found: list[Checkable] = []
    left = list(names)
    for find in CONVENTIONS:
        found += find(loaded, left)
        claimed = {symbol for one in found for symbol in one.symbols}
        left = [name for name in left if name not in claimed]
    place = {name: number for number, name in enumerate(names)}
    return sorted(found, key=lambda one: min(place[symbol] for symbol in one.symbols if symbol in place))
