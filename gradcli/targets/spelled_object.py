"""Objects whose parameters, gradients and making a config spells out."""

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from gradcli.errors import TargetError, UsageError, first_line
from gradcli.generators import fixed_generators
from gradcli.spec import ObjectSpelling
from gradcli.targets.near_miss import did_you_mean
from gradcli.targets.parameters import Parameter
from gradcli.targets.places import Attribute, Item, Place, at, entries, holders, written
from gradcli.targets.spelling import is_place
from gradcli.targets.user_expression import UserExpression


def made_by(where: str, expression: str, namespace: Mapping[str, Any], cls: type) -> Any:
    """The object that an expression of a config makes. Raises UsageError if that is none of the class."""
    make = UserExpression(where, "constructor", expression, namespace)
    try:
        with fixed_generators():
            made = make()
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise make.mistake(f"raised {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(made, cls):
        raise make.mistake(f"makes a {type(made).__name__}; expected a {cls.__name__}")
    return made


def require_arguments(where: str, given: Collection[str], known: Sequence[str], cls: type) -> None:
    """Raise UsageError for what a constructor does not take."""
    for name in given:
        if name not in known:
            near = did_you_mean(name, known) or "."
            there = ", ".join(known) or "none"
            raise UsageError(
                f"{where}: constructor: {cls.__name__} takes no {name!r}{near} There are {there}"
            )


def with_spelled(
    where: str,
    found: list[Parameter],
    settled: Any,
    after: Any,
    spelled: ObjectSpelling,
    inputs: Collection[str],
) -> list[Parameter]:
    """The parameters that were found, with those of a config beside or in place of them.

    settled, after: the object after its forward and after its backward; inputs: forward's arguments.
    Raises UsageError for places that are not there.
    """
    by_name = {one.name: one for one in found}
    for name in dict.fromkeys([*spelled.parameters, *spelled.gradients]):
        if name in inputs and name not in spelled.parameters:
            continue
        if name in spelled.parameters:
            place = _place(spelled.parameters[name])
        else:
            place = by_name[name].value if name in by_name else (Attribute(name),)
        _require_floats(where, name, place, settled, is_said=name in spelled.parameters)
        same = next((one for one in found if one.value == place), None)
        gradient = None if same is None else same.gradient
        if name in spelled.gradients:
            gradient = _place(spelled.gradients[name])
            _require_there(where, f"gradients.{name}", gradient, after, "backward")
        if same is not None:
            by_name = {key: one for key, one in by_name.items() if one is not same}
        updated = same.updated if same is not None and gradient is None else 0.0
        by_name[name] = Parameter(name, place, gradient, updated)
    return list(by_name.values())


def spelled_inputs(
    where: str, after: Any, spelled: ObjectSpelling, inputs: Collection[str]
) -> dict[str, Place]:
    """Where the object keeps the gradients of forward's own arguments, as a config says."""
    found = {name: _place(text) for name, text in spelled.gradients.items() if name in inputs}
    for name, place in found.items():
        _require_there(where, f"gradients.{name}", place, after, "backward")
    return found


def _require_floats(where: str, name: str, place: Place, settled: Any, *, is_said: bool) -> None:
    key = f"parameters.{name}" if is_said else f"gradients.{name}"
    value = at(settled, place)
    if value is None and not is_said:
        raise UsageError(
            f"{where}: {key}: {name} is neither an argument of forward nor a parameter that is found; "
            f"say where it is: parameters: {{{name}: …}}. {_holds(settled)}"
        )
    _require_there(where, key, place, settled, "forward")
    is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    if not is_array and not isinstance(value, float | np.floating):
        kind = f"{value.dtype} array" if isinstance(value, np.ndarray) else type(value).__name__
        raise UsageError(f"{where}: {key}: {written(place)} is a {kind}; expected an array of floats")


def _require_there(where: str, key: str, place: Place, holder: Any, after: str) -> None:
    if at(holder, place) is None and not _is_empty(holder, place):
        raise UsageError(f"{where}: {key}: after {after} there is no {written(place)}. {_holds(holder)}")


def _is_empty(holder: Any, place: Place) -> bool:
    """Whether there is None: a gradient that backward forgot is the check's to find."""
    return any(step == place[-1] for step, _ in entries(at(holder, place[:-1])))


def _holds(holder: Any) -> str:
    found = [
        written((*place, step))
        for place, held in holders(holder)
        for step, value in entries(held)
        if isinstance(value, np.ndarray | np.floating | float)
    ]
    shown = [*found[:12], "…"] if len(found) > 12 else found
    return f"It holds {', '.join(shown)}" if found else "It holds no arrays"


def _place(text: str) -> Place:
    """`layers[0].W` as a place."""
    if not is_place(text):
        raise TargetError(f"{text!r} is no place in an object; write it as layers[0].W or params['W']")
    steps: list[Attribute | Item] = []
    node: ast.expr = ast.parse(text, mode="eval").body
    while not isinstance(node, ast.Name):
        assert isinstance(node, ast.Subscript | ast.Attribute)
        step = Attribute(node.attr) if isinstance(node, ast.Attribute) else Item(ast.literal_eval(node.slice))
        steps.append(step)
        node = node.value
    steps += [] if node.id == "self" and steps else [Attribute(node.id)]
    return tuple(reversed(steps))
