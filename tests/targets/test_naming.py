"""Which functions belong together, from their names."""

import pytest

from gradcli.targets.cost_names import is_derivative_of
from gradcli.targets.naming import Lone, Pair, find_pairs


@pytest.mark.parametrize(
    ("forward", "backward", "name"),
    [
        ("batchnorm_forward", "batchnorm_backward", "batchnorm"),
        ("bn_fwd", "bn_bwd", "bn"),
        ("bn_fwd", "bn_backward", "bn"),
        ("forward_bn", "backward_bn", "bn"),
        ("BatchNormForward", "BatchNormBackward", "BatchNorm"),
        ("bnForward", "bnBackward", "bn"),
        ("forward", "backward", "forward"),
        ("_bn_forward", "_bn_backward", "_bn"),
        ("conv_forward_naive", "conv_backward_naive", "conv_naive"),
        ("feed_forward_forward", "feed_forward_backward", "feed_forward"),
    ],
)
def test_a_pair_is_recognised(forward, backward, name):
    assert find_pairs(["helper", backward, forward]) == ([Pair(name, forward, backward)], [])


def test_pairs_come_in_the_order_of_their_forwards():
    pairs, _ = find_pairs(["b_backward", "z_forward", "b_forward", "z_backward"])
    assert [pair.name for pair in pairs] == ["z", "b"]


def test_another_backward_is_checked_against_the_same_forward():
    pairs, lone = find_pairs(["bn_forward", "bn_backward", "bn_backward_alt"])
    assert pairs == [Pair("bn", "bn_forward", "bn_backward"), Pair("bn_alt", "bn_forward", "bn_backward_alt")]
    assert lone == []


@pytest.mark.parametrize(
    ("plain", "backward"), [("relu", "relu_backward"), ("relu", "backward_relu"), ("Relu", "ReluBackward")]
)
def test_a_backward_without_a_forward_belongs_to_the_function_of_its_name(plain, backward):
    assert find_pairs([plain, backward]) == ([Pair(plain, plain, backward)], [])


def test_a_forward_goes_before_a_function_of_the_plain_name():
    assert find_pairs(["relu", "relu_forward", "relu_backward"]) == (
        [Pair("relu", "relu_forward", "relu_backward")],
        [],
    )


def test_two_pairs_of_one_name_stay_apart():
    pairs, _ = find_pairs(["x_forward", "x_backward", "forward_x", "backward_x"])
    assert [pair.name for pair in pairs] == ["x", "forward_x"]


def test_halves_are_reported_with_what_is_missing():
    assert find_pairs(["a_forward", "b_backward", "forwarding", "forward_pass_count"]) == (
        [],
        [
            Lone("a", "a_forward", "a_backward"),
            Lone("b", "b_backward", "b_forward"),
            Lone("pass_count", "forward_pass_count", "backward_pass_count"),
        ],
    )


@pytest.mark.parametrize(
    ("name", "other", "belong"),
    [
        ("costFunctionReg", "gradientReg", True),
        ("computeCost", "computeGradient", True),
        ("compute_loss", "loss_grad", True),
        ("RELU", "D_RELU", True),
        ("relu", "dRelu", True),
        ("E", "dE", True),
        ("predict", "gradient", False),
        ("cost", "gradient_descent", False),
        ("cost", "cost_reg", False),
        ("sigmoid", "data", False),
        ("loss", "loss", False),
    ],
)
def test_a_derivative_is_called_after_its_function_in_many_ways(name, other, belong):
    assert is_derivative_of(name, other) is belong
