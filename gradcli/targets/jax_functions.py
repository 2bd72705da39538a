"""The convention of JAX: functions with a `custom_vjp` or a `custom_jvp`.

Any other function of the file is checked if it is asked for by name.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gradcli.targets.convention import Checkable
from gradcli.targets.engine import EngineFunction
from gradcli.targets.python_file import Loaded


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
    parts = [getattr(value, part, None) for part in ("fwd", "bwd", "jvp")]
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
    from gradcli.targets.jax_engine import JaxEngine

    plain = inspect.unwrap(value)
    rule = getattr(value, "bwd", None) or getattr(value, "jvp", None) or plain
    return EngineFunction(name, (name, *rule_names), value, plain, rule, JaxEngine(forward_mode=forward_mode))
