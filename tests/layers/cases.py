"""The layers at many sizes and options, and inputs for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcli.layers import LAYERS, Layer
from gradcli.layers.declaration import Value, evaluate

# Beside the defaults of every layer, and its batch of one.
MORE: dict[str, list[dict[str, Value]]] = {
    "batchnorm": [{"batch": 7, "features": 4, "eps": 0.1}],
    "layernorm": [{"batch": 3, "features": 7, "eps": 0.1}, {"features": 1}],
    "rmsnorm": [{"batch": 3, "features": 7, "eps": 0.1}, {"features": 1}],
    "groupnorm": [{"groups": 1}, {"groups": 4}, {"channels": 6, "groups": 3, "height": 3, "eps": 0.1}],
    "leaky_relu": [{"slope": 0.5}, {"slope": 0.0}],
    "dropout": [{"p": 0.0}, {"p": 0.9}],
    "embedding": [{"batch": 6, "vocabulary": 1}, {"batch": 2, "vocabulary": 9}],
    "conv2d": [
        {"stride": 1, "padding": 0},
        {"stride": 2, "padding": 0, "height": 6, "width": 7},
        {"stride": 2, "padding": 2, "kernel_height": 1},
        {"stride": 3, "padding": 1, "height": 7, "width": 8, "kernel_width": 3},
        {"kernel_height": 6, "kernel_width": 7, "padding": 1},
        {"in_channels": 1, "out_channels": 1, "height": 1, "width": 1},
    ],
    "maxpool2d": [{"stride": 1}, {"stride": 3}, {"kernel": 3, "stride": 2}, {"kernel": 1, "stride": 1}],
    "avgpool2d": [{"stride": 1}, {"stride": 3}, {"kernel": 3, "stride": 2}, {"kernel": 1, "stride": 1}],
    "scaled_dot_product_attention": [
        {"causal": True},
        {"causal": True, "time": 1},
        {"time": 5, "head_dim": 1},
    ],
}


@dataclass(frozen=True)
class Case:
    """A layer at given dimensions and options."""

    layer: Layer
    values: Mapping[str, Value]

    def __str__(self) -> str:
        return " ".join([self.layer.name, *(f"{name}={value}" for name, value in self.values.items())])

    @property
    def complete(self) -> dict[str, Value]:
        return self.layer.validate(self.values)

    @property
    def constants(self) -> dict[str, Value]:
        return self.layer.constants(self.complete)

    @property
    def floating(self) -> list[str]:
        return [item.name for item in self.layer.inputs if item.has_gradient]

    def draw(self, dtype: str = "float64", seed: int = 0) -> dict[str, np.ndarray]:
        """Inputs as the declaration asks for them."""
        rng = np.random.default_rng(seed)
        shapes = self.layer.shapes(self.complete)
        inputs = {}
        for item in self.layer.inputs:
            shape = shapes[item.name]
            if item.kind == "integer":
                inputs[item.name] = rng.integers(0, evaluate(item.high, self.complete), shape)
            elif item.kind == "mask":
                inputs[item.name] = rng.random(shape) < 0.5
            else:
                drawn = rng.standard_normal(shape) / np.sqrt(evaluate(item.fan_in, self.complete))
                inputs[item.name] = (drawn + item.offset).astype(dtype)
        return inputs

    def forward(self, inputs: Mapping[str, np.ndarray]) -> tuple[tuple[np.ndarray, ...], Any]:
        """The outputs, always as a tuple, and the cache."""
        forward = getattr(self.layer.module(), f"{self.layer.name}_forward")
        out, cache = forward(**inputs, **self.constants)
        return (out if isinstance(out, tuple) else (out,)), cache

    def backward(self, cotangents: tuple[np.ndarray, ...], cache: Any) -> dict[str, np.ndarray]:
        """The gradients by input name."""
        backward = getattr(self.layer.module(), f"{self.layer.name}_backward")
        gradients = backward(cotangents if len(cotangents) > 1 else cotangents[0], cache)
        assert isinstance(gradients, tuple)
        return dict(zip(self.floating, gradients, strict=True))


def cotangents_for(outputs: tuple[np.ndarray, ...], seed: int = 1) -> tuple[np.ndarray, ...]:
    """Random cotangents of the outputs' shapes and types."""
    rng = np.random.default_rng(seed)
    return tuple(np.asarray(rng.standard_normal(out.shape)).astype(out.dtype) for out in outputs)


CASES = [
    Case(layer, values)
    for layer in LAYERS.values()
    for values in [{}, {layer.dims[0].name: 1}, {layer.dims[0].name: 5}, *MORE.get(layer.name, [])]
]
