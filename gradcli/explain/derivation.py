"""A layer as a graph of named stages, with the partial derivative of every edge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradcli.arrays import Array

Values = Mapping[str, Any]  # inputs, constants and nodes by name


@dataclass(frozen=True)
class Edge:
    """The local partial of a node with respect to one of the nodes that it is computed from.

    `pull` is its vector-Jacobian product: (values, cotangent of the node) -> what that is for the parent,
    all other parents held fixed.
    """

    parent: str
    formula: str
    pull: Callable[[Values, Array], Any]
    why: str = ""  # what there is to say about it


@dataclass(frozen=True)
class Node:
    """One stage."""

    name: str
    symbol: str
    formula: str
    compute: Callable[[Values], Any]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Derivation:
    """The stages of a layer in the order of computation; the last ones are its outputs."""

    inputs: Mapping[str, str]  # name -> symbol, those with a gradient
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def symbol(self, name: str) -> str:
        """How formulas call an input or a node."""
        return self.inputs.get(name) or next(node.symbol for node in self.nodes if node.name == name)

    def node(self, name: str) -> Node | None:
        """The node of this name; None for an input."""
        return next((node for node in self.nodes if node.name == name), None)
