"""What an object has, found by running it once: parameters, wanted gradients, how its backward is meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.result import Violation
from gradcli.spec import ObjectSpelling
from gradcli.subject import copies
from gradcli.targets.class_calls import Calls
from gradcli.targets.class_methods import (
    input_gradients,
    is_target,
    stored_predictions,
    with_gradient,
)
from gradcli.targets.class_notices import notice
from gradcli.targets.living import Prototype, find_twins, revived, without_caches
from gradcli.targets.parameters import (
    Parameter,
    find_parameters,
    mapped_parameters,
    returned_parameters,
    unclaimed,
)
from gradcli.targets.places import Place, at, entries, written
from gradcli.targets.returned_gradients import without_kept
from gradcli.targets.spelled_object import spelled_inputs, with_spelled

_MOST_LEFT_OUT = 8
_AGREES = 1e-3  # relative: a plain difference along one direction


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
    stored: Mapping[str, Place] = field(default_factory=dict)  # gradients of arguments, as spelled out

    def of_inputs(self, result: Any, born: Any, loose: Sequence[str]) -> dict[str, Any]:
        """The gradients of forward's arguments, and of `loose` parameters, after a backward."""
        wanted = [name for name in self.wanted if name not in self.stored]
        if not wanted and not loose:
            result = None
        result = without_kept(result, born, self.prototype.parameters, len(wanted) + len(loose))
        found = input_gradients(result, born, wanted, loose, self.shapes)
        return found | {name: at(born, place) for name, place in self.stored.items()}


def discover(
    where: str,
    calls: Calls,
    made: Any,
    inputs: Mapping[str, Array],
    owned: Mapping[str, Array],
    spelled: ObjectSpelling,
    rates: tuple[float, ...],
) -> Discovery:
    """Run an object once, and see what it has; what it raises is left to the check to find again.

    rates: how long the steps are that its backward may make. Raises UsageError for what is spelled out and is
    not there.
    """
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
    parameters = find_parameters(settled, elsewhere, after, rates=rates)
    likely = [name for name in floats if not is_target(name)] or list(floats)[:1]
    result = without_kept(result, after, parameters, len(likely))
    named = result[1] if isinstance(result, tuple) and len(result) == 2 else result  # dx, {"W": dW}
    if isinstance(named, Mapping):
        known = {parameter.name for parameter in parameters}
        parameters += mapped_parameters(settled, elsewhere, named, known)
    elif isinstance(result, tuple | list) and len(result) > len(floats):
        known = {parameter.name for parameter in parameters}
        known |= {written(parameter.gradient) for parameter in parameters if parameter.gradient is not None}
        parameters += returned_parameters(settled, elsewhere, list(result[len(floats) :]), known)
    stored: Mapping[str, Place] = {}
    if not failed and (spelled.parameters or spelled.gradients):
        parameters = with_spelled(where, parameters, settled, after, spelled, inputs)
        stored = spelled_inputs(where, after, spelled, floats)
        owned = {name: array for name, array in owned.items() if name not in spelled.parameters}
    bare = _settle(made, settled, elsewhere, parameters, owned)
    prototype = _kept_only(bare, calls, inputs)
    late = _has_late_generator(made, settled)
    if prototype is None or late or len(prototype.parameters) < len(parameters):
        # Its first call makes what later ones keep, `gamma` beside `running_mean`, only all together.
        whole = _kept_only(_named_prototype(settled, parameters, owned), calls, inputs)
        if whole and (prototype is None or late or len(whole.parameters) > len(prototype.parameters)):
            prototype = whole
    prototype = _with_twins(prototype or bare, calls, inputs, outputs)
    if not failed:
        wanted = tuple(with_gradient(floats, result, after, prototype.parameters))
        wanted = tuple(name for name in floats if name in wanted or name in stored)
        wanted = _told_apart(wanted, floats, calls, settled, inputs, cotangents, result)
    found = Discovery(prototype, wanted, calls, shapes, stored=stored)
    if failed:
        return found
    noticed = notice(calls, found.prototype, inputs, cotangents)
    if not (spelled.parameters or spelled.gradients):
        noticed += _left_out(calls, found.prototype, settled, elsewhere, after, inputs, outputs)
    found = replace(found, noticed=tuple(noticed))
    calls, reduce, agrees = _reading(calls, found, inputs, outputs)
    return replace(found, calls=calls, reduce=reduce, doubtful=bool(reduce) and not agrees)


def _told_apart(
    wanted: tuple[str, ...],
    floats: Mapping[str, tuple[int, ...]],
    calls: Calls,
    settled: Any,
    inputs: Mapping[str, Array],
    cotangents: tuple[Array, ...],
    result: Any,
) -> tuple[str, ...]:
    """What a lone gradient is of, where several inputs have its shape: `A` and `X` of `A @ X @ W`.

    Along a direction in each, the first whose slope agrees; if none does, the first of all, as before.
    """
    shape = getattr(result, "shape", None)
    rivals = [name for name in floats if floats[name] == shape and not is_target(name)]
    if len(wanted) != 1 or wanted[0] not in rivals or len(rivals) < 2 or calls.backward.lone:
        return wanted
    step, direction = 1e-6, np.random.default_rng(0).standard_normal(shape)
    claimed = float(np.sum(result * direction))
    for name in rivals:
        slopes = []
        for side in (step, -step):
            there = {**copies(inputs), name: (inputs[name] + side * direction).astype(inputs[name].dtype)}
            try:
                outputs, _ = calls.run(Prototype(settled).born({}), there)
            except (Exception, SystemExit):
                return wanted
            pairs = zip(outputs, cotangents, strict=True)
            slopes.append(sum(float(np.sum(out * cotangent)) for out, cotangent in pairs) / (2 * step))
        slope = slopes[0] - slopes[1]
        if abs(claimed - slope) <= _AGREES * abs(slope):
            return (name,)
    return wanted


def _settle(
    made: Any, settled: Any, elsewhere: Any, parameters: list[Parameter], owned: Mapping[str, Array]
) -> Prototype:
    """The object before its first call, or, where that makes the parameters, before its second."""
    lazy = any(not isinstance(at(made, p.value), np.ndarray | float) for p in parameters)
    bare = without_caches(settled, elsewhere, made, parameters) if lazy else made
    return _named_prototype(bare, parameters, owned)


def _named_prototype(made: Any, parameters: list[Parameter], owned: Mapping[str, Array]) -> Prototype:
    return Prototype(made, tuple(_named_as_given(made, parameter, owned) for parameter in parameters))


def _has_late_generator(made: Any, settled: Any) -> bool:
    """Whether the first forward makes the object's own generator of random numbers, from the time of day."""
    kinds = (np.random.Generator, np.random.RandomState)
    return any(
        isinstance(value, kinds) and not isinstance(at(made, (step,)), kinds)
        for step, value in entries(settled)
    )


def _named_as_given(made: Any, parameter: Parameter, owned: Mapping[str, Array]) -> Parameter:
    """A parameter that was given to the constructor is called as its argument."""
    value = at(made, parameter.value)
    for name, array in owned.items():
        if array.shape == np.shape(value) and array.size and np.array_equal(array, value):
            return replace(parameter, name=name)
    return parameter


def _kept_only(prototype: Prototype, calls: Calls, inputs: Mapping[str, Array]) -> Prototype | None:
    """Without those that forward computes anew each time: they are caches. None if forward does not run."""
    values = {name: 1.01 * value + 0.01 for name, value in prototype.values().items()}
    born = prototype.born(values)
    try:
        calls.run(born, copies(inputs))
    except (Exception, SystemExit):
        return None
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


def _left_out(
    calls: Calls,
    prototype: Prototype,
    settled: Any,
    elsewhere: Any,
    after: Any,
    inputs: Mapping[str, Array],
    outputs: tuple[Array, ...],
) -> list[Violation]:
    """GC203 for arrays that forward computes with and backward says nothing of. Cost: a forward for each."""
    known = [value for array in prototype.values().values() for value in (array, array.T)]
    found: list[Violation] = []
    for place, value in unclaimed(prototype.made, settled, elsewhere, after):
        if any(np.array_equal(value, other) for other in known) or len(found) >= _MOST_LEFT_OUT:
            continue  # a parameter by another name
        one = Prototype(prototype.made, (Parameter("it", place, None),))
        try:
            moved, _ = calls.run(one.born({"it": 1.1 * value + 0.05}), copies(inputs))
        except (Exception, SystemExit):
            continue
        if any(not np.array_equal(a, b) for a, b in zip(moved, outputs, strict=False)):
            message = (
                f"{written(place)} was not compared: backward neither returns nor keeps a gradient of it"
            )
            found.append(Violation("GC203", message))
    return found


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
    if several and backward.lone and not found.wanted and found.prototype.parameters:
        return calls, *_reading_of_parameters(calls, found, inputs, outputs)
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
            gradient = found.of_inputs(read.pull(born, (), kept), born, ())[name]
            claimed = float(np.sum(np.asarray(gradient) * direction))
            for how, wanted in (("sum", slope), ("mean", slope / outputs[0].size)):
                if abs(claimed - wanted) < best[0]:
                    agrees = abs(claimed - wanted) <= _AGREES * abs(wanted)
                    best = abs(claimed - wanted), read, how if several else "", agrees
    except (Exception, SystemExit):  # the check will find it again, and say where
        return best[1:]
    return best[1:]


def _reading_of_parameters(
    calls: Calls, found: Discovery, inputs: Mapping[str, Array], outputs: tuple[Array, ...]
) -> tuple[str, bool]:
    """As `_reading`, of a loss that nothing but parameters have a gradient of."""
    step, rng = 1e-6, np.random.default_rng(0)
    values = found.prototype.values()
    moves = {name: np.asarray(rng.standard_normal(np.shape(value))) for name, value in values.items()}
    try:
        born = found.prototype.born({})
        _, kept = calls.run(born, copies(inputs))
        result = calls.pull(born, (), kept)
        parameters = found.prototype.parameters
        loose = [p.name for p in parameters if p.gradient is None and not p.updated]
        gradients = found.of_inputs(result, born, loose)
        gradients |= {p.name: at(born, p.gradient) for p in parameters if p.gradient is not None}
        claimed = sum(float(np.sum(np.asarray(g) * moves[name])) for name, g in gradients.items())
        there = found.prototype.born({name: values[name] + step * move for name, move in moves.items()})
        slope = float(np.sum(calls.run(there, copies(inputs))[0][0]) - np.sum(outputs[0])) / step
    except (Exception, SystemExit):  # the check will find it again, and say where
        return "sum", True
    for how, wanted in (("sum", slope), ("mean", slope / outputs[0].size)):
        if abs(claimed - wanted) <= _AGREES * abs(wanted):
            return how, True
    return "sum", any(bool(parameter.updated) for parameter in parameters)


def _cotangent(out: Array) -> Array:
    return np.asarray(np.random.default_rng(out.size).standard_normal(out.shape)).astype(out.dtype)
