"""What the `target` of a check points at, as far as that can be told without running any code."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gradcli.config import values
from gradcli.config.mistakes import Wrong, quoted, suggestion
from gradcli.config.yaml import Node
from gradcli.layers import LAYERS, Dim, Layer, Option
from gradcli.reachable import is_folder
from gradcli.targets import PROGRAM, parse


@dataclass(frozen=True)
class Target:
    """A target that exists, or may exist in a module that is not imported yet."""

    written: str
    built_in: bool
    layer: Layer | None  # whose dimensions and options the check may set

    @cached_property
    def parameters(self) -> dict[str, Dim | Option]:
        """What a check of this target may set as a key of its own."""
        return (
            {} if self.layer is None else {parameter.name: parameter for parameter in self.layer.parameters}
        )


_BUILT_IN = {name: Target(name, True, layer) for name, layer in LAYERS.items()}


def read_target(node: Node, base: Path) -> Target:
    """The target that a node names; files are looked for from `base`.

    `layers.py:batchnorm` may set the dimensions of the built-in batchnorm, whose inputs are then drawn.
    Raises Wrong for an unknown layer and for a file that does not exist.
    """
    written = values.text(node)
    if written in _BUILT_IN:
        return _BUILT_IN[written]
    if written.startswith(PROGRAM):
        return Target(written, False, None)
    place, symbol = parse(written)
    if place.lower().endswith((".py", ".pyw", ".ipynb")):
        require_file(node, place, base)
    elif place.lower().endswith((".yaml", ".yml")) or is_folder(base / place):
        raise Wrong(node, f"{quoted(written)} is not Python; give several configs to gradcli check instead")
    elif "/" in place or os.sep in place:
        raise Wrong(node, f"{quoted(written)} is not a Python file; its name should end in .py")
    elif written.endswith(":"):
        raise Wrong(node, f"{quoted(written)} names nothing behind the colon; write {written}NAME")
    elif not (symbol or "." in place) or not all(part.isidentifier() for part in place.split(".")):
        near = (
            suggestion(written, LAYERS) or "; write a layer of `gradcli layers`, file.py:name or module:name"
        )
        raise Wrong(node, f"unknown layer {quoted(written)}{near}")
    return Target(written, False, LAYERS.get(symbol or ""))


def require_file(node: Node, name: str, base: Path) -> Path:
    """The file of that name as seen from `base`; raises Wrong if there is none."""
    path = base / name
    try:
        if path.is_file():
            return path
        found = "is not a file" if path.exists() else "does not exist"
    except OSError as error:  # a name too long, a folder that may not be entered
        found = f"cannot be read: {error.strerror}"
    raise Wrong(node, f"{name} {found} (looked for {path.resolve()})")
