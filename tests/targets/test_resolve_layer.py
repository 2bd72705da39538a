"""A built-in layer goes through the same door as a user's pair."""

import numpy as np
import pytest

from gradcli.errors import UsageError
from gradcli.layers import LAYERS
from gradcli.spec import CheckSpec, InputSpec, Settings
from gradcli.targets import resolve
from gradcli.targets.inputs import is_input_dtype


def resolved(target, arrays=None, **more):
    (problem,) = resolve(CheckSpec(target, **more), arrays=arrays)
    return problem


def refused(target, arrays=None, **more):
    with pytest.raises(UsageError) as caught:
        resolve(CheckSpec(target, **more), arrays=arrays)
    return str(caught.value)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_runs_forward_and_backward_on_its_own_inputs(name):
    problem = resolved(name)
    run = problem.forward(problem.inputs)
    assert len(run.outputs) == len(problem.output_names)
    gradients = problem.backward(run.outputs, run.saved)
    assert list(gradients) == list(problem.differentiable)
    for gradient_name, gradient in gradients.items():
        assert np.shape(gradient) == problem.inputs[gradient_name].shape
    assert all(is_input_dtype(array.dtype) for array in problem.inputs.values())
    assert all(array.dtype.kind in "biuf" for array in problem.saved_names(run.saved).values())


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_line_repeats_it(name):
    problem = resolved(name, settings=Settings(seed=3))
    assert problem.rerun.startswith(f"gradcli check {name} --")
    assert problem.rerun.endswith("--seed 3")


def test_dimensions_and_options_shape_the_problem():
    problem = resolved("batchnorm", options={"batch": 5, "features": 2, "eps": 0.1})
    assert {name: array.shape for name, array in problem.inputs.items()} == {
        "x": (5, 2),
        "gamma": (2,),
        "beta": (2,),
    }
    assert problem.constants == {"eps": 0.1}
    assert problem.id == "batchnorm[batch=5,features=2,eps=0.1]"
    assert problem.rerun == "gradcli check batchnorm --batch 5 --features 2 --eps 0.1 --seed 0"


def test_the_same_check_has_the_same_id_and_numbers_however_it_is_asked_for():
    first, second = resolved("batchnorm"), resolved("batchnorm", options={"features": 3, "batch": 2})
    assert first.id == second.id == "batchnorm[batch=2,features=3]"
    np.testing.assert_array_equal(first.inputs["x"], second.inputs["x"])


def test_a_constant_may_be_set_in_place_of_an_option():
    assert resolved("batchnorm", constants={"eps": 0.5}).constants == {"eps": 0.5}
    assert resolved("batchnorm", constants={"eps": 0.5}).rerun == (
        "gradcli check batchnorm --batch 2 --features 3 --eps 0.5 --seed 0"
    )


def test_dimensions_follow_from_given_arrays():
    problem = resolved("batchnorm", arrays={"x": np.ones((6, 4))})
    assert problem.inputs["gamma"].shape == (4,)
    assert problem.id == "batchnorm[batch=6,features=4]"
    assert problem.rerun is None


def test_dimensions_follow_from_an_asked_shape_and_the_line_repeats_it():
    problem = resolved("batchnorm", inputs={"x": InputSpec((6, 4))})
    assert problem.inputs["gamma"].shape == (4,)
    assert problem.rerun == "gradcli check batchnorm --batch 6 --features 4 --input x=6x4 --seed 0"


def test_a_shape_alone_is_drawn_as_the_layer_declares():
    problem = resolved("softmax_cross_entropy", inputs={"y": InputSpec((4,))})
    assert problem.inputs["y"].dtype == np.int64
    assert problem.inputs["logits"].shape == (4, 3)


def test_how_an_input_is_drawn_may_be_said():
    problem = resolved("batchnorm", inputs={"x": InputSpec((2, 3), scale=0.0, offset=1e3)})
    assert problem.inputs["x"].tolist() == [[1e3] * 3] * 2
    assert problem.rerun is not None
    assert "--input 'x=2x3*0+1000'" in problem.rerun


def test_the_dtype_of_the_check_is_that_of_its_floating_inputs():
    problem = resolved("softmax_cross_entropy", dtype="float32")
    assert {name: array.dtype.name for name, array in problem.inputs.items()} == {
        "logits": "float32",
        "y": "int64",
    }


def test_a_check_of_a_config_repeats_by_flags_where_they_say_it_all():
    asked = {"id": "batchnorm[batch=2,features=3]", "origin": "net.yaml:3"}
    assert resolved("batchnorm", **asked).rerun == "gradcli check batchnorm --batch 2 --features 3 --seed 0"
    assert resolved("batchnorm", id="mine", origin="net.yaml:3").rerun == "gradcli check net.yaml -k mine"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"options": {"batch": 0}}, "batch must be at least 1, got 0"),
        ({"options": {"batch": -2}}, "batch must be at least 1, got -2"),
        ({"options": {"features": "many"}}, "features must be an integer, got 'many'"),
        ({"options": {"eps": -1.0}}, "eps must be at least 0, got -1.0"),
        (
            {"inputs": {"x": InputSpec((4,))}},
            "batchnorm: x has shape 4; expected 4x3, that is (batch, features)",
        ),
        (
            {"inputs": {"x": InputSpec((4, 3))}, "options": {"batch": 2}},
            "batchnorm: x has shape 4x3; expected 2x3, that is (batch, features)",
        ),
        (
            {"inputs": {"x": InputSpec((4, 3)), "gamma": InputSpec((5,))}},
            "batchnorm: gamma has shape 5; expected 3, that is (features)",
        ),
        (
            {"inputs": {"gama": InputSpec((3,))}},
            "batchnorm: forward has no argument 'gama'; did you mean 'gamma'? "
            "Its arguments: x, gamma, beta, eps",
        ),
        (
            {"options": {"eps": 0.1}, "constants": {"eps": 0.2}},
            "batchnorm: eps is given twice, as an option and as a constant",
        ),
        ({"arrays": {"x": np.ones((0, 3))}}, "batch must be at least 1, got 0"),
    ],
)
def test_values_that_do_not_fit_are_named(more, message):
    assert refused("batchnorm", **more) == message


def test_an_unknown_option_is_named_with_those_there_are():
    assert refused("batchnorm", options={"bach": 2}).startswith("batchnorm has no option 'bach'")
