"""What the corpus is made of: a layer, the edits that damage it, and the points at which it is checked.

A bug is an edit of the pair's source text, so it looks like a user's slip, it stands on a known line, and
everything around it stays right.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

PAIRS = Path(__file__).parent / "pairs"

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Bug:
    """An edit that makes a pair wrong.

    `old` occurs once in the pair's source (`in_forward` restricts the search to forward) and becomes `new`.
    A bug with a `code` (or one of several) breaks a promise beside the numbers; it is demanded in the hard
    cases `where`.
    """

    name: str
    old: str
    new: str
    code: str | None = None
    where: tuple[str, ...] = ("default",)
    also: tuple[tuple[str, str], ...] = ()  # further edits that belong to the same slip


@dataclass(frozen=True, eq=False)
class Layer:
    """A pair in pairs/`module`.py, how its inputs are drawn, and what is done to it."""

    name: str
    module: str
    inputs: dict[str, str]  # "n d", "n d : positive", "n : int k"; "*" is the shape of an elementwise layer
    dims: dict[str, int]
    hard: str
    bugs: tuple[Bug, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    main: str = ""  # inputs that the hard cases scale and move; the first floating one if empty
    square: dict[str, int] | None = None  # dims that make a transposed product fit
    # Puts elements at a kink (gap 0) or beside it.
    kink: Callable[[np.random.Generator, Inputs, float], None] | None = None
    source: str = ""  # the pair itself, if it is not in a file

    @property
    def cases(self) -> tuple[str, ...]:
        return tuple(self.hard.split())

    @property
    def path(self) -> Path:
        return PAIRS / f"{self.module}.py"

    @property
    def text(self) -> str:
        return self.source or _module_text(self.path)


@dataclass(frozen=True)
class Pair:
    """The two functions, possibly damaged."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    source: str
    file: str
    lines: tuple[int, ...]  # where the edits stand


# --- source -------------------------------------------------------------------------------------------------


@cache
def _module_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _span(text: str, function: str) -> tuple[int, int]:
    """Character offsets of a function in its source."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            assert node.end_lineno is not None
            return starts[node.lineno - 1], starts[node.end_lineno]
    raise LookupError(f"no function {function}")


@cache
def _damaged(name: str, text: str, edits: tuple[tuple[str, str], ...]) -> tuple[str, tuple[int, ...]]:
    begin, _ = _span(text, f"{name}_forward")
    _, end = _span(text, f"{name}_backward")
    head, body, tail = text[:begin], text[begin:end], text[end:]
    lines = []
    for old, new in edits:
        found = body.count(old)
        if found != 1:
            raise ValueError(f"{name}: {old!r} occurs {found} times, must occur once")
        lines.append((head + body[: body.index(old)]).count("\n") + 1)
        body = body.replace(old, new)
    return head + body + tail, tuple(lines)


@cache
def _compiled(source: str, file: str) -> CodeType:
    return compile(source, file, "exec")


def build(layer: Layer, bug: Bug | None = None, numpy: object = np) -> Pair:
    """Make the pair's functions; `numpy` stands in for the module that the source imports.

    Each call executes the source again, so nothing that a damaged pair keeps leaks into the next one.
    """
    edits = () if bug is None else ((bug.old, bug.new), *bug.also)
    source, lines = _damaged(layer.name, layer.text, edits)
    damage = f" with {layer.name}:{bug.name}" if bug else ""
    in_a_file = not (layer.source or bug)
    file = str(layer.path) if in_a_file else f"<{layer.module or layer.name}.py{damage}>"
    if not in_a_file:
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    # A registered module name, so that tools which ask for the function's module get an answer.
    namespace: dict[str, Any] = {"__name__": f"tests.corpus.pairs.{layer.module}", "__file__": file}
    exec(_compiled(source, file), namespace)
    if numpy is not np:
        namespace["np"] = numpy
    return Pair(namespace[f"{layer.name}_forward"], namespace[f"{layer.name}_backward"], source, file, lines)


# --- inputs -------------------------------------------------------------------------------------------------


def _draw(kind: str, shape: tuple[int, ...], rng: np.random.Generator, high: int) -> np.ndarray:
    if kind == "normal":
        return rng.standard_normal(shape)
    if kind == "weight":
        return rng.standard_normal(shape) / np.sqrt(max(shape[0], 1)) if shape else rng.standard_normal(shape)
    if kind == "scale":
        return 1 + 0.3 * rng.standard_normal(shape)
    if kind == "positive":
        return np.exp(0.5 * rng.standard_normal(shape))
    if kind == "unit":
        return rng.uniform(0.1, 0.9, shape)
    if kind == "invertible":
        return rng.standard_normal(shape) + 2 * np.eye(shape[0])
    if kind == "definite":
        a = rng.standard_normal(shape)
        return a @ a.T + np.eye(shape[0])
    if kind == "grid":
        return np.cumsum(rng.uniform(0.3, 1.0, shape))
    if kind == "position":  # inside [0, high - 1], away from the knots
        return rng.integers(0, high - 1, shape) + rng.uniform(0.1, 0.9, shape)
    if kind == "int":
        return rng.integers(0, high, shape)
    if kind == "bool":
        return rng.random(shape) < 0.6
    raise ValueError(kind)


def _make(layer: Layer, rng: np.random.Generator, dims: dict[str, int], star: tuple[int, ...]) -> Inputs:
    inputs = {}
    for name, text in layer.inputs.items():
        shape_text, _, kind_text = text.partition(":")
        shape: tuple[int, ...] = ()
        for token in shape_text.split():
            shape += star if token == "*" else (int(eval(token, {}, dict(dims))),)
        kind, *high = kind_text.split() or ["normal"]
        bound = int(eval(high[0], {}, dict(dims))) if high else 2
        inputs[name] = np.asarray(_draw(kind, shape, rng, bound))
    return inputs


def _mains(layer: Layer, inputs: Inputs) -> list[str]:
    if layer.main:
        return layer.main.split()
    return [next(name for name, array in inputs.items() if array.dtype.kind == "f")]


def _noncontiguous(array: np.ndarray) -> np.ndarray:
    """The same numbers, every second element of a bigger Fortran-ordered array."""
    if array.ndim == 0:
        return array
    bigger = np.full((*array.shape[:-1], 2 * array.shape[-1]), 7, dtype=array.dtype, order="F")
    bigger[..., ::2] = array
    return bigger[..., ::2]


SIZES: dict[str, dict[str, int]] = {
    "batch1": {"n": 1},
    "batch2": {"n": 2},
    "empty": {"n": 0},
    "tall": {"n": 13},
}
STARS: dict[str, tuple[int, ...]] = {"five_d": (2, 1, 3, 2, 2), "zero_d": (), "size1": (1,), "row": (40,)}

# What becomes of a main input, drawn as standard normal z.
MOVES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "tiny_variance": lambda z, rng: 1e3 + 1e-4 * z,
    "offset1e6": lambda z, rng: 1e6 + z,
    "times1e3": lambda z, rng: 1e3 * z,
    "times1e-4": lambda z, rng: 1e-4 * z,
    "times1e-9": lambda z, rng: 1e-9 * z,
    "saturated": lambda z, rng: 30 * z,
    "wide": lambda z, rng: np.sign(z) * 10 ** rng.uniform(-8, 4, z.shape),
    "zeros": lambda z, rng: 0 * z,
    "constant": lambda z, rng: 0 * z + 0.7,
    "symmetric": lambda z, rng: np.resize(np.concatenate([z.ravel(), -z.ravel()]), z.shape),
}
CASES = (
    *("default", "square", *SIZES, *STARS, *MOVES, "at_kink", "near_kink"),
    *("float32", "float16", "float32_times1e3", "strided", "readonly"),
)


def inputs_for(layer: Layer, case: str, seed: int) -> Inputs:
    """Draw the layer's inputs for a hard case. The same (layer, case, seed) gives the same arrays."""
    rng = np.random.default_rng([seed, *f"{layer.name}/{case}".encode()])
    dims = layer.dims | {k: v for k, v in SIZES.get(case, {}).items() if k in layer.dims}
    if case == "size1":
        dims = dict.fromkeys(dims, 1)
    if case == "square":
        assert layer.square is not None, layer.name
        dims = dims | layer.square
    inputs = _make(layer, rng, dims, STARS.get(case, (4, 3)))
    if case in MOVES:
        for name in _mains(layer, inputs):
            inputs[name] = np.asarray(MOVES[case](inputs[name], rng))
    if case in ("at_kink", "near_kink"):
        assert layer.kink is not None, layer.name
        layer.kink(rng, inputs, 0.0 if case == "at_kink" else 1e-7)
    if case.startswith("float"):
        dtype, _, move = case.partition("_")
        if move:
            for name in _mains(layer, inputs):
                inputs[name] = np.asarray(MOVES[move](inputs[name], rng))
        inputs = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in inputs.items()}
    if case == "strided":
        inputs = {k: _noncontiguous(v) for k, v in inputs.items()}
    if case == "readonly":
        for array in inputs.values():
            array.flags.writeable = False
    return inputs


def everything(layers: tuple[Layer, ...]) -> Iterator[tuple[Layer, str]]:
    for layer in layers:
        for case in layer.cases:
            yield layer, case
