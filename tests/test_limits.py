"""Where values are tied, the gradient of a point next to the tie is right, and nothing else."""

from functools import partial

import numpy as np
import pytest

import gradcli

FEW = np.random.default_rng(3).integers(0, 3, (4, 5)) * 0.75 - 0.75
CROWDS = np.random.default_rng(3).integers(0, 4, (3, 40)) * 1.0
ALL = np.full((3, 6), 0.7)
NEARLY = FEW + 1e-12 * np.random.default_rng(4).uniform(-1, 1, FEW.shape)
tied = pytest.mark.parametrize("x", [FEW, CROWDS, ALL, NEARLY], ids=["few", "crowds", "all", "nearly"])


def put(x, places, values):
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, places, values, -1)
    return gradient


def sort(x):
    return np.sort(x, axis=-1), x


def sort_backward(dout, x):
    return put(x, np.argsort(x, axis=-1), dout)


def averaged(dout, x):
    gradient = sort_backward(dout, x)
    for row, values in zip(gradient, x, strict=True):
        for value in np.unique(values):
            row[values == value] = row[values == value].mean()
    return gradient


def first_for_all(dout, x):
    places = [np.searchsorted(np.sort(row), row) for row in x]
    return np.take_along_axis(dout, np.stack(places), -1)


def median(x):
    return np.median(x, axis=-1), x


def median_backward(dout, x):
    count = x.shape[-1]
    middle = np.argsort(x, axis=-1)[:, (count - 1) // 2 : count // 2 + 1]
    return put(x, middle, np.repeat(dout[:, None] / middle.shape[-1], middle.shape[-1], axis=-1))


def lower_median(x):
    return np.sort(x, axis=-1)[:, (x.shape[-1] - 1) // 2], x


def shared(dout, x):
    ties = x == lower_median(x)[0][:, None]
    return dout[:, None] * ties / ties.sum(axis=-1, keepdims=True)


def counted_twice(dout, x):
    return dout[:, None] * (x == lower_median(x)[0][:, None])


def largest_two(x):
    places = np.argpartition(x, -2, axis=-1)[:, -2:]
    return np.take_along_axis(x, places, -1).sum(axis=-1), (x, places)


def largest_two_backward(dout, cache):
    x, places = cache
    return put(x, places, np.repeat(dout[:, None], 2, axis=-1))


RIGHT = {
    "sort": (sort, sort_backward),
    "sort, ties averaged": (sort, averaged),
    "median": (median, median_backward),
    "lower median, shared": (lower_median, shared),
    "the largest two": (largest_two, largest_two_backward),
}


@tied
@pytest.mark.parametrize("pair", RIGHT.values(), ids=RIGHT)
def test_any_order_of_the_tied_is_right(pair, x):
    assert gradcli.check(*pair, {"x": x}, blame=False).verdict == "pass"


WRONG = {
    "the first of the tied for all": (sort, first_for_all),
    "off by a thousandth": (sort, lambda dout, x: 1.001 * sort_backward(dout, x)),
    "counted more than once": (lower_median, counted_twice),
    "left out": (lower_median, lambda dout, x: np.zeros_like(x)),
}
EQUALS = (WRONG["the first of the tied for all"], WRONG["counted more than once"])


@tied
@pytest.mark.parametrize("pair", WRONG.values(), ids=WRONG)
def test_ties_excuse_no_other_gradient(pair, x):
    if x is NEARLY and pair in EQUALS:
        return  # nothing is equal, and it is right
    assert gradcli.check(*pair, {"x": x}, blame=False).verdict == "fail"


def test_the_wrong_side_of_a_near_kink_is_no_tie():
    x = np.array([1e-9, 1.0, -1.0, 2.0])
    pair = (lambda x: (np.maximum(x, 0).sum(), x), lambda dout, x: dout * (x > 5e-8))
    assert gradcli.check(*pair, {"x": x}, blame=False).verdict == "fail"


# --- several kinks in one point


def network(x, w1, w2):
    z = x @ w1
    return np.maximum(z, 0) @ w2, (x, w1, z, w2)


def backward_of_network(side, slip=lambda x, dz: dz):
    """A backward that takes one side at every kink, or does something else there."""

    def backward(dout, cache):
        x, w1, z, w2 = cache
        dz = dout @ w2.T * np.where(z == 0, side, z > 0)
        return slip(x, dz) @ w1.T, x.T @ dz, np.maximum(z, 0).T @ dout

    return backward


def zeros(seed, rows=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 3))
    x[:rows] = 0.0
    return {"x": x, "w1": rng.normal(size=(3, 6)), "w2": rng.normal(size=(6, 2))}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("side", [0.0, 1.0])
def test_a_network_of_relus_is_right_at_zeros_whatever_side_it_takes(seed, side):
    result = gradcli.check(network, backward_of_network(side), zeros(seed), seed=seed, blame=False)
    assert result.verdict == "pass"


@pytest.mark.parametrize(
    "slip",
    [lambda x, dz: 1.01 * dz, lambda x, dz: dz + 3.0 * np.sign(dz) * (x == 0).all(axis=1, keepdims=True)],
    ids=["everywhere", "at zeros only"],
)
def test_a_network_that_is_wrong_is_wrong_at_zeros_too(slip):
    result = gradcli.check(network, backward_of_network(1.0, slip), zeros(0), blame=False)
    assert result.gradients["x"].verdict == "fail"


def test_a_tie_with_a_small_cotangent_is_a_tie_like_others():
    def forward(x):
        return np.median(x, axis=1), x

    def backward(dout, x):
        middle = np.argsort(x, axis=1, kind="stable")[:, 2:3]
        dx = np.zeros_like(x)
        np.put_along_axis(dx, middle, dout[:, None], axis=1)
        return dx

    cotangent = np.array([1.0, 0.004, -2.0])
    assert gradcli.check(forward, backward, {"x": np.zeros((3, 5))}, cotangent=cotangent).verdict == "pass"


def middle(values):
    """Places and weights of the median."""
    order, count = np.argsort(values, kind="stable"), len(values)
    return [(i, 1 / (2 - count % 2)) for i in order[(count - 1) // 2 : count // 2 + 1]]


def deviation(x):
    """The median absolute deviation from the median: two ties meet."""
    centre = sum(w * x[i] for i, w in middle(x))
    away = np.abs(x - centre)
    return np.asarray(sum(w * away[i] for i, w in middle(away))), (x, centre, middle(x), middle(away))


def deviation_backward(dout, cache, *, of_centre=1.0):
    x, centre, inner, outer = cache
    dx = np.zeros_like(x)
    for i, w in outer:
        side = np.sign(x[i] - centre)
        dx[i] += w * side * dout
        for j, v in inner:
            dx[j] -= of_centre * w * v * side * dout
    return dx


# number of values, how many there are on either side of 0, seed
DEVIATIONS = [(5, 2, 0), (5, 3, 5), (11, 1, 5), (20, 1, 2), (20, 3, 3), (20, 3, 6)]


@pytest.mark.parametrize(("count", "levels", "seed"), DEVIATIONS)
def test_a_median_of_distances_from_a_median_is_right_at_ties(count, levels, seed):
    x = np.random.default_rng(seed).integers(-levels, levels + 1, count) * 0.5
    assert gradcli.check(deviation, deviation_backward, {"x": x}, seed=seed, blame=False).verdict == "pass"


@pytest.mark.parametrize(("count", "levels", "seed"), [(5, 2, 0), (5, 3, 5), (11, 2, 3), (11, 2, 7)])
def test_a_median_of_distances_without_the_centre_s_part_is_wrong_at_ties(count, levels, seed):
    x = np.random.default_rng(seed).integers(-levels, levels + 1, count) * 0.5
    lost = partial(deviation_backward, of_centre=0.0)
    assert gradcli.check(deviation, lost, {"x": x}, seed=seed, blame=False).verdict == "fail"
