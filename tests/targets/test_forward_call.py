"""Inputs and constants reach the arguments they are meant for, whatever forward's signature."""

import functools

import numpy as np
import pytest

from gradcli.errors import UsageError
from gradcli.targets.forward_call import bind_forward
from gradcli.targets.pair import advise_in_python


def called(forward, values, constants=(), by_position=False):
    """What forward returns for these values, and the inputs' order."""
    inputs = [name for name in values if name not in constants]
    call = bind_forward("f", forward, inputs, constants, by_position=by_position, advise=advise_in_python)
    return call(forward, values), call.order


def everything(*args, **kwargs):
    return args, kwargs


def positional_only(x, w, /, b=0, *, eps=1.0):
    return x, w, b, eps


def with_rest(x, scale=10, *rest):
    return x, scale, rest


def with_words(x, **words):
    return x, words


def test_names_decide_and_the_order_is_that_of_the_arguments():
    result, order = called(lambda x, gamma, beta: (x, gamma, beta), {"beta": 3, "x": 1, "gamma": 2})
    assert (result, order) == ((1, 2, 3), ("x", "gamma", "beta"))


def test_positional_only_and_keyword_only_arguments_get_theirs():
    result, order = called(positional_only, {"eps": 4, "w": 2, "x": 1}, constants=("eps",))
    assert (result, order) == ((1, 2, 0, 4), ("x", "w"))


def test_inputs_of_other_names_fill_a_lambda_in_order():
    result, order = called(lambda a, b: (a, b), {"x": 1, "w": 2}, by_position=True)
    assert (result, order) == ((1, 2), ("x", "w"))


def test_a_matching_name_wins_over_a_place():
    result, _ = called(lambda x, w: (x, w), {"weight": 2, "x": 1}, by_position=True)
    assert result == (1, 2)


def test_extra_inputs_go_to_star_args_and_the_default_before_them_stays():
    result, order = called(with_rest, {"x": 1, "a": 2, "b": 3})
    assert (result, order) == ((1, 10, (2, 3)), ("x", "a", "b"))


def test_extra_names_go_to_star_star_kwargs():
    result, order = called(with_words, {"x": 1, "w": 2, "eps": 3}, constants=("eps",))
    assert (result, order) == ((1, {"w": 2, "eps": 3}), ("x", "w"))


def test_a_function_of_anything_gets_inputs_by_position_and_constants_by_name():
    result, _ = called(everything, {"x": 1, "w": 2, "eps": 3}, constants=("eps",), by_position=True)
    assert result == ((1, 2), {"eps": 3})


def test_a_partial_keeps_what_it_has_bound():
    result, order = called(functools.partial(lambda x, w, eps: (x, w, eps), eps=7), {"x": 1, "w": 2})
    assert (result, order) == ((1, 2, 7), ("x", "w"))


def test_a_builtin_without_a_signature_is_called_by_position():
    result, _ = called(max, {"x": 1, "w": 2})
    assert result == 2


@pytest.mark.parametrize("function", [np.vectorize(lambda a, b: a * b), np.multiply])
def test_vectorised_functions_and_ufuncs_are_called_by_position(function):
    result, order = called(function, {"x": np.array([2.0]), "w": np.array([3.0])}, by_position=True)
    assert (result.tolist(), order) == ([6.0], ("x", "w"))


@pytest.mark.parametrize(
    ("forward", "values", "constants", "by_position", "message"),
    [
        (
            lambda x, gamma: 0,
            {"x": 1, "gama": 1},
            (),
            False,
            "f: forward has no argument 'gama'; did you mean 'gamma'? Its arguments: x, gamma",
        ),
        (lambda x: 0, {"x": 1, "zz": 1}, (), False, "f: forward has no argument 'zz'. Its arguments: x"),
        (lambda a: 0, {"x": 1, "w": 1}, (), True, "f: forward has no argument 'w'. Its arguments: a"),
        (lambda: 0, {"x": 1}, (), True, "f: forward has no argument 'x'. It takes none by name"),
        (
            lambda x: 0,
            {"x": 1, "eps": 1},
            ("eps",),
            True,
            "f: forward has no argument 'eps'. Its arguments: x",
        ),
        (
            lambda x, gamma, beta: 0,
            {"x": 1},
            (),
            True,
            'f: nothing for arguments gamma, beta (and no default). Add: inputs={"gamma": …, "beta": …}',
        ),
        (
            lambda x, gamma: 0,
            {"x": 1},
            (),
            True,
            'f: nothing for argument gamma (and no default). Add: inputs={"gamma": …}',
        ),
    ],
)
def test_what_does_not_fit_is_said_with_the_arguments_there_are(
    forward, values, constants, by_position, message
):
    with pytest.raises(UsageError) as caught:
        called(forward, values, constants, by_position)
    assert str(caught.value) == message


def test_an_input_that_is_also_a_constant_is_refused():
    with pytest.raises(UsageError) as caught:
        bind_forward("f", lambda x: 0, ["x"], ["x"], by_position=False, advise=advise_in_python)
    assert str(caught.value) == "f: x is given twice, as an input and as a constant"
