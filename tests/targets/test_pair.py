"""Every way to write forward and backward that people use reaches the same Problem."""

from collections import namedtuple
from dataclasses import dataclass, make_dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from gradcli.errors import BrokenPromise, UsageError
from gradcli.targets.label import Label
from gradcli.targets.pair import make_problem

X = np.array([[1.0, -2.0], [3.0, 0.5]])
W = np.array([[2.0, 1.0], [-1.0, 4.0]])
DOUT = np.array([[0.3, -0.7], [1.1, 0.2]])


def problem_of(forward, backward, inputs=None, constants=None):
    given = {"x": X, "w": W} if inputs is None else inputs
    return make_problem(forward, backward, given, constants or {}, Label.of("p"), by_position=True)


def gradients(forward, backward, inputs=None, constants=None, cotangents=None):
    """What backward's adapter hands on for the outputs of forward's."""
    problem = problem_of(forward, backward, inputs, constants)
    run = problem.forward(problem.inputs)
    if cotangents is None:
        cotangents = tuple(
            DOUT if output.shape == X.shape else np.ones(output.shape) for output in run.outputs
        )
    return dict(problem.backward(cotangents, run.saved))


def product(x, w):
    return x * w, (x, w)


def product_backward(dout, cache):
    x, w = cache
    return dout * w, dout * x


class Grads(NamedTuple):
    dx: Any
    dw: Any


Swapped = namedtuple("Swapped", "w x")
Unnamed = namedtuple("Unnamed", "first second")
Held = make_dataclass("Held", ["w", "x"])
Other = make_dataclass("Other", ["first", "second"])


# --- what backward returns


@pytest.mark.parametrize(
    "wrap",
    [
        lambda dx, dw: (dx, dw),
        lambda dx, dw: [dx, dw],
        lambda dx, dw: {"x": dx, "w": dw},
        lambda dx, dw: {"w": dw, "x": dx},
        lambda dx, dw: {"dx": dx, "dw": dw},
        lambda dx, dw: {"d_x": dx, "grad_w": dw},
        lambda dx, dw: {"x_grad": dx, "dW": dw},
        Grads,
        lambda dx, dw: Swapped(dw, dx),
        Unnamed,
        lambda dx, dw: Held(dw, dx),
        lambda dx, dw: Other(dx, dw),
        lambda dx, dw: (dx, dw, None),
    ],
)
def test_gradients_are_read_from_a_tuple_a_list_a_dict_a_named_tuple_and_a_dataclass(wrap):
    def backward(dout, cache):
        return wrap(*product_backward(dout, cache))

    found = gradients(lambda x, w, eps=0: product(x, w), backward)
    assert list(found) == ["x", "w"]
    np.testing.assert_array_equal(found["x"], DOUT * W)
    np.testing.assert_array_equal(found["w"], DOUT * X)


def test_a_lone_array_is_the_gradient_of_the_only_floating_input():
    labels = np.array([0, 1])
    found = gradients(lambda x, y: (x * 2, None), lambda dout, cache: dout * 2, {"x": X, "y": labels})
    np.testing.assert_array_equal(found["x"], DOUT * 2)


@pytest.mark.parametrize("returned", [lambda d: (d,), lambda d: (d, None), lambda d: [d], lambda d: {"x": d}])
def test_an_integer_input_has_no_entry_or_none(returned):
    labels = np.array([0, 1])
    found = gradients(lambda x, y: (x, None), lambda dout, cache: returned(dout), {"x": X, "y": labels})
    assert list(found) == ["x"]


def test_a_dict_may_carry_gradients_of_constants_too():
    found = gradients(
        lambda x, w, eps: product(x, w),
        lambda dout, cache: {"x": dout, "w": dout, "deps": 0.0},
        constants={"eps": 1.0},
    )
    assert list(found) == ["x", "w"]


def test_gradients_are_handed_on_as_they_are():
    odd = object()
    assert gradients(product, lambda dout, cache: (odd, None)) == {"x": odd, "w": None}


def test_a_gradient_that_a_dict_leaves_out_is_none():
    assert gradients(product, lambda dout, cache: {"x": 1.0}) == {"x": 1.0, "w": None}


def test_a_dict_may_use_the_arguments_own_names():
    found = gradients(lambda a, b: product(a, b), lambda dout, cache: {"da": 1.0, "db": 2.0})
    assert found == {"x": 1.0, "w": 2.0}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ((1.0,), "backward returned 1 gradient; x and w need 2"),
        ((1.0, 2.0, 3.0), "backward returned 3 gradients; x and w need 2"),
        ((), "backward returned 0 gradients; x and w need 2"),
        (np.ones(2), "backward returned a float64 array of shape (2,); x and w need 2"),
        (None, "backward returned None; x and w need 2"),
        ("dx", "backward returned a string; x and w need 2"),
        ({"x": 1.0, "z": 2.0}, "backward returned a gradient 'z', which is no input; x and w need 2"),
        ({0: 1.0}, "backward returned a gradient 0, which is no input; x and w need 2"),
        ({"x": 1.0, "dx": 2.0}, "backward returned two gradients for x: 'x' and 'dx'"),
    ],
)
def test_gradients_that_cannot_be_told_apart_break_a_promise(returned, message):
    with pytest.raises(BrokenPromise) as caught:
        gradients(product, lambda dout, cache: returned)
    assert (caught.value.code, caught.value.message) == ("GC102", message)


def test_three_missing_gradients_are_counted_and_named():
    inputs = {"x": X, "gamma": W, "beta": W}
    with pytest.raises(BrokenPromise) as caught:
        gradients(lambda x, gamma, beta: (x, None), lambda dout, cache: (1.0, 2.0), inputs)
    assert caught.value.message == "backward returned 2 gradients; x, gamma and beta need 3"


@pytest.mark.parametrize("returned", [(1.0, 2.0), "dx", (x for x in ())])
def test_the_only_input_needs_one(returned):
    with pytest.raises(BrokenPromise, match=r"; x needs 1$"):
        gradients(lambda x: (x, None), lambda dout, cache: returned, {"x": X})


# --- what forward returns


@pytest.mark.parametrize(
    ("result", "shape"),
    [
        (np.float32(2.0), ()),
        (2.0, ()),
        (np.ones((2, 3)), (2, 3)),
        ((np.ones(3),), (3,)),
        ((2.5, {"x": X}), ()),
        (np.ma.masked_array([1.0, 2.0]), (2,)),
    ],
)
def test_an_output_becomes_an_array(result, shape):
    problem = problem_of(lambda x, w: result, product_backward)
    (output,) = problem.forward(problem.inputs).outputs
    assert type(output) is np.ndarray
    assert output.shape == shape


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([1.0, 2.0], "forward returned a list; expected an array, a number or (out, cache)"),
        (None, "forward returned None; expected an array, a number or (out, cache)"),
        ("out", "forward returned a string; expected an array, a number or (out, cache)"),
        ({"out": X}, "forward returned a dict; expected an array, a number or (out, cache)"),
        (np.ndarray, "forward returned a type; expected an array, a number or (out, cache)"),
        (([1.0], "cache"), "forward returned a list; expected an array, a number or (out, cache)"),
        ((), "forward returned an empty tuple; expected an array or (out, cache)"),
        (((), "cache"), "forward returned an empty tuple as its outputs; expected arrays"),
        (X + 1j, "forward returned a complex128 array of shape (2, 2); expected floating-point numbers"),
        (1j, "forward returned a complex; expected floating-point numbers"),
        (3, "forward returned an int; expected floating-point numbers"),
        (np.arange(3), "forward returned an int64 array of shape (3,); expected floating-point numbers"),
        (
            np.array([None]),
            "forward returned an object array of shape (1,); expected floating-point numbers",
        ),
        (
            ((X, [1]), "cache"),
            "output 1 of forward is a list; expected an array, a number or (out, cache)",
        ),
    ],
)
def test_what_forward_must_not_return_breaks_a_promise(result, message):
    problem = problem_of(lambda x, w: result, product_backward)
    with pytest.raises(BrokenPromise) as caught:
        problem.forward(problem.inputs)
    assert (caught.value.code, caught.value.message) == ("GC108", message)


def test_a_complex_step_may_give_complex_outputs():
    problem = problem_of(product, product_backward)
    run = problem.forward({"x": X + 1e-30j, "w": W})
    assert run.outputs[0].dtype == np.complex128


def test_forward_gets_exactly_the_arrays_it_is_run_on():
    seen = []
    problem = problem_of(lambda x, w: seen.extend([x, w]) or x, lambda dout: (dout, dout))
    arrays = {"x": X.copy(), "w": W.copy()}
    problem.forward(arrays)
    assert seen[0] is arrays["x"]
    assert seen[1] is arrays["w"]


def test_what_the_users_code_raises_is_not_touched():
    def broken(x, w):
        raise ZeroDivisionError("here")

    problem = problem_of(broken, product_backward)
    with pytest.raises(ZeroDivisionError, match="here"):
        problem.forward(problem.inputs)


# --- what backward takes


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (product, product_backward),
        (product, lambda g, c: (g * c[1], g * c[0])),
        (product, lambda residuals, g: (g * residuals[1], g * residuals[0])),
        (product, lambda dout, cache=None: (dout * cache[1], dout * cache[0])),
        (product, lambda dout, *, cache: (dout * cache[1], dout * cache[0])),
        (product, lambda *args: (args[0] * args[1][1], args[0] * args[1][0])),
        (product, lambda dout, *rest: (dout * rest[0][1], dout * rest[0][0])),
        (lambda x, w: x * w, lambda dout, x, w: (dout * w, dout * x)),
        (lambda x, w: x * w, lambda dout, w, x: (dout * w, dout * x)),
        (lambda x, w: x * w, lambda x, w, dout: (dout * w, dout * x)),
        (lambda x, w: x * w, lambda x, w, /, dy: (dy * w, dy * x)),
        (lambda a, b: a * b, lambda dout, a, b: (dout * b, dout * a)),
        (lambda x, w: (x * w, (x, w)), lambda dout, cache, x, out=None: (dout * cache[1], dout * x)),
        (lambda x, w: (x * w, x, w), lambda dout, first, second: (dout * second, dout * first)),
        (lambda x, w: (x * w, x, w), lambda dout, *saved: (dout * saved[1], dout * saved[0])),
        (lambda x, w: (x * w, (x, w)), lambda dout, first, second: (dout * second, dout * first)),
    ],
    ids=range(16),
)
def test_cotangent_cache_and_arguments_arrive_whatever_the_parameters_are_called(forward, backward):
    found = gradients(forward, backward)
    np.testing.assert_array_equal(found["x"], DOUT * W)
    np.testing.assert_array_equal(found["w"], DOUT * X)


def test_the_output_reaches_a_backward_that_asks_for_it():
    found = gradients(np.tanh, lambda dout, out: dout * (1 - out**2), {"x": X})
    np.testing.assert_array_equal(found["x"], DOUT * (1 - np.tanh(X) ** 2))


@pytest.mark.parametrize("constants", [{"eps": 2.0}, {}])
def test_a_constant_reaches_backward_by_name_given_or_by_default(constants):
    def forward(x, eps=2.0):
        return x * eps

    found = gradients(forward, lambda dout, x, eps: dout * eps, {"x": X}, constants)
    np.testing.assert_array_equal(found["x"], DOUT * 2)


def test_without_a_cache_backward_gets_the_only_input_in_its_place():
    found = gradients(np.tanh, lambda dout, cache: dout * cache, {"x": X})
    np.testing.assert_array_equal(found["x"], DOUT * X)


def test_without_a_cache_and_with_two_inputs_backward_gets_none_in_its_place():
    seen = []
    gradients(lambda x, w: x * w, lambda dout, cache: seen.append(cache) or (dout, dout), {"x": X, "w": W})
    assert seen == [None]


def test_a_cache_goes_to_the_only_argument_after_the_cotangent_even_if_an_input_has_its_name():
    found = gradients(lambda x: (np.maximum(x, 0), x > 0), lambda dout, x: dout * x, {"x": X})
    np.testing.assert_array_equal(found["x"], DOUT * (X > 0))


def test_an_input_called_state_wins_over_the_cache_of_that_name():
    found = gradients(
        lambda x, state: (x * state, None, None)[:1],
        lambda dout, x, state: (dout * state, dout * x),
        {"x": X, "state": W},
    )
    np.testing.assert_array_equal(found["x"], DOUT * W)


def test_a_ufunc_without_a_cache_is_called_with_the_cotangent_alone():
    found = gradients(np.negative, np.negative, {"x": X})
    np.testing.assert_array_equal(found["x"], -DOUT)


def takes_apart(dout, *rest):
    (x,) = rest
    return dout * x


@pytest.mark.parametrize(
    ("backward", "message"),
    [
        (lambda: 0, "backward takes no arguments; expected backward(dout, cache)"),
        (
            lambda dout, p, q: 0,
            "backward takes p and q, which is neither an argument of forward nor what it returned; "
            "expected backward(dout, cache)",
        ),
        (
            takes_apart,
            "backward takes *rest apart, and nothing is known of what is in it; "
            "expected backward(dout, cache)",
        ),
    ],
)
def test_a_backward_that_cannot_be_called_breaks_a_promise(backward, message):
    with pytest.raises(BrokenPromise) as caught:
        gradients(lambda x: x, backward, {"x": X})
    assert (caught.value.code, caught.value.message) == ("GC108", message)


# --- several outputs

DH, DC = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])


def two(x):
    return 2 * x, 3 * x


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: (*two(x), "cache"), lambda dh, dc, cache: 2 * dh + 3 * dc),
        (lambda x: (*two(x), "cache"), lambda grad_h, grad_c, cache: 2 * grad_h + 3 * grad_c),
        (lambda x: (*two(x), "cache"), lambda douts, cache: 2 * douts[0] + 3 * douts[1]),
        (lambda x: (two(x), "cache"), lambda dh, dc, cache: 2 * dh + 3 * dc),
        (lambda x: (two(x), "cache"), lambda dout, cache: 2 * dout[0] + 3 * dout[1]),
        (lambda x: (two(x), "cache"), lambda cache, g: 2 * g[0] + 3 * g[1]),
        (two, lambda dh, dc: 2 * dh + 3 * dc),
        (lambda x: (two(x),), lambda dh, dc: 2 * dh + 3 * dc),
    ],
    ids=range(8),
)
def test_several_outputs_have_a_cotangent_each_or_one_tuple(forward, backward):
    found = gradients(forward, backward, {"x": X}, cotangents=(DH, DC))
    np.testing.assert_array_equal(found["x"], 2 * DH + 3 * DC)


def test_fewer_cotangents_than_outputs_break_a_promise():
    with pytest.raises(BrokenPromise) as caught:
        gradients(lambda x: ((x, x, x), None), lambda dh, dc, cache: dh, {"x": X})
    assert caught.value.message == (
        "forward has 3 outputs, but backward takes 2 cotangents (dh, dc); "
        "expected one for each output, or one tuple"
    )


@pytest.mark.parametrize("name", ["dim", "dtype", "dilation", "dropout_mask", "data"])
def test_a_word_that_starts_with_d_is_no_cotangent(name):
    namespace: dict[str, Any] = {}
    exec(f"def backward(dout, {name}): return dout * {name}", namespace)
    found = gradients(lambda x: (x, 3.0), namespace["backward"], {"x": X})
    np.testing.assert_array_equal(found["x"], DOUT * 3)


# --- the cache's names


class Cache(NamedTuple):
    x_hat: Any
    eps: float


@dataclass
class Record:
    x_hat: Any
    label: str


class Plain:
    def __init__(self, x):
        self.x_hat = x
        self.itself = self


class Slotted:
    __slots__ = ("unset", "x_hat")

    def __init__(self, x):
        self.x_hat = x


class Hostile:
    @property
    def __dict__(self):
        raise RuntimeError("do not look")


def named_tuple(x):
    return x, Cache(x, 1e-5)


def assigned_tuple(x):
    mu = x.mean(0)
    cache = (x, mu)
    return x, cache


def returned_tuple(x):
    mu = x.mean(0)
    return x, (x, mu)


def nested_tuple(x):
    inner = (x, x)
    return x, (inner, x)


def lone_array(x):
    x_hat = x * 2
    return x, x_hat


def flat_results(x):
    mu = x.mean(0)
    return x, x, mu


def unnamed_tuple(x):
    return x, (x + 1, x - 1)


@pytest.mark.parametrize(
    ("forward", "names"),
    [
        (named_tuple, ["x_hat", "eps"]),
        (assigned_tuple, ["x", "mu"]),
        (returned_tuple, ["x", "mu"]),
        (nested_tuple, ["inner.0", "inner.1", "x"]),
        (lone_array, ["x_hat"]),
        (unnamed_tuple, ["cache0", "cache1"]),
        (lambda x: (x, {"x_hat": x, "deep": {"mu": x, "note": "text"}}), ["x_hat", "deep.mu"]),
        (lambda x: (x, Record(x, "text")), ["x_hat"]),
        (lambda x: (x, Plain(x)), ["x_hat"]),
        (lambda x: (x, Slotted(x)), ["x_hat"]),
        (lambda x: (x, Hostile()), []),
        (lambda x: (x, np.array([object()])), []),
        (lambda x: (x, len), []),
        (lambda x: x, []),
    ],
    ids=range(14),
)
def test_what_forward_keeps_has_names(forward, names):
    problem = problem_of(forward, lambda dout, cache: dout, {"x": X})
    saved = problem.forward(problem.inputs).saved
    assert problem.saved_names is not None
    found = problem.saved_names(saved)
    assert list(found) == names
    assert all(isinstance(array, np.ndarray) for array in found.values())


def test_several_results_beside_the_output_have_names():
    problem = problem_of(flat_results, lambda dout, a, b: dout, {"x": X})
    assert list(problem.saved_names(problem.forward(problem.inputs).saved)) == ["x", "mu"]


# --- what makes no check


def test_inputs_without_a_float_make_no_check():
    with pytest.raises(UsageError) as caught:
        problem_of(lambda x: x, lambda d: d, {"x": np.arange(3)})
    assert str(caught.value) == ("p: no floating-point input, so there is no gradient to check (x is int64)")


def test_no_inputs_make_no_check():
    with pytest.raises(UsageError) as caught:
        problem_of(lambda: 1.0, lambda d: d, {})
    assert str(caught.value) == (
        "p: no floating-point input, so there is no gradient to check (there is no input)"
    )
