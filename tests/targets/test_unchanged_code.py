"""Code as people have it, checked with nothing but the file's name; half of it holds a planted defect."""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pytest

from gradcli.cases import _others as others
from gradcli.problem import Problem
from gradcli.spec import CheckSpec, Settings
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Wants
from gradcli.suite.run import outcomes_of

HABITS = Path(__file__).parent / "habits"

# file -> target -> the gradients that are wrong; an empty set for correct code
TARGETS: dict[str, dict[str, set[str]]] = {
    "course_losses.py": {
        "svm_loss": set(),
        "softmax_loss": {"x"},
        "svm_loss_vectorized": {"W"},
        "softmax_loss_vectorized": set(),
        "logistic_loss_bias": {"W"},
        "temporal_softmax_loss": set(),
    },
    "exercise_costs.py": {
        "sigmoid": set(),
        "costFunctionReg": set(),
        "linearRegCostFunction": {"theta"},
        "nnCostFunction": {"nn_params"},
        "compute_cost": set(),
        "propagate": set(),
    },
    "optimisation.py": {
        "rosen": set(),
        "rosen_der": set(),
        "quadratic": {"x"},
        "residuals": set(),
        "ridge_objective": set(),
        "himmelblau": {"x"},
        "neg_log_likelihood": set(),
        "styblinski": {"x"},
        "easomlike": set(),
    },
    "activations.py": {
        "sigmoid": set(),
        "tanh": set(),
        "relu": set(),
        "leaky_relu": {"x"},
        "elu": {"x"},
        "swish": set(),
        "softplus": set(),
        "mse": set(),
        "binary_cross_entropy": {"y_pred"},
    },
    "loss_objects.py": {
        "MeanSquare": {"prediction"},
        "HalfSquare": set(),
        "Softmax": set(),
        "CrossEntropyFromLogits": set(),
        "RidgeObjective": set(),
        "Bend": {"x"},
        "Tempered": set(),
        "Bowl": {"x"},
        "MarginOfOne": set(),
        "CamelCase": {"yPred"},
        "Divergence": set(),
        "OneWord": set(),
        "OneWordSlip": {"rows"},
    },
    "flags.py": {
        "logistic": set(),
        "bump": {"x"},
        "pseudo_huber": {"guess"},
        "two_classes_cost": set(),
        "Swish": set(),
    },
    "called.py": {"Root": set(), "Damped": {"x"}, "Ridge": set(), "TwoClasses": {"guesses"}, "Mixed": {"A"}},
    "closures.py": {
        "logsumexp": set(),
        "dense": {"b"},
        "arctangent": set(),
        "Dense": set(),
        "Tanh": {"x"},
    },
    "passed_in.py": {
        "Neurons": set(),
        "Units": {"W"},
        "Sigmoid": set(),
        "tanh": set(),
        "OneSample": set(),
        "Adaline": {"w"},
        "chain_log_partition": {"trans"},
        "forward_backward_prop": set(),
        "whiten": {"x"},
    },
    "one_unit.py": {"propagation": {"b"}},
    "in_words.py": {
        "vae_loss": {"logvar"},
        "mixture_nll": set(),
        "cross_entropy_loss": set(),
        "kernel_cost": set(),
    },
    "built.py": {
        "Standardise": set(),
        "Weighted": {"weights"},
        "PoolOfOne": set(),
        "Plane": {"b"},
        "OneImage": set(),
    },
    "kept.py": {
        "Dense": {"biases"},
        "Gate": set(),
        "Steps": set(),
        "Squares": {"y_pred"},
        "Bends.soft": set(),
        "Bends.cubic": {"x"},
        "Step": set(),
        "Table": set(),
        "ManyToOne": set(),
        "LastStep": {"Wxh"},
    },
    "hidden.py": {"Shift": {"offset"}, "Tanh": set(), "Softsign": {"data"}, "Logistic": set()},
    "factors.py": {
        "masked_fit_cost": set(),
        "Factors": set(),
        "low_rank_loss_and_gradient": {"vector"},
    },
    "held_data.py": {
        "RidgeProblem": set(),
        "LogisticProblem": {"w"},
        "Shift": {"inputs"},
        "Anchored": set(),
        "Drawn": {"X"},
        "TwoSteps": {"W1"},
        "OneColumn": set(),
        "ThreeSteps": {"W1", "b1"},
        "OneUnit": set(),
    },
    "steps.py": {
        "SoftmaxLoss": set(),
        "SquareLoss": {"data"},
        "logistic": set(),
        "softsign": {"x"},
        "arctangent": set(),
        "gauss": {"weighted_sum"},
        "Activation.tanh": set(),
        "Activation.relu": {"x"},
    },
    "tensor_layers.py": {"Affine": {"bias"}, "Bend": set(), "Stack": set(), "Distance": {"output"}},
    "choices.py": {
        "Bend": {"a"},
        "Updated": set(),
        "Posterior.log_posterior": {"w"},
        "Posterior.log_prior": {"w"},
        "correlate": set(),
        "block_max": set(),
        "log_density": set(),
        "valley_f": set(),
        "valley_fdf": set(),
        "hole": {"x"},
    },
    "losses_beside.py": {
        "Halves": {"b"},
        "Single": set(),
        "OneSample": set(),
        "Line": {"w"},
        "lookup": set(),
        "spread": {"x"},
        "class_scores_loss": {"predictions"},
        "margin_objective_and_gradient": set(),
    },
    "said_by_name.py": {
        "norm_over_last": {"bias"},
        "normalize": set(),
        "compute_error": {"b"},
        "Process": set(),
        "Weighted.squash": set(),
    },
    "steps_handed_on.py": {"prop": {"b1"}},
    "cache_alone.py": {"prop": set()},
    "file_variables.py": {"loss_of_text": {"Whh"}},
    "rows.py": {"squared_distance": set(), "pinball_cost": {"scores"}, "normalise": set()},
    "forces.py": {"springs": set(), "yukawa": {"coords"}, "_well_nll": set()},
    "plane.py": {"valley": set(), "gradient": {"y"}, "ratings_cost": {"V"}},
    "network_steps.py": {
        "linear": {"W"},
        "relu": set(),
        "softmax": set(),
        "sigmoid": set(),
        "layernorm": {"x"},
        "rnn_step": set(),
        "rnn": {"x", "h0", "Wx", "Wh", "b"},
        "lstm_step": {"x", "prev_h", "Wx", "Wh", "b"},
        "max_pool_naive": {"x"},
        "conv_naive": {"x"},
    },
}


def few_others(file: str) -> Callable[[Problem, float], Iterable[Problem]]:
    """Of the further cases of right code the first: test_habits looks at all that there are."""

    def few(problem: Problem, deadline: float) -> Iterable[Problem]:
        is_wrong = TARGETS[file].get(problem.id.partition(":")[2])
        return islice(others(problem, deadline), None if is_wrong else 1)

    return few


@pytest.fixture(scope="module", params=TARGETS)
def outcomes(request: pytest.FixtureRequest) -> tuple[str, dict[str, Outcome]]:
    """What a check of a whole file finds, by target."""
    file: str = request.param
    spec = CheckSpec(file, base=HABITS, settings=Settings(blame=False, budget=5.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradcli.cases._SMALL", float("inf"))  # no smaller failing shape: see `as_found`
        patch.setattr("gradcli.cases._others", few_others(file))
        found = {outcome.id.partition(":")[2]: outcome for outcome in outcomes_of(spec, Wants())}
    return file, found


def test_every_target_is_found_and_judged_with_nothing_but_the_name_of_its_file(
    outcomes: tuple[str, dict[str, Outcome]],
) -> None:
    file, found = outcomes
    judged = {}
    for name, outcome in found.items():
        assert outcome.result is not None, f"{name}: {outcome.error}"
        gradients = outcome.result.gradients
        wrong = {gradient.name for gradient in gradients.values() if gradient.verdict == "fail"}
        judged[name] = wrong if outcome.result.verdict != "pass" else set()
    assert judged == TARGETS[file]
