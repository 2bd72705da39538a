"""Shapes and constants that the user need not say, found by reading and by trying.

What a docstring or an annotation states comes first, then the habits of `worlds`. Each candidate is run once,
forward and backward; the first that both accept is taken. Everything that the code raises, and everything
that it does to its arguments, stays here.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradcli.arrays import Array
from gradcli.errors import BrokenPromise, UsageError
from gradcli.problem import Problem
from gradcli.spec import InputSpec
from gradcli.subject import copies
from gradcli.targets.advice import usual_constant
from gradcli.targets.convention import Checkable
from gradcli.targets.notation import parse_constant
from gradcli.targets.stated_shapes import Symbols, stated_integers, stated_shapes
from gradcli.targets.worlds import LENGTHS, WORLDS, role_of

_TRIES = 80
_SECONDS = 3.0
_RAISED, _FORWARD, _SHAPES, _ALL = range(4)  # how far a candidate came


@dataclass(frozen=True)
class Inferred:
    """What to give the arguments that were given nothing."""

    specs: Mapping[str, InputSpec]
    constants: Mapping[str, object]


Build = Callable[[Mapping[str, InputSpec], Mapping[str, object]], Problem]


def infer(
    one: Checkable,
    missing: Collection[str],
    build: Build,
    shapes: Mapping[str, tuple[int, ...]],
) -> Inferred | None:
    """Inputs and constants for what is missing, or None if nothing that was tried could be run.

    build: makes the Problem of a candidate. shapes: of the inputs that are given, which candidates must share
    lengths with. Cost: at most 80 forwards and backwards, and 3 seconds.
    """
    deadline = time.perf_counter() + _SECONDS
    best, best_rank = None, _RAISED
    with np.errstate(all="ignore"):
        for count, candidate in enumerate(_candidates(one, list(missing), shapes)):
            if count >= _TRIES or time.perf_counter() > deadline:
                break
            rank = _tried(build, candidate)
            if rank > best_rank:
                best, best_rank = candidate, rank
            if rank == _ALL:
                break
    return best


def _candidates(
    one: Checkable, missing: list[str], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[Inferred]:
    constants: dict[str, object] = {}
    for name in missing:
        usual = usual_constant(name)
        if usual is not None:
            constants[name] = parse_constant(f"{name}={usual}")[1]
    arrays = [name for name in missing if name not in constants]
    lengths = _given_lengths(shapes)
    stated = stated_shapes(one.functions, arrays)
    seen: set[tuple[object, ...]] = set()
    whole = stated_integers(one.functions, arrays)
    for specs in _specs(one.name, arrays, stated, whole, shapes):
        for fitted in (_with_lengths(specs, lengths), specs) if lengths else (specs,):
            key = tuple(sorted((name, spec.shape, spec.dtype, spec.high) for name, spec in fitted.items()))
            if key not in seen:
                seen.add(key)
                yield Inferred(fitted, constants)


def _specs(
    target: str,
    arrays: list[str],
    stated: Mapping[str, Symbols],
    whole: Collection[str],
    shapes: Mapping[str, tuple[int, ...]],
) -> Iterator[dict[str, InputSpec]]:
    first = [world for world in WORLDS if re.search(world.words, target, re.IGNORECASE)]
    for world in [*first, *(world for world in WORLDS if world not in first)]:
        for specs in world.specs([*arrays, *(name for name in shapes if name not in arrays)]):
            if any(len(specs[name].shape) != len(shape) for name, shape in shapes.items()):
                continue
            yield {name: _stated(name, stated, whole, specs[name]) for name in arrays}
    for size in (17, 12, 20, 6):  # the parameters of a small network in one vector
        if any(role_of(name) == "theta" for name in arrays):
            for specs in WORLDS[0].specs(arrays):
                thetas = {name: InputSpec((size,)) for name in arrays if role_of(name) == "theta"}
                yield {**specs, **thetas}


def _stated(name: str, stated: Mapping[str, Symbols], whole: Collection[str], usual: InputSpec) -> InputSpec:
    """The shape that is stated for an input, with small lengths for its symbols; else the usual one."""
    if name not in stated:
        return usual
    shape = tuple(_length(symbol) for symbol in stated[name])
    if name in whole or (role_of(name) in ("labels", "indices") and len(shape) == 1):
        symbols = {symbol for other in stated.values() for symbol in other}
        counted = next((symbol for symbol in ("V", "K", "C") if symbol in symbols), "K")
        return InputSpec(shape, "int64", high=LENGTHS[counted])
    return InputSpec(shape, "bool" if usual.dtype == "bool" else None)


def _length(symbol: str) -> int:
    if symbol.isdigit():
        return max(1, int(symbol))
    factor, star, rest = symbol.replace(" ", "").partition("*")
    if star and factor.isdigit():
        return int(factor) * _length(rest)
    return LENGTHS.get(symbol, 2 + sum(map(ord, symbol)) % 4)


def _given_lengths(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Rows and features, from the inputs that are given."""
    shape = next((shape for shape in shapes.values() if len(shape) > 1), next(iter(shapes.values()), ()))
    return (shape[0], shape[-1]) if shape else ()


def _with_lengths(specs: Mapping[str, InputSpec], lengths: tuple[int, ...]) -> dict[str, InputSpec]:
    """The same inputs with the rows and the features of those that are given."""
    rows, features = lengths
    changed = {LENGTHS["N"]: rows, LENGTHS["D"]: features}
    return {
        name: InputSpec(
            tuple(changed.get(length, length) for length in spec.shape),
            spec.dtype,
            high=features if spec.high == LENGTHS["D"] else spec.high,
        )
        for name, spec in specs.items()
    }


def _tried(build: Build, candidate: Inferred) -> int:
    """How far the code came with these inputs."""
    rank = _RAISED
    try:
        problem = build(candidate.specs, candidate.constants)
        run = problem.forward(copies(problem.inputs))
        if not _sensible(problem, run.outputs):
            return _RAISED
        rank = _FORWARD
        weights = tuple(np.cos(np.arange(out.size)).reshape(out.shape) for out in run.outputs)
        gradients = problem.backward(weights, run.saved)
        rank = _SHAPES
        fits = all(
            gradients.get(name) is not None and np.shape(gradients[name]) == problem.inputs[name].shape
            for name in problem.differentiable
        )
        return _ALL if fits else _SHAPES
    except (BrokenPromise, UsageError):
        return rank
    except (Exception, SystemExit):
        return rank


def _sensible(problem: Problem, outputs: tuple[Array, ...]) -> bool:
    """Whether a run is worth checking: numbers that are finite, and an input with a gradient."""
    return bool(
        outputs and problem.differentiable and all(out.size and np.all(np.isfinite(out)) for out in outputs)
    )
