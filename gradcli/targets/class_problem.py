"""An object with a forward and a backward as a Problem: its parameters are inputs beside forward's own.

What the object has is found by running it once: which arrays forward leaves alone and backward gives a
gradient to (`parameters.py`), which of forward's arguments backward is about, whether it takes a
cotangent at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.problem import Backward, Forward, Problem, Run, Source
from gradcli.result import Violation
from gradcli.subject import copies, fixed_generators
from gradcli.targets.backward_call import BackwardCall, Kept, kept_values
from gradcli.targets.class_methods import (
    MethodCall,
    bind_method,
    input_gradients,
    is_target,
    scaled,
    stored_output,
    stored_predictions,
    with_gradient,
)
from gradcli.targets.constructor import RATE, is_rate
from gradcli.targets.forward_call import ForwardCall, argument_names, bind_forward
from gradcli.targets.halves import Behind, Halves
from gradcli.targets.inputs import generator, require_floating
from gradcli.targets.label import Label
from gradcli.targets.layers_within import Call, calls_within
from gradcli.targets.living import (
    Prototype,
    Sealed,
    caches_of,
    fill_gradients,
    find_twins,
    revived,
    without_caches,
    zero_gradients,
)
from gradcli.targets.pair import advise_in_python, source_file
from gradcli.targets.parameters import (
    Parameter,
    find_parameters,
    mapped_parameters,
    returned_parameters,
)
from gradcli.targets.places import Place, at
from gradcli.targets.results import as_outputs

_AGREES = 1e-3  # relative: a plain difference along one direction


@dataclass(frozen=True, eq=False)
class Lived:
    """What one forward left behind: the object, and the arrays that it has put into it."""

    arrays: dict[str, Array]
    kept: Kept
    places: dict[str, Place]
    sealed: Sealed = field(default_factory=lambda: Sealed(None))


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
        is_complex = any(array.dtype.kind == "c" for array in arrays.values())
        outputs = as_outputs(split.outputs, complex_allowed=is_complex)
        known = kept_values(arrays, self.constants, self.arguments.defaults, self.arguments.aliases)
        output = outputs[0] if len(outputs) == 1 else outputs
        return outputs, Kept(split.cache, split.returned, split.spread, known, output)

    def pull(self, born: Any, cotangents: tuple[Array, ...], kept: Kept) -> Any:
        """Backward on an object; returns what backward returned."""
        result = self.backward(born, cotangents, kept)
        if self.accumulate is not None:
            self.accumulate(born, cotangents, kept)
        return result


@dataclass(frozen=True, eq=False)
class Discovery:
    """What one trial showed about an object."""

    prototype: Prototype
    wanted: tuple[str, ...]  # forward's arguments that have a gradient
    calls: Calls  # as they turned out to be meant
    shapes: Mapping[str, tuple[int, ...]]  # of forward's arguments
    reduce: str = ""  # how several outputs of a loss that takes no cotangent are brought together
    doubtful: bool = False  # whether its gradient is that of something else
    noticed: tuple[Violation, ...] = ()


def make_class_problem(
    cls: type,
    halves: Halves,
    made: Any,
    inputs: Mapping[str, Array],
    constants: Mapping[str, Any],
    owned: Mapping[str, Array],
    label: Label,
) -> Problem:
    """The Problem of an object at these inputs.

    inputs, constants: those of the methods; owned: parameters by name, with which the object was made or that
    replace its own. Raises UsageError if forward cannot be called with these arguments, or if there is
    nothing that has a gradient. Cost: a few forwards and backwards.
    """
    calls = _bind(cls, halves, inputs, constants, label.where)
    with fixed_generators(), np.errstate(all="ignore"):
        found = discover(calls, made, inputs, owned)
    calls = found.calls
    parameters = _drawn(found.prototype.values(), owned, label.id)
    _refuse_misfits(label.where, parameters, owned, inputs)
    order = {name: inputs[name] for name in calls.arguments.order}
    fixed = [n for n, array in order.items() if array.dtype.kind == "f" and n not in found.wanted]
    require_floating(label.where, {**order, **parameters})
    without = [name for name in fixed if not (is_target(name) or calls.backward.lone)]
    remarks = [
        f"{name} is not compared: backward neither returns nor keeps a gradient of it" for name in without
    ]

    def pieces() -> list[Problem]:
        run = partial(_forward(calls, found), {**copies(order), **copies(parameters)})
        return [_piece(call, label.id) for call in calls_within(found.prototype.made, run)]

    def assemble(halves: Halves) -> Problem:
        changed = calls.of(halves)
        return Problem(
            id=label.id,
            target=label.target,
            forward=_forward(changed, found),
            backward=_backward(changed, found),
            inputs={**order, **parameters},
            constants=dict(constants),
            nograd=frozenset(fixed),
            source=_source(halves, found, assemble, pieces),
            saved_names=lambda saved: dict(saved.arrays),
            rerun=label.rerun,
            noticed=found.noticed,
            reseed=True,
            remarks=tuple(remarks),
        )

    return assemble(halves)


def _piece(call: Call, id: str) -> Problem:
    """A layer within an object as a check of its own."""
    name = call.cls.__name__
    return make_class_problem(
        call.cls,
        call.halves,
        call.layer,
        call.inputs,
        call.constants,
        {},
        Label(name, f"{id}, {name}", name),
    )


def _source(
    halves: Halves,
    found: "Discovery",
    assemble: Callable[[Halves], Problem],
    pieces: Callable[[], Sequence[Problem]],
) -> Source:
    """The user's own methods, and the problem around others in their place."""
    own = halves.behind or Behind(
        halves.forward, halves.backward, lambda f, b: halves._replace(forward=f, backward=b), None
    )
    file = source_file(own.forward)

    def remake(forward: Callable[..., Any], backward: Callable[..., Any]) -> Problem:
        return assemble(own.around(forward, backward))

    def of_gradient() -> Mapping[str, Source]:
        """The parameters' gradients, where a method of their own computes them."""
        if halves.accumulate is None:
            return {}

        def remake(forward: Callable[..., Any], accumulate: Callable[..., Any]) -> Problem:
            return assemble(halves._replace(forward=forward, accumulate=accumulate))

        source = Source(halves.forward, halves.accumulate, file, remake)
        return {parameter.name: source for parameter in found.prototype.parameters}

    lone = found.calls.backward.lone
    return Source(
        own.forward,
        own.backward,
        file,
        remake,
        lone=lone,
        doubtful=found.doubtful,
        value_at=own.value_at,
        of_gradient=of_gradient,
        pieces=pieces,
    )


def accepts(forward: Callable[..., Any], made: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether forward runs on a copy of an object. Cost: one forward."""
    given = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in arguments.items()}
    try:
        call = bind_forward("", partial(forward, None), list(given), {}, by_position=False, advise=str)
        with fixed_generators(), np.errstate(all="ignore"):
            call(partial(forward, Prototype(made).born({})), given)
    except (Exception, SystemExit):
        return False
    return True


def _bind(
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


def discover(calls: Calls, made: Any, inputs: Mapping[str, Array], owned: Mapping[str, Array]) -> Discovery:
    """Run an object once, and see what it has; what it raises is left to the check to find again."""
    shapes = {name: array.shape for name, array in inputs.items()}
    floats = {n: shapes[n] for n in calls.arguments.order if inputs[n].dtype.kind == "f"}
    wanted = tuple(with_gradient(floats, 0.0, None, ())) or tuple(floats)
    untried = Discovery(Prototype(made), wanted, calls, shapes)
    try:
        settled = Prototype(made).born({})
        outputs, kept = calls.run(settled, copies(inputs))
        elsewhere = Prototype(settled).born({})
        moved = {n: a * 0.9 + 0.01 if a.dtype.kind == "f" else a.copy() for n, a in inputs.items()}
        calls.run(elsewhere, {n: a.astype(inputs[n].dtype) for n, a in moved.items()})
    except (Exception, SystemExit):
        return untried
    after = revived(settled, {})
    result: Any = None
    failed = False
    cotangents = tuple(_cotangent(out) for out in outputs)
    try:
        result = calls.pull(after, cotangents, kept)
    except (Exception, SystemExit):
        failed = True
    parameters = find_parameters(settled, elsewhere, after)
    if isinstance(result, tuple | list) and len(result) > len(floats):
        known = {parameter.name for parameter in parameters}
        parameters += returned_parameters(settled, elsewhere, list(result[len(floats) :]), known)
    if isinstance(result, Mapping):
        known = {parameter.name for parameter in parameters}
        parameters += mapped_parameters(settled, elsewhere, result, known)
    prototype = _settle(made, settled, elsewhere, parameters, owned)
    prototype = _with_twins(_kept_only(prototype, calls, inputs), calls, inputs, outputs)
    if not failed:
        wanted = tuple(with_gradient(floats, result, after, prototype.parameters))
    found = Discovery(prototype, wanted, calls, shapes)
    if failed:
        return found
    found = replace(found, noticed=tuple(_notice(calls, found, inputs, cotangents)))
    calls, reduce, agrees = _reading(calls, found, inputs, outputs)
    return replace(found, calls=calls, reduce=reduce, doubtful=bool(reduce) and not agrees)


def _settle(
    made: Any, settled: Any, elsewhere: Any, parameters: list[Parameter], owned: Mapping[str, Array]
) -> Prototype:
    """The object before its first call, or, where that makes the parameters, before its second."""
    lazy = any(not isinstance(at(made, p.value), np.ndarray | float) for p in parameters)
    bare = without_caches(settled, elsewhere, made, parameters) if lazy else made
    return Prototype(bare, tuple(_named_as_given(bare, parameter, owned) for parameter in parameters))


def _named_as_given(made: Any, parameter: Parameter, owned: Mapping[str, Array]) -> Parameter:
    """A parameter that was given to the constructor is called as its argument."""
    value = at(made, parameter.value)
    for name, array in owned.items():
        if array.shape == np.shape(value) and array.size and np.array_equal(array, value):
            return replace(parameter, name=name)
    return parameter


def _kept_only(prototype: Prototype, calls: Calls, inputs: Mapping[str, Array]) -> Prototype:
    """Without those that forward computes anew each time: they are caches."""
    values = {name: 1.01 * value + 0.01 for name, value in prototype.values().items()}
    born = prototype.born(values)
    try:
        calls.run(born, copies(inputs))
    except (Exception, SystemExit):
        return prototype
    kept = tuple(p for p in prototype.parameters if np.array_equal(at(born, p.value), values[p.name]))
    return replace(prototype, parameters=kept)


def _with_twins(
    prototype: Prototype, calls: Calls, inputs: Mapping[str, Array], outputs: tuple[Array, ...]
) -> Prototype:
    def moves(values: Mapping[str, Array]) -> bool:
        try:
            found, _ = calls.run(prototype.born(values), copies(inputs))
        except (Exception, SystemExit):
            return True
        return any(not np.array_equal(a, b) for a, b in zip(found, outputs, strict=False))

    return replace(prototype, twins=find_twins(prototype, prototype.values(), moves))


def _notice(
    calls: Calls, found: Discovery, inputs: Mapping[str, Array], cotangents: tuple[Array, ...]
) -> list[Violation]:
    """GC205: what backward does to the object beside giving gradients."""
    parameters = found.prototype.parameters
    clean, dirty = found.prototype.born({}), found.prototype.born({})
    rng = np.random.default_rng(0)
    try:
        _, kept = calls.run(clean, copies(inputs))
        before = {p.name: np.array(at(clean, p.value)) for p in parameters}
        zero_gradients(clean, parameters)
        calls.pull(clean, cotangents, kept)
        _, kept = calls.run(dirty, copies(inputs))
        filled = fill_gradients(dirty, parameters, lambda buffer: rng.standard_normal(buffer.shape))
        calls.pull(dirty, cotangents, kept)
    except (Exception, SystemExit):
        return []  # the check will find it again, and say where
    updated = [p.name for p in parameters if not np.array_equal(at(clean, p.value), before[p.name])]
    notes = [_updates(updated)] if updated else []
    return notes + _accumulation(parameters, clean, dirty, filled)


def _updates(names: list[str]) -> Violation:
    message = f"backward also updates {', '.join(names)}: its gradient was read from before the update"
    return Violation("GC205", message)


def _accumulation(
    parameters: tuple[Parameter, ...], clean: Any, dirty: Any, filled: Mapping[str, Array]
) -> list[Violation]:
    """How gradients meet a buffer that is not empty: all are added to it, or all replace what is there."""
    ways: dict[str, list[str]] = {"replaced": [], "added to": [], "neither": []}
    for parameter in parameters:
        if parameter.name in filled and parameter.gradient is not None:
            fresh, found = (np.asarray(at(born, parameter.gradient)) for born in (clean, dirty))
            ways[_way(fresh, found, filled[parameter.name])].append(parameter.name)
    broken = [
        Violation(
            "GC111", f"in a buffer that is not zero, the gradient of {name} is neither replaced nor added to"
        )
        for name in ways["neither"]
    ]
    if ways["replaced"] and ways["added to"]:
        message = (
            f"backward adds to the gradient of {', '.join(ways['added to'])}, "
            f"but replaces that of {', '.join(ways['replaced'])}: over several calls they differ"
        )
        broken.append(Violation("GC205", message))
    return broken


def _way(fresh: Array, found: Array, filled: Array) -> str:
    if fresh.shape != found.shape or fresh.dtype.kind not in "fiu":
        return "replaced"  # judged elsewhere
    slack = 1e-4 * (np.max(np.abs(fresh), initial=0.0) + np.max(np.abs(filled), initial=0.0))
    if np.all(np.abs(found - fresh) <= slack):
        return "replaced"
    if fresh.shape == filled.shape and np.all(np.abs(found - fresh - filled) <= slack):
        return "added to"
    return "neither"


def _reading(
    calls: Calls, found: Discovery, inputs: Mapping[str, Array], outputs: tuple[Array, ...]
) -> tuple[Calls, str, bool]:
    """What a gradient without a cotangent is that of: the sum or the mean of several outputs; and whether a
    loss's backward wants its predictions as they came in, or as forward has stored them. And whether it
    agrees with that.

    One direction decides; whether the gradient is right is the check's business.
    """
    backward = calls.backward
    several = any(out.ndim for out in outputs)
    if not backward.lone or not found.wanted:
        return calls, "sum" if several and backward.lone else "", True
    name, step = found.wanted[0], 1e-6
    direction = np.random.default_rng(0).standard_normal(inputs[name].shape)
    there = {**copies(inputs), name: inputs[name] + step * direction}
    best = float("inf"), calls, "sum" if several else "", False
    try:
        born = found.prototype.born({})
        calls.run(born, copies(inputs))
        moved = calls.run(found.prototype.born({}), there)[0][0]
        slope = float(np.sum(moved) - np.sum(outputs[0])) / step
        stored = [] if backward.predictions is None else stored_predictions(born, inputs[name])
        for attribute in (None, *stored):
            read = replace(calls, backward=replace(backward, stored=attribute))
            born = found.prototype.born({})
            _, kept = read.run(born, copies(inputs))
            gradient = input_gradients(read.pull(born, (), kept), born, found.wanted, (), found.shapes)[name]
            claimed = float(np.sum(np.asarray(gradient) * direction))
            for how, wanted in (("sum", slope), ("mean", slope / outputs[0].size)):
                if abs(claimed - wanted) < best[0]:
                    agrees = abs(claimed - wanted) <= _AGREES * abs(wanted)
                    best = abs(claimed - wanted), read, how if several else "", agrees
    except (Exception, SystemExit):  # the check will find it again, and say where
        return best[1:]
    return best[1:]


def _cotangent(out: Array) -> Array:
    return np.asarray(np.random.default_rng(out.size).standard_normal(out.shape)).astype(out.dtype)


def _drawn(values: Mapping[str, Array], owned: Mapping[str, Array], id: str) -> dict[str, Array]:
    """Parameters as they were given or made; those that are all the same (gamma of 1, b of 0) are drawn."""
    found: dict[str, Array] = {}
    for name, value in values.items():
        if name in owned:
            found[name] = owned[name]
        elif value.size and np.ptp(value) == 0:
            noise = generator(0, id, name).standard_normal(value.shape)
            found[name] = np.asarray(value + 0.4 * noise).astype(value.dtype)
        else:
            found[name] = value
    return found


def _refuse_misfits(
    where: str, parameters: Mapping[str, Array], owned: Mapping[str, Array], inputs: Mapping[str, Array]
) -> None:
    for name, value in parameters.items():
        if name in inputs:
            raise UsageError(f"{where}: {name} is an argument of forward and a parameter of the object")
        if name in owned and owned[name].dtype.kind != "f":
            raise UsageError(f"{where}: {name} is a parameter; it needs floats, not {value.dtype}")


def _forward(calls: Calls, found: Discovery) -> Forward:
    names = {parameter.name for parameter in found.prototype.parameters}

    def run(arrays: Mapping[str, Array]) -> Run:
        born = found.prototype.born({n: array for n, array in arrays.items() if n in names})
        outputs, kept = calls.run(born, {n: array for n, array in arrays.items() if n not in names})
        caches = caches_of(born, found.prototype)
        lived = Lived(
            {name: array for name, (_, array) in caches.items()},
            kept,
            {name: place for name, (place, _) in caches.items()},
            Sealed(born),
        )
        return Run(_reduced(outputs, found.reduce), lived)

    return run


def _reduced(outputs: tuple[Array, ...], how: str) -> tuple[Array, ...]:
    if not how:
        return outputs
    total = np.asarray(np.sum(outputs[0]))
    return (total / outputs[0].size if how == "mean" else total,)


def _backward(calls: Calls, found: Discovery) -> Backward:
    parameters = found.prototype.parameters
    loose = [p.name for p in parameters if p.gradient is None and not p.updated]

    def run(cotangents: tuple[Array, ...], saved: Lived) -> Mapping[str, Any]:
        lived = saved.sealed.value
        born = revived(lived, {n: (saved.places[n], array) for n, array in saved.arrays.items()})
        zero_gradients(born, parameters)
        result = calls.pull(born, () if calls.backward.lone else cotangents, saved.kept)
        gradients = input_gradients(result, born, found.wanted, loose, found.shapes)
        for parameter in parameters:
            if parameter.gradient is not None:
                gradients[parameter.name] = at(born, parameter.gradient)
            elif parameter.updated:
                gradients[parameter.name] = (at(lived, parameter.value) - at(born, parameter.value)) / RATE
        if calls.backward.lone:
            gradients = {name: scaled(gradient, cotangents[0]) for name, gradient in gradients.items()}
        return gradients

    return run
