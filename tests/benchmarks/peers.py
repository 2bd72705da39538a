"""What else one could do: the plain double loop, and torch.autograd.gradcheck on the same layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tests.benchmarks.timing import once

STEP = 1e-6


def double_loop(
    forward: Callable[..., Any], inputs: Mapping[str, np.ndarray], dout: np.ndarray
) -> dict[str, np.ndarray]:
    """The textbook's recipe: each element on its own, two forwards, a sum over all outputs."""
    return {
        name: np.array(list(_slopes(forward, inputs, dout, name))).reshape(array.shape)
        for name, array in inputs.items()
    }


def loop_time(
    forward: Callable[..., Any], inputs: Mapping[str, np.ndarray], dout: np.ndarray, most: int
) -> tuple[float, int]:
    """Seconds for the first `most` elements of the first input, and how many these were.

    Every element takes the same work, so the rest needs no measuring.
    """
    name = next(iter(inputs))
    most = min(most, inputs[name].size)
    slopes = _slopes(forward, inputs, dout, name)
    return once(lambda: [next(slopes) for _ in range(most)]), most


def _slopes(
    forward: Callable[..., Any], inputs: Mapping[str, np.ndarray], dout: np.ndarray, name: str
) -> Iterator[float]:
    x = inputs[name].copy()
    arrays = {**inputs, name: x}
    for i in np.ndindex(x.shape):
        original = x[i]
        x[i] = original + STEP
        plus = np.array(forward(**arrays)[0])  # a copy: forward may return a view of x
        x[i] = original - STEP
        minus = np.array(forward(**arrays)[0])
        x[i] = original
        yield float(np.sum(dout * (plus - minus)) / (2 * STEP))


def gradcheck_time(batch: int, features: int) -> float:
    """Seconds of torch.autograd.gradcheck, slow mode, float64, on batch-norm as a custom Function.

    Raises ImportError without torch. Memory: two Jacobians, 16 * (batch * features)^2 bytes.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    layer = _batchnorm(torch)
    inputs = [
        torch.randn(*shape, dtype=torch.float64, requires_grad=True)
        for shape in ((batch, features), (features,), (features,))
    ]
    return once(lambda: torch.autograd.gradcheck(layer.apply, inputs, fast_mode=False))


def _batchnorm(torch: Any) -> Any:
    class BatchNorm(torch.autograd.Function):  # type: ignore[misc]
        """gradcli's batchnorm layer, line by line."""

        @staticmethod
        def forward(ctx: Any, x: Any, gamma: Any, beta: Any) -> Any:
            mu = x.mean(dim=0)
            var = ((x - mu) ** 2).mean(dim=0)
            x_hat = (x - mu) / torch.sqrt(var + 1e-5)
            ctx.save_for_backward(x, gamma, mu, var, x_hat)
            return gamma * x_hat + beta

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, dout: Any) -> Any:
            x, gamma, mu, var, x_hat = ctx.saved_tensors
            m = x.shape[0]
            inv_std = 1.0 / torch.sqrt(var + 1e-5)
            dx_hat = dout * gamma
            dvar = (dx_hat * -0.5 * (x - mu) * inv_std**3).sum(dim=0)
            dmu = (dx_hat * -1.0 * inv_std).sum(dim=0) + dvar * (-2.0 * (x - mu).sum(dim=0) / m)
            dx = dx_hat * inv_std + dvar * 2.0 * (x - mu) / m + dmu / m
            return dx, (dout * x_hat).sum(dim=0), dout.sum(dim=0)

    return BatchNorm


def extrapolated_gradcheck(batch: int, features: int, small: tuple[int, int]) -> float:
    """Seconds of `gradcheck_time`, from two runs with fewer features.

    The number of calls and the work in each (and in a Jacobian's column) grow with the features: a quadratic
    through the origin. Each run is the faster of two. What comes out is too small, by a factor of up to two:
    Jacobians of gigabytes fit in no cache.
    """
    times = [min(gradcheck_time(batch, n) for _ in range(2)) for n in small]
    (first, second), (a, b) = small, times
    quadratic = (b / second - a / first) / (second - first)
    linear = a / first - quadratic * first
    return linear * features + max(quadratic, 0.0) * features**2
