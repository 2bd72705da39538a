"""A derivation with its numbers: every local partial by its formula and by perturbation, and their sums."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcli import checker
from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node
from gradcli.problem import Problem, Run
from gradcli.result import INCONCLUSIVE, PASS, CheckResult, Gradient
from gradcli.spec import Settings

_SUMS = 1e-9  # how far sums of paths may be from backward, relative to the largest of them


@dataclass(frozen=True, eq=False)
class Partial:
    """One edge: the cotangent of the node, pulled back to the parent by the formula and by perturbation.

    The numbers in `gradient` are those of the parent's gradient with all other parents held fixed.
    """

    node: Node
    edge: Edge
    gradient: Gradient


@dataclass(frozen=True, eq=False)
class Paths:
    """How the gradient of an input adds up, at one element."""

    name: str
    index: tuple[int, ...]
    terms: tuple[tuple[str, float], ...]  # (the node that the input goes into, its share)
    backward: float  # what the layer's own backward says
    numeric: float
    uncertainty: float
    agrees: bool  # at every element, not only this one

    @property
    def total(self) -> float:
        return sum(share for _, share in self.terms)


@dataclass(frozen=True, eq=False)
class Derived:
    """A derivation at one point."""

    derivation: Derivation
    id: str
    partials: tuple[Partial, ...]
    paths: tuple[Paths, ...]
    outputs_agree: bool  # the last stages are what the layer's forward returns
    check: CheckResult  # of the layer itself, at this point

    @property
    def agrees(self) -> bool:
        """Whether every formula, every sum and the layer itself hold."""
        whole = self.outputs_agree and self.check.verdict == PASS
        return (
            whole
            and all(partial.gradient.verdict == PASS for partial in self.partials)
            and all(paths.agrees for paths in self.paths)
        )


def derive(derivation: Derivation, problem: Problem, seed: int) -> Derived:
    """Evaluate a derivation at the point of a layer's problem.

    Cost: a check of the layer, and one for each edge.
    """
    settings = Settings(seed=seed, blame=False)
    check = checker.run(problem, settings)
    values = _values(derivation, problem)
    given = {name: array for name, array in check.arrays.items() if name.startswith("cotangent")}
    outputs = [array for name, array in check.arrays.items() if name.startswith("out")]
    cotangents: dict[str, Array] = dict(zip(derivation.outputs, given.values(), strict=True))
    shares: dict[str, list[tuple[str, Array]]] = {}
    partials: list[Partial] = []
    for node in reversed(derivation.nodes):
        for edge in node.edges:
            pulled = np.asarray(edge.pull(values, cotangents[node.name]))
            shares.setdefault(edge.parent, []).append((node.name, pulled))
            cotangents[edge.parent] = cotangents.get(edge.parent, 0.0) + pulled
            partials.append(_partial(node, edge, values, cotangents[node.name], settings))
    made = [values[name] for name in derivation.outputs]
    agree = all(_close(a, b) for a, b in zip(made, outputs, strict=True))
    paths = tuple(_paths(name, shares[name], check.gradients[name]) for name in derivation.inputs)
    return Derived(derivation, problem.id, tuple(partials), paths, agree, check)


def _values(derivation: Derivation, problem: Problem) -> dict[str, Any]:
    values: dict[str, Any] = {**problem.constants, **problem.inputs}
    for node in derivation.nodes:
        values[node.name] = node.compute(values)
    return values


def _partial(
    node: Node, edge: Edge, values: Mapping[str, Any], cotangent: Array, settings: Settings
) -> Partial:
    """Check one edge as if it were a layer of its own, with all other parents as constants."""

    def forward(arrays: Mapping[str, Array]) -> Run:
        moved = {**values, **arrays}
        return Run((np.asarray(node.compute(moved)),), moved)

    def backward(cotangents: tuple[Array, ...], saved: Any) -> Mapping[str, Any]:
        own = {**saved, node.name: np.asarray(node.compute(saved))}
        return {edge.parent: np.array(edge.pull(own, cotangents[0]))}

    name = f"{node.name}/{edge.parent}"
    point = {edge.parent: np.array(values[edge.parent])}
    problem = Problem(name, name, forward, backward, point, cotangents=(np.asarray(cotangent),))
    gradient = checker.run(problem, settings).gradients[edge.parent]
    if gradient.verdict == INCONCLUSIVE and _is_zero_here(gradient):
        gradient = replace(gradient, verdict=PASS, note="zero")
    return Partial(node, edge, gradient)


def _is_zero_here(gradient: Gradient) -> bool:
    """Whether both say zero to within what is allowed; at other points it may be something else, as that of a
    variance with respect to the mean is."""
    sizes = np.maximum(np.abs(gradient.analytic), np.abs(gradient.numeric))
    return bool(np.all(sizes <= gradient.allowed))


def _paths(name: str, shares: list[tuple[str, Array]], gradient: Gradient) -> Paths:
    total = np.sum([share for _, share in shares], axis=0)
    analytic = np.asarray(gradient.analytic)
    index = np.unravel_index(int(np.argmax(np.abs(analytic))), analytic.shape) if analytic.size else ()
    at = tuple(int(i) for i in index)
    return Paths(
        name,
        at,
        tuple((node, float(share[at])) for node, share in shares),
        float(analytic[at]),
        float(gradient.numeric[at]),
        float(gradient.uncertainty[at]),
        _close(total, analytic, max(float(np.max(np.abs(share), initial=0.0)) for _, share in shares)),
    )


def _close(found: Array, expected: Array, size: float = 0.0) -> bool:
    scale = max(size, float(np.max(np.abs(expected), initial=0.0)))
    return found.shape == expected.shape and bool(np.all(np.abs(found - expected) <= _SUMS * scale))
