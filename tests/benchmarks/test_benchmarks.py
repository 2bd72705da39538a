"""The benchmarks' own parts, at tiny sizes: nothing here is timed."""

import numpy as np
import pytest

from tests.benchmarks import counting, memory, peers
from tests.benchmarks.row import Row, at_least, at_most, render
from tests.benchmarks.timing import Meter
from tests.benchmarks.work import timed, work


def test_a_figure_that_is_missed_is_marked():
    lines = render(
        [at_most("a", 1.5, 1.3, ""), at_least("b", 400, 300, "fast"), Row("c", "7 s")]
    ).splitlines()
    assert [line[:3] for line in lines] == ["NOT", " ok", "   "]


def test_the_double_loop_measures_what_gradcli_measures():
    subject = work("batchnorm", batch=4, features=3)
    dout = np.random.default_rng(7).standard_normal((4, 3))
    slopes = peers.double_loop(subject.functions[0], subject.inputs, dout)
    result = subject.check(cotangent=dout)
    for name, gradient in result.gradients.items():
        np.testing.assert_allclose(slopes[name], gradient.numeric, rtol=1e-6, atol=1e-8)


def test_gradcheck_agrees_that_the_layer_is_right():
    pytest.importorskip("torch")
    assert peers.gradcheck_time(3, 2) > 0  # gradcheck raises where a gradient is wrong


def test_a_meter_counts_the_calls_of_a_function_that_raises_too():
    def odd(n):
        if n == 2:
            raise ValueError(n)
        return n

    meter = Meter()
    metered = meter.around(odd)
    assert metered(3) == 3
    with pytest.raises(ValueError, match="2"):
        metered(2)
    assert metered(np.ones(1) + 0j) == 1
    assert (meter.calls, meter.complex_calls) == (3, 1)
    assert metered.__name__ == "odd"


def test_a_timed_check_counts_what_the_result_counts():
    run = timed(work("affine", batch=2, in_features=3, out_features=2))
    assert run.forwards > 0
    assert run.backwards > 0
    assert run.within <= run.seconds


def test_one_wrong_weight_is_found_with_its_index():
    (row,) = counting.needles(counting.affine(20), "one wrong W", "W", seeds=2)
    assert "2 of 2 found" in row.measured


def test_evaluations_of_batchnorm_grow_with_the_batch_and_not_with_the_features():
    _, few, many = counting.growth((4, 16), (3, 96))
    assert few.ok
    assert many.ok
    assert int(few.measured.split()[0]) < int(many.measured.split()[0])
    assert len(many.measured.split()) == 2


def test_the_memory_of_a_layer_counts_what_shares_memory_once():
    peak, own, layer = memory.measure("relu", {"batch": 64, "features": 64})
    assert own >= 2 * 64 * 64 * 8
    assert peak > layer > 0
