"""Code that leaves unsaid what each gradient is of, or how samples lie: read off the code, bugs are found."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import NothingToCheck

pytestmark = pytest.mark.usefixtures("folder")

FIRST_LAYER = """
def first_forward(x, W, b):
    return x @ W + b, x


def first_backward(dout, cache):
    dW = cache.T @ dout
    db = dout.sum(axis=0)
    return dW, db
"""
COLUMNS = """
import numpy as np


class Scores:
    def __init__(self, d, K):
        self.W = np.random.randn(K, d)
        self.b = np.zeros((K, 1))

    def probabilities(self, X):
        e = np.exp(self.W @ X + self.b)
        return e / e.sum(axis=0)

    def compute_cost(self, X, Y, our_lambda):
        n = X.shape[1]
        return -np.sum(Y * np.log(self.probabilities(X))) / n + our_lambda * np.sum(self.W**2)

    def compute_gradients(self, X_batch, Y_batch, our_lambda):
        n = X_batch.shape[1]
        g = self.probabilities(X_batch) - Y_batch
        grad_W = g @ X_batch.T / n + 2 * our_lambda * self.W
        grad_b = g.sum(axis=1, keepdims=True) / n
        return grad_W, grad_b
"""
NESTED = """
import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, upstream):
        self.gradW = self.X.T @ upstream
        self.gradB = upstream.sum(axis=0)
        return upstream @ self.W.T, [self.gradW, self.gradB]
"""
KEPT_AS_VALUES = """
import numpy as np


class Hinge:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.maximum(0.1 * inputs, inputs)

    def backward(self, dvalues):
        self.dvalues = dvalues * np.where(self.inputs > 0, 1.0, 0.1)
"""
COUNTED = '''
import numpy as np


def table(y):
    return (y[:, None] == np.unique(y)).astype(float)


def loss(W, X, y):
    """
    - W: a k x d weight matrix
    - X: the n x d data matrix (n observations, d features)
    - y: the classes
    """
    scores = X @ W.reshape(len(np.unique(y)), X.shape[1]).T
    return -np.sum(table(y) * (scores - np.log(np.exp(scores).sum(axis=1))[:, None]))


def grad_loss(W, X, y):
    e = np.exp(X @ W.reshape(len(np.unique(y)), X.shape[1]).T)
    return (e / e.sum(axis=1)[:, None] - table(y)).T @ X
'''
OTHER_CASE = """
import numpy as np


def squash(z):
    return 1 / (1 + np.exp(-z))


def squash_backward(dA, Z):
    s = squash(Z)
    return dA * s * (1 - s)
"""
WITHOUT_SELF = """
import numpy as np


class Bowl:
    def objective(x):
        return x[0] ** 2 + 3 * x[1] ** 2

    def jacobian(x):
        return np.array([2 * x[0], 6 * x[1]])
"""
GATED = """
def gated_forward(x, W, V, W2):
    h = (x @ W) * (x @ V)
    return h @ W2 + x, (x, W, V, W2, h)


def gated_backward(dout, cache):
    x, W, V, W2, h = cache
    dh = dout @ W2.T
    dW, dV = x.T @ (dh * (x @ V)), x.T @ (dh * (x @ W))
    return (dh * (x @ V)) @ W.T + (dh * (x @ W)) @ V.T + dout, dW, dV, h.T @ dout
"""
STATIC = """
import numpy as np


class Net:
    def __init__(self, layers):
        self.layers = layers

    @staticmethod
    def bend(x):
        return np.tanh(x) ** 2

    @staticmethod
    def dbend(x):
        return 2 * np.tanh(x) * (1 - np.tanh(x) ** 2)
"""
# source, target, what is right in it, the slip, the gradients that are compared and those that are wrong then
CODE = [
    (FIRST_LAYER, "first", "dout.sum(axis=0)", "dout.mean(axis=0)", "W b", "b"),
    (COLUMNS, "Scores", "2 * our_lambda", "our_lambda", "W b", "W"),
    (NESTED, "Dense", "upstream @ self.W.T", "-upstream @ self.W.T", "X W b", "X"),
    (KEPT_AS_VALUES, "Hinge", "1.0, 0.1)", "1.0, 0.2)", "inputs", "inputs"),
    (OTHER_CASE, "squash", "s * (1 - s)", "s * (1 + s)", "z", "z"),
    (WITHOUT_SELF, "Bowl", "6 * x[1]", "3 * x[1]", "x", "x"),
    (STATIC, "Net.bend", "2 * np.tanh", "np.tanh", "x", "x"),
    (GATED, "gated", "V.T + dout", "V.T", "x W V W2", "x"),
    (COUNTED, "loss", "- table(y)", "- 2 * table(y)", "W", "W"),
]


@pytest.mark.parametrize(("source", "name", "right", "slip", "gradients", "wrong"), CODE)
def test_what_is_not_said_is_read_off_the_code(source, name, right, slip, gradients, wrong):
    Path("code.py").write_text(source)
    result = check_target(f"code.py:{name}")
    assert (result.verdict, set(result.gradients)) == ("pass", set(gradients.split()))
    assert right in source
    Path("code.py").write_text(source.replace(right, slip))
    found = check_target(f"code.py:{name}", blame=False).gradients
    assert {name for name, one in found.items() if one.verdict == "fail"} == set(wrong.split())


def test_data_whose_gradient_a_first_layer_has_no_use_for_are_named():
    Path("code.py").write_text(FIRST_LAYER)
    assert "x is not compared: backward returns no gradient of it" in check_target("code.py:first").remarks


def test_a_bias_without_a_gradient_is_no_first_layer():
    Path("code.py").write_text(FIRST_LAYER.replace("return dW, db", "dx = dout\n    return dx, dW"))
    assert check_target("code.py:first", blame=False).verdict == "fail"


def test_a_gradient_by_what_a_loss_does_not_take_is_that_of_something_else():
    Path("code.py").write_text(
        "import numpy as np\n\n\ndef nll(a, y):\n    return -np.sum(y * np.log(a))\n\n\n"
        "def nll_grad(x, a, y):\n    return x @ (a - y)\n"
    )
    with pytest.raises(NothingToCheck):
        check_target("code.py")


LAYER = """
import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.weights, self.biases = np.random.randn(n_in, n_out), np.zeros(n_out)

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.biases

    def backward(self, upstream):
        self.dweigths = self.inputs.T @ upstream
        self.dbiases = upstream.sum(axis=0)
        return upstream @ self.weights.T
"""


def test_a_gradient_by_a_misspelt_name_is_that_of_what_has_its_shape():
    Path("code.py").write_text(LAYER)
    result = check_target("code.py:Dense")
    assert (result.verdict, set(result.gradients)) == ("pass", {"inputs", "weights", "biases"})
    assert "dweigths is taken for the gradient of weights: it has its shape" in result.remarks
    Path("code.py").write_text(LAYER.replace("self.inputs.T @ upstream", "2 * self.inputs.T @ upstream"))
    assert check_target("code.py:Dense", blame=False).gradients["weights"].verdict == "fail"


def test_a_parameter_that_backward_says_nothing_of_is_named():
    Path("code.py").write_text(LAYER.replace("        self.dweigths = self.inputs.T @ upstream\n", ""))
    result = check_target("code.py:Dense")
    assert [(v.code, v.message) for v in result.violations] == [
        ("GC203", "weights was not compared: backward neither returns nor keeps a gradient of it")
    ]


def test_a_number_of_classes_in_the_code_is_the_length_of_what_meets_it():
    source = (
        "import numpy as np\n\n\ndef loss_and_grad(W, X, y):\n    e = np.exp(X @ W)\n"
        "    p = e / e.sum(axis=1, keepdims=True)\n    t = np.eye(10)[y]\n"
        "    return -np.sum(t * np.log(p)), X.T @ (p - t)\n"
    )
    Path("code.py").write_text(source)
    result = check_target("code.py:loss_and_grad")
    assert (result.verdict, result.gradients["W"].shape) == ("pass", (3, 10))
    Path("code.py").write_text(source.replace("(p - t)", "(p + t)"))
    assert check_target("code.py:loss_and_grad", blame=False).verdict == "fail"


def test_a_target_that_may_be_left_out_is_given_where_backward_goes_by_it():
    source = (
        "import numpy as np\n\n\nclass Head:\n    def __init__(self, d, k):\n"
        "        self.W = np.random.randn(d, k)\n\n"
        "    def forward(self, x, targets=None):\n        self.x, z = x, x @ self.W\n"
        "        if targets is None:\n            return z\n        self.left = z - targets\n"
        "        return 0.5 * np.sum(self.left**2)\n\n"
        "    def backward(self):\n        self.dW = self.x.T @ self.left\n"
        "        return self.left @ self.W.T\n"
    )
    Path("code.py").write_text(source)
    result = check_target("code.py:Head")
    assert (result.verdict, set(result.gradients)) == ("pass", {"x", "W"})
    Path("code.py").write_text(source.replace("return self.left @", "return 2 * self.left @"))
    assert check_target("code.py:Head", blame=False).gradients["x"].verdict == "fail"


def test_a_gradient_of_the_wrong_sign_is_not_that_by_the_label():
    Path("code.py").write_text(
        "import numpy as np\n\n\ndef mse(y_true, y_pred):\n    return np.mean((y_true - y_pred) ** 2)\n\n\n"
        "def mse_prime(y_true, y_pred):\n    return 2 * (y_true - y_pred) / y_true.size\n"
    )
    found = check_target("code.py:mse", blame=False).gradients
    assert {name: one.verdict for name, one in found.items()} == {"y_pred": "fail"}


def test_a_list_of_gradients_begins_with_that_of_the_weight():
    source = "def loss(w, a, y):\n    return (w * a - y) ** 2\n\n\n"
    source += "def loss_prime(w, a, y):\n    return [2 * a * (w * a - y), 2 * w * (w * a - y)]\n"
    Path("code.py").write_text(source)
    result = check_target("code.py:loss")
    assert (result.verdict, set(result.gradients)) == ("pass", {"w", "a"})
    Path("code.py").write_text(source.replace("2 * w * (", "w * ("))
    found = check_target("code.py:loss", blame=False).gradients
    assert {name for name, one in found.items() if one.verdict == "fail"} == {"a"}


def test_static_methods_that_are_left_to_subclasses_are_none():
    Path("code.py").write_text(
        "import numpy as np\n\n\nclass Loss:\n    @staticmethod\n    def loss(t, p):\n"
        "        raise NotImplementedError\n\n    @staticmethod\n    def loss_prime(t, p):\n"
        "        raise NotImplementedError\n\n\nclass Squares(Loss):\n    @staticmethod\n"
        "    def loss(t, p):\n        return np.sum((p - t) ** 2)\n\n    @staticmethod\n"
        "    def loss_prime(t, p):\n        return 2 * (p - t)\n"
    )
    assert check_target("code.py").verdict == "pass"
