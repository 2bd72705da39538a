"""Declarations meet what they are about: the problem they are said of, and the result it had."""

import ast
import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcli import expression
from gradcli.declarations import EVERY, Declarations
from gradcli.errors import UsageError
from gradcli.problem import Declared, Hold, Problem
from gradcli.result import FAIL, PASS, CheckResult, Violation
from gradcli.targets.near_miss import did_you_mean

_STALE = "GC112"


def declare(declarations: Declarations, problem: Problem) -> Problem:
    """The problem with its declarations worked out, and so are its other cases.

    Raises UsageError for an input that it does not have and for a factor that cannot be worked out.
    """
    if declarations == Declarations():
        return problem
    inside = [name for name in declarations.stop_gradient if not _is_argument(name, problem)]
    _require_known(declarations, problem, inside)
    factors, told = _factors(declarations, problem)
    surrogate = declarations.surrogate
    names = (surrogate.gradients or problem.differentiable) if surrogate else ()
    if surrogate:
        told.append(f"{' and '.join(surrogate.gradients) or 'every gradient'} may differ: {surrogate.reason}")
    if declarations.nograd:
        told.append(f"{', '.join(declarations.nograd)} not compared (nograd)")
    if declarations.stop_gradient:
        outside = [name for name in declarations.stop_gradient if name not in inside]
        if outside:
            told.append(f"no gradient through {', '.join(outside)}, not compared (stop_gradient)")
    if inside:
        told.append(f"no gradient through {', '.join(inside)}, held constant in forward (stop_gradient)")
    inferred = problem.inferred
    if inferred is not None:
        inferred = replace(
            inferred,
            others=_each(declarations, inferred.others),
            smaller=_each(declarations, inferred.smaller),
            narrower=tuple,
        )
    return replace(
        problem,
        nograd=problem.nograd | declarations.without_gradient,
        declared=Declared(
            factors={**problem.declared.factors, **factors},
            constant=tuple(name for name in declarations.stop_gradient if name in problem.inputs),
            surrogates=dict.fromkeys(names, surrogate.reason) if surrogate else {},
        ),
        hold=_hold(problem, inside) if inside else None,
        remarks=(*problem.remarks, *(f"declared: {line}" for line in told)),
        inferred=inferred,
    )


def judged(
    declarations: Declarations, result: CheckResult, *, today: Callable[[], datetime.date] | None = None
) -> CheckResult:
    """The result held against what was expected of it.

    A surrogate that differs nowhere, and a check that passes although it is expected to fail, fail with
    GC112. One that fails as expected says so in `expected`, until that expires.
    """
    if result.interrupted:
        return result
    if declarations.surrogate is not None:
        result = _with_surrogate(declarations, result)
    xfail = declarations.xfail
    if xfail is None:
        return result
    if xfail.has_expired((today or datetime.date.today)()):
        return replace(
            result, remarks=(*result.remarks, f"xfail expired after {xfail.until}: {xfail.reason}")
        )
    if result.verdict == FAIL:
        return replace(result, expected=xfail.reason)
    if result.verdict == PASS:
        message = (
            f"it passes, and is declared xfail ({xfail.reason}): what was wrong is right now; "
            "remove the declaration"
        )
        return _failing(result, Violation(_STALE, message))
    return result


def _with_surrogate(declarations: Declarations, result: CheckResult) -> CheckResult:
    assert declarations.surrogate is not None
    reason, named = declarations.surrogate.reason, declarations.surrogate.gradients
    right = [name for name, gradient in result.gradients.items() if gradient.verdict == PASS]
    if result.verdict != PASS:
        return result
    if named:
        stale = [name for name in named if name in right]
    else:
        stale = right if len(right) == len(result.gradients) else []
    for name in stale:
        message = (
            f"the gradient of {name} is declared a surrogate ({reason}), but it is that of forward: "
            "remove the declaration"
        )
        result = _failing(result, Violation(_STALE, message, name))
    return result


def _failing(result: CheckResult, violation: Violation) -> CheckResult:
    violations = tuple(sorted((*result.violations, violation), key=lambda one: one.is_warning))
    return replace(result, verdict=FAIL, violations=violations)


def _each(
    declarations: Declarations, problems: Callable[[], Iterable[Problem]]
) -> Callable[[], Iterator[Problem]]:
    def declared() -> Iterator[Problem]:
        for problem in problems():
            yield declare(declarations, problem)

    return declared


def _hold(problem: Problem, names: Sequence[str]) -> Hold:
    from gradcli.held import hold  # rewrites source: few checks need it

    return hold(problem, names)


def _is_argument(name: str, problem: Problem) -> bool:
    return name in problem.inputs or name in problem.constants


def _require_known(declarations: Declarations, problem: Problem, inside: Sequence[str]) -> None:
    """inside: variables of forward, which are looked for there."""
    for name, keys in declarations.named.items():
        if name in inside and keys == ["stop_gradient"]:
            continue
        if name in problem.inputs:
            if problem.inputs[name].dtype.kind != "f" and keys[0] != "nograd":
                dtype = problem.inputs[name].dtype
                raise UsageError(f"{keys[0]}: {name} is {dtype} and has no gradient")
            continue
        if name in problem.constants and keys[0] in ("nograd", "stop_gradient"):
            continue  # it is one already: this convention compares only what has a gradient
        near = did_you_mean(name, problem.inputs)
        there = ", ".join(problem.inputs)
        raise UsageError(f"{keys[0]}: {problem.target} has no input {name!r}{near or f'; it has {there}'}")


def _factors(declarations: Declarations, problem: Problem) -> tuple[dict[str, float], list[str]]:
    """By gradient what its derivative is multiplied by, and how a report says so."""
    gone = declarations.without_gradient
    names = [name for name in problem.differentiable if name not in gone]
    scales = {**dict.fromkeys(names, declarations.scale.get(EVERY, "1")), **_own(declarations.scale)}
    signs = {**dict.fromkeys(names, declarations.sign.get(EVERY, 1)), **_own(declarations.sign)}
    sizes = _Sizes(problem)
    factors: dict[str, float] = {}
    told: dict[str, list[str]] = {}
    for name in names:
        text = scales[name]
        try:
            factor = expression.number(text, sizes)
        except expression.UnknownName as error:
            raise UsageError(f"scale: {error}; known are {sizes.listed()}") from None
        except UsageError as error:
            raise UsageError(f"scale: {error}") from None
        if factor == 0:
            raise UsageError(f"scale: {text} is 0, and 0 times any gradient is 0; declare nograd instead")
        factors[name] = factor * signs[name]
        if factor != 1:
            told.setdefault(f"scaled by {_shown(text, factor)}", []).append(name)
        if signs[name] != 1:
            told.setdefault("the negative of the derivative (sign: -1)", []).append(name)
    lines = [
        f"{', '.join(those)} {'is' if len(those) == 1 else 'are'} {what}" for what, those in told.items()
    ]
    return {name: factor for name, factor in factors.items() if factor != 1}, lines


def _own(values: "dict[str, Any] | Any") -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != EVERY}


def _shown(text: str, factor: float) -> str:
    """`1/4`, and of what has names in it the number too: `1/m (0.25)`."""
    return f"{text} ({factor:.6g})" if any(character.isalpha() for character in text) else text


class _Sizes:
    """What a name in an expression stands for.

    An array; a constant; a dimension of the target; a number that the user's forward or backward assigns
    to that name from such (`m = X.shape[1]`).
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._under_way: set[str] = set()

    def __call__(self, name: str) -> float | tuple[int, ...] | None:
        for values in (self.problem.inputs, self.problem.constants):
            if name in values:
                return _plain(values[name])
        if name in self._dimensions:
            return self._dimensions[name]
        return self._assigned(name)

    def listed(self) -> str:
        """The names that may be used."""
        numbers = [n for n, value in self.problem.constants.items() if isinstance(_plain(value), float)]
        names = [
            *self._dimensions,
            *numbers,
            *(n for n in self._assignments if self._assigned(n) is not None),
        ]
        lengths = [f"{name}.shape" for name, array in self.problem.inputs.items() if array.ndim]
        return ", ".join(dict.fromkeys([*names, *lengths])) or "numbers alone"

    @cached_property
    def _dimensions(self) -> dict[str, float]:
        problem = self.problem
        found: dict[str, Any] = dict(problem.inferred.sizes) if problem.inferred is not None else {}
        found |= problem.spec.options if problem.spec is not None else {}
        from gradcli.layers import LAYERS

        if problem.spec is not None and problem.target in LAYERS:
            from gradcli.targets.builtin import implied_dims

            shapes = {name: array.shape for name, array in problem.inputs.items()}
            found = implied_dims(LAYERS[problem.target], shapes) | found
        return {name: float(value) for name, value in found.items() if isinstance(_plain(value), float)}

    def _assigned(self, name: str) -> float | None:
        """The value of the user's own variable, if all that is assigned to it gives the same number."""
        texts = self._assignments.get(name, set())
        if not texts or name in self._under_way:
            return None
        self._under_way.add(name)
        try:
            values = {expression.number(text, self) for text in texts}
        except UsageError:
            return None
        finally:
            self._under_way.discard(name)
        return values.pop() if len(values) == 1 else None

    @cached_property
    def _assignments(self) -> dict[str, set[str]]:
        """What the user's two functions assign to plain names, as source."""
        from gradcli.targets.source_tree import source_tree

        found: dict[str, set[str]] = {}
        source = self.problem.source
        for function in (source.forward, source.backward) if source is not None else ():
            for node in ast.walk(source_tree(function) or ast.Module([], [])):
                if isinstance(node, ast.Assign) and len(node.targets) == 1:
                    for name, text in _assigns(node.targets[0], node.value):
                        found.setdefault(name, set()).add(text)
        return found


def _assigns(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, str]]:
    """`m = X.shape[1]`, and each name of `N, D = X.shape`."""
    if isinstance(target, ast.Name):
        yield target.id, _text(value)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Attribute) and value.attr == "shape":
        for place, part in enumerate(target.elts):
            if isinstance(part, ast.Name):
                yield part.id, f"{_text(value)}[{place}]"


def _text(value: ast.expr) -> str:
    """As it is written, but for the object that arguments are kept in: `self.x.shape[0]`."""
    return ast.unparse(value).replace("self.", "")


def _plain(value: object) -> float | tuple[int, ...] | None:
    """A number as such, an array as its shape."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.number) and not isinstance(value, np.complexfloating):
        return float(value)
    if isinstance(value, np.ndarray):
        return tuple(value.shape) if value.ndim or value.dtype.kind not in "fiu" else float(value)
    return None
