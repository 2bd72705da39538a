"""The convention of JAX: functions with a `custom_vjp` or a `custom_jvp`.

Any other function of the file is checked if it is asked for by name.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradcli.problem import Problem
from gradcli.targets.convention import Checkable
from gradcli.targets.engine import Bound, EngineFunction
from gradcli.targets.forward_call import argument_names
from gradcli.targets.inference.differentiated import by_returned
from gradcli.targets.parameter_dict import (
    find_parameter_dict,
    find_parameter_tree,
    find_parameter_tuple,
)
from gradcli.targets.python_file import Loaded
from gradcli.targets.second_order import SecondOrder

_OF_TREES = "its rule is one of trees of arrays"


def find(loaded: Loaded, names: Sequence[str]) -> list[Checkable]:
    """The functions among these names that have a custom rule."""
    if "jax" not in sys.modules:
        return []
    import jax

    found: list[Checkable] = []
    for name in names:
        value = loaded.namespace.get(name)
        if isinstance(value, jax.custom_vjp | jax.custom_jvp):
            rule = _rule_names(loaded, names, value)
            found.append(_checkable(name, value, rule, forward_mode=isinstance(value, jax.custom_jvp)))
    return found


def _rule_names(loaded: Loaded, names: Sequence[str], value: Any) -> tuple[str, ...]:
    """What the file calls the rule's own functions: `f_fwd` and `f_bwd` are no pair beside `f`."""
    inner = getattr(value, "fun", None)  # a rule under another, which JAX never comes to
    parts = [getattr(one, part, None) for one in (value, inner) for part in ("fwd", "bwd", "jvp")]
    return tuple(n for n in names if any(loaded.namespace.get(n) is part for part in parts if part))


def asked(loaded: Loaded, symbol: str) -> Checkable | None:
    """A function of JAX arrays, if the file has one of this name."""
    value = loaded.namespace.get(symbol)
    if "jax" not in sys.modules or not callable(value) or isinstance(value, type):
        return None
    code = getattr(inspect.unwrap(value), "__code__", None)
    named = set(getattr(code, "co_names", ()))
    ruled = {one.name for one in find(loaded, list(loaded.namespace))}
    return _checkable(symbol, value, (), forward_mode=False) if named & ({"jax", "jnp"} | ruled) else None


def _checkable(
    name: str, value: Callable[..., Any], rule_names: tuple[str, ...], *, forward_mode: bool
) -> EngineFunction:
    import jax

    from gradcli.targets.jax_engine import JaxEngine

    engine = JaxEngine(forward_mode=forward_mode)
    twice = partial(SecondOrder, engine=engine)
    plain = inspect.unwrap(value)
    names = (name, *rule_names)
    fixed = {argument_names(plain)[place] for place in getattr(value, "nondiff_argnums", ())}
    tree = find_parameter_tree(plain) or find_parameter_dict(plain) or find_parameter_tuple(plain)
    if tree is not None:
        call = tree.unfold(value)
        made = EngineFunction(name, names, call, tree.unfold(plain), plain, engine, None, _OF_TREES)
        return replace(made, fixed=frozenset(fixed))
    if isinstance(value, jax.custom_vjp) and value.bwd is not None:
        forward, backward = inspect.unwrap(value.fwd), inspect.unwrap(value.bwd)
        made = EngineFunction(name, names, value, forward, backward, engine, VjpRule(value), second=twice)
        arrays = [argument for argument in argument_names(plain) if argument not in fixed]
        without, differentiated = by_returned(backward, arrays)
        return replace(made, fixed=frozenset(fixed | without), differentiated=frozenset(differentiated))
    why = (
        "the rule is one for forward mode, and has no backward"
        if forward_mode
        else "the function has no rule of its own"
    )
    rule = getattr(value, "jvp", plain)
    made = EngineFunction(name, names, value, plain, rule, engine, None, why, second=twice)
    return replace(made, fixed=frozenset(fixed))


@dataclass(frozen=True, eq=False)
class VjpRule:
    """The two halves of a `custom_vjp`, called by themselves: JAX would trace them."""

    function: Any

    def problem(
        self, problem: Problem, bound: Bound, forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> Problem:
        from gradcli.targets.jax_engine import run_by_hand

        signature = inspect.signature(self.function)
        fixed = self.function.nondiff_argnums

        def called(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            moving = [name for place, name in enumerate(given.arguments) if place not in fixed]
            aside = [value for place, value in enumerate(given.args) if place in fixed]
            return forward(*given.args), moving, aside

        ahead, back = run_by_hand(bound(called), backward, problem.differentiable)
        return replace(problem, forward=ahead, backward=back)
