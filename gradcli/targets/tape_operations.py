"""What can be done with the values of a tape engine: its operators, its methods, and a few expressions."""

import ast
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np

from gradcli.targets.forward_call import required_arguments
from gradcli.targets.labels import LABEL
from gradcli.targets.source_tree import source_tree
from gradcli.targets.tape_engine import Engine

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Operation:
    """A function of values, and shapes at which it is checked."""

    name: str
    run: Callable[..., Any]
    shapes: Mapping[str, Shape]
    sign: int = 0  # 1: needs arguments above zero; -1: is to be seen below it
    optional: bool = False  # no complaint where backward does not offer it


_UNARY: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "neg": ("__neg__", lambda a: -a),
    "pow": ("__pow__", lambda a: a**3),
    "radd": ("__radd__", lambda a: 2.0 + a),
    "rsub": ("__rsub__", lambda a: 2.0 - a),
    "rmul": ("__rmul__", lambda a: 2.0 * a),
    "rtruediv": ("__rtruediv__", lambda a: 2.0 / a),
}
_BINARY: Mapping[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "add": ("__add__", lambda a, b: a + b),
    "sub": ("__sub__", lambda a, b: a - b),
    "mul": ("__mul__", lambda a, b: a * b),
    "truediv": ("__truediv__", lambda a, b: a / b),
}
_BROADCASTS: Mapping[str, tuple[Shape, Shape]] = {
    "row": ((4, 3), (3,)),
    "column": ((4, 3), (4, 1)),
    "left": ((3,), (4, 3)),
    "scalar": ((4, 3), ()),
}
# Of functions: alike, a product with a bias, a product.
_OF_FUNCTIONS: tuple[tuple[Shape, ...], ...] = (
    ((4, 3),) * 4,
    ((4, 3), (3, 2), (2,), (2,)),
    ((4, 3), (2, 3), (2,), (2,)),
    ((4, 3), (3,), (3,), (3,)),
)
_PRODUCTS = ("__matmul__", "matmul", "mm", "dot")
_NEEDS_POSITIVE = ("log", "sqrt", "pow", "rsqrt", "log2", "log10", "log1p")
_NO_OPERATIONS = (
    "backward", "zero_grad", "detach", "numpy", "item", "copy", "clone", "tolist", "step", "zero", "size",
    "dim", "requires_grad_", "parameters", "zeros", "ones", "randn", "argmax", "argmin", "build_topo", "topo",
    "eval",
)  # fmt: skip


def operations_of(engine: Engine) -> list[Operation]:
    """The operations that a class has, each at shapes at which its forward runs."""
    candidates = [*_operators(engine), *_methods(engine), *_expressions(engine)]
    found = [one for one in candidates if is_possible(engine, one)]
    setters = {one.name for one in found if _puts_into_leaf(engine, one)}
    found = [one for one in found if one.name.removesuffix("_twice") not in setters]
    return list({one.name: one for one in reversed(found)}.values())[::-1]


def variants_of(engine: Engine, operation: Operation) -> Iterator[Operation]:
    """The same of values that are no leaves, and of a number below zero where it is one of numbers."""
    if hasattr(engine.cls, "__add__"):

        def deep(*leaves: Any) -> Any:
            zeros = [engine.wrap(np.zeros(engine.read(leaf).shape, engine.dtype)) for leaf in leaves]
            return operation.run(*(leaf + zero for leaf, zero in zip(leaves, zeros, strict=True)))

        yield replace(operation, name="deep", run=functools.update_wrapper(deep, operation.run))
    if engine.scalar and len(operation.shapes) == 1:
        yield replace(operation, name="negative", sign=-1)


def operation_of(engine: Engine, function: FunctionType) -> Operation | None:
    """A function that makes values of an engine out of others, at the first shapes at which its forward runs.

    It says so by its annotations, or by an inner function beside a call of the engine's class: nothing else
    is run to see what it does.
    """
    names = required_arguments(function)
    if not 0 < len(names) <= 4 or not _makes_values(engine, function):
        return None
    labels = [name for name in names if LABEL.fullmatch(name)]
    for shapes in _OF_FUNCTIONS if not engine.scalar else (((),) * 4,):
        for sign in (1, 0) if engine.scalar else (0, 1):
            one = Operation(function.__name__, function, dict(zip(names, shapes, strict=False)), sign)
            of_classes = replace(one, run=_of_labels(function), shapes={names[0]: shapes[0]})
            for possible in (one, of_classes) if labels == names[1:] != [] else (one,):
                if is_possible(engine, possible) and _is_differentiated(engine, possible):
                    return possible
    return None


def _of_labels(function: FunctionType) -> Callable[[Any], Any]:
    """A function of predictions with classes beside them."""

    @functools.wraps(function)
    def run(predicted: Any) -> Any:
        return function(predicted, np.array([0, 2, 1, 0]))

    return run


def _puts_into_leaf(engine: Engine, operation: Operation) -> bool:
    """Whether an operation gives back what it was given with other numbers in it, `zero_`: a tape holds
    nothing of that."""
    engine.rewind()
    leaves = [engine.wrap(np.full(s, 0.7, dtype=engine.dtype)) for s in operation.shapes.values()]
    before = [engine.read(leaf).copy() for leaf in leaves]
    try:
        value = operation.run(*leaves)
    except (Exception, SystemExit):  # the check says so
        return False
    return any(
        value is leaf and not np.array_equal(engine.read(leaf), at_first)
        for leaf, at_first in zip(leaves, before, strict=True)
    )


def _makes_values(engine: Engine, function: FunctionType) -> bool:
    name = engine.cls.__name__
    annotations = [str(getattr(one, "__name__", one)) for one in function.__annotations__.values()]
    if any(re.search(rf"\b{name}\b", one) for one in annotations):
        return True
    tree = source_tree(function)
    nodes = list(ast.walk(tree)) if tree is not None else []
    calls = [node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return sum(isinstance(node, ast.FunctionDef) for node in nodes) > 1 and name in calls


def _is_differentiated(engine: Engine, operation: Operation) -> bool:
    """Whether forward gives finite numbers, and backward gradients: a copy that is cut off the tape is no
    mistake."""
    engine.rewind()
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(0.3, 0.9, shape) for shape in operation.shapes.values()]
    leaves = [engine.wrap(one.astype(engine.dtype)) for one in drawn]
    with np.errstate(all="ignore"):
        value = operation.run(*leaves)
        out = engine.read(value)
        if not np.all(np.isfinite(out)):
            return False
        try:
            engine.pull(value, rng.uniform(0.5, 1.5, out.shape))
            gradients = [engine.gradient(leaf) for leaf in leaves]
        except (Exception, SystemExit):  # the check says so
            return True
    return any(gradient is not None and np.any(np.asarray(gradient)) for gradient in gradients)


def _operators(engine: Engine) -> Iterator[Operation]:
    shape: Shape = () if engine.scalar else (4, 3)
    for name, (method, run) in _UNARY.items():
        if hasattr(engine.cls, method):
            sign = int(name == "pow")
            yield Operation(name, run, {"a": shape}, sign)
            yield from _twice(Operation(name, run, {"a": shape}, sign))
    for name, (method, pair) in _BINARY.items():
        if hasattr(engine.cls, method):
            yield Operation(name, pair, {"a": shape, "b": shape})
            yield from _twice(Operation(name, pair, {"a": shape, "b": shape}))
            if not engine.scalar:
                for how, (left, right) in _BROADCASTS.items():
                    yield Operation(f"{name}_{how}", pair, {"a": left, "b": right})
    product = next((name for name in _PRODUCTS if hasattr(engine.cls, name)), None)
    if product is not None:
        yield from _products(product)
    if hasattr(engine.cls, "__getitem__") and not engine.scalar:
        yield Operation("getitem_slice", lambda a: a[1:3], {"a": (4, 3)})
        yield Operation("getitem_repeated", lambda a: a[np.array([0, 2, 2])], {"a": (4, 3)})


def _products(method: str) -> Iterator[Operation]:
    def run(a: Any, b: Any) -> Any:
        return getattr(a, method)(b)

    for name, left, right in (
        ("matmul", (4, 3), (3, 2)),
        ("matmul_batched", (2, 4, 3), (2, 3, 2)),
        ("matmul_broadcast", (2, 4, 3), (3, 2)),
        ("matmul_vector", (4, 3), (3,)),
    ):
        product = Operation(name, run, {"a": left, "b": right}, optional=name != "matmul")
        yield product
        if name == "matmul":
            yield from _twice(product)


def _methods(engine: Engine) -> Iterator[Operation]:
    """Public methods that need no further argument, and those along an axis once more with one."""
    shape: Shape = () if engine.scalar else (4, 3)
    for name, method in inspect.getmembers(engine.cls, inspect.isfunction):
        if name.startswith("_") or name in (*_NO_OPERATIONS, *_PRODUCTS):
            continue
        parameters = list(inspect.signature(method).parameters.values())[1:]
        needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        if name == "reshape":
            yield Operation(name, lambda a: a.reshape(3, 4), {"a": shape})
            yield Operation(name, lambda a: a.reshape((3, 4)), {"a": shape})
        elif not needed:
            sign = 1 if name in _NEEDS_POSITIVE or engine.scalar else 0
            yield Operation(name, _calling(name), {"a": shape}, sign)
            yield from _twice(Operation(name, _calling(name), {"a": shape}, sign))
            if engine.scalar and name not in _NEEDS_POSITIVE:
                yield Operation(f"{name}_negative", _calling(name), {"a": shape}, sign=-1)
            axis = next((p.name for p in parameters if p.name in ("axis", "dim")), None)
            if axis is not None:
                yield Operation(f"{name}_axis", _calling(name, **{axis: 0}), {"a": shape}, sign)


def _calling(name: str, **keywords: Any) -> Callable[[Any], Any]:
    return lambda a: getattr(a, name)(**keywords)


def _twice(operation: Operation) -> Iterator[Operation]:
    """The same operation of the same values, twice.

    A gradient that is put in place of what is there, rather than added to it, shows; with a weight (if the
    engine multiplies by a number), so does one that ignores what comes from above.
    """
    for weight in (2.5, None):

        def run(*leaves: Any, weight: float | None = weight) -> Any:
            once = operation.run(*leaves)
            return operation.run(*leaves) + (once if weight is None else once * weight)

        yield replace(operation, name=f"{operation.name}_twice", run=run, optional=True)


def _expressions(engine: Engine) -> Iterator[Operation]:
    """A value that is used twice, by the same and by different operations, and a deep graph."""
    shape: Shape = () if engine.scalar else (4, 3)
    yield Operation("used_twice", lambda a: a * a + a, {"a": shape})
    yield Operation("diamond", _diamond, {"a": shape, "b": shape})
    yield Operation("deep", _deep, {"a": shape, "b": shape})


def _diamond(a: Any, b: Any) -> Any:
    c = a * b
    d = c + a
    return d * c + d


def _deep(a: Any, b: Any) -> Any:
    c = a
    for _ in range(50):
        c = c * 0.5 + b
    return c * a


def is_possible(engine: Engine, operation: Operation) -> bool:
    """Whether forward runs and gives floats that depend on what goes in.

    What an engine does not offer is no mistake of its gradients.
    """
    engine.rewind()
    leaves = [engine.wrap(np.full(s, 0.7, dtype=engine.dtype)) for s in operation.shapes.values()]
    try:
        value = operation.run(*leaves)
        out = engine.read(value)
        if operation.optional:
            engine.pull(value, np.ones_like(out))
    except (Exception, SystemExit) as error:
        # A name that is not there is a fault of the operation; a method that imports something is none.
        return isinstance(error, NameError) and not operation.optional
    return out.dtype.kind == "f" and out.size > 0
