"""A pair of functions, `forward(x, …, eps)` and `backward(dout, cache)`, as a Problem.

Built-in layers, the pairs in a user's file and the functions given to `gradcli.check` all pass through
`make_problem`. The adapters copy nothing and keep nothing: forward gets exactly the arrays it is run on.
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradcli.arrays import Array
from gradcli.problem import Backward, Forward, Problem, Run, Source
from gradcli.targets.backward_call import BackwardCall, Kept, bind_backward, kept_values
from gradcli.targets.cache_names import name_cache
from gradcli.targets.forward_call import ForwardCall, bind_forward
from gradcli.targets.fresh import fresh, is_written_to
from gradcli.targets.inputs import require_floating
from gradcli.targets.label import Label
from gradcli.targets.remembered import remembered
from gradcli.targets.results import as_outputs, read_gradients
from gradcli.targets.returned_names import returned_names


def make_problem(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Mapping[str, Array],
    constants: Mapping[str, Any],
    label: Label,
    *,
    by_position: bool = False,
    cotangents: tuple[Array, ...] | None = None,
    output_names: tuple[str, ...] = ("out",),
    nograd: frozenset[str] = frozenset(),
) -> Problem:
    """The Problem of a pair at these inputs.

    by_position as in `bind_forward`; nograd: inputs of floats for which backward need not have a gradient.
    Raises UsageError if forward cannot be called with these arguments or if no input has a gradient.
    """
    call = bind_forward(
        label.where, forward, list(inputs), constants, by_position=by_position, advise=advise_in_python
    )
    ordered = {name: inputs[name] for name in call.order}
    require_floating(label.where, ordered)
    values = {**call.defaults, **constants, **ordered, **call.aliases}
    takes = bind_backward(backward, values, lambda: returned_names(forward))

    def remake(forward: Callable[..., Any], backward: Callable[..., Any]) -> Problem:
        return make_problem(
            forward,
            backward,
            inputs,
            constants,
            label,
            by_position=by_position,
            cotangents=cotangents,
            output_names=output_names,
            nograd=nograd,
        )

    return Problem(
        id=label.id,
        target=label.target,
        forward=_forward_adapter(forward, call, takes, constants),
        backward=_backward_adapter(backward, call, takes, ordered, constants, nograd),
        inputs=ordered,
        constants=dict(constants),
        output_names=output_names,
        cotangents=cotangents,
        source=Source(forward, backward, source_file(forward), remake),
        saved_names=lambda saved: name_cache(forward)(saved),
        rerun=label.rerun,
        nograd=nograd,
    )


def advise_in_python(missing: list[str]) -> str:
    """What to add to a call from Python for arguments that got nothing."""
    plural = "s" if len(missing) > 1 else ""
    example = ", ".join(f'"{name}": …' for name in missing)
    return f"nothing for argument{plural} {', '.join(missing)} (and no default). Add: inputs={{{example}}}"


@remembered
def source_file(function: Callable[..., Any]) -> str | None:
    """The file that a function was written in, if Python knows and it is there."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
    except (TypeError, ValueError):
        return None
    return file if file is not None and Path(file).is_file() else None


def _forward_adapter(
    forward: Callable[..., Any], call: ForwardCall, takes: BackwardCall, constants: Mapping[str, Any]
) -> Forward:
    changeable = any(map(is_written_to, constants.values()))

    def run(arrays: Mapping[str, Array]) -> Run:
        own = fresh(constants) if changeable else constants
        split = takes.split(call(forward, {**own, **arrays} if own else arrays))
        outputs = as_outputs(split.outputs, arrays)
        if takes.keeps_only_cache:
            if split.returned or not takes.others or len(arrays) != 1:
                return Run(outputs, split.cache)
            # `sigmoid(Z)` returns no cache, and `sigmoid_backward(dA, cache)` wants what it was taken of.
            return Run(outputs, Kept(next(iter(arrays.values())), False, False, {}, None))
        known = kept_values(arrays, own, call.defaults, call.aliases)
        values = {name: known[name] for name in takes.asks_for}  # no more: what is kept costs memory
        output = outputs[0] if len(outputs) == 1 else outputs
        left = [] if split.returned else [name for name in arrays if name not in values]
        # `max_pool_backward(dout, original, size)` beside `max_pool(x, size)`: the only one it does not name.
        cache = arrays[left[0]] if len(left) == 1 else split.cache
        return Run(outputs, Kept(cache, split.returned, split.spread, values, output))

    return run


def _backward_adapter(
    backward: Callable[..., Any],
    call: ForwardCall,
    takes: BackwardCall,
    inputs: Mapping[str, Array],
    constants: Mapping[str, Any],
    nograd: frozenset[str],
) -> Backward:
    has_gradient = {name: array.dtype.kind == "f" for name, array in inputs.items()}
    others = [*constants, *call.defaults]

    def run(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        if isinstance(saved, Kept):
            returned = takes(backward, cotangents, saved)
        elif takes.is_plain and len(cotangents) == 1:
            returned = backward(cotangents[0], saved)
        else:
            returned = takes(backward, cotangents, Kept(saved, True, False, {}, None))
        return read_gradients(returned, has_gradient, call.aliases, others, optional=nograd)

    return run
