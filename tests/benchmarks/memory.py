"""The largest amount of memory in use during a check, by that of the layer's own arrays."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.row import Row, at_most
from tests.benchmarks.work import arrays_within, work

ROOT = Path(__file__).parents[2]

LARGE: dict[str, dict[str, int]] = {
    "batchnorm": {"batch": 64, "features": 4096},
    "layernorm": {"batch": 4096, "features": 64},
    "gelu": {"batch": 512, "features": 512},
    "affine": {"batch": 64, "in_features": 512, "out_features": 512},
    "conv2d": {"batch": 64, "in_channels": 4, "out_channels": 8, "height": 20, "width": 20},
    "scaled_dot_product_attention": {"batch": 16, "heads": 8, "time": 32, "head_dim": 32},
    "lstm_step": {"batch": 512, "features": 16, "hidden": 16},
}


def peaks() -> Iterator[Row]:
    """One fresh process for each layer, the caller's inputs included in the peak."""
    for name, values in LARGE.items():
        told = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.memory", name, json.dumps(values)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        peak, own, layer = json.loads(told.stdout)
        note = (
            f"{peak / 2**20:.1f} / {own / 2**20:.1f} MiB; one forward and backward alone: {layer / own:.2f}"
        )
        yield at_most(f"peak memory of {name}", peak / own, 6, note)


def measure(name: str, values: dict[str, int]) -> tuple[int, int, int]:
    """Bytes: at the peak of a check; of inputs, outputs and cache; at the peak of the layer alone."""
    work(name).check()  # whatever is imported on first use
    tracemalloc.start()
    subject = work(name, **values)
    outputs, cache = subject.case.forward(subject.inputs)
    buffers = {}
    for array in (*subject.inputs.values(), *outputs, *arrays_within(cache)):
        owner = array if array.base is None else array.base  # what shares memory counts once
        buffers[id(owner)] = owner.nbytes
    own = sum(buffers.values())
    tracemalloc.reset_peak()
    subject.case.backward(outputs, cache)
    _, layer = tracemalloc.get_traced_memory()
    del outputs, cache, array, owner
    tracemalloc.reset_peak()
    result = subject.check()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.passed, f"{subject.case}: {result.verdict} {result.violations}"
    return peak, own, layer


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(sys.argv[2]))))
