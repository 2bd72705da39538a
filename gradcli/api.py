"""gradcli from Python: `check`, `check_target` and `assert_gradients`."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcli import cases, checker
from gradcli.arrays import Array
from gradcli.declarations import NONE, read
from gradcli.errors import GradcliError, UsageError
from gradcli.problem import Problem
from gradcli.result import CheckResult
from gradcli.spec import ORDERS, CheckSpec, InputSpec, Settings, validate_settings
from gradcli.targets import parse, resolve
from gradcli.targets.inputs import is_input_dtype
from gradcli.targets.label import Label
from gradcli.targets.notation import FLOAT_DTYPES, parse_input
from gradcli.targets.pair import make_problem

Forward = Callable[..., Any]
Backward = Callable[..., Any]
Asked = npt.ArrayLike | str | InputSpec  # an array, a shape such as "4x3", or how to draw one
_CONFIG_SUFFIXES = (".yaml", ".yml")


def check(
    forward: Forward,
    backward: Backward,
    inputs: Mapping[str, npt.ArrayLike],
    constants: Mapping[str, Any] | None = None,
    *,
    cotangent: npt.ArrayLike | tuple[npt.ArrayLike, ...] | None = None,
    seed: int = 0,
    tol: float = 1e-7,
    method: str = "auto",
    step: float | None = None,
    elements: str | int = "auto",
    budget: float = 10.0,
    blame: bool = True,
    nodes: bool = False,
    scale: str | float | Mapping[str, str | float] | None = None,
    sign: int | Mapping[str, int] | None = None,
    stop_gradient: str | Sequence[str] | None = None,
    nograd: str | Sequence[str] | None = None,
    surrogate: str | Mapping[str, Any] | None = None,
    xfail: str | Mapping[str, Any] | None = None,
) -> CheckResult:
    """Check a hand-written backward against numeric derivatives of its forward.

    `forward(*inputs, **constants)` returns `out` or `(out, cache)`; `backward(dout, cache)` returns the
    gradients as a tuple in the order of the inputs, as a dict by name, or as a lone array. Inputs are passed
    by keyword where forward has arguments of their names, else by position; integer and boolean arrays have
    no gradient. The arrays are copied: whatever the functions do, the caller's stay as they are.
    cotangent: the upstream gradient, of the output's shape, a tuple for several outputs; drawn at random from
    `seed` unless given. tol: the relative error that passes beside the measured uncertainty.
    method: "auto", or "linear", "complex" or "central" to force one; step: the step of central differences.
    elements: "auto", "all", "probe", or how many to compare; budget: seconds that decide what "auto" means.
    blame: look for the faulty line where a gradient is wrong.
    nodes: compare the gradient of every intermediate of forward too, into `result.node_table`.
    What is on purpose, as in a config: scale={"W": "1/4"} and sign=-1 say what the derivative is multiplied
    by, stop_gradient=["x"] and nograd=["mask"] what has no gradient, surrogate="…" and xfail="…" (or with
    "gradients", or "until") give the reason why a gradient differs, or the check fails: a check that fails
    as expected has that reason in `result.expected`.
    Raises UsageError for arguments that make no check. Wrong code does not raise: see the result.
    Cost: some twenty evaluations, and a few for each element of an input whose rows depend on each other.

    >>> result = check(lambda x: (x**2, x), lambda dout, x: dout * x, {"x": np.array([1.0, 2.0])})
    >>> result.verdict, result.gradients["x"].verdict, result.violations[0].code
    ('fail', 'fail', 'GC101')
    """
    settings = _settings(
        seed=seed,
        tol=tol,
        method=method,
        step=step,
        elements=elements,
        budget=budget,
        blame=blame,
        nodes=nodes,
    )
    declarations = read(
        scale=scale, sign=sign, stop_gradient=stop_gradient, nograd=nograd, surrogate=surrogate, xfail=xfail
    )
    problem = make_problem(
        _function("forward", forward),
        _function("backward", backward),
        {name: _array(f"input {name}", value) for name, value in _named("inputs", inputs).items()},
        _own(constants),
        Label.of(_name_of(forward)),
        by_position=True,
        cotangents=_cotangents(cotangent),
        nograd=declarations.without_gradient,
    )
    if declarations == NONE:
        return checker.run(problem, settings)
    from gradcli.declaring import declare, judged  # few checks declare anything

    return judged(declarations, checker.run(declare(declarations, problem), settings))


def check_target(
    target: str,
    *,
    inputs: Mapping[str, Asked] | None = None,
    constants: Mapping[str, Any] | None = None,
    seed: int = 0,
    dtype: str = "float64",
    tol: float = 1e-7,
    method: str = "auto",
    step: float | None = None,
    elements: str | int = "auto",
    budget: float = 10.0,
    blame: bool = True,
    nodes: bool = False,
    order: int | None = None,
    scale: str | float | Mapping[str, str | float] | None = None,
    sign: int | Mapping[str, int] | None = None,
    stop_gradient: str | Sequence[str] | None = None,
    nograd: str | Sequence[str] | None = None,
    surrogate: str | Mapping[str, Any] | None = None,
    xfail: str | Mapping[str, Any] | None = None,
    **options: Any,
) -> CheckResult:
    """Check what `gradcli check TARGET` checks: a built-in layer, a pair in a file or in a module.

    inputs: by argument name an array, a shape to draw ("4x3", "4:int:10", or an `InputSpec`). options: the
    dimensions and options of a built-in layer; of a file's pair that has the name of one, they say the shapes
    of its arguments. The target may also be a config that holds exactly one check, whose own settings hold
    unless others are given here. order: 2 for Hessians against gradients, 1 for the others alone. What is on
    purpose is declared as for `check`.
    Raises UsageError if the target is more than one check, and whatever `targets.resolve` raises: a
    GradcliError that says what is wrong with the target.

    >>> result = check_target("batchnorm", batch=2, features=3)
    >>> result.passed, result.gradients["x"].shape
    (True, (2, 3))
    """
    given = _settings(
        seed=seed,
        tol=tol,
        method=method,
        step=step,
        elements=elements,
        budget=budget,
        blame=blame,
        nodes=nodes,
    )
    asked = _named("inputs", inputs or {})
    drawn = {
        name: _input_spec(name, value) for name, value in asked.items() if isinstance(value, str | InputSpec)
    }
    arrays = {name: _array(f"input {name}", value) for name, value in asked.items() if name not in drawn}
    spec = CheckSpec(
        str(target),
        options=options,
        inputs=drawn,
        constants=_own(constants),
        dtype=dtype,
        settings=given,
        declarations=read(
            scale=scale,
            sign=sign,
            stop_gradient=stop_gradient,
            nograd=nograd,
            surrogate=surrogate,
            xfail=xfail,
        ),
        order=_order(order),
    )
    if spec.target.lower().endswith(_CONFIG_SUFFIXES):
        if asked or spec.constants or options:
            raise UsageError(f"{target}: a config says inputs, constants and options itself")
        if spec.declarations != NONE:
            raise UsageError(f"{target}: a config declares itself what is on purpose")
        spec = _only_check_of(spec)
    problem = _only(spec.target, resolve(spec, arrays=arrays))
    return cases.run(problem, spec.settings)


def assert_gradients(
    forward: Forward,
    backward: Backward,
    inputs: Mapping[str, npt.ArrayLike],
    constants: Mapping[str, Any] | None = None,
    *,
    cotangent: npt.ArrayLike | tuple[npt.ArrayLike, ...] | None = None,
    seed: int = 0,
    tol: float = 1e-7,
    method: str = "auto",
    step: float | None = None,
    elements: str | int = "auto",
    budget: float = 10.0,
    blame: bool = True,
    nodes: bool = False,
    scale: str | float | Mapping[str, str | float] | None = None,
    sign: int | Mapping[str, int] | None = None,
    stop_gradient: str | Sequence[str] | None = None,
    nograd: str | Sequence[str] | None = None,
    surrogate: str | Mapping[str, Any] | None = None,
    xfail: str | Mapping[str, Any] | None = None,
) -> None:
    """For tests: `check` with the same arguments, and AssertionError unless the check passes.

    The message names every wrong gradient with its worst element and every broken promise. A check that
    cannot be decided does not pass either. One that is declared xfail raises if it passes.

    >>> assert_gradients(np.tanh, lambda dout, x: dout * (1 - np.tanh(x) ** 2), {"x": np.array([0.5, 2.0])})
    """
    __tracebackhide__ = True  # of pytest: what it shows is the line of the test
    result = checked_for_test(
        forward,
        backward,
        inputs,
        constants,
        cotangent=cotangent,
        seed=seed,
        tol=tol,
        method=method,
        step=step,
        elements=elements,
        budget=budget,
        blame=blame,
        nodes=nodes,
        scale=scale,
        sign=sign,
        stop_gradient=stop_gradient,
        nograd=nograd,
        surrogate=surrogate,
        xfail=xfail,
    )
    if not result.passed and result.expected is None:
        from gradcli.report.account import account

        raise AssertionError(account(result))


def checked_for_test(*arguments: Any, **keywords: Any) -> CheckResult:
    """`check` with the same arguments; what it raises points at the test, not into gradcli."""
    __tracebackhide__ = True
    try:
        return check(*arguments, **keywords)
    except GradcliError as error:
        raise error.with_traceback(None) from None


def _settings(**values: Any) -> Settings:
    settings = Settings(**values)
    validate_settings(settings)
    return settings


def _order(order: int | None) -> int | None:
    if order is not None and order not in ORDERS:
        raise UsageError(f"order must be 1 or 2, got {order!r}")
    return order


def _function(what: str, function: object) -> Callable[..., Any]:
    if not callable(function):
        raise UsageError(f"{what} must be a function, got {type(function).__name__}")
    return function


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _named(what: str, values: object) -> Mapping[str, Any]:
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        raise UsageError(f"{what} must be a mapping by argument name, such as {{'x': x}}, got {values!r:.60}")
    return values


def _array(what: str, value: Any) -> Array:
    """A copy of the value as an array that an input can be."""
    try:
        array = np.array(value)
    except (ValueError, TypeError) as error:  # rows of unequal length
        raise UsageError(f"{what} is not an array: {error}") from error
    if not is_input_dtype(array.dtype):
        raise UsageError(
            f"{what} has dtype {array.dtype}; expected {', '.join(FLOAT_DTYPES)}, an integer type or bool"
        )
    return array


def _cotangents(cotangent: Any) -> tuple[Array, ...] | None:
    if cotangent is None:
        return None
    several = cotangent if isinstance(cotangent, tuple) else (cotangent,)
    arrays = tuple(_array("cotangent", value) for value in several)
    return tuple(array if array.dtype.kind == "f" else array.astype(np.float64) for array in arrays)


def _input_spec(name: str, value: str | InputSpec) -> InputSpec:
    """How to draw an input."""
    return value if isinstance(value, InputSpec) else parse_input(f"{name}={value}")[1]


def _own(constants: Mapping[str, Any] | None) -> dict[str, Any]:
    """Copies of the constants; what cannot be copied (a module, a lock) is shared."""
    return {name: _copied(value) for name, value in _named("constants", constants or {}).items()}


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # any object may refuse
        return value


def _only_check_of(given: CheckSpec) -> CheckSpec:
    """The one check of a config, with the settings that were given beside it."""
    from gradcli import config  # YAML only where there is some

    specs = config.load(Path(given.target))
    if len(specs) != 1:
        ids = ", ".join(str(spec.id) for spec in specs)
        raise UsageError(f"{given.target}: holds {len(specs)} checks, expected one: {ids}")
    changed = {
        field.name: getattr(given.settings, field.name)
        for field in fields(Settings)
        if getattr(given.settings, field.name) != getattr(Settings(), field.name)
    }
    dtype = given.dtype if given.dtype != CheckSpec.dtype else specs[0].dtype
    return replace(specs[0], settings=replace(specs[0].settings, **changed), dtype=dtype)


def _only(target: str, problems: list[Problem]) -> Problem:
    if len(problems) != 1:
        names = ", ".join(problem.target for problem in problems)
        raise UsageError(f"{parse(target).place}: holds {len(problems)} pairs; name one: {names}")
    return problems[0]
