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
from gradcli.generators import fixed_generators
from gradcli.problem import Backward, Forward, Problem, Run, Source
from gradcli.spec import ObjectSpelling
from gradcli.subject import copies
from gradcli.targets.backward_call import Kept
from gradcli.targets.class_calls import Calls, bind
from gradcli.targets.class_methods import (
    is_target,
    scaled,
)
from gradcli.targets.constructor import RATE
from gradcli.targets.discovery import Discovery, discover
from gradcli.targets.forward_call import bind_forward
from gradcli.targets.halves import Behind, Halves
from gradcli.targets.inputs import generator, require_floating
from gradcli.targets.label import Label
from gradcli.targets.layers_within import Call, calls_within
from gradcli.targets.living import (
    Prototype,
    Sealed,
    caches_of,
    revived,
    zero_gradients,
)
from gradcli.targets.pair import source_file
from gradcli.targets.parameters import Parameter
from gradcli.targets.places import Place, at, written

_NOTHING = ObjectSpelling()


@dataclass(frozen=True, eq=False)
class Lived:
    """What one forward left behind: the object, and the arrays that it has put into it."""

    arrays: dict[str, Array]
    kept: Kept
    places: dict[str, Place]
    sealed: Sealed = field(default_factory=lambda: Sealed(None))


def make_class_problem(
    cls: type,
    halves: Halves,
    made: Any,
    inputs: Mapping[str, Array],
    constants: Mapping[str, Any],
    owned: Mapping[str, Array],
    label: Label,
    spelled: ObjectSpelling = _NOTHING,
) -> Problem:
    """The Problem of an object at these inputs.

    inputs, constants: those of the methods; owned: parameters by name, with which the object was made or that
    replace its own. Raises UsageError if forward cannot be called with these arguments, or if there is
    nothing that has a gradient. Cost: a few forwards and backwards.
    """
    calls = bind(cls, halves, inputs, constants, label.where)
    rates = (RATE, 1.0) if halves.by_hand else (RATE,)
    with fixed_generators(), np.errstate(all="ignore"):
        found = discover(label.where, calls, made, inputs, owned, spelled, rates)
    calls = found.calls
    _refuse_caches(label.where, found, spelled)
    parameters = _drawn(found.prototype.values(), owned, label.id)
    _refuse_misfits(label.where, parameters, owned, inputs)
    order = {name: inputs[name] for name in calls.arguments.order}
    fixed = [n for n, array in order.items() if array.dtype.kind == "f" and n not in found.wanted]
    require_floating(label.where, {**order, **parameters})
    without = [name for name in fixed if not (is_target(name) or calls.backward.lone)]
    remarks = [
        f"{name} is not compared: backward neither returns nor keeps a gradient of it" for name in without
    ]

    remarks += [
        f"{written(p.gradient)} is taken for the gradient of {p.name}: it has its shape"
        for p in found.prototype.parameters
        if p.is_misnamed and p.gradient is not None
    ]

    def pieces() -> list[Problem]:
        run = partial(_forward(calls, found), {**copies(order), **copies(parameters)})

        def back(ahead: Run) -> None:
            _backward(calls, found)(tuple(map(np.ones_like, ahead.outputs)), ahead.saved)

        return [_piece(call, label.id) for call in calls_within(found.prototype.made, run, back)]

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
    """A layer within an object as a check of its own; a loss for the cotangent that it gets there."""
    name = call.cls.__name__
    problem = make_class_problem(
        call.cls,
        call.halves,
        call.layer,
        call.inputs,
        call.constants,
        {},
        Label(name, f"{id}, {name}", name),
    )
    if call.cotangent is None:
        return problem
    outputs = problem.forward(copies(problem.inputs)).outputs
    if [out.ndim for out in outputs] != [0]:
        return problem
    return replace(problem, cotangents=(np.full_like(outputs[0], call.cotangent),))


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
    if halves.why_not:
        return Source(own.forward, own.backward, file, why_not=halves.why_not)

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


def _refuse_caches(where: str, found: Discovery, spelled: ObjectSpelling) -> None:
    known = [parameter.name for parameter in found.prototype.parameters]
    for name, place in spelled.parameters.items() if known else ():
        if name not in known:
            raise UsageError(f"{where}: parameters.{name}: forward makes {place} anew: it is no parameter")


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
        caches = {n: (saved.places[n], array) for n, array in saved.arrays.items()}
        born = revived(lived, caches | _widened(lived, parameters))
        zero_gradients(born, parameters)
        result = calls.pull(born, () if calls.backward.lone else cotangents, saved.kept)
        gradients = found.of_inputs(result, born, loose)
        for parameter in parameters:
            if parameter.gradient is not None:
                gradients[parameter.name] = at(born, parameter.gradient)
            elif parameter.updated:
                held = at(lived, parameter.value)
                step = (held - at(born, parameter.value)) / parameter.updated
                gradients[parameter.name] = step.astype(held.dtype) if isinstance(step, np.ndarray) else step
        if calls.backward.lone:
            gradients = {name: scaled(gradient, cotangents[0]) for name, gradient in gradients.items()}
        return gradients

    return run


def _widened(lived: Any, parameters: Sequence[Parameter]) -> dict[str, tuple[Place, Array]]:
    """What backward updates, with room for a step as long as those of constructor.RATE."""
    updated = ((p, at(lived, p.value)) for p in parameters if p.updated)
    return {
        p.name: (p.value, value.astype(np.float64))
        for p, value in updated
        if isinstance(value, np.ndarray) and value.dtype.itemsize < 8 and value.dtype.kind == "f"
    }
