"""How long checks take: beside other tools, and beside the layer's own functions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.row import Row, at_least, at_most
from tests.benchmarks.timing import once
from tests.benchmarks.work import Work, timed, work

# Layers of 10^4 elements and more: elementwise, along rows and columns, windows, products, several outputs.
LARGE: dict[str, dict[str, int]] = {
    "batchnorm": {"batch": 64, "features": 256},
    "layernorm": {"batch": 256, "features": 64},
    "softmax": {"batch": 256, "classes": 64},
    "gelu": {"batch": 128, "features": 128},
    "affine": {"batch": 64, "in_features": 128, "out_features": 128},
    "conv2d": {"batch": 8, "in_channels": 4, "out_channels": 8, "height": 20, "width": 20},
    "scaled_dot_product_attention": {"batch": 4, "heads": 4, "time": 32, "head_dim": 32},
    "lstm_step": {"batch": 128, "features": 32, "hidden": 32},
}


def beside_peers(*, full: bool) -> Iterator[Row]:
    """Every element of batch-norm 64x256: gradcli, the double loop, gradcheck.

    gradcli and pieces of the double loop take turns; the medians count. gradcheck runs in full where asked.
    """
    subject = work("batchnorm", batch=64, features=256)
    elements = sum(array.size for array in subject.inputs.values())
    dout = np.random.default_rng(1).standard_normal(subject.inputs["x"].shape)
    timed(subject)
    checks, loops = [], []
    for _ in range(11):
        checks.append(once(subject.check))
        seconds, count = peers.loop_time(subject.functions[0], subject.inputs, dout, 2000)
        loops.append(seconds * elements / count)
    check, loop = statistics.median(checks), statistics.median(loops)
    yield Row("batchnorm 64x256, all three inputs", f"{check:.4f} s for {elements} elements")
    if full:
        loop = once(lambda: peers.double_loop(subject.functions[0], subject.inputs, dout))
    yield at_least("  faster than the plain double loop", loop / check, 100, f"({loop:.2f} s)")
    try:
        if full:
            torch, how = peers.gradcheck_time(64, 256), "run in full"
        else:
            torch, how = (
                peers.extrapolated_gradcheck(64, 256, (24, 48)),
                "or more: extrapolated from 24, 48 features",
            )
    except ImportError:
        yield Row("  faster than torch.autograd.gradcheck", "torch is not installed", ">= 300 x")
        return
    yield at_least("  faster than torch.autograd.gradcheck", torch / check, 300, f"({torch:.1f} s, {how})")


def million_weights(size: int = 1024) -> Iterator[Row]:
    """Every element of an affine layer with size^2 weights."""
    subject = work("affine", batch=64, in_features=size, out_features=size)
    before = subject.forward_time()
    run = timed(subject)
    forward = statistics.mean((before, subject.forward_time()))
    note = f"{run.seconds:.1f} s, {run.forwards} forwards of {1e3 * forward:.2f} ms"
    yield at_most(
        f"affine 64x{size}->{size} / its forwards", run.seconds / (run.forwards * forward), 1.3, note
    )
    yield Row("  / time within forward and backward", f"{run.seconds / run.within:.2f}")
    elements = sum(array.size for array in subject.inputs.values())
    dout = np.random.default_rng(1).standard_normal((64, size))
    seconds, count = peers.loop_time(subject.functions[0], subject.inputs, dout, 100)
    loop = seconds / count * elements
    yield Row("  the double loop would take", f"{loop / 60:.0f} minutes, {loop / run.seconds:.0f} x as long")
    # gradcheck: two forwards for each input element, two backwards for each output element, at least.
    torch = 2 * elements * forward + 2 * dout.size * subject.backward_time()
    jacobians = 2 * elements * dout.size * 8 / 2**40
    yield Row(
        "  gradcheck would take at least",
        f"{torch / 60:.0f} minutes, {torch / run.seconds:.0f} x as long, and {jacobians:.1f} TiB",
    )


def overhead(repeats: int = 5) -> Iterator[Row]:
    """Total time by what its evaluations of forward take, for each of LARGE; medians of interleaved runs.

    The total is that of a check without stop-watches. An evaluation counts as one forward on the layer's
    inputs takes on its own, called again and again; one in complex arithmetic, which takes up to ten times as
    long, as it took in the check. Backwards do not count: beside it stands what it would be if they did, and
    the time measured within both functions. What a check does once weighs the more the fewer evaluations it
    takes: where some are saved, the time falls and the ratio rises.
    """
    for name, values in LARGE.items():
        yield _overhead(name, work(name, **values), repeats)


def _overhead(name: str, subject: Work, repeats: int) -> Row:
    timed(subject)
    strict, both, within = [], [], []
    for _ in range(repeats):
        forward, backward = subject.forward_time(), subject.backward_time()
        seconds, run = once(subject.check), timed(subject)
        forwards = (run.forwards - run.complex_forwards) * forward + run.within_complex
        strict.append(seconds / forwards)
        both.append(seconds / (forwards + run.backwards * backward))
        within.append(run.seconds / run.within)
    note = (
        f"{statistics.median(both):5.2f} with backwards, {statistics.median(within):5.2f} of time within, "
        f"{1e3 * seconds:6.1f} ms, {run.forwards} ({run.complex_forwards} complex) + {run.backwards} calls"
    )
    size = sum(array.size for array in subject.inputs.values())
    return at_most(f"{name}, {size} elements", statistics.median(strict), 1.3, note)
