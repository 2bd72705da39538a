"""The built-in layers keep every promise, at small sizes of every kind."""

import numpy as np
import pytest

import gradcli
from tests.layers.cases import CASES, Case
from tests.numeric.closed_forms import codes

# Zero because of what the layer is: an embedding of one word, normalisation over one number.
EXPECTED = {"GC201", "GC202"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_built_in_layer_passes_and_breaks_no_promise(case: Case):
    result = gradcli.check_target(case.layer.name, **case.values)
    assert result.verdict == "pass", [(g.name, g.note) for g in result.gradients.values()]
    assert set(codes(result)) <= EXPECTED


@pytest.mark.parametrize("name", sorted({case.layer.name for case in CASES}))
def test_a_thousandth_off_in_any_gradient_of_any_layer_fails(name: str):
    case = next(case for case in CASES if case.layer.name == name and not case.values)
    inputs = case.draw(seed=1)

    def forward(**arrays):
        outputs, cache = case.forward(arrays)
        return (outputs if len(outputs) > 1 else outputs[0]), cache

    for wrong in case.floating:

        def backward(dout, cache, wrong=wrong):
            gradients = case.backward(dout if isinstance(dout, tuple) else (dout,), cache)
            return {name: g * (1.001 if name == wrong else 1.0) for name, g in gradients.items()}

        result = gradcli.check(forward, backward, inputs, blame=False)
        failing = [g.name for g in result.gradients.values() if g.verdict == "fail"]
        zero = not np.any(result.gradients[wrong].analytic)
        assert failing == ([] if zero else [wrong])
