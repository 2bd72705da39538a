"""How much is compared: all, some or probes; within the time that was given; Ctrl-C keeps what is known.

Time is a fake that the code under test moves on: nothing here waits or measures.
"""

import numpy as np
import pytest

import gradcli
from gradcli.errors import UsageError
from tests.numeric.closed_forms import codes

X = np.random.default_rng(0).standard_normal((20, 20))


class FakeTime:
    """A clock that stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def fake_time(monkeypatch):
    fake = FakeTime()
    monkeypatch.setattr("gradcli.clock.time", fake)
    monkeypatch.setattr("gradcli.numeric.function.time", fake)
    monkeypatch.setattr("gradcli.subject.time", fake)
    return fake


def cubes(x):
    """A scalar loss, so that no axis is separable and the complex step is refused."""
    return np.sum(np.abs(x) ** 3), x


def cubes_backward(dout, x):
    return dout * 3 * x * np.abs(x)


def taking(seconds, time):
    def forward(x):
        time.now += seconds
        return cubes(x)

    return forward


# --- automatic


def test_fast_code_is_compared_element_by_element(fake_time):
    gradient = gradcli.check(taking(1e-4, fake_time), cubes_backward, {"x": X}).gradients["x"]
    assert (gradient.verdict, gradient.method, gradient.compared) == ("pass", "central", X.size)


def test_slow_code_is_probed(fake_time):
    gradient = gradcli.check(taking(1e-2, fake_time), cubes_backward, {"x": X}).gradients["x"]
    assert (gradient.verdict, gradient.method, gradient.compared, gradient.probes) == ("pass", "probe", 0, 8)


def test_a_larger_budget_buys_every_element(fake_time):
    result = gradcli.check(taking(1e-2, fake_time), cubes_backward, {"x": X}, budget=200.0)
    assert result.gradients["x"].compared == X.size


def test_only_the_costliest_input_is_probed(fake_time):
    def forward(x, b):
        fake_time.now += 1e-2
        return np.sum(np.abs(x) ** 3) * np.abs(b) ** 3, (x, b)

    def backward(dout, cache):
        x, b = cache
        return np.sum(dout * np.abs(b) ** 3) * 3 * x * np.abs(x), dout * np.sum(
            np.abs(x) ** 3
        ) * 3 * b * np.abs(b)

    inputs = {"x": X, "b": np.array([0.5, -1.5])}
    result = gradcli.check(forward, backward, inputs)
    assert [g.method for g in result.gradients.values()] == ["probe", "central"]
    assert result.gradients["b"].compared == 2


@pytest.mark.parametrize("seconds", [1e-4, 1e-3, 4e-3, 1e-2, 3e-2, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("factor", [1.0, 1.03], ids=["correct", "wrong"])
def test_a_check_does_not_run_more_than_half_over_its_budget(fake_time, seconds, factor):
    budget = 10.0
    result = gradcli.check(
        taking(seconds, fake_time), lambda d, x: factor * cubes_backward(d, x), {"x": X}, budget=budget
    )
    assert fake_time.now <= 1.5 * budget
    assert result.verdict != {1.0: "fail", 1.03: "pass"}[factor]


def test_what_the_budget_allows_to_see_is_called_wrong(fake_time):
    """Probes are off; that the time is over before an element is pinned down does not make it right."""
    result = gradcli.check(
        taking(0.03, fake_time), lambda d, x: 1.03 * cubes_backward(d, x), {"x": X}, budget=10.0
    )
    assert result.verdict != "pass"
    assert "x" in result.gradients


def test_a_check_that_ran_out_of_time_is_inconclusive(fake_time):
    result = gradcli.check(taking(5.0, fake_time), cubes_backward, {"x": X}, budget=10.0)
    assert (result.verdict, result.interrupted) == ("inconclusive", False)


def test_every_element_that_was_asked_for_is_compared_whatever_it_takes(fake_time):
    result = gradcli.check(
        taking(0.5, fake_time), cubes_backward, {"x": X[:5, :4]}, elements="all", budget=1.0
    )
    assert (result.verdict, result.gradients["x"].compared) == ("pass", 20)


def test_the_seconds_of_a_result_are_those_that_passed(fake_time):
    result = gradcli.check(taking(0.25, fake_time), cubes_backward, {"x": X[0]}, elements="all")
    assert result.seconds == pytest.approx(0.25 * result.evaluations)


# --- a number of elements


@pytest.mark.parametrize("elements", [1, 100, X.size - 1, X.size, 10_000])
def test_at_least_as_many_elements_as_asked_for(elements):
    gradient = gradcli.check(cubes, cubes_backward, {"x": X}, elements=elements).gradients["x"]
    assert gradient.verdict == "pass"
    assert gradient.compared == min(elements, X.size)
    assert int(np.sum(np.isfinite(gradient.numeric))) == gradient.compared


def test_separable_axes_make_more_elements_come_for_nothing():
    gradient = gradcli.check(
        lambda x: (np.cumsum(x**2, axis=0), x),
        lambda d, x: 2 * x * np.cumsum(d[::-1], axis=0)[::-1],
        {"x": X},
        elements=21,
    ).gradients["x"]
    assert (gradient.verdict, gradient.compared) == ("pass", 40)


def test_the_elements_are_drawn_by_seed():
    def compared(seed):
        gradient = gradcli.check(cubes, cubes_backward, {"x": X}, elements=50, seed=seed).gradients["x"]
        return np.isfinite(gradient.numeric).tobytes()

    assert compared(1) == compared(1) != compared(2)


def test_a_wrong_element_among_those_compared_fails():
    result = gradcli.check(cubes, lambda d, x: 1.001 * cubes_backward(d, x), {"x": X}, elements=3)
    assert result.verdict == "fail"


@pytest.mark.parametrize("elements", [0, -3, "most", 1.5, True])
def test_elements_that_are_no_number_of_elements_are_refused(elements):
    with pytest.raises(UsageError) as caught:
        gradcli.check(cubes, cubes_backward, {"x": X}, elements=elements)
    assert str(caught.value) == f"elements must be auto, all, probe or a number above 0, got {elements!r}"


# --- Ctrl-C


def interrupted_at(call, *, backward_too=False):
    """abs(x) @ abs(w), interrupted in the given call."""
    calls = 0

    def count():
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt

    def forward(x, w):
        if not backward_too:
            count()
        return np.abs(x) @ np.abs(w), (x, w)

    def backward(dout, cache):
        if backward_too:
            count()
        x, w = cache
        return np.sign(x) * (dout @ np.abs(w).T), np.sign(w) * (np.abs(x).T @ dout)

    inputs = {"x": X[:4, :3], "w": X[:3, 4:8]}
    return gradcli.check(forward, backward, inputs)


@pytest.mark.parametrize("call", [1, 2, 3, 10, 25, 40, 60, 80, 100, 120, 140])
def test_ctrl_c_in_forward_ends_the_check_and_keeps_what_is_known(call):
    result = interrupted_at(call)
    assert result.interrupted
    assert result.evaluations == call
    assert result.verdict == "inconclusive"
    for gradient in result.gradients.values():
        assert gradient.compared == int(np.sum(~np.isnan(gradient.numeric)))


@pytest.mark.parametrize("call", [1, 5, 20])
def test_ctrl_c_in_backward_ends_the_check(call):
    result = interrupted_at(call, backward_too=True)
    assert (result.interrupted, result.verdict) == (True, "inconclusive")


def test_a_gradient_that_was_done_before_ctrl_c_keeps_its_verdict():
    complete = interrupted_at(0)
    late = interrupted_at(complete.evaluations - 5)
    assert late.interrupted
    assert late.gradients["x"].verdict == "pass"
    assert late.gradients["x"].compared == 12
    assert late.gradients["w"].compared < 12
    assert not late.passed


def test_what_was_found_wrong_before_ctrl_c_stays_wrong():
    calls = 0

    def forward(x, w):
        nonlocal calls
        calls += 1
        if calls == 2000:
            raise KeyboardInterrupt
        return np.sum(np.abs(x) ** 3) + np.sum(np.abs(w) ** 3), (x, w)

    def backward(dout, cache):
        x, w = cache
        return 1.01 * cubes_backward(dout, x), cubes_backward(dout, w)

    result = gradcli.check(forward, backward, {"x": X[0, :5], "w": X})
    assert (result.interrupted, result.verdict, codes(result)) == (True, "fail", ["GC101"])
    assert result.gradients["x"].verdict == "fail"
