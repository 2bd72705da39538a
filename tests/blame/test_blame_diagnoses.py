"""Each kind of slip is called what it is; every claim here was run by the search itself."""

from types import SimpleNamespace

import numpy as np
import pytest

import gradcli
from gradcli.blame.diagnosis import _unexplained, region
from gradcli.clock import Clock
from tests.blame.damage import check_damaged, check_foreign, damage

SAID = {
    "a constant factor, named by a size": (
        *("bn", "dsq = np.ones((N, D)) * dvar / N", "dsq = np.ones((N, D)) * dvar"),
        "multiplied by 1/5 (0.2), where 5 is the length of axis 0 of x",
    ),
    "N": ("bn", "* dmu / N", "* dmu / N ** 2", "multiplied by 5"),
    "N over N - 1": (
        *("bn", "dsq = np.ones((N, D)) * dvar / N", "dsq = np.ones((N, D)) * dvar * (N - 1) / N ** 2"),
        "multiplied by 5/(5-1) (1.25)",
    ),
    "one over N - 1": ("bn", "* dmu / N", "* dmu / N * (N - 1)", "multiplied by 1/4"),
    "D": (
        *("bn", "* dvar / N", "* dvar / N / D"),
        "multiplied by 3, where 3 is the length of axis 1 of x",
    ),
    "one over a root": (
        *("causal", "np.outer(ds, query[i]) / d ** 0.5", "np.outer(ds, query[i])"),
        "multiplied by 1/√3",
    ),
    "two": ("bn", "dxmu2 = 2 * xmu", "dxmu2 = xmu", "multiplied by 2"),
    "a root": (
        *("causal", "np.outer(ds, query[i]) / d ** 0.5", "np.outer(ds, query[i]) / d"),
        "multiplied by √3",
    ),
    "transposed": ("Highway", "dx += dat @ self.Wt.T", "dx += dat @ self.Wt", "transposed the wrong way"),
    "permuted axes": ("bilin", "no,oij,nj->ni", "no,oji,nj->ni", "wrong subscripts: axes are permuted"),
    "a term that is constant along an axis": (
        *("ln", "dn - dn.mean(-1, keepdims=True) - n", "dn - n"),
        "backward treats `x.mean(-1, keepdims=True)` as a constant; the path of x through line 75 is missing",
    ),
    "a missing mask": ("maxpool", "= mask * dpooled", "= dpooled", "mask"),
    "N - 1 for N": ("bn", "* dvar / N", "* dvar / (N - 1)", "multiplied by (5-1)/5 (0.8)"),
    "a sign": ("bn", "dsqrtvar = -1.0 /", "dsqrtvar = 1.0 /", "multiplied by -1"),
    "an input that was left out": (
        "bn",
        "dxhat = dout * gamma",
        "dxhat = dout",
        "missing: dout * gamma is right",
    ),
    "an attribute that was left out": (
        *("Norm", "dx_hat = dy * self.gain", "dx_hat = dy"),
        "missing: dy * self.gain is right",
    ),
    "eps": ("bn", "np.sqrt(var + eps) * ds", "np.sqrt(var) * ds", "eps"),
    "a wrong tensor in a product": (
        "bn",
        "dxmu1 + dxmu2\n",
        "dxmu1 + dxmu1\n",
        "`dxmu2` in place of `dxmu1`",
    ),
    "a lost path": (
        *("bn", "dx = dxmu + np.ones((N, D)) * dmu / N", "dx = dxmu"),
        "backward treats mu as a constant (if that is meant, declare stop_gradient: [mu]); "
        "the path of x through line 12 is missing in dxmu",
    ),
    "mean for sum": ("bn", "dbeta = np.sum(dout", "dbeta = np.mean(dout", "a mean in place of a sum"),
    "sum for mean": ("ln", "(dn * n).mean(-1", "(dn * n).sum(-1", "a sum in place of a mean"),
    "a missing sum": ("ln", "dy.sum(0)", "dy[0]", "a sum is missing"),
    "a wrong axis": (
        "mlp",
        "s ** 2).sum(axis=1",
        "s ** 2).sum(axis=0",
        "the wrong axis: with `1` in place of `0`",
    ),
    "a wrong order": ("gate", "x.T @ da, x.T @ du", "x.T @ du, x.T @ da", "returned in the wrong order"),
    "overwritten": ("conv", "db[f] += dout", "db[f] = dout", "overwritten, where contributions add up"),
    "a path from pass to pass": (
        *("lstm", "dht = dh[:, t] + dnext_h", "dht = dh[:, t]"),
        "the path of prev_h through line 160 is missing in dh[:, t]",
    ),
    "a list in another order": (
        *("Cell", "np.concatenate(pre, axis=1)", "np.concatenate([pre[0], pre[2], pre[1], pre[3]], axis=1)"),
        "listed in the wrong order: with `[pre[0], pre[1], pre[2], pre[3]]` in place",
    ),
    "a derivative that is there already": (
        *("ln", "dn = dy * g", "dn = dy * g * n * (1 - n)"),
        "two factors too many: with `dy * g` in place",
    ),
    "an ignored cotangent": (
        "bn",
        "dbeta = np.sum(dout, axis=0)",
        "dbeta = np.ones(D)",
        "the cotangent is ignored",
    ),
}


@pytest.mark.parametrize("kind", SAID)
def test_a_slip_is_called_what_it_is_and_nothing_else(kind):
    pair, old, new, words = SAID[kind]
    source, lines = damage(pair, old, new)
    blame = check_damaged(pair, source, f"<{pair}: {new}>").blame
    assert blame is not None
    assert blame.line in lines
    assert words in blame.diagnosis
    others = {one for *_, one in SAID.values() if one not in words and words not in one and one not in VAGUE}
    assert not [one for one in others if one in blame.diagnosis]


# In files of other habits: what was found by a look at them.
FOREIGN = {
    "a number that forward is written with": (
        *("DeepNet", "np.where(a > 0, 1.0, 0.1)", "np.where(a > 0, 1.0, 0.0)"),
        "a wrong constant: with `0.1` in place of `0.0`",
    ),
    "parts in each other's place": (
        *("rotary", "drot[:, :half], drot[:, half:]", "drot[:, half:], drot[:, :half]"),
        "unpacked in the wrong order",
    ),
    "a statement that does nothing": (
        *("TwoLayerNet", "dscores /= N", "dscores *= 1"),
        "a wrong count: with `1 / 5` in place of `1`",
    ),
    "a derivative before the mean is taken": (
        *("nn_cost", "sigmoid(z2) * (1 - sigmoid(z2))", "(1 - sigmoid(z2))"),
        "",
    ),
    "a penalty on all": (
        *("logistic_cost", "grad[1:] += lam / m * theta[1:]", "grad += lam / m * theta"),
        "with `grad[1:] += (lam / m * theta)[1:]` in place",
    ),
    "computed again, otherwise": (
        *("pair_energy", "r2 = np.sum(rij ** 2) + 0.5", "r2 = np.sum(rij ** 2)"),
        "r2 of forward is right",
    ),
    "a late slip behind a loop of which nothing is known": (
        *("crf_nll", "grad_emissions[np.arange(T), tags] -= 1", "grad_emissions[np.arange(T), tags] -= 0.5"),
        "a wrong constant",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_slip_in_other_habits_is_called_what_it_is(kind):
    target, old, new, words = FOREIGN[kind]
    source, lines = damage(target, old, new, "foreign.py")
    blame = check_foreign(target, source).blame
    assert blame is not None
    assert blame.line in lines
    assert words in blame.diagnosis


def test_a_term_that_is_missing_is_said_to_be_constant_along_its_axis():
    source, _ = damage("ln", "dn - dn.mean(-1, keepdims=True) - n", "dn - n")
    blame = check_damaged("ln", source, "<mean lost>").blame
    assert blame.diagnosis.endswith(", a term that is constant along axis 1")


VAGUE = {"mask", "eps"}  # names that occur in other code as well


X = np.random.default_rng(0).standard_normal((6, 4))
ROW, BORDER, ALL_BUT_ONE = np.zeros((3, 6, 4), dtype=bool)
ROW[2] = BORDER[[0, -1]] = True
ALL_BUT_ONE[:] = True
ALL_BUT_ONE[:, 3] = False


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (ROW, ", and wrong only at index 2 of axis 0"),
        (BORDER, ", and wrong only at the borders of axis 0"),
        (ALL_BUT_ONE, ", and right only at index 3 of axis 1"),
        (X > 0, ", and wrong only where x > 0"),
        (X < 0, ", and wrong only where x < 0"),
        (X > 0.3, ""),
        (np.ones_like(ROW), ""),
        (np.zeros_like(ROW), ""),
    ],
)
def test_where_elements_are_wrong_is_said_if_it_is_a_part(wrong, words):
    assert region(wrong, {"x": X}) == words


def scaled(x, w):
    a = np.tanh(x)
    b = np.exp(a)
    return b * w, (a, w)


def scaled_by_another_tensor(g, cache):
    a, w = cache
    db = g * w
    dx = db * a * (1 - a**2)
    return dx, g * np.exp(a)


def test_a_tensor_that_backward_does_not_keep_is_named():
    rng = np.random.default_rng(1)
    inputs = {"x": rng.standard_normal((3, 4)), "w": rng.standard_normal((3, 4))}
    blame = gradcli.check(scaled, scaled_by_another_tensor, inputs=inputs).blame
    assert blame.source == "dx = db * a * (1 - a**2)"
    assert "a wrong tensor: b of forward is right in place of a" in blame.diagnosis


def rows(x, index):
    return x[index], (x.shape, index)


def rows_counted_once(g, cache):
    shape, index = cache
    dx = np.zeros(shape)
    dx[index] += g
    return dx


def test_duplicates_that_are_counted_once_are_found():
    inputs = {"x": np.arange(1.0, 9.0).reshape(4, 2), "index": np.array([0, 2, 2, 3])}
    blame = gradcli.check(rows, rows_counted_once, inputs=inputs).blame
    assert blame.source == "dx[index] += g"
    assert "an index that occurs twice is counted once: with `np.add.at(dx, index, g)`" in blame.diagnosis


def products(x, w):
    return x @ w, (x, w)


def rows_accumulated(g, cache):
    x, w = cache
    dx = np.zeros_like(x)
    row = np.zeros(x.shape[1])
    for i in range(len(x)):
        row += g[i] @ w.T
        dx[i] = row
    return dx, x.T @ g


def test_rows_that_are_accumulated_in_a_batch_are_found():
    rng = np.random.default_rng(2)
    inputs = {"x": rng.standard_normal((4, 3)), "w": rng.standard_normal((3, 2))}
    blame = gradcli.check(products, rows_accumulated, inputs=inputs).blame
    assert blame.source == "row += g[i] @ w.T"
    assert "added to what is there, where it should be set: with `row = g[i] @ w.T`" in blame.diagnosis


def cubes(x):
    y = x**3
    return y, (x, y)


def of_something_else(g, cache):
    x, _ = cache
    return np.cos(7.3 * x) * np.exp(x - 0.1) * g


def test_what_nothing_explains_is_said_to_be_so_with_its_place():
    blame = gradcli.check(cubes, of_something_else, inputs={"x": np.linspace(0.5, 1.5, 5)}).blame
    assert blame.source.startswith("return np.cos")
    assert "no single change explains it; x is furthest off at 3" in blame.diagnosis


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(60.0, "no single change explains it; x"), (-1.0, "no change was found in time; x")],
)
def test_what_there_was_no_time_to_try_is_not_called_unexplained(seconds, words):
    x = np.linspace(0.5, 1.5, 5)
    bench = SimpleNamespace(
        found={"x": x},
        known={"x": SimpleNamespace(numeric=x**2)},
        cotangents=(),
        gradients=lambda *_: None,
        clock=Clock(seconds),
        inputs={},
    )
    assert _unexplained(bench, SimpleNamespace(gradients=("x",))).startswith(words)
