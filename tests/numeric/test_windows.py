"""Rows whose windows are apart move together; a dependence from afar is always found, and undoes it."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import gradcli
from gradcli.numeric import Differentiator, Function, output_noise

RNG = np.random.default_rng(0)
TAPS = np.array([0.7, -1.1, 0.4, 0.9, -0.5])
KERNEL = RNG.standard_normal((3, 3))
MIX = RNG.standard_normal((3, 4))
BAND = np.tri(72, k=1) * np.tri(72, k=2).T


def filtered(x, taps=3, stride=1, dilation=1, padding=0, mode="constant"):
    """A filter along the last axis."""
    x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(padding, padding)], mode=mode) if padding else x
    length = (taps - 1) * dilation + 1
    return sliding_window_view(x, length, axis=-1)[..., ::stride, ::dilation] @ TAPS[:taps]


def convolved(x, stride=1, padding=1):
    x = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)
    windows = sliding_window_view(x, KERNEL.shape, axis=(-2, -1))[..., ::stride, ::stride, :, :]
    return np.einsum("...ij,ij->...", windows, KERNEL)


def mixed(x):
    """Channels mix, positions do not."""
    return np.einsum("...chw,cf->...fhw", x, MIX)


def normalised(x, groups):
    parts = x.reshape(len(x), groups, -1)
    return ((parts - parts.mean(axis=2, keepdims=True)) / parts.std(axis=2, keepdims=True)).reshape(x.shape)


def heads(x, number):
    """Attention of each head to itself, the heads side by side along the last axis."""
    q = x.reshape(len(x), number, -1).swapaxes(0, 1)
    e = np.exp(q @ q.swapaxes(1, 2) / 8)
    return (e / e.sum(axis=-1, keepdims=True) @ q).swapaxes(0, 1).reshape(x.shape)


def pooled(x, reduce, kernel=2, stride=2):
    windows = sliding_window_view(x, (kernel, kernel), axis=(-2, -1))[..., ::stride, ::stride, :, :]
    return reduce(windows, axis=(-1, -2))


def transposed(x, stride=2, taps=5):
    out = np.zeros((*x.shape[:-1], stride * (x.shape[-1] - 1) + taps), dtype=x.dtype)
    for tap in range(taps):
        out[..., tap : tap + stride * (x.shape[-1] - 1) + 1 : stride] += TAPS[tap] * x
    return out


def by_fft(x):
    n = x.shape[-1]
    return np.fft.irfft(np.fft.rfft(x, 2 * n) * np.fft.rfft(TAPS, 2 * n), 2 * n)[..., :n]


def local_attention(x, token):
    """Each row attends to its neighbours and, with a `token`, to the first row."""
    rows = np.arange(len(x))
    mask = np.abs(rows[:, None] - rows) <= 1
    mask[:, 0] |= token
    e = np.exp(x @ x.T / 4) * mask
    return e / e.sum(axis=1, keepdims=True) @ x


def reads_afar(reader, read, size=1e-9):
    def forward(x):
        out = np.array(filtered(x, padding=1))
        out[reader] += size * x[read]
        return out

    return forward


def differentiator(forward, x, seed=1):
    rng = np.random.default_rng(seed)

    def call(arrays):
        out = forward(arrays["x"])
        return tuple(map(np.asarray, out)) if isinstance(out, tuple) else (np.asarray(out),)

    function = Function(call, {"x": x})
    noise = output_noise(function, rng)
    cotangents = tuple(rng.standard_normal(out.shape) for out in function.base)
    return Differentiator(function, "x", cotangents, noise, rng)


def periods(numeric):
    """For each axis with windows, how far apart the rows are that move together."""
    return {p.axis: p.windows.turns.period for p in numeric.moves.pairings if p.windows}


LOCAL = {
    "filter": (lambda x: filtered(x, padding=1), (2, 72), {1: 3}),
    "of a smooth function": (lambda x: np.tanh(filtered(x, 5)), (2, 72), {1: 5}),
    "stride": (lambda x: np.tanh(filtered(x, 3, stride=2, padding=1)), (2, 75), {1: 3}),
    "stride above taps": (lambda x: np.tanh(filtered(x, 3, stride=5)), (100,), {0: 5}),
    "every other row": (lambda x: np.tanh(x[..., ::2]), (2, 60), {1: 2}),
    "dilation": (lambda x: np.tanh(filtered(x, 3, dilation=2, padding=2)), (2, 60), {1: 5}),
    "edges repeated": (lambda x: np.tanh(filtered(x, 5, padding=2, mode="edge")), (60,), {0: 5}),
    "edges reflected": (lambda x: np.tanh(filtered(x, 5, padding=2, mode="reflect")), (60,), {0: 5}),
    "reversed": (lambda x: np.tanh(filtered(x, stride=2))[..., ::-1], (2, 60), {1: 3}),
    "cropped": (lambda x: np.tanh(filtered(x))[..., 9:-9], (70,), {0: 3}),
    "images": (lambda x: np.tanh(mixed(convolved(x))), (2, 3, 14, 15), {2: 3, 3: 3}),
    "images, stride": (lambda x: np.tanh(convolved(x, 2)), (2, 20, 17), {1: 3, 2: 3}),
    "axes exchanged": (lambda x: mixed(convolved(x)).swapaxes(-1, -2) ** 2, (3, 14, 15), {1: 3, 2: 3}),
    "maximum": (lambda x: mixed(pooled(x, np.max)), (2, 3, 16, 18), {2: 2, 3: 2}),
    "mean": (lambda x: mixed(pooled(x, np.mean)), (2, 3, 16, 18), {2: 2, 3: 2}),
    "overlapping maximum": (lambda x: pooled(x, np.max, 3), (2, 20, 21), {1: 3, 2: 3}),
    "transposed": (lambda x: np.tanh(transposed(x)), (72,), {0: 3}),
    "repeated": (lambda x: np.repeat(x, 2, axis=-1) ** 2, (2, 72), {1: 1}),
    "Laplacian": (lambda x: (x[2:] - 2 * x[1:-1] + x[:-2]) ** 2, (72, 2), {0: 3}),
    "wider at the ends": (lambda x: np.gradient(np.sin(x), edge_order=2), (150,), {0: 5}),
    "two outputs": (lambda x: (np.diff(x) ** 2, filtered(np.sin(x), 5)), (2, 72), {1: 5}),
    "product with a band matrix": (lambda x: np.tanh(x @ BAND), (2, 72), {1: 4}),
    "around": (lambda x: np.roll(x, 1) - 2 * x**2 + 0.5 * np.roll(x, -1), (90,), {0: 3}),
    "around, a prime": (lambda x: np.sin(x) - np.roll(x, -1, axis=-1), (2, 97), {1: 2}),
    "one row around": (
        lambda x: np.tanh(filtered(x, padding=1)) + x[0] * (np.arange(90) == 89),
        (90,),
        {0: 3},
    ),
    "filter around": (lambda x: np.tanh(filtered(x, 5, padding=2, mode="wrap")), (101,), {0: 5}),
    "filter around, stride": (lambda x: filtered(x, 5, 2, padding=2, mode="wrap") ** 2, (2, 122), {1: 5}),
    "around backwards": (lambda x: np.sin(x - np.roll(x, 3, axis=-1))[..., ::-1], (2, 95), {1: 4}),
    "grid without ends": (
        lambda x: x * (np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1) + np.roll(x, -1, 1)),
        (22, 23),
        {0: 3, 1: 3},
    ),
    "groups of channels": (lambda x: normalised(x, 4), (2, 16, 3, 4), {1: 4}),
    "heads side by side": (lambda x: heads(x, 4), (9, 32), {1: 8}),
    "flattened": (lambda x: mixed(x).reshape(-1, 4), (12, 3, 1, 5), {0: 1}),
    "equal to rounding": (by_fft, (72,), {0: 5}),
    "real differences": (lambda x: np.abs(filtered(x)), (72,), {0: 3}),
    "neighbours": (lambda x: local_attention(x, token=False), (72, 2), {0: 3}),
}
NOT_LOCAL = {
    "around and from afar": (lambda x: np.roll(x, 1) - 2 * x + np.roll(x, -1) + 1e-9 * np.roll(x, 20), (90,)),
    "global mean": (lambda x: filtered(x - x.mean(), padding=1), (60,)),
    "faint global mean": (lambda x: filtered(x - 1e-9 * x.mean(), padding=1), (60,)),
    "running sum": (np.cumsum, (60,)),
    "sorted": (np.sort, (60,)),
    "gathered by the data": (lambda x: np.tanh(filtered(x)) + x[int(np.argmax(x))], (60,)),
    "a token that all attend to": (lambda x: local_attention(x, token=True), (64, 2)),
    "shuffled": (lambda x: np.tanh(x)[np.random.default_rng(3).permutation(60)], (60,)),
    "one loss": (lambda x: (np.diff(x), np.sum(x**2)), (60,)),
}


@pytest.mark.parametrize("case", LOCAL)
def test_rows_whose_windows_are_apart_move_together(case):
    forward, shape, expected = LOCAL[case]
    x = np.random.default_rng(1).standard_normal(shape)
    apart, together = differentiator(forward, x), differentiator(forward, x)
    together.find_shortcuts()
    assert periods(together) == expected
    for numeric in (apart, together):
        numeric.measure(lambda: np.full(x.shape, 1e-9))
    assert periods(together) == expected  # sums bear them out
    distance = np.abs(apart.value - together.value)
    assert np.all(distance <= 4 * (apart.uncertainty + together.uncertainty) + 1e-14)
    assert together.function.evaluations < apart.function.evaluations + 4


@pytest.mark.parametrize("case", NOT_LOCAL)
def test_what_depends_on_rows_from_afar_is_measured_row_by_row(case):
    forward, shape = NOT_LOCAL[case]
    numeric = differentiator(forward, np.random.default_rng(2).standard_normal(shape))
    numeric.find_shortcuts()
    assert periods(numeric) == {}


@pytest.mark.parametrize("reader", [0, 20, 47])
def test_a_single_row_that_is_read_from_afar_is_found_wherever_it_is(reader):
    for read in range(0, 48, 3):
        numeric = differentiator(reads_afar(reader, read), np.random.default_rng(read).standard_normal(48))
        numeric.find_shortcuts()
        windows = [pairing.windows.each[0] for pairing in numeric.moves.pairings if pairing.windows]
        assert all(window.reached(np.arange(48) == read)[reader] for window in windows)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_row_that_is_read_from_afar_at_a_kink_is_found_in_either_direction(sign):
    def forward(x):
        out = np.maximum(filtered(x, padding=1), 0)
        out[40] += np.maximum(sign * x[5], 0)
        return out

    numeric = differentiator(forward, np.zeros(72))
    numeric.find_shortcuts()
    assert periods(numeric) == {}


@pytest.mark.parametrize(("f", "size"), [(np.negative, 1e-9), (np.tanh, 1e-9), (np.abs, 1e-3)])
def test_windows_that_no_test_has_refuted_are_refuted_by_the_sum(f, size):
    x = np.random.default_rng(4).standard_normal(72)
    numeric = differentiator(lambda x: reads_afar(5, 40, size)(f(x)), x)
    other = differentiator(lambda x: filtered(f(x), padding=1), x)
    other.find_shortcuts()
    numeric.known.moves = other.moves
    assert periods(numeric) == {0: 3}
    numeric.measure(lambda: np.full(72, 1e-9))
    assert periods(numeric) == {}
    assert np.all(numeric.uncertainty < 1e-6)


# --- what it is for


def conv2d(size, **settings):
    result = gradcli.check_target("conv2d", height=size, width=size, **settings)
    assert result.passed
    return result.gradients["x"]


# Central differences take 6 evaluations for a batch, and a full ladder where some element is not known well
# enough: as many again. The search goes both ways then.
@pytest.mark.parametrize(("method", "each", "directions"), [("auto", 1, 1), ("central", 12, 2)])
def test_conv2d_takes_evaluations_by_the_window_and_not_by_the_pixels(method, each, directions):
    small, large = (conv2d(size, method=method, in_channels=2) for size in (16, 32))
    assert large.compared == 4 * small.compared
    # Only the search grows, with the number of bits of either length.
    assert large.evaluations <= small.evaluations + 8 * directions
    assert small.evaluations < 6 * 2 * each + 45 * directions  # the kernel is 3x2


def test_more_channels_are_more_batches():
    few, many = (conv2d(8, in_channels=channels).evaluations for channels in (4, 8))
    assert 0 <= many - few - 4 * 6 <= 4  # the kernel is 3x2


def matrix(mode, **settings):
    """That of a filter: column by column, what it makes of a unit vector."""
    return np.array(filtered(np.eye(72), padding=1, mode=mode, **settings))


def changed(filter_, **places):
    """A filter with some of its coefficients moved or scaled."""
    found = filter_.copy()
    for place, factor in places.items():
        found[tuple(map(int, place.strip("_").split("_")))] *= factor
    return found


ZERO, AROUND, EDGE = matrix("constant"), matrix("wrap"), matrix("edge")
FAR = ZERO + 1e-3 * (np.arange(72) == 50) * (np.arange(72) == 10)[:, None]  # output 50 reads row 10
ELSEWHERE = ZERO + 1e-3 * (np.arange(72) == 50) * (np.arange(72) == 49)[:, None]
RIGHT = {
    "filter": ZERO,
    "stride": matrix("constant", stride=2),
    "dilation": matrix("constant", taps=5, dilation=3),
    "around": AROUND,
    "edges repeated": EDGE,
    "global mean": ZERO - 1 / 72,
    "a row from afar": FAR,
}
WRONG = {
    "one border element": (ZERO, changed(ZERO, _0_0=0.0)),
    "one position": (ZERO, changed(ZERO, _40_41=1.001)),
    "kernel flipped": (ZERO, ZERO.T),
    "around, lost": (AROUND, ZERO),
    "around, added to the edges": (AROUND, EDGE),  # what rows that move together would be given
    "global mean lost": (ZERO - 1 / 72, ZERO),
    "a row from afar lost": (FAR, ZERO),
    "a row from afar taken for a neighbour": (FAR, ELSEWHERE),
}


def verdict(forward, backward):
    x = {"x": np.random.default_rng(5).standard_normal((2, 72))}
    gradient = gradcli.check(
        lambda x: (np.tanh(x @ forward), np.tanh(x @ forward)),
        lambda dout, y: (dout * (1 - y * y)) @ backward.T,
        x,
        blame=False,
    ).gradients["x"]
    return gradient.verdict, gradient.failing


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_of_local_functions_pass(name):
    assert verdict(RIGHT[name], RIGHT[name])[0] == "pass"


@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients_of_local_functions_fail_where_they_are_wrong(name):
    forward, backward = WRONG[name]
    said, failing = verdict(forward, backward)
    assert said == "fail"
    np.testing.assert_array_equal(failing, np.broadcast_to((forward != backward).any(axis=1), (2, 72)))
