"""Code so slow that no whole check fits: a verdict from a handful of evaluations, within the budget.

Time is a fake that the code under test moves on: nothing here waits or measures.
"""

from pathlib import Path

import numpy as np
import pytest

import gradcli
from gradcli import check_target
from tests.numeric.closed_forms import codes
from tests.test_budget import FakeTime

RNG = np.random.default_rng(0)


class Time(FakeTime):
    thread_time = FakeTime.perf_counter


@pytest.fixture
def fake_time(monkeypatch):
    fake = Time()
    for module in ("clock", "numeric.function", "subject", "cases"):
        monkeypatch.setattr(f"gradcli.{module}.time", fake)
    monkeypatch.setattr("gradcli.targets.inference.patience.time", fake)
    return fake


def batchnorm(x, gamma, beta):
    var = x.var(axis=0)
    x_hat = (x - x.mean(axis=0)) / np.sqrt(var + 1e-5)
    return gamma * x_hat + beta, (x_hat, var, gamma)


def batchnorm_backward(dout, cache):
    x_hat, var, gamma = cache
    dbeta, dgamma = dout.sum(axis=0), (dout * x_hat).sum(axis=0)
    dx = gamma / np.sqrt(var + 1e-5) * (dout - dbeta / len(dout) - x_hat * dgamma / len(dout))
    return dx, dgamma, dbeta


def network(x, w, v):
    h = np.maximum(x @ w, 0.0)
    return np.sum((h @ v) ** 2), (x, w, v, h)


def network_backward(dout, cache):
    x, w, v, h = cache
    dp = 2 * (h @ v) * dout
    dh = dp @ v.T * (h > 0)
    return dh @ w.T, x.T @ dh, h.T @ dp


def cubes(x):
    return np.sum(np.abs(x) ** 3), x


def cubes_backward(dout, x):
    return dout * 3 * x * np.abs(x)


def drawn(*shapes):
    return [RNG.standard_normal(shape) for shape in shapes]


PAIRS = {
    "batchnorm": (batchnorm, batchnorm_backward, ("x", "gamma", "beta"), drawn((8, 5), 5, 5)),
    "network": (network, network_backward, ("x", "w", "v"), drawn((6, 10), (10, 12), (12, 3))),
    "cubes": (cubes, cubes_backward, ("x",), drawn((30, 30))),
}


def slow(pair, seconds, time, damage=lambda gradients: None):
    """A check of a pair whose calls take so long, with a budget of 10 seconds."""
    forward, backward, names, arrays = PAIRS[pair]

    def slow_forward(*inputs):
        time.now += seconds
        return forward(*inputs)

    def slow_backward(dout, cache):
        time.now += seconds
        found = backward(dout, cache)
        gradients = [np.array(g) for g in (found if isinstance(found, tuple) else (found,))]
        damage(gradients)
        return tuple(gradients)

    return gradcli.check(slow_forward, slow_backward, dict(zip(names, arrays, strict=True)), budget=10.0)


def first_off(gradients):
    gradients[0] *= 1.05


def one_element_off(gradients):
    gradients[-1].flat[np.argmax(np.abs(gradients[-1]))] *= 2.0


SECONDS = pytest.mark.parametrize("seconds", [0.15, 0.3, 1.0])


@SECONDS
@pytest.mark.parametrize("pair", PAIRS)
def test_a_right_gradient_passes_within_the_budget(pair, seconds, fake_time):
    result = slow(pair, seconds, fake_time)
    assert (result.verdict, fake_time.now <= 10.0) == ("pass", True)
    assert all(g.probes and 0 < g.detectable < 1e-2 for g in result.gradients.values())
    assert any("--budget gives more time" in remark for remark in result.remarks)


@SECONDS
@pytest.mark.parametrize("damage", [first_off, one_element_off])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_wrong_gradient_fails_within_half_over_the_budget(pair, damage, seconds, fake_time):
    result = slow(pair, seconds, fake_time, damage)
    assert (result.verdict, codes(result)[0], fake_time.now <= 15.0) == ("fail", "GC101", True)
    assert "no line is looked for: that takes the elements of a gradient" in result.remarks


def test_the_wrong_gradient_is_named_where_there_is_time_for_each(fake_time):
    result = slow("batchnorm", 0.3, fake_time, one_element_off)
    assert {name: g.verdict for name, g in result.gradients.items()} == {
        "x": "pass",
        "gamma": "pass",
        "beta": "fail",
    }


def test_where_all_are_looked_at_together_the_message_says_so(fake_time):
    (violation,) = slow("batchnorm", 1.0, fake_time, first_off).violations[:1]
    assert violation.message.startswith("of x, gamma, beta, some gradient is wrong: along a random direction")


def test_what_is_too_small_to_be_seen_is_below_what_the_report_says(fake_time):
    def tiny(gradients):
        gradients[0].flat[0] += 1e-9

    result = slow("network", 0.3, fake_time, tiny)
    assert result.verdict == "pass"
    assert result.gradients["x"].detectable > 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_at_a_kink_nothing_is_called_wrong(seed, fake_time):
    x = np.random.default_rng(seed).integers(-2, 3, (6, 5)).astype(float)

    def forward(x):
        fake_time.now += 0.5
        return np.maximum(x, 0.0), x

    result = gradcli.check(forward, lambda d, x: d * (x > 0), {"x": x}, budget=10.0, seed=seed)
    assert result.verdict != "fail"


def test_a_backward_that_keeps_state_is_found_if_there_is_time_for_it(fake_time):
    kept = []

    def forward(x):
        fake_time.now += 0.2
        return x**2, x

    def backward(dout, x):
        kept.append(x)
        return 2 * kept[0] * dout

    result = gradcli.check(forward, backward, {"x": RNG.standard_normal((4, 3))}, budget=10.0)
    assert "GC111" in codes(result)


FILE = """
import numpy as np
import gradcli.clock

def affine_forward(x, w, b):
    gradcli.clock.time.now += {seconds}
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    gradcli.clock.time.now += {seconds}
    x, w = cache
    return dout @ w.T, {factor} * x.T @ dout, dout.sum(axis=0)
"""


@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.0])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "pass"), (2, "fail")])
def test_guessing_shapes_and_all_further_cases_count_towards_the_budget(
    seconds, factor, verdict, fake_time, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("code.py").write_text(FILE.format(seconds=seconds, factor=factor))
    result = check_target("code.py:affine", budget=10.0)
    assert (result.verdict, fake_time.now <= 15.0) == (verdict, True)
