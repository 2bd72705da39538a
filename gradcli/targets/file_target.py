"""What a user's file or module holds as Problems, at the inputs that were asked for."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradcli.arrays import Array
from gradcli.errors import LackingError, Unmatched, UsageError
from gradcli.layers import LAYERS, Layer
from gradcli.problem import Problem
from gradcli.spec import CheckSpec, InputSpec, default_id
from gradcli.targets.advice import advise_in_shell, advise_in_yaml
from gradcli.targets.builtin import Declared, asked_or_declared, declared_inputs, implied_dims
from gradcli.targets.classes import as_spelled
from gradcli.targets.convention import Checkable
from gradcli.targets.conventions import find_all, find_named, find_order
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.inputs import Given, draw, generator
from gradcli.targets.label import Label
from gradcli.targets.misspelt_methods import misspelt
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.opened import Opened
from gradcli.targets.python_file import Loaded, within
from gradcli.targets.rerun import rerun_line

if TYPE_CHECKING:
    from gradcli.targets.inference.search import Build

_WEIGHT = re.compile(r"b|bias(es)?|w|weights?|gamma|beta", re.IGNORECASE)


def open_file(spec: CheckSpec, place: str, symbol: str | None, loaded: Loaded, given: Given) -> list[Opened]:
    """What is called symbol, or without one everything that the file defines, in order of definition.

    Raises TargetError for a symbol that cannot be checked, NothingToCheck if there is nothing at all, and
    UsageError for arguments that nothing in the file takes; each one's problem raises UsageError for what
    it lacks.
    """
    found = _found(spec, symbol, loaded)
    if symbol is None:
        _refuse_strays(loaded, found, given)
        if spec.options and len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise UsageError(f"{loaded.shown}: dimensions and options need one target; name it: {names}")

    def opened(one: Checkable) -> Opened:
        own = given if symbol is not None else _own(given, one)
        asked = _declared_of(spec, one, found)
        id, target = _id(spec, place, one, len(found) == 1), f"{place}:{one.name}"
        return Opened(id, target, lambda: _problem(asked, target, one, id, loaded, own))

    claimed = {part for one in found for part in one.symbols}
    left = [name for name in loaded.lines if name not in claimed] if symbol is None else []
    return [*map(opened, found), *(_unfit(spec, place, *slip) for slip in misspelt(loaded, left))]


def _unfit(spec: CheckSpec, place: str, name: str, why: str) -> Opened:
    """What would be a check but for a slip in a name: it is said, and the others are run."""

    def problem() -> Problem:
        raise UsageError(why)

    target = f"{place}:{name}"
    return Opened(default_id(replace(spec, target=target)), target, problem)


def _found(spec: CheckSpec, symbol: str | None, loaded: Loaded) -> list[Checkable]:
    if spec.spelling.tape is not None:
        from gradcli.targets import spelled_tape  # few checks spell one out

        return spelled_tape.find(loaded, symbol, spec.spelling.tape)
    if spec.order is not None:
        return find_order(loaded, symbol, spec.order)
    found = find_named(loaded, symbol) if symbol is not None else find_all(loaded)
    spelled = spec.spelling.object
    return found if spelled is None else [as_spelled(loaded, one, spelled) for one in found]


def _id(spec: CheckSpec, place: str, one: Checkable, alone: bool) -> str:
    """An id that was given is that of one check; of several, each adds its name."""
    if spec.id is None or spec.id == default_id(spec):
        return default_id(replace(spec, target=f"{place}:{one.name}"))
    return spec.id if alone else f"{spec.id}:{one.name}"


def _refuse_strays(loaded: Loaded, found: list[Checkable], given: Given) -> None:
    for name in [*given.specs, *given.arrays, *given.constants]:
        if not any(one.takes(name) for one in found):
            known = list(dict.fromkeys(argument for one in found for argument in one.arguments))
            near = did_you_mean(name, known)
            listed = "; ".join(one.shown for one in found)
            raise UsageError(
                f"{loaded.shown}: no forward has an argument {name!r}{near or '.'} There are {listed}"
            )


def _own(given: Given, one: Checkable) -> Given:
    """What of this is for one of several."""

    def mine(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if one.takes(name)}

    return replace(given, specs=mine(given.specs), arrays=mine(given.arrays), constants=mine(given.constants))


def _declared_of(spec: CheckSpec, one: Checkable, found: list[Checkable]) -> CheckSpec:
    """With those declarations that are about one of several; what names an input of none is left to fail."""
    strays = {name for name in spec.declarations.named if not any(other.takes(name) for other in found)}
    about = spec.declarations.about(lambda name: one.takes(name) or name in strays)
    return replace(spec, declarations=about)


def _problem(spec: CheckSpec, target: str, one: Checkable, id: str, loaded: Loaded, given: Given) -> Problem:
    """The Problem at what was given; what is missing is inferred."""
    one = one.without(spec.declarations.without_gradient)
    passed = _settings(one, loaded, given)
    if passed:
        given = replace(given, optional={**given.optional, **{n: value for n, (value, _) in passed.items()}})
        found = _problem_of(spec, target, one, id, loaded, given)
        return replace(found, remarks=(*found.remarks, *(told for _, told in passed.values())))
    return _problem_of(spec, target, one, id, loaded, given)


def _settings(one: Checkable, loaded: Loaded, given: Given) -> dict[str, tuple[Any, str]]:
    """Objects that its functions want, where nothing else will do, and the file shows what is meant."""
    missing = [] if one.wraps else _missing(one, given)
    if not missing:
        return {}
    from gradcli.targets.inference.settings import settings_for  # explicit checks start sooner

    return settings_for(one.functions, missing, loaded.namespace)


def _problem_of(
    spec: CheckSpec, target: str, one: Checkable, id: str, loaded: Loaded, given: Given
) -> Problem:
    def build(inputs: Mapping[str, InputSpec], constants: Mapping[str, object]) -> Problem:
        more = replace(given, specs={**given.specs, **inputs}, constants={**given.constants, **constants})
        return _at(spec, target, one, id, loaded, more)

    missing = _missing(one, given)
    if spec.options or not missing or not all(map(one.takes, [*given.shapes, *given.constants])):
        return build({}, {})
    from gradcli.targets.inference import (
        NothingFits,
        half_read,
        infer,
        is_windowed,
        of_many_windows,
        other_values,
        problem_of,
        unguessable,
    )  # explicit checks start sooner

    reason = None if one.wraps else unguessable(one.functions, missing)
    reason = reason or half_read(one.functions[0], missing)
    if reason is not None:
        raise UsageError(f"{loaded.shown}:{one.name}: {reason}")
    try:
        left_out, budget = _optional(one, given), spec.settings.budget
        found = infer(one, missing, given.shapes, build, optional=left_out, budget=budget)
    except NothingFits as nothing:
        reason = None if one.wraps else unguessable(one.functions, one.missing(()))
        told = f"{loaded.shown}:{one.name}: {reason}" if reason is not None else _asked(build, str(nothing))
        raise UsageError(told) from nothing
    except LackingError as lacking:
        raise UsageError(f"{loaded.shown}:{one.name}: {lacking}") from lacking
    except Unmatched as unmatched:
        raise UsageError(f"{loaded.shown}:{one.name}: {unmatched.message}") from unmatched
    several = not given.shapes and spec.inputs_file is None
    said = {*given.constants, *given.arrays, *found.names}
    values = other_values(one, said)
    lengths = of_many_windows(found) if is_windowed(one) else ()
    problem = problem_of(found, one.functions, build, several=several, values=values, lengths=lengths)
    if problem.inferred is None:
        return problem
    return replace(problem, inferred=replace(problem.inferred, seconds=found.seconds))


def _optional(one: Checkable, given: Given) -> list[str]:
    """Arrays that may be left out, `bias=None`: what is never given is never checked."""
    if given.shapes or given.constants:
        return []
    return [
        parameter.name
        for parameter in parameters_of(one.functions[0]) or ()
        if parameter.default is None and _WEIGHT.fullmatch(parameter.name) and one.takes(parameter.name)
    ]


def _missing(one: Checkable, given: Given) -> list[str]:
    return one.missing({*given.specs, *given.arrays, *given.constants, *given.optional})


def _asked(build: "Build", raised: str) -> str:
    """What is missing, and what came of guessing it."""
    try:
        build({}, {})
    except UsageError as error:
        return f"{error}; guesses were tried: {raised}" if raised not in str(error) else str(error)
    return raised


def _at(spec: CheckSpec, target: str, one: Checkable, id: str, loaded: Loaded, given: Given) -> Problem:
    where = f"{loaded.shown}:{one.name}"
    layer = LAYERS.get(one.name)
    declared, constants = _from_layer(where, spec, layer, one, given)
    constants |= {name: value for name, value in given.optional.items() if name in one.arguments}
    constants |= given.constants
    asked = dict(given.specs)
    names = [*dict.fromkeys([*given.arrays, *asked, *declared])]
    advise = advise_in_yaml if spec.origin is not None else advise_in_shell
    one.bind(where, names, constants, lambda missing: advise(missing, _known_shapes(layer, given)))
    inputs: dict[str, Array] = dict(given.arrays)
    for name in names:
        if name not in inputs:
            drawn = asked_or_declared(asked.get(name), declared[name]) if name in declared else asked[name]
            kind = declared[name].kind if name in declared else None
            inputs[name] = draw(name, drawn, spec.dtype, generator(spec.settings.seed, id, name), kind)
    rerun = rerun_line(
        replace(spec, constants=given.constants),
        id=id,
        target=target,
        options=spec.options,
        inputs=asked,
    )
    problem = one.problem(
        {name: inputs[name] for name in names},
        constants,
        Label(id, target, where, None if given.unrepeatable else rerun),
    )
    return replace(
        problem,
        forward=within(loaded.roots, problem.forward),
        backward=within(loaded.roots, problem.backward),
        spec=replace(spec, constants=given.constants),  # with those that were inferred
        remarks=(*problem.remarks, *loaded.left_out),
    )


def _from_layer(
    where: str, spec: CheckSpec, layer: Layer | None, one: Checkable, given: Given
) -> tuple[dict[str, Declared], dict[str, Any]]:
    """Inputs and constants for what is named like a built-in layer whose dimensions are given."""
    if not spec.options:
        return {}, {}
    if layer is None:
        raise UsageError(
            f"{where}: declares no option {next(iter(spec.options))!r}; "
            "give its arguments with --input NAME=SHAPE and --set NAME=VALUE"
        )
    values = layer.validate({**implied_dims(layer, given.shapes), **spec.options})
    declared = {
        name: item
        for name, item in declared_inputs(layer, values).items()
        if name in one.arguments and name not in given.constants
    }
    constants = {
        name: value
        for name, value in layer.constants(values).items()
        if name in spec.options or name in one.arguments
    }
    return declared, {name: value for name, value in constants.items() if name not in given.shapes}


def _known_shapes(layer: Layer | None, given: Given) -> dict[str, tuple[int, ...]]:
    """Shapes to suggest from: those that are given, and those of the built-in layer of that name."""
    if layer is None:
        return given.shapes
    try:
        return {**layer.shapes(layer.validate(implied_dims(layer, given.shapes))), **given.shapes}
    except UsageError:
        return given.shapes
