"""Every backward against the complex step, exact to rounding, and the promises beside its numbers."""

import numpy as np
import pytest

from gradcli.layers import LAYERS
from tests.layers.cases import CASES, Case, cotangents_for

DEFAULT_CASES = [Case(layer, {}) for layer in LAYERS.values()]


def complex_step(case, inputs, name, cotangents):
    """The gradient of <cotangents, outputs> with respect to one input, element by element."""
    gradient = np.empty_like(inputs[name])
    for index in np.ndindex(gradient.shape):
        moved = inputs[name].astype(complex)
        moved[index] += 1e-30j
        outputs, _ = case.forward(inputs | {name: moved})
        pairs = zip(cotangents, outputs, strict=True)
        gradient[index] = sum(np.sum(cotangent * out.imag) for cotangent, out in pairs) / 1e-30
    return gradient


def central_difference(case, inputs, name, cotangents):
    """The same by central differences, for a layer that might treat complex numbers in its own way."""
    gradient = np.empty_like(inputs[name])
    step = 1e-5
    for index in np.ndindex(gradient.shape):
        loss = []
        for sign in (1, -1):
            moved = inputs[name].copy()
            moved[index] += sign * step
            outputs, _ = case.forward(inputs | {name: moved})
            loss.append(sum(np.sum(c * out) for c, out in zip(cotangents, outputs, strict=True)))
        gradient[index] = (loss[0] - loss[1]) / (2 * step)
    return gradient


def wrong_gradients(case, backward, seed=0, rtol=1e-11):
    """Names of the inputs whose gradient differs from the complex step."""
    inputs = case.draw(seed=seed)
    outputs, cache = case.forward(inputs)
    cotangents = cotangents_for(outputs)
    wrong = []
    for name, gradient in backward(cotangents, cache).items():
        expected = complex_step(case, inputs, name, cotangents)
        # What cancels (x of a batch-norm over two rows) keeps the rounding of its terms, of order one.
        if not np.allclose(gradient, expected, rtol=rtol, atol=1e-13):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("case", CASES, ids=str)
def test_backward_agrees_with_the_complex_step(case):
    assert wrong_gradients(case, case.backward) == []


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_backward_agrees_with_central_differences(case):
    inputs = case.draw(seed=3)
    outputs, cache = case.forward(inputs)
    cotangents = cotangents_for(outputs)
    for name, gradient in case.backward(cotangents, cache).items():
        expected = central_difference(case, inputs, name, cotangents)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


def scaled(name, factor):
    def damage(gradients):
        return gradients | {name: factor * gradients[name]}

    return damage


def last_element_zero(name):
    def damage(gradients):
        gradient = gradients[name].copy()
        gradient[(-1,) * gradient.ndim] = 0
        return gradients | {name: gradient}

    return damage


@pytest.mark.parametrize(
    ("layer", "damage", "wrong"),
    [
        ("batchnorm", scaled("x", 1.0001), "x"),
        ("affine", last_element_zero("W"), "W"),
        ("conv2d", last_element_zero("b"), "b"),
        ("lstm_step", scaled("c_prev", -1), "c_prev"),
        ("softmax_cross_entropy", scaled("logits", 2), "logits"),
    ],
)
def test_a_planted_bug_is_seen_by_these_tests(layer, damage, wrong):
    case = Case(LAYERS[layer], {})
    assert wrong_gradients(case, lambda cotangents, cache: damage(case.backward(cotangents, cache))) == [
        wrong
    ]


def test_a_backward_that_overwrites_duplicates_is_seen_by_these_tests():
    case = Case(LAYERS["embedding"], {"batch": 6, "vocabulary": 2})

    def overwriting(cotangents, cache):
        table = np.zeros_like(cache.table)
        table[cache.indices] = cotangents[0]
        return {"table": table}

    assert wrong_gradients(case, overwriting) == ["table"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_dtype_is_preserved_everywhere(case):
    for dtype in ("float16", "float32", "float64"):
        outputs, cache = case.forward(case.draw(dtype))
        gradients = case.backward(cotangents_for(outputs), cache)
        assert {str(out.dtype) for out in outputs} == {dtype}
        assert {name: str(gradient.dtype) for name, gradient in gradients.items()} == dict.fromkeys(
            gradients, dtype
        )
        assert {str(v.dtype) for v in cache if isinstance(v, np.ndarray) and v.dtype.kind == "f"} <= {dtype}
        assert all(np.isfinite(gradient).all() for gradient in gradients.values())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_gradient_has_the_shape_of_its_input(case):
    inputs = case.draw()
    outputs, cache = case.forward(inputs)
    gradients = case.backward(cotangents_for(outputs), cache)
    assert {name: g.shape for name, g in gradients.items()} == {
        name: inputs[name].shape for name in gradients
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_that_is_passed_in_changes(case):
    inputs = case.draw()
    inputs_before = {name: array.tobytes() for name, array in inputs.items()}
    outputs, cache = case.forward(inputs)
    cotangents = cotangents_for(outputs)
    cache_before = [value.tobytes() if isinstance(value, np.ndarray) else value for value in cache]
    cotangents_before = [cotangent.tobytes() for cotangent in cotangents]
    case.backward(cotangents, cache)
    assert {name: array.tobytes() for name, array in inputs.items()} == inputs_before
    assert [value.tobytes() if isinstance(value, np.ndarray) else value for value in cache] == cache_before
    assert [cotangent.tobytes() for cotangent in cotangents] == cotangents_before


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_gradient_shares_memory_with_the_cotangent_the_cache_or_another(case):
    outputs, cache = case.forward(case.draw())
    cotangents = cotangents_for(outputs)
    gradients = list(case.backward(cotangents, cache).values())
    kept = [*cotangents, *(value for value in cache if isinstance(value, np.ndarray))]
    for i, gradient in enumerate(gradients):
        assert not any(np.shares_memory(gradient, other) for other in (*kept, *gradients[:i]))
        assert gradient.flags.writeable


@pytest.mark.parametrize("case", CASES, ids=str)
def test_backward_is_linear_in_the_cotangent_bit_for_bit(case):
    outputs, cache = case.forward(case.draw())
    cotangents = cotangents_for(outputs)
    gradients = case.backward(cotangents, cache)
    for factor in (0.0, -1.0, 2.0**20, 2.0**-20):
        multiplied = case.backward(tuple(factor * cotangent for cotangent in cotangents), cache)
        for name, gradient in gradients.items():
            np.testing.assert_array_equal(multiplied[name], factor * gradient, err_msg=f"{name} * {factor}")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_memory_layout_of_the_cotangent_does_not_matter(case):
    outputs, cache = case.forward(case.draw())
    cotangents = cotangents_for(outputs)
    expected = case.backward(cotangents, cache)
    fortran = tuple(np.asfortranarray(cotangent) for cotangent in cotangents)
    spaced = tuple(np.repeat(c, 2, axis=-1)[..., ::2] if c.ndim else c for c in cotangents)
    for others in (fortran, spaced):
        for name, gradient in case.backward(others, cache).items():
            np.testing.assert_allclose(gradient, expected[name], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", DEFAULT_CASES, ids=str)
def test_a_broadcast_cotangent_is_like_its_copy(case):
    outputs, cache = case.forward(case.draw())
    ones = tuple(np.broadcast_to(np.ones((), out.dtype), out.shape) for out in outputs)
    expected = case.backward(tuple(one.copy() for one in ones), cache)
    for name, gradient in case.backward(ones, cache).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-12, atol=1e-13)
