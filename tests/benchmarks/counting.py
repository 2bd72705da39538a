"""How many evaluations checks take. Counts, not times: the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.row import Row
from tests.benchmarks.work import Work, work

FACTOR = 1.001
_OTHERS, _EACH_DOUBLING = 55, 2  # forwards of a check that are not for a row
_SEARCH, _EACH_SIDE = 20, 7  # and those that are not for a place in a kernel


def needle(size: int = 1000) -> Iterator[Row]:
    """One wrong element among size^2, found by random directions: where rows come apart, and where not."""
    yield from needles(affine(size), f"affine 64x{size}->{size}, one wrong W", "W")
    loss = work("mse", batch=size, features=size)
    yield from needles(loss, f"mse {size}x{size}, one wrong prediction", "prediction")


def affine(size: int) -> Work:
    return work("affine", batch=64, in_features=size, out_features=size)


def needles(subject: Work, title: str, name: str, seeds: int = 3) -> Iterator[Row]:
    """For each seed, one element of the gradient of `name`, drawn at random, is wrong by FACTOR."""
    forward, backward = subject.functions
    position = subject.case.floating.index(name)
    counts, found = [], 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        index = tuple(int(rng.integers(n)) for n in subject.inputs[name].shape)

        def damaged(dout: Any, cache: Any, index: tuple[int, ...] = index) -> Any:
            gradients = backward(dout, cache)
            gradients[position][index] *= FACTOR
            return gradients

        result = subject.check((forward, damaged), elements="probe", seed=seed)
        gradient = result.gradients[name]
        found += gradient.verdict == "fail" and gradient.worst_index == index
        counts.append(result.evaluations)
    measured = f"{max(counts)} forwards, {found} of {seeds} found with their index"
    yield Row(title, measured, "<= 300", found == seeds and max(counts) <= 300)


def growth(
    batches: tuple[int, ...] = (8, 16, 32, 64), widths: tuple[int, ...] = (16, 64, 256, 1024)
) -> Iterator[Row]:
    """Forwards of a whole check of batch-norm NxD, for each N over the widths D.

    Small arrays take one complex evaluation for each of N rows. Large ones, where complex arithmetic takes
    ten times as long, take a pair of real ones: so much is allowed whatever D is. Beside that are tests of
    promises, the same for all, and a few evaluations for each doubling of D: to find that columns come apart
    takes log2(D) and some, and among more elements more are small and need the complex step.
    """
    yield Row("forwards for batchnorm NxD", "  ".join(f"D={width}" for width in widths))
    for batch in batches:
        counts = [work("batchnorm", batch=batch, features=width).check().evaluations for width in widths]
        allowed = [2 * batch + _OTHERS + _EACH_DOUBLING * math.log2(width) for width in widths]
        yield Row(
            f"  N={batch}",
            "  ".join(f"{count:>{len(str(width)) + 2}}" for count, width in zip(counts, widths, strict=True)),
            f"<= 2N + {_OTHERS} + {_EACH_DOUBLING} log2 D",
            all(count <= most for count, most in zip(counts, allowed, strict=True)),
        )


def locality(sizes: tuple[int, ...] = (16, 32, 64), channels: int = 3) -> Iterator[Row]:
    """Forwards for x of conv2d on images of so many pixels a side: by the kernel and the channels.

    The search for the windows takes the rest, and a few more forwards for each doubling of a side.
    """
    kernel = 3
    yield Row(f"forwards for x of conv2d, {channels} channels", "  ".join(f"{size} px" for size in sizes))
    counts = []
    for size in sizes:
        image = work("conv2d", height=size, width=size, in_channels=channels, kernel_width=kernel)
        counts.append(image.check().gradients["x"].evaluations)
    allowed = [kernel**2 * channels + _SEARCH + _EACH_SIDE * math.log2(size) for size in sizes]
    yield Row(
        f"  kernel {kernel}x{kernel}",
        "  ".join(f"{count:>{len(str(size)) + 3}}" for count, size in zip(counts, sizes, strict=True)),
        f"<= {kernel**2 * channels} + {_SEARCH} + {_EACH_SIDE} log2 px",
        all(count <= most for count, most in zip(counts, allowed, strict=True)),
    )
