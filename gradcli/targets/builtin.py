"""A built-in layer as a Problem, through the same door as a user's pair."""

import math
from collections.abc import Mapping
from dataclasses import replace

from gradcli.dataclass import dataclass
from gradcli.errors import UsageError
from gradcli.layers import Layer
from gradcli.layers.declaration import Value, evaluate
from gradcli.problem import Problem
from gradcli.spec import CheckSpec, InputSpec, derive_id
from gradcli.targets.inputs import Given, draw, generator
from gradcli.targets.label import Label
from gradcli.targets.notation import format_shape
from gradcli.targets.opened import Opened
from gradcli.targets.pair import make_problem
from gradcli.targets.rerun import rerun_line

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Declared:
    """How a layer's input is drawn."""

    spec: InputSpec
    kind: str  # as in `declaration.Input`


def open_layer(spec: CheckSpec, layer: Layer, given: Given) -> Opened:
    """A built-in layer.

    Dimensions follow from the options, else from the shapes of inputs that are given, else from the defaults.
    Raises UsageError for values that the layer does not take, and for shapes that do not fit.
    """
    archived = {
        option.name: given.optional[option.name] for option in layer.options if option.name in given.optional
    }
    options = {**archived, **spec.options, **given.constants}
    for name in spec.options.keys() & given.constants.keys():
        raise UsageError(f"{layer.name}: {name} is given twice, as an option and as a constant")
    values = layer.validate(implied_dims(layer, given.shapes) | options)
    _require_shapes(layer, values, given.shapes)
    check_id = spec.id if spec.id is not None else derive_id(layer.name, values)
    return Opened(check_id, layer.name, lambda: _problem(spec, layer, check_id, values, given))


def _problem(
    spec: CheckSpec, layer: Layer, check_id: str, values: Mapping[str, Value], given: Given
) -> Problem:
    inputs = dict(given.arrays)
    for name, declared in declared_inputs(layer, values).items():
        if name not in inputs:
            rng = generator(spec.settings.seed, check_id, name)
            inputs[name] = draw(
                name, asked_or_declared(given.specs.get(name), declared), spec.dtype, rng, declared.kind
            )
    for name, asked in given.specs.items():  # what the layer does not have; said below with its arguments
        inputs.setdefault(name, draw(name, asked, spec.dtype, generator(0, check_id, name)))
    module = layer.module()
    problem = make_problem(
        getattr(module, f"{layer.name}_forward"),
        getattr(module, f"{layer.name}_backward"),
        inputs,
        layer.constants(values),
        Label(check_id, layer.name, layer.name, _rerun(spec, layer, check_id, values, given)),
        output_names=layer.output_names,
        nograd=spec.declarations.without_gradient,
    )
    return replace(problem, spec=spec)


def declared_inputs(layer: Layer, values: Mapping[str, Value]) -> dict[str, Declared]:
    """What a layer's declaration says about each of its inputs, for these dimensions and options."""
    shapes = layer.shapes(values)
    found = {}
    for item in layer.inputs:
        dtype = {"integer": "int64", "mask": "bool"}.get(item.kind)
        scale = 1 / math.sqrt(max(1, evaluate(item.fan_in, values))) if item.kind == "weight" else 1.0
        high = evaluate(item.high, values)
        found[item.name] = Declared(InputSpec(shapes[item.name], dtype, scale, item.offset, high), item.kind)
    return found


def asked_or_declared(asked: InputSpec | None, declared: Declared) -> InputSpec:
    """What was asked for; where that is no more than a shape, the declaration says the rest."""
    if asked is None:
        return declared.spec
    return replace(declared.spec, shape=asked.shape) if asked == InputSpec(asked.shape) else asked


def implied_dims(layer: Layer, shapes: Mapping[str, Shape]) -> dict[str, object]:
    """The dimensions that these inputs' shapes say, where the declaration names them plainly."""
    names = {dim.name for dim in layer.dims}
    found: dict[str, object] = {}
    for item in layer.inputs:
        for symbol, length in zip(item.shape, shapes.get(item.name, ()), strict=False):
            if symbol in names:
                found.setdefault(str(symbol), length)
    return found


def _require_shapes(layer: Layer, values: Mapping[str, Value], shapes: Mapping[str, Shape]) -> None:
    expected = layer.shapes(values)
    for item in layer.inputs:
        shape = shapes.get(item.name)
        if shape is not None and shape != expected[item.name]:
            symbols = ", ".join(map(str, item.shape))
            raise UsageError(
                f"{layer.name}: {item.name} has shape {format_shape(shape)}; "
                f"expected {format_shape(expected[item.name])}, that is ({symbols})"
            )


def _rerun(
    spec: CheckSpec, layer: Layer, check_id: str, values: Mapping[str, Value], given: Given
) -> str | None:
    if given.unrepeatable:
        return None
    dims = {dim.name: values[dim.name] for dim in layer.dims}
    changed = {
        option.name: values[option.name] for option in layer.options if values[option.name] != option.default
    }
    options_only = replace(spec, constants={})  # a layer's constants are its options
    return rerun_line(
        options_only, id=check_id, target=layer.name, options=dims | changed, inputs=given.specs
    )
