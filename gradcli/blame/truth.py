"""What the gradient of every value inside forward really is, measured by moving that value."""

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcli.arrays import Array, FloatArray
from gradcli.blame import gauge
from gradcli.blame.bench import Bench
from gradcli.blame.site import DEF, EXPRESSION, USE, Site
from gradcli.blame.trace import Key, Trace, replacing
from gradcli.clock import Clock
from gradcli.numeric import Differentiator, Function, output_noise
from gradcli.numeric.rounding import Noise
from gradcli.subject import copies
from gradcli.verdict import K

_NODE = "the value at the tap"
_LARGEST = 2048  # elements of a node that is measured
_ROUNDING = 1e-9  # of its largest element, in which a gradient may differ from the truth


@dataclass(frozen=True, eq=False)
class Node:
    """A value inside forward and its gradient."""

    site: Site | None  # None: an input, all its uses together
    occurrence: int
    name: str
    value: FloatArray
    gradient: FloatArray
    uncertainty: FloatArray
    factors: tuple[float, ...] = (1.0,)  # by which backward may have multiplied it, as is declared

    def matches(self, other: Array, tol: float) -> bool:
        """Whether an array is this gradient, in whatever shape."""
        return any(self._matches(other, factor, tol) for factor in self.factors)

    @cached_property
    def _peak(self) -> int:
        """Where the gradient is largest."""
        return int(np.argmax(np.abs(self.gradient)))

    def _matches(self, other: Array, factor: float, tol: float) -> bool:
        if other.size != self.gradient.size:
            return False
        found, wanted, doubt = np.asarray(other), self.gradient, self.uncertainty
        one, true = found.flat[self._peak], factor * wanted.flat[self._peak]
        if not abs(one - true) <= 0.01 * abs(true):  # most are told apart by one element
            return False
        if factor != 1.0:
            wanted, doubt = factor * wanted, abs(factor) * doubt
        if found.shape != wanted.shape:
            wanted, doubt = wanted.reshape(found.shape), doubt.reshape(found.shape)
        largest = float(np.max(np.abs(wanted), initial=0.0))
        if not largest or not np.isfinite(largest):
            return False
        allowed = tol * np.maximum(np.abs(wanted), np.abs(found)) + K * doubt + _ROUNDING * largest
        # Where the truth is hardly known, everything would match it.
        if np.any(K * doubt > 1e-3 * largest):
            return False
        with np.errstate(invalid="ignore"):
            return bool(np.all(np.abs(found - wanted) <= allowed))


@dataclass(frozen=True, eq=False)
class Quick:
    """What a quick look at a value needs to know of the whole."""

    noise: Noise  # the rounding of the outputs
    methods: Collection[str]  # by which the inputs' gradients were measured


def measure(
    bench: Bench, trace: Trace, rng: np.random.Generator, clock: Clock, sizes: Collection[int]
) -> list[Node]:
    """Measure as many nodes as time allows, named ones first; of these sizes only."""
    nodes = []
    whole = Function(lambda a: bench.problem.forward(copies(a)).outputs, bench.inputs)
    quick = Quick(output_noise(whole, rng), {known.method for known in bench.known.values()})
    sites = bench.forward.taps.sites
    uses = Counter(s.name for s in sites if s.role == USE)
    order = sorted(trace.values, key=lambda key: (sites[key[0]].role != DEF, key[0], key[1]))
    for key in order:
        site, value = sites[key[0]], trace.values[key]
        if not clock.affords(0.0):
            break
        if not is_measurable(value) or value.size not in sizes:
            continue
        if site.role == USE and uses[site.name] == 1 and trace.counts[key[0]] == 1:
            continue  # the only use of a name is the name itself
        if site.role == EXPRESSION and isinstance(site.node, ast.UnaryOp):
            continue  # a gradient with the wrong sign would be that of `-x` in `exp(-x)`
        node = measured(bench, key, value, rng, clock, quick)
        if node is not None:
            nodes.append(node)
    return nodes


def is_measurable(value: Array) -> bool:
    return value.dtype.kind == "f" and 0 < value.size <= _LARGEST


def inputs(bench: Bench) -> list[Node]:
    """The inputs themselves, of which the numeric gradients are known already."""
    return [
        Node(None, 0, name, bench.inputs[name], known.numeric, np.nan_to_num(known.uncertainty))
        for name, known in bench.known.items()
        if np.all(np.isfinite(known.numeric))
    ]


def outputs(bench: Bench) -> list[Node]:
    """The outputs, of which the gradients are the cotangents."""
    return [
        Node(None, 0, "", np.asarray(out, dtype=np.float64), c, np.zeros(c.shape))
        for out, c in zip(bench.outputs, bench.cotangents, strict=True)
    ]


def in_passes(nodes: Iterable[Node]) -> list[tuple[Node, ...]]:
    """The nodes of each place in forward, in the order of the passes."""
    found: dict[int, list[Node]] = {}
    for node in nodes:
        if node.site is not None:
            found.setdefault(node.site.number, []).append(node)
    return [tuple(sorted(passes, key=lambda n: n.occurrence)) for passes in found.values()]


def measured(
    bench: Bench,
    key: Key,
    value: Array,
    rng: np.random.Generator,
    clock: Clock,
    quick: Quick | None = None,
) -> Node | None:
    """The gradient of the value at one tap; None where it cannot be had, or not in time.

    quick: where a gradient that can be told from others is good enough.
    """
    taps = bench.forward.taps
    site = taps.sites[key[0]]
    point = {**bench.inputs, _NODE: value}

    def call(arrays: Mapping[str, Array]) -> tuple[Array, ...]:
        node = arrays[_NODE]
        given = copies({n: a for n, a in arrays.items() if n != _NODE})
        if node.dtype.kind == "c":  # what meets the node must carry imaginary parts as well
            given = {n: a.astype(np.complex128) if a.dtype.kind == "f" else a for n, a in given.items()}
        taps.hook = replacing(key[0], key[1], lambda old: np.array(node).reshape(np.shape(old)))
        taps.only = key[0]
        try:
            return bench.problem.forward(given).outputs
        finally:
            taps.hook = taps.only = None

    found = derivative(call, point, _NODE, bench.outputs, bench.cotangents, rng, clock, quick)
    if found is None:
        return None
    return Node(site, key[1], site.name or "", value, *found, bench.factors)


def derivative(
    call: Callable[[Mapping[str, Array]], tuple[Array, ...]],
    point: Mapping[str, Array],
    name: str,
    outputs: tuple[Array, ...],
    cotangents: tuple[Array, ...],
    rng: np.random.Generator,
    clock: Clock,
    quick: Quick | None = None,
) -> tuple[FloatArray, FloatArray] | None:
    """The numeric gradient by one of the arrays of a point, and its uncertainty; None where it cannot be had.

    `outputs`: what `call` must give at the point. `quick`: where a quick look will do.
    """

    def tick(_: int) -> None:
        if not clock.affords(0.0):
            raise _TooLate

    try:
        function = Function(call, point)
        same = (np.array_equal(a, b, equal_nan=True) for a, b in zip(function.base, outputs, strict=True))
        if not all(same):
            return None
        if quick is not None:
            method = gauge.method_for(quick.methods, point[name].size)
            found = gauge.gauged(function, name, cotangents, quick.noise, rng, method, tick)
            if found is not None:
                return found
        numeric = Differentiator(function, name, cotangents, output_noise(function, rng), rng)
        numeric.find_shortcuts()
        numeric.measure(lambda: np.full(point[name].shape, np.inf), None, tick)
    except _TooLate:
        return None
    except Exception:
        return None
    if not np.all(np.isfinite(numeric.value)):
        return None
    return numeric.value, np.nan_to_num(numeric.uncertainty)


class _TooLate(Exception):
    """No time for more nodes."""
