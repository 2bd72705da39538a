"""A class that holds its data and has a loss of what it stored: `feedforward()`, `loss()`, `backprop()`."""

from pathlib import Path

import pytest

from gradcli import check_target

HOLDS_ITS_DATA = """\
import numpy as np


class NeuralNetwork:
    def __init__(self, x, y):
        self.input, self.y = x, y
        self.weights1 = np.random.rand(x.shape[1], 4)
        self.weights2 = np.random.rand(4, 1)

    def feedforward(self):
        self.layer1 = np.tanh(self.input @ self.weights1)
        self.output = np.tanh(self.layer1 @ self.weights2)
        return self.output

    def loss(self):
        return np.sum((self.y - self.output) ** 2)

    def backprop(self):
        d2 = 2 * (self.output - self.y) * (1 - self.output**2)
        self.d_weights2 = self.layer1.T @ d2
        d1 = d2 @ self.weights2.T * (1 - self.layer1**2)
        self.d_weights1 = self.input.T @ d1


x = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
nn = NeuralNetwork(x, np.array([[0.0], [1.0], [1.0]]))
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def checked(right="", wrong=""):
    assert right in HOLDS_ITS_DATA
    Path("net.py").write_text(HOLDS_ITS_DATA.replace(right, wrong, 1) if right else HOLDS_ITS_DATA)
    return check_target("net.py:nn")


def test_backward_differentiates_the_loss_of_the_class():
    result = checked()
    assert result.verdict == "pass"
    assert set(result.gradients) == {"weights1", "weights2"}


@pytest.mark.parametrize(
    ("right", "wrong", "gradients"),
    [
        ("d2 = 2 *", "d2 =", {"weights1", "weights2"}),
        ("* (1 - self.layer1**2)", "* self.layer1**2", {"weights1"}),
        ("(self.y - self.output) ** 2", "(self.y - self.output) ** 4", {"weights1", "weights2"}),
    ],
    ids=["factor", "slope", "loss"],
)
def test_a_slip_fails_the_gradients_that_have_it(right, wrong, gradients):
    result = checked(right, wrong)
    assert result.verdict == "fail"
    assert {name for name, gradient in result.gradients.items() if gradient.verdict == "fail"} == gradients
