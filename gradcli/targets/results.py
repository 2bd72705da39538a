"""What forward and backward may return, and what they returned instead."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gradcli.arrays import MAX_BYTES, Array
from gradcli.errors import BrokenPromise, UsageError

_KEY_STARTS = ("d", "d_", "grad_", "g_", "gradient_")
_KEY_ENDS = ("_grad", "_bar", "_gradient")


def as_outputs(values: tuple[Any, ...], inputs: Mapping[str, Any]) -> tuple[Array, ...]:
    """Forward's outputs as arrays; a number becomes a 0-d array, an array stays as it is.

    They may be complex where one of the inputs is, as in a complex step. Raises BrokenPromise GC108, and
    UsageError for a function: it is what to check, and no output.
    """
    if not values:
        raise BrokenPromise("GC108", "forward returned an empty tuple as its outputs; expected arrays")
    if all(_is_plain(value) for value in values):
        return values
    complex_allowed = any(array.dtype.kind == "c" for array in inputs.values())
    names = [f"output {place} of forward" for place in range(len(values))] if len(values) > 1 else ["forward"]
    return tuple(_as_output(name, value, complex_allowed) for name, value in zip(names, values, strict=True))


def _is_plain(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype.kind == "f" and value.nbytes <= MAX_BYTES


def as_numbers(value: Any) -> Any:
    """A list of numbers as an array: equations, as solvers take them. Anything else as it is."""
    is_list = isinstance(value, list) and bool(value)
    if not is_list or not all(isinstance(one, int | float | complex | np.number) for one in value):
        return value
    return np.asarray(value, dtype=np.result_type(np.float64, *map(type, value)))


def _as_output(name: str, value: Any, complex_allowed: bool) -> Array:
    verb = "returned" if name == "forward" else "is"
    numeric = isinstance(value, np.ndarray | np.generic | bool | int | float | complex)
    if callable(value) and not hasattr(value, "__array__") and not isinstance(value, type):
        raise UsageError(f"{name} {verb} {describe(value)}: that is what to check, at a point of its own")
    if not numeric and (isinstance(value, type) or not hasattr(value, "__array__")):
        raise BrokenPromise(
            "GC108", f"{name} {verb} {describe(value)}; expected an array, a number or (out, cache)"
        )
    array = np.asarray(value)
    if array.dtype.kind not in ("fc" if complex_allowed else "f"):
        raise BrokenPromise("GC108", f"{name} {verb} {describe(value)}; expected floating-point numbers")
    if array.nbytes > MAX_BYTES:
        raise _too_large(name, value, array)
    return array


def _too_large(name: str, value: Any, array: Array) -> UsageError:
    """A view may promise what no memory holds: its cotangent would be a number for each element."""
    verb = "returned" if name == "forward" else "is"
    return UsageError(
        f"{name} {verb} {describe(value)}, {array.nbytes / 2**30:.3g} GiB; "
        f"more than {MAX_BYTES / 2**30:g} GiB is refused"
    )


def read_gradients(
    returned: Any,
    inputs: Mapping[str, bool],
    aliases: Mapping[str, str],
    others: Sequence[str],
    *,
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """The gradients by input name, each exactly as backward returned it.

    inputs: name -> whether the input has a gradient, in order; aliases: other names of inputs; others: names
    that may have an entry too, such as constants; optional: inputs that need have none. A gradient that a
    dict leaves out is None.
    Raises BrokenPromise GC102 if the gradients cannot be told apart.
    """
    differentiable = [name for name, has_gradient in inputs.items() if has_gradient]
    if type(returned) is tuple:  # mostly, and every call comes this way
        return _by_order(list(returned), inputs, differentiable, len(inputs) + len(others), optional)
    if isinstance(returned, Mapping):
        return _by_name(dict(returned), inputs, aliases, others)
    if isinstance(returned, tuple) and hasattr(returned, "_fields"):
        named = dict(zip(returned._fields, returned, strict=True))
        if all(input_of(key, inputs, aliases) for key in named):
            return _by_name(named, inputs, aliases, others)
    if is_dataclass(returned) and not isinstance(returned, type) and not hasattr(returned, "__array__"):
        named = {field.name: getattr(returned, field.name) for field in fields(returned)}
        if all(input_of(key, inputs, aliases) for key in named):
            return _by_name(named, inputs, aliases, others)
        returned = tuple(named.values())
    if isinstance(returned, tuple | list):
        return _by_order(list(returned), inputs, differentiable, len(inputs) + len(others), optional)
    needed = [name for name in differentiable if name not in optional]
    if len(needed) == 1 and _may_be_gradient(returned):
        return {needed[0]: returned}
    raise BrokenPromise("GC102", f"backward returned {describe(returned)}; {_needs(needed)}")


def _by_order(
    values: list[Any],
    inputs: Mapping[str, bool],
    differentiable: list[str],
    most: int,
    optional: Collection[str],
) -> dict[str, Any]:
    found = len(values)
    # A None for every further argument, as autograd functions return it, is no gradient too many.
    while len(inputs) < len(values) <= most and values[-1] is None:
        values.pop()
    if len(values) == len(inputs):
        return {name: value for name, value in zip(inputs, values, strict=True) if inputs[name]}
    if len(values) == len(differentiable):
        return dict(zip(differentiable, values, strict=True))
    needed = [name for name in differentiable if name not in optional]
    if len(values) == len(needed):
        return dict(zip(needed, values, strict=True))
    gradients = f"{found} gradient{'' if found == 1 else 's'}"
    raise BrokenPromise("GC102", f"backward returned {gradients}; {_needs(needed)}")


def _by_name(
    named: dict[Any, Any], inputs: Mapping[str, bool], aliases: Mapping[str, str], others: Sequence[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    for key, value in named.items():
        name = input_of(key, inputs, aliases)
        if name is None:
            if input_of(key, dict.fromkeys(others, False), {}):
                continue
            raise BrokenPromise(
                "GC102", f"backward returned a gradient {key!r}, which is no input; {_needs(list(inputs))}"
            )
        if name in found:
            raise BrokenPromise(
                "GC102", f"backward returned two gradients for {name}: {keys[name]!r} and {key!r}"
            )
        found[name], keys[name] = value, key
    return {name: found.get(name) for name, has_gradient in inputs.items() if has_gradient}


def input_of(key: Any, inputs: Mapping[str, bool], aliases: Mapping[str, str]) -> str | None:
    """The input that `x`, `dx`, `d_x`, `grad_x` or `x_grad` names; case decides only if it must."""
    if not isinstance(key, str):
        return None
    return _input_of(key, tuple(inputs), tuple(aliases.items()))


@lru_cache(maxsize=256)  # every call of a backward asks again
def _input_of(key: str, inputs: tuple[str, ...], aliases: tuple[tuple[str, str], ...]) -> str | None:
    known = {name: name for name in inputs} | {alias: name for alias, name in aliases if name in inputs}
    spellings = {name: name for name in known}
    for name in known:
        for spelling in [start + name for start in _KEY_STARTS] + [name + end for end in _KEY_ENDS]:
            spellings.setdefault(spelling, name)
    if key in spellings:
        return known[spellings[key]]
    alike = {known[name] for spelling, name in spellings.items() if spelling.lower() == key.lower()}
    return alike.pop() if len(alike) == 1 else None


def input_named(key: Any, inputs: Iterable[str]) -> str | None:
    """The input whose gradient is called so: x for `x`, `dx`, `d_x`, `grad_x`, `x_grad`."""
    return input_of(key, dict.fromkeys(inputs, True), {})


def _may_be_gradient(value: Any) -> bool:
    # Whatever is array-like or None goes to the contract, which judges shape, dtype and absence.
    return value is None or isinstance(value, bool | int | float | complex) or hasattr(value, "__array__")


def _needs(names: list[str]) -> str:
    if len(names) < 2:
        return f"{names[0]} needs 1" if names else "nothing needs one"
    return f"{', '.join(names[:-1])} and {names[-1]} need {len(names)}"


def describe(value: Any) -> str:
    """What a value is, in a few words: `None`, `a list`, `an int64 array of shape (3,)`."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray | np.generic):
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        shape = f" of shape {value.shape}" if value.shape else ""
        return f"{_article(value.dtype.name)} {kind}{shape}"
    if isinstance(value, str):
        return "a string"
    return _article(type(value).__name__)


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' and not noun.startswith('uint') else 'a'} {noun}"
