"""Evaluates functions of torch tensors on the CPU, and pulls cotangents back through torch's graph."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcli.arrays import Array
from gradcli.errors import BrokenPromise
from gradcli.problem import Run


@dataclass(frozen=True, eq=False)
class Saved:
    """A graph, and the arrays that the function saved for backward in it."""

    arrays: list[Array]
    graph: "Graph"


class Graph:
    """What autograd recorded in one evaluation.

    Saved tensors live in `arrays`, so that a check can see whether backward writes into them, and can move
    them by one unit in the last place to measure what rounding in them does.
    """

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.leaves: dict[str, torch.Tensor] = {}
        self.outputs: tuple[torch.Tensor, ...] = ()

    def pack(self, tensor: torch.Tensor) -> "int | torch.Tensor":
        plain = tensor.detach()
        if plain.layout is not torch.strided or plain.dtype not in _NUMPY_DTYPES:
            return plain
        self.arrays.append(plain.numpy())
        return len(self.arrays) - 1

    def unpack(self, packed: "int | torch.Tensor") -> torch.Tensor:
        return packed if isinstance(packed, torch.Tensor) else as_tensor(self.arrays[packed])


class TorchEngine:
    """torch.autograd, in the dtype of the inputs."""

    def __init__(self, *, watches_saved: bool = True) -> None:
        """watches_saved: see `Graph`; what is saved has no graph of its own then: a second order needs it."""
        self._watches_saved = watches_saved

    def forward(self, function: Callable[[Mapping[str, Any]], Any], arrays: Mapping[str, Array]) -> Run:
        graph = Graph()
        tensors = {name: as_tensor(array) for name, array in arrays.items()}
        graph.leaves = {
            name: tensor.requires_grad_() for name, tensor in tensors.items() if tensor.is_floating_point()
        }
        hooks = torch.autograd.graph.saved_tensors_hooks(graph.pack, graph.unpack)
        with torch.enable_grad(), hooks if self._watches_saved else nullcontext():
            returned = function(tensors)
        graph.outputs = differentiable(returned)
        return Run(tuple(_as_array(out) for out in graph.outputs), Saved(graph.arrays, graph))

    def backward(self, cotangents: tuple[Array, ...], saved: Saved) -> Mapping[str, Any]:
        graph = saved.graph
        kept, graph.arrays = graph.arrays, saved.arrays
        try:
            found = torch.autograd.grad(
                graph.outputs,
                list(graph.leaves.values()),
                [as_tensor(cotangent) for cotangent in cotangents],
                retain_graph=True,
                allow_unused=True,
            )
        finally:
            graph.arrays = kept
        return {
            name: _gradient(leaf, grad)
            for (name, leaf), grad in zip(graph.leaves.items(), found, strict=True)
        }

    def pull_back(
        self,
        function: Callable[[Mapping[str, Any]], Any],
        values: Mapping[str, Any],
        cotangents: Sequence[Any],
        wanted: Sequence[str],
    ) -> tuple[torch.Tensor | None, ...]:
        found: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
            differentiable(function(values)),
            [values[name] for name in wanted],
            list(cotangents),
            create_graph=True,
            allow_unused=True,
        )
        return found


def functions_in(saved: Saved) -> list[Any]:
    """The classes of the custom Functions in a graph, from the outputs back."""
    found: dict[Any, None] = {}
    seen: set[Any] = set()
    todo = [out.grad_fn for out in saved.graph.outputs]
    while todo:
        node = todo.pop(0)
        if node is None or node in seen:
            continue
        seen.add(node)
        cls = getattr(type(node), "_forward_cls", None)
        if cls is not None:
            found[cls] = None
        todo += [after for after, _ in node.next_functions]
    return list(found)


_NUMPY_DTYPES = {torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.bool}


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor that shares the array's memory, so that whatever the code writes into it is seen."""
    array = np.asarray(array)  # arithmetic on 0-d arrays leaves scalars
    if array.dtype.kind == "c":
        raise TypeError("a complex step through torch is not tried")
    try:
        return torch.from_numpy(array)
    except ValueError:  # negative strides
        return torch.from_numpy(np.ascontiguousarray(array))


def differentiable(returned: Any) -> tuple[torch.Tensor, ...]:
    """The outputs that autograd differentiates; indices and what is marked non-differentiable are none."""
    outputs = returned if isinstance(returned, tuple | list) else (returned,)
    strange = [out for out in outputs if not isinstance(out, torch.Tensor) and out is not None]
    if strange or not outputs:
        what = type(strange[0]).__name__ if strange else "an empty tuple"
        raise BrokenPromise("GC108", f"forward returned {what}; expected a tensor or a tuple of tensors")
    floating = [out for out in outputs if out is not None and out.is_floating_point()]
    found = tuple(out for out in floating if out.requires_grad)
    if not found:
        raise BrokenPromise(
            "GC102",
            "no output of forward is connected to its inputs in torch's graph (detached, or computed under "
            "no_grad?): torch would compute no gradient at all"
            if floating
            else "forward returned no floating-point tensor, so there is no gradient to check",
        )
    return found


def _as_array(tensor: torch.Tensor) -> Array:
    plain = tensor.detach()
    array: Array = (plain.to_dense() if plain.layout is not torch.strided else plain).numpy()
    return array


def _gradient(leaf: torch.Tensor, gradient: torch.Tensor | None) -> Array:
    """None is torch's word for a gradient of zero, and means as much to whoever calls backward."""
    return np.zeros(tuple(leaf.shape), _as_array(leaf).dtype) if gradient is None else _as_array(gradient)
