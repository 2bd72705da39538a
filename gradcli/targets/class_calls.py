"""How the methods of an object are called: forward, and backward with what forward left for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradcli.arrays import Array
from gradcli.targets.backward_call import BackwardCall, Kept, kept_values
from gradcli.targets.class_methods import MethodCall, bind_method, stored_output
from gradcli.targets.constructor import RATE, is_rate
from gradcli.targets.forward_call import ForwardCall, argument_names, bind_forward
from gradcli.targets.halves import Halves
from gradcli.targets.pair import advise_in_python
from gradcli.targets.results import as_outputs
from gradcli.targets.returned_gradients import by_owner, in_one_row


@dataclass(frozen=True, eq=False)
class Calls:
    """How the methods of an object are called; worked out once."""

    forward: Callable[..., Any]
    arguments: ForwardCall
    backward: MethodCall
    accumulate: MethodCall | None
    constants: Mapping[str, Any]

    @property
    def takes(self) -> BackwardCall:
        return self.backward.takes

    def of(self, halves: Halves) -> "Calls":
        """The same calls of other methods."""
        more = self.accumulate
        if more is not None and halves.accumulate is not None:
            more = replace(more, method=halves.accumulate)
        return replace(
            self,
            forward=halves.forward,
            backward=replace(self.backward, method=halves.backward),
            accumulate=more,
        )

    def run(self, born: Any, arrays: Mapping[str, Array]) -> tuple[tuple[Array, ...], Kept]:
        """Forward on an object, and what backward may ask for by name."""
        result = self.arguments(partial(self.forward, born), {**self.constants, **arrays})
        result = stored_output(born) if result is None else result
        split = self.takes.split(result)
        outputs = as_outputs(split.outputs, arrays)
        known = kept_values(arrays, self.constants, self.arguments.defaults, self.arguments.aliases)
        output = outputs[0] if len(outputs) == 1 else outputs
        return outputs, Kept(split.cache, split.returned, split.spread, known, output)

    def pull(self, born: Any, cotangents: tuple[Array, ...], kept: Kept) -> Any:
        """Backward on an object; returns what backward returned."""
        result = in_one_row(self.backward(born, cotangents, kept), born)
        given = {name: kept.values[name] for name in self.arguments.order if name in kept.values}
        result = by_owner(self.backward.method, result, born, given)
        if self.accumulate is not None:
            self.accumulate(born, cotangents, kept)
        return result


def bind(
    cls: type, halves: Halves, inputs: Mapping[str, Array], constants: Mapping[str, Any], where: str
) -> Calls:
    mine = argument_names(partial(halves.forward, None))
    rates = {n: RATE for n in argument_names(partial(halves.backward, None)) if is_rate(n) and n not in mine}
    for_forward = {n: v for n, v in constants.items() if n in mine}
    arguments = bind_forward(
        where,
        partial(halves.forward, None),
        list(inputs),
        for_forward,
        by_position=False,
        advise=advise_in_python,
    )
    known = {**rates, **arguments.defaults, **constants, **inputs}
    backward = bind_method(cls, halves.backward, arguments.order, known)
    more = halves.accumulate and bind_method(cls, halves.accumulate, arguments.order, known)
    return Calls(
        halves.forward, arguments, backward, more or None, _Known({**rates, **constants}, for_forward)
    )


class _Known(dict[str, Any]):
    """Constants of all methods; forward is called with its own."""

    def __init__(self, everything: Mapping[str, Any], forwards: Mapping[str, Any]) -> None:
        super().__init__({**everything, **forwards})
