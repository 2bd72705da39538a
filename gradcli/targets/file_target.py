"""What a user's file or module holds as Problems, at the inputs that were asked for."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import UsageError
from gradcli.layers import LAYERS, Layer
from gradcli.problem import Problem
from gradcli.spec import CheckSpec, InputSpec, derive_id
from gradcli.targets.advice import advise_in_shell, advise_in_yaml
from gradcli.targets.builtin import Declared, asked_or_declared, declared_inputs, implied_dims
from gradcli.targets.convention import Checkable
from gradcli.targets.conventions import find_all, find_named
from gradcli.targets.infer import Inferred, infer
from gradcli.targets.inputs import Given, draw, generator
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.notation import format_constant, format_input
from gradcli.targets.python_file import Loaded, within
from gradcli.targets.rerun import rerun_line


def resolve_file(
    spec: CheckSpec, place: str, symbol: str | None, loaded: Loaded, given: Given
) -> list[Problem]:
    """What is called symbol, or without one everything that the file defines, in order of definition.

    Raises TargetError for a symbol that cannot be checked, NothingToCheck if there is nothing at all, and
    UsageError for arguments: what all are missing is said at once.
    """
    found = [find_named(loaded, symbol)] if symbol is not None else find_all(loaded)
    if symbol is None:
        _refuse_strays(loaded, found, given)
        if spec.options and len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise UsageError(f"{loaded.shown}: dimensions and options need one target; name it: {names}")
    problems, mistakes = [], []
    for one in found:
        own = given if symbol is not None else _own(given, one)
        try:
            problems.append(_problem(spec, place, one, len(found) == 1, loaded, own))
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return problems


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


def _problem(
    spec: CheckSpec, place: str, one: Checkable, alone: bool, loaded: Loaded, given: Given
) -> Problem:
    where = f"{loaded.shown}:{one.name}"
    target = f"{place}:{one.name}"
    layer = LAYERS.get(one.name)
    declared, constants = _from_layer(where, spec, layer, one, given)
    constants |= {name: value for name, value in given.optional.items() if name in one.arguments}
    constants |= given.constants
    if spec.id is None or spec.id == derive_id(spec.target, spec.options):
        check_id = derive_id(target, spec.options)
    else:
        check_id = spec.id if alone else f"{spec.id}:{one.name}"
    names = list(dict.fromkeys([*given.arrays, *given.specs, *declared]))

    def made(more: Mapping[str, InputSpec], usual: Mapping[str, object]) -> Problem:
        """The Problem with these inputs and constants beside those that are given."""
        asked = {**given.specs, **more}
        inputs: dict[str, Array] = dict(given.arrays)
        for name in [*names, *more]:
            if name not in inputs:
                drawn = (
                    asked_or_declared(asked.get(name), declared[name]) if name in declared else asked[name]
                )
                kind = declared[name].kind if name in declared else None
                rng = generator(spec.settings.seed, check_id, name)
                inputs[name] = draw(name, drawn, spec.dtype, rng, kind)
        rerun = rerun_line(
            replace(spec, constants={**given.constants, **usual}),
            id=check_id,
            target=target,
            options=spec.options,
            inputs=asked,
        )
        problem = one.problem(
            inputs,
            {**constants, **usual},
            id=check_id,
            target=target,
            where=where,
            rerun=None if given.unrepeatable else rerun,
        )
        return replace(
            problem,
            forward=within(loaded.folder, problem.forward),
            backward=within(loaded.folder, problem.backward),
        )

    missing = one.missing([*names, *constants])
    strays = [name for name in [*names, *constants] if not one.takes(name)]
    inferred = None if strays or not missing else infer(one, missing, made, given.shapes)
    if inferred is not None:
        problem = made(inferred.specs, inferred.constants)
        return replace(problem, remarks=(*problem.remarks, f"inferred: {_as_flags(inferred)}"))
    advise = advise_in_yaml if spec.origin is not None else advise_in_shell
    one.bind(where, names, constants, lambda missing: advise(missing, _known_shapes(layer, given)))
    return made({}, {})


def _drawn(
    name: str,
    asked: Mapping[str, InputSpec],
    declared: Mapping[str, Declared],
    dtype: str,
    rng: np.random.Generator,
) -> Array:
    """An input as it was asked for; what that leaves open is as the built-in layer of this name has it."""
    if name not in declared:
        return draw(name, asked[name], dtype, rng)
    return draw(name, asked_or_declared(asked.get(name), declared[name]), dtype, rng, declared[name].kind)


def _as_flags(inferred: Inferred) -> str:
    """What was inferred, as it is written on a command line."""
    words = [
        word for name, spec in inferred.specs.items() for word in ("--input", format_input(name, spec) or "")
    ]
    for name, value in inferred.constants.items():
        words += ["--set", format_constant(name, value) or ""]
    return shlex.join(words)


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
