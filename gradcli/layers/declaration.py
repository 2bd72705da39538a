"""How a built-in layer declares itself.

One declaration is the single source for CLI options, help, config validation, the JSON Schema and
`gradcli layers`. It names the module of its pair instead of importing it, so that help needs no NumPy.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True)
class Dim:
    """A dimension that shapes are made of: a positive integer."""

    name: str  # "batch"; the option is --batch, with dashes for underscores
    default: int
    help: str
    minimum: int = 1


@dataclass(frozen=True)
class Option:
    """A constant of forward, passed to it by keyword."""

    name: str
    default: float | int | bool  # its type is the option's type
    help: str
    minimum: float | None = None  # inclusive
    maximum: float | None = None  # inclusive
    above: float | None = None  # exclusive lower bound
    below: float | None = None  # exclusive upper bound


@dataclass(frozen=True)
class Input:
    """An argument of forward: its symbolic shape and how it is drawn."""

    name: str
    shape: tuple[str | int, ...]  # names of dims, or expressions of them: "in_channels // groups"
    kind: str = "normal"  # "normal", "positive", "weight" (scaled by 1/sqrt(fan-in)), "integer", "mask"
    high: str | int = 2  # integers are drawn from [0, high); a dim's name or a number
    help: str = ""
    offset: float = 0.0  # e.g. 1.0 for a gamma around one


@dataclass(frozen=True)
class Layer:
    """A built-in layer: a plain forward/backward pair in a module of its own."""

    name: str
    summary: str
    formula: str
    source: str  # paper or textbook
    dims: tuple[Dim, ...]
    inputs: tuple[Input, ...]
    output: str  # symbolic shape for people: "(batch, features)"
    options: tuple[Option, ...] = ()
    intermediates: tuple[tuple[str, str], ...] = ()  # name in the cache -> what it is

    def module(self) -> ModuleType:
        """The file with `NAME_forward` and `NAME_backward`; imports NumPy."""
        return import_module(f"gradcli.layers.{self.name}")
