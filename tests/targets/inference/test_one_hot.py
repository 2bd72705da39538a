"""Classes in one-hot form: recognised, drawn, written and read."""

import numpy as np
import pytest

from gradcli import check_target
from gradcli.errors import UsageError
from gradcli.spec import CheckSpec, InputSpec
from gradcli.targets import resolve
from gradcli.targets.inference import search
from gradcli.targets.inference.one_hot import by_classes
from gradcli.targets.inference.trial import attempt
from gradcli.targets.inputs import draw
from gradcli.targets.notation import format_input, parse_input

SOURCE = """
import numpy as np


def softmax(z, axis):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def loss_and_grad(W, X, Y):
    P = softmax(X @ W, 1)
    return -np.sum(Y * np.log(P)) / len(X), X.T @ (P - Y) / len(X)


def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    A2 = softmax(parameters["W2"] @ A1 + parameters["b2"], 0)
    return A2, (A1, A2)


def compute_cost(A2, Y):
    return -np.sum(Y * np.log(A2)) / Y.shape[1]


def backward_propagation(parameters, cache, X, Y):
    A1, A2 = cache
    m = X.shape[1]
    dZ2 = (A2 - Y) / m
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1**2)
    sums = [d.sum(axis=1, keepdims=True) for d in (dZ1, dZ2)]
    return {"dW1": dZ1 @ X.T, "db1": sums[0], "dW2": dZ2 @ A1.T, "db2": sums[1]}
"""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["loss_and_grad", "propagation"])
def test_a_softmax_with_one_hot_classes_is_checked_by_its_name_alone(folder, name):
    (folder / "net.py").write_text(SOURCE)
    assert check_target(f"net.py:{name}").verdict == "pass"
    (folder / "net.py").write_text(SOURCE.replace("(P - Y)", "(P - 2 * Y)").replace("(A2 - Y)", "(A2 + Y)"))
    assert check_target(f"net.py:{name}", blame=False).verdict == "fail"


WEIGHTED = """
import numpy as np


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


class SoftmaxCrossEntropy:
    def __init__(self, weights=None):
        self._weights = weights

    def loss(self, logits, labels):
        nll = -(log_softmax(logits) * labels).sum(axis=1)
        if self._weights is not None:
            nll *= self._weights[np.argmax(labels, axis=1)]
        return np.sum(nll) / labels.shape[0]

    def grad(self, logits, labels):
        return (np.exp(log_softmax(logits)) - labels) / labels.shape[0]
"""


@pytest.mark.usefixtures("folder")
def test_labels_whose_class_is_an_index_are_classes(folder):
    (folder / "loss.py").write_text(WEIGHTED)
    assert check_target("loss.py").verdict == "pass"
    (folder / "loss.py").write_text(WEIGHTED.replace("- labels)", "- 2 * labels)"))
    assert check_target("loss.py", blame=False).verdict == "fail"


def test_classes_are_found_with_the_layers_that_give_them_in_few_tries(folder, monkeypatch):
    (folder / "net.py").write_text(SOURCE)
    tries = []
    monkeypatch.setattr(search, "attempt", lambda problem: tries.append(problem) or attempt(problem))
    resolve(CheckSpec("net.py:propagation"))
    assert 0 < len(tries) <= 100  # far from where the search is given up


def by_number(x, y):
    p = softmax(x)  # noqa: F821
    flat = y.reshape(-1)
    return -np.log(p[np.arange(len(x)), flat])


def picked(scores, classes):
    p = softmax(scores)  # noqa: F821
    return -np.log(p[np.arange(len(scores)), classes])


def by_a_helper(x, y):
    return picked(x, y)  # a softmax


def rows_by_a_helper(x, y):
    return in_rows(x, y)  # a softmax


def of_two(x, y):
    p = softmax(x)  # noqa: F821
    return -y * np.log(p) - (1 - y) * np.log(1 - p)


def in_rows(logits, y_true):
    return -np.sum(y_true * np.log(softmax(logits)))  # noqa: F821


def squares(x, y):
    return np.sum((x - y) ** 2)


def test_labels_are_classes_only_where_the_code_says_so():
    assert by_classes([in_rows], [], ["logits", "y_true"]) == {"y_true"}
    assert by_classes([by_a_helper], ["softmax"], ["x", "y"]) == set()
    assert by_classes([rows_by_a_helper], ["softmax"], ["x", "y"]) == {"y"}
    assert by_classes([by_number], [], ["x", "y"]) == by_classes([of_two], [], ["x", "y"]) == set()
    assert by_classes([squares], [], ["x", "y"]) == set()


@pytest.mark.parametrize(("dtype", "axis"), [("onehot", -1), ("onehot_columns", 0)])
def test_one_class_is_drawn_along_an_axis(dtype, axis):
    drawn = draw("y", InputSpec((4, 3), dtype), "float64", np.random.default_rng(0))
    assert drawn.dtype == np.int64
    assert np.array_equal(drawn.sum(axis=axis), np.ones(drawn.shape[1 + axis]))
    assert drawn.take(-1, axis=axis).any()  # the last class is among them
    assert parse_input(format_input("y", InputSpec((4, 3), dtype))) == ("y", InputSpec((4, 3), dtype))


def test_there_have_to_be_classes():
    with pytest.raises(UsageError, match="one-hot classes need an axis of classes, got scalar"):
        draw("y", InputSpec((), "onehot"), "float64", np.random.default_rng(0))
