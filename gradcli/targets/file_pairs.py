"""The pairs of a user's file or module as Problems, at the inputs that were asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradcli.arrays import Array
from gradcli.errors import NothingToCheck, TargetError, UsageError
from gradcli.layers import LAYERS, Layer
from gradcli.problem import Problem
from gradcli.spec import CheckSpec, derive_id
from gradcli.targets.advice import advise_in_shell, advise_in_yaml
from gradcli.targets.builtin import Declared, asked_or_declared, declared_inputs, implied_dims
from gradcli.targets.forward_call import argument_names, bind_forward, is_open_ended
from gradcli.targets.inputs import Given, draw, generator
from gradcli.targets.naming import LOOKED_FOR, Lone, Pair, find_pairs
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.pair import make_problem
from gradcli.targets.python_file import Loaded, within
from gradcli.targets.rerun import rerun_line


@dataclass(frozen=True, eq=False)
class Found:
    """A pair with its functions."""

    pair: Pair
    forward: Callable[..., Any]
    backward: Callable[..., Any]

    @property
    def arguments(self) -> tuple[str, ...]:
        return argument_names(self.forward)

    def takes(self, name: str) -> bool:
        """Whether forward can be given an argument of this name."""
        return name in self.arguments or is_open_ended(self.forward)


def resolve_pairs(
    spec: CheckSpec, place: str, symbol: str | None, loaded: Loaded, given: Given
) -> list[Problem]:
    """The pair called symbol, or without one every pair that the file defines, in order of definition.

    Raises TargetError for a symbol that is no pair, NothingToCheck if there is none at all, and UsageError
    for arguments: what all of the pairs are missing is said at once.
    """
    found = [_named(loaded, symbol)] if symbol is not None else _all_pairs(loaded)
    if symbol is None:
        _refuse_strays(loaded, found, given)
        if spec.options and len(found) > 1:
            names = ", ".join(one.pair.name for one in found)
            raise UsageError(f"{loaded.shown}: dimensions and options need one pair; name it: {names}")
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


def _all_pairs(loaded: Loaded) -> list[Found]:
    functions = _functions(loaded, list(loaded.lines))
    pairs, lone = find_pairs(functions)
    for half in lone:
        typo = _typo(half, functions, pairs)
        if typo or not pairs:
            raise TargetError(_lone(loaded, half, typo))
    if not pairs:
        raise NothingToCheck(f"{loaded.shown}: no pair to check; looked for {LOOKED_FOR}")
    return [_found(loaded, pair) for pair in pairs]


def _named(loaded: Loaded, symbol: str) -> Found:
    # What the file merely imports counts too, if it is asked for by name.
    functions = _functions(loaded, list(dict.fromkeys([*loaded.lines, *loaded.namespace])))
    pairs, lone = find_pairs(functions)
    for pair in pairs:
        if pair.name == symbol:
            return _found(loaded, pair)
    for half in lone:
        if symbol in (half.name, half.found):
            raise TargetError(_lone(loaded, half, _typo(half, functions, pairs)))
    if isinstance(loaded.namespace.get(symbol), type):
        raise TargetError(
            f"{_at(loaded, symbol)}: {symbol} is a class; gradcli checks pairs of functions: {LOOKED_FOR}"
        )
    names = [pair.name for pair in pairs]
    by_function = {function: pair.name for pair in pairs for function in (pair.forward, pair.backward)}
    near = (
        f"; did you mean {by_function[symbol]!r}?" if symbol in by_function else did_you_mean(symbol, names)
    )
    has = f"Its pairs: {', '.join(names)}" if names else f"It has no pair: looked for {LOOKED_FOR}"
    raise TargetError(f"{loaded.shown}: no pair {symbol!r}{near or '.'} {has}")


def _functions(loaded: Loaded, names: Sequence[str]) -> list[str]:
    return [
        name
        for name in names
        if callable(loaded.namespace.get(name)) and not isinstance(loaded.namespace[name], type)
    ]


def _found(loaded: Loaded, pair: Pair) -> Found:
    return Found(pair, loaded.namespace[pair.forward], loaded.namespace[pair.backward])


def _typo(half: Lone, functions: list[str], pairs: list[Pair]) -> str:
    """A function outside the pairs whose name is nearly that of the missing half."""
    paired = {name for pair in pairs for name in (pair.forward, pair.backward)}
    spare = [name for name in functions if name not in paired and name != half.found]
    return did_you_mean(half.missing, spare, cutoff=0.9)


def _lone(loaded: Loaded, half: Lone, typo: str) -> str:
    return f"{_at(loaded, half.found)}: {half.found} has no {half.missing}{typo}"


def _at(loaded: Loaded, name: str) -> str:
    line = loaded.lines.get(name)
    return f"{loaded.shown}:{line}" if line else loaded.shown


def _refuse_strays(loaded: Loaded, found: list[Found], given: Given) -> None:
    for name in [*given.specs, *given.arrays, *given.constants]:
        if not any(one.takes(name) for one in found):
            known = list(dict.fromkeys(argument for one in found for argument in one.arguments))
            near = did_you_mean(name, known)
            listed = "; ".join(f"{one.pair.forward}({', '.join(one.arguments)})" for one in found)
            raise UsageError(
                f"{loaded.shown}: no forward has an argument {name!r}{near or '.'} There are {listed}"
            )


def _own(given: Given, one: Found) -> Given:
    """What of this is for one pair of several."""

    def mine(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if one.takes(name)}

    return replace(given, specs=mine(given.specs), arrays=mine(given.arrays), constants=mine(given.constants))


def _problem(spec: CheckSpec, place: str, one: Found, alone: bool, loaded: Loaded, given: Given) -> Problem:
    where = f"{loaded.shown}:{one.pair.name}"
    target = f"{place}:{one.pair.name}"
    layer = LAYERS.get(one.pair.name)
    declared, constants = _from_layer(where, spec, layer, one, given)
    constants |= {name: value for name, value in given.optional.items() if name in one.arguments}
    constants |= given.constants
    if spec.id is None or spec.id == derive_id(spec.target, spec.options):
        check_id = derive_id(target, spec.options)
    else:
        check_id = spec.id if alone else f"{spec.id}:{one.pair.name}"
    asked = dict(given.specs)
    names = [*dict.fromkeys([*given.arrays, *asked, *declared])]
    advise = advise_in_yaml if spec.origin is not None else advise_in_shell
    bind_forward(
        where,
        one.forward,
        names,
        constants,
        by_position=False,
        advise=lambda missing: advise(missing, _known_shapes(layer, one, given)),
    )
    inputs: dict[str, Array] = dict(given.arrays)
    for name in names:
        if name not in inputs:
            drawn = asked_or_declared(asked.get(name), declared[name]) if name in declared else asked[name]
            kind = declared[name].kind if name in declared else None
            inputs[name] = draw(name, drawn, spec.dtype, generator(spec.settings.seed, check_id, name), kind)
    rerun = rerun_line(
        replace(spec, constants=given.constants),
        id=check_id,
        target=target,
        options=spec.options,
        inputs=asked,
    )
    problem = make_problem(
        one.forward,
        one.backward,
        {name: inputs[name] for name in names},
        constants,
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


def _from_layer(
    where: str, spec: CheckSpec, layer: Layer | None, one: Found, given: Given
) -> tuple[dict[str, Declared], dict[str, Any]]:
    """Inputs and constants for a pair named like a built-in layer whose dimensions are given."""
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


def _known_shapes(layer: Layer | None, one: Found, given: Given) -> dict[str, tuple[int, ...]]:
    """Shapes to suggest from: those that are given, and those of the built-in layer of that name."""
    if layer is None:
        return given.shapes
    try:
        return {**layer.shapes(layer.validate(implied_dims(layer, given.shapes))), **given.shapes}
    except UsageError:
        return given.shapes
