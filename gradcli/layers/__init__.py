"""Built-in layers: plain forward/backward pairs, one per file, that a user could have written."""

from gradcli.layers.catalogue import LAYERS
from gradcli.layers.declaration import Dim, Input, Layer, Option

__all__ = ["LAYERS", "Dim", "Input", "Layer", "Option"]
