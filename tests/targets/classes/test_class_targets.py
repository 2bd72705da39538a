"""Classes as people write them: nothing but their name is said, defects are found, correct code passes."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

from gradcli import check_target
from gradcli.checker import run
from gradcli.errors import NothingToCheck, TargetError, UsageError
from gradcli.spec import CheckSpec, InputSpec, Settings
from gradcli.targets import resolve

ZOO = Path(__file__).parent / "zoo"
FILES = {
    node.name: file.stem
    for file in sorted(ZOO.glob("*.py"))
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.ClassDef)
} | {"net": "modules", "digits": "sized"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def text_of(name):
    return (ZOO / f"{FILES[name]}.py").read_text()


def check(name, *slips, inputs=None, constants=None, blame=False):
    """Check one class of the zoo, with some of its text replaced."""
    text = text_of(name)
    for right, wrong in slips:
        assert right in text
        text = text.replace(right, wrong, 1)
    Path("layer.py").write_text(text)
    spec = CheckSpec(
        f"layer.py:{name}",
        inputs={n: InputSpec(shape) for n, shape in (inputs or {}).items()},
        constants=constants or {},
        settings=Settings(budget=30.0, blame=blame),
    )
    (problem,) = resolve(spec)
    return run(problem, spec.settings)


def codes(result):
    return [violation.code for violation in result.violations]


# name -> the gradients compared, and what is reported beside the numbers
CORRECT = [
    ("Affine", "x W b", []),
    ("BatchNormalization", "x gamma beta", []),
    ("Dropout", "x", []),
    ("MatMul", "x W", []),
    ("Linear", "x W b", []),
    ("Sigmoid", "x", []),
    ("MLP", "layers[0].W layers[0].b layers[2].W layers[2].b", []),
    ("net", "x layers[0].W layers[0].b layers[2].W layers[2].b", []),
    ("MSELoss", "pred", []),
    ("SoftmaxCrossEntropy", "logits", []),
    ("LookLinear", "input W b", []),
    ("Float32Linear", "x weight", []),
    ("Tied", "x W", []),
    ("Layer_Dense", "inputs weights biases", []),
    ("Loss_MeanSquaredError", "y_pred", []),
    ("Dense", "X W w0", ["GC205"]),
    ("FullyConnected", "X W b", []),
    ("FCLayer", "input_data weights bias", ["GC205"]),
    ("LSTMCell", "x Wx b", []),
    ("MulLayer", "x y", []),
    ("Embedding", "W", []),
    ("Locked", "x W", []),
    ("SelfAttention", "x Wq Wk Wv", []),
    ("SlotLinear", "x w b", []),
    ("Returning", "x W b", []),
    ("NeuralNetwork", "W1 b1 W2 b2", []),
    ("RNN", "x h_prev Wx Wh b", []),
    ("RecordingDense", "X W b", []),
    ("WindowMean", "x", []),
    ("SquaredCriterion", "prediction", []),
    ("TanhLayer", "column", []),
    ("ColumnDense", "input weights bias", ["GC205"]),
    ("ColumnSoftmax", "input", []),
    ("LossCrossEntropy", "y_pred", []),
    ("SoftmaxLoss", "inputs", []),
    ("LogisticModel", "X w b", []),
    ("Line", "x slope intercept", ["GC205"]),
    ("OverTime", "xs Wx Wh", []),
    ("Product", "X", []),
    ("StepCell", "Xt Wax b", []),
    ("ExponentialUnit", "x", []),
    ("Softplus", "x", []),
    ("Ridge", "w", []),
    ("SquareLoss", "y_pred", []),
    ("DigitLayer", "x W b", []),
    ("digits", "x layers[0].W layers[0].b", []),
    ("TwoLayerNet", "W1 b1 W2 b2", []),
    ("TwoLayer", "W1 b1 W2 b2", []),
    ("LinearModel", "W", []),
    ("SmallNetwork", "W1 b1 W2 b2", []),
    ("ListedNetwork", "x weights[0] weights[1] biases[0] biases[1]", []),
    ("NumberedNetwork", "x W[1] W[2] b[1] b[2]", []),
    ("ImageConvolution", "input kernels biases", ["GC205"]),
    ("ImagePool2", "input", []),
    ("ShapeOf", "input", []),
]


@pytest.mark.parametrize(("name", "gradients", "reported"), CORRECT, ids=[row[0] for row in CORRECT])
def test_a_correct_class_passes_with_nothing_said_but_its_name(name, gradients, reported):
    result = check(name)
    assert (result.verdict, codes(result)) == ("pass", reported)
    assert list(result.gradients) == gradients.split()
    assert result.compared == result.size


def test_of_one_sample_a_constructor_is_told_what_gives_gradients_their_shape():
    result = check("ShapeOf", inputs={"input": (1, 3, 4, 2)})
    assert (result.verdict, codes(result)) == ("pass", [])


DEFECTS = [
    ("ShapeOf", "output_gradient, self", "2 * output_gradient, self", ["input"]),
    ("ImageConvolution", "input_gradient[patch] +=", "input_gradient[patch] =", ["input"]),
    ("ImagePool2", "is_largest * d_out[i, j]", "d_out[i, j]", ["input"]),
    ("ListedNetwork", "dz.sum(axis=0)", "dz.mean(axis=0)", ["biases[0]", "biases[1]"]),
    ("NumberedNetwork", "self.h[layer - 1].T @ dz", "2 * self.h[layer - 1].T @ dz", ["W[1]", "W[2]"]),
    ("Affine", "np.sum(dout, axis=0)", "np.sum(dout)", ["b"]),
    ("BatchNormalization", "dmu / self.batch_size", "dmu", ["x"]),
    ("Dropout", "dout * self.mask", "dout * self.mask / (1 - self.dropout_ratio)", ["x"]),
    ("MatMul", "self.grads[0][...] = dW", "self.grads[0][...] = -dW", ["W"]),
    ("Linear", "self.b.grad += dout.sum(axis=0)", "self.b.grad += dout.mean(axis=0)", ["b"]),
    ("Sigmoid", "self._out * (1.0 - self._out)", "(1.0 - self._out)", ["x"]),
    (
        "MLP",
        "self._out * (1.0 - self._out)",
        "(1.0 - self._out)",
        ["layers[0].W", "layers[0].b"],
    ),
    ("MSELoss", "2 * self.diff / self.diff.size", "2 * self.diff / len(self.diff)", ["pred"]),
    ("SoftmaxCrossEntropy", "return grad / len(self.labels)", "return grad", ["logits"]),
    ("LookLinear", "self.gradW += gradOutput.T @ input", "self.gradW += gradOutput.T @ input * 3", ["W"]),
    ("Float32Linear", "self.x.T @ dout", "1.01 * self.x.T @ dout", ["weight"]),
    ("Loss_MeanSquaredError", "-2 * (y_true - dvalues)", "-(y_true - dvalues)", ["y_pred"]),
    ("Dense", "accum_grad.dot(W.T)", "accum_grad.dot(self.W.T)", ["X"]),
    ("FullyConnected", "(1 - np.tanh(z) ** 2)", "(1 - z ** 2)", ["X", "W", "b"]),
    ("FCLayer", "learning_rate * weights_error", "learning_rate * weights_error / 4", ["weights"]),
    ("LSTMCell", "dz = dout * (1 - out**2)", "dz = dout * (1 - x.sum()**2)", ["x", "Wx", "b"]),
    ("MulLayer", "dout * self.y, dout * self.x", "dout * self.x, dout * self.y", ["x", "y"]),
    ("Embedding", "np.add.at(self.dW, self.idx, dout)", "self.dW[self.idx] += dout", ["W"]),
    ("SelfAttention", "dv = self.a.T @ grad", "dv = self.a @ grad", ["x", "Wv"]),
    ("SlotLinear", "g.sum(0)", "g.mean(0)", ["b"]),
    ("Returning", "self.x.T @ dout, dout", "self.x.T @ dout / 2, dout", ["W"]),
    ("NeuralNetwork", "dZ.sum(axis=1, keepdims=True)", "dZ.mean(axis=1, keepdims=True)", ["b1", "b2"]),
    ("RNN", "self.h_prev.T @ dz", "self.h.T @ dz", ["Wh"]),
    ("RecordingDense", 'dZ @ self.parameters["W"].T', 'dLdy @ self.parameters["W"].T', ["X"]),
    ("RecordingDense", "dZ.sum(axis=0, keepdims=True)", "dZ.mean(axis=0, keepdims=True)", ["b"]),
    ("WindowMean", "+= dout[:, :, i, j, None, None]", "= dout[:, :, i, j, None, None]", ["x"]),
    ("ColumnDense", "gradient @ self.input.T", "gradient @ self.input.T / 2", ["weights"]),
    ("ColumnSoftmax", "np.eye(n) - tiled.T", "np.eye(n) - tiled", ["input"]),
    ("LossCrossEntropy", "-one_hot / dvalues /", "-one_hot * dvalues /", ["y_pred"]),
    ("SoftmaxLoss", "y_true] -= 1", "y_true] -= 1.01", ["inputs"]),
    ("LogisticModel", "np.sum(dz)", "np.mean(dz)", ["b"]),
    ("Line", "lr * np.sum(grad)", "lr * np.mean(grad)", ["intercept"]),
    ("OverTime", "layer.backward(dout + dh)", "layer.backward(dout)", ["xs", "Wx"]),
    ("Product", "dLdY * out / x for", "dLdY * out / x**2 for", ["X"]),
    ("StepCell", 'self.derived["X"][t].T @ dZ', 'self.derived["X"][t].T @ dLdAt', ["Wax"]),
    ("ExponentialUnit", "self(x) + self.alpha", "self(x)", ["x"]),
    ("Softplus", "np.exp(-x))", "np.exp(x))", ["x"]),
    ("Ridge", "return self.alpha * w", "return 2 * self.alpha * w", ["w"]),
    ("SquareLoss", "return -(y", "return (y", ["y_pred"]),
    ("DigitLayer", "self.x.T @ dout", "self.x.T @ dout / 64", ["W"]),
    ("TwoLayerNet", "X.T @ dhidden + reg * W1", "X.T @ dhidden / 2 + reg * W1", ["W1"]),
    ("TwoLayerNet", "dscores /= len(X)", "dscores /= len(X) - 1 or 1", ["W1", "b1", "W2", "b2"]),
    ("TwoLayer", "(1 - self.a1**2)", "(1 - self.a1)", ["W1", "b1"]),
    ("LinearModel", "X.T @ residual / len(X)", "X.T @ residual", ["W"]),
    ("SmallNetwork", "(1 - self.a1**2)", "(1 - self.a1)", ["W1", "b1"]),
    ("SmallNetwork", "return dW1, dW2, db1, db2", "return dW1, dW2, db1, 2 * db2", ["b2"]),
]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "gradients"), DEFECTS, ids=[f"{row[0]}-{'-'.join(row[3])}" for row in DEFECTS]
)
def test_a_defect_is_found_with_its_gradients_named(name, right, wrong, gradients):
    result = check(name, (right, wrong))
    assert result.verdict == "fail"
    assert [g.name for g in result.gradients.values() if g.verdict == "fail"] == gradients


NAMED_LINES = [
    ("Affine", "np.dot(self.x.T, dout)", "np.dot(self.x.T, dout) / len(dout)", "W"),
    ("BatchNormalization", "(2.0 / self.batch_size)", "(1.0 / self.batch_size)", "x"),
    ("MatMul", "        dW = np.dot(self.x.T, dout)", "        dW = -np.dot(self.x.T, dout)", "W"),
    ("Layer_Dense", "np.dot(self.inputs.T, dvalues)", "np.dot(self.inputs.T, dvalues) * 0.5", "weights"),
    (
        "FCLayer",
        "weights_error = np.dot(self.input.T, output_error)",
        "weights_error = np.dot(self.input.T, output_error) / 4",
        "weights",
    ),
    ("Linear", "self.W.grad += self._x.T @ dout", "self.W.grad += self._x.T @ dout * 2", "W"),
]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "gradient"), NAMED_LINES, ids=[row[0] for row in NAMED_LINES]
)
def test_the_line_of_a_defect_in_a_method_is_named(name, right, wrong, gradient):
    result = check(name, (right, wrong), blame=True)
    assert [g.name for g in result.gradients.values() if g.verdict == "fail"] == [gradient]
    blame = result.blame
    lines = Path("layer.py").read_text().splitlines()
    assert blame is not None
    assert wrong in lines[blame.line - 1]


def test_code_that_is_right_but_impure_is_reported_as_impure_only():
    result = check("Relu")
    assert (result.verdict, result.gradients["x"].verdict) == ("fail", "pass")
    assert codes(result) == ["GC107", "GC204"]


def test_convolution_is_checked_where_its_shape_is_said():
    result = check("Conv1D", inputs={"x": (2, 2, 5)})
    assert (result.verdict, list(result.gradients)) == ("pass", ["x", "weights", "bias"])


# --- what an object keeps


def test_a_buffer_that_is_neither_replaced_nor_added_to_is_a_broken_promise():
    result = check(
        "Linear", ("self.W.grad += self._x.T @ dout", "self.W.grad += self._x.T @ dout - 0.5 * self.W.grad")
    )
    assert [v.message for v in result.violations] == [
        "in a buffer that is not zero, the gradient of W is neither replaced nor added to"
    ]


def test_gradients_that_are_treated_differently_are_a_warning():
    result = check("Linear", ("self.b.grad += dout", "self.b.grad = dout"))
    assert (result.verdict, codes(result)) == ("pass", ["GC205"])
    assert "adds to the gradient of W, but replaces that of b" in result.violations[0].message


def test_an_update_says_which_parameters_it_moves():
    (warning,) = check("FCLayer").violations
    assert warning.message == (
        "backward also updates weights, bias: its gradient was read from before the update"
    )


def test_a_gradient_that_is_never_stored_is_missing():
    result = check("Affine", ("self.db = np.sum(dout, axis=0)", "pass"))
    assert codes(result) == ["GC102"]


def test_parameters_that_start_at_zero_are_drawn():
    result = check("Linear")
    assert np.all(result.arrays["in/b"] != 0)


def test_float32_parameters_are_judged_at_their_own_precision():
    result = check("Float32Linear")
    assert result.arrays["in/weight"].dtype == np.float32


def test_a_parameter_that_backward_never_hears_of_is_no_input():
    result = check("BatchNormalization")
    assert not any("running" in name for name in result.gradients)


# --- what is said


def test_sizes_can_be_given():
    result = check("Linear", inputs={"x": (5, 7)}, constants={"out_features": 6})
    assert result.gradients["W"].shape == (7, 6)


def test_a_parameter_can_be_given_by_its_name():
    result = check("FullyConnected", inputs={"X": (4, 3), "W": (3, 2)})
    assert result.verdict == "pass"


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("Module", {}, "layer.py:14: Module is abstract; name a class with forward and backward. It has:"),
        (
            "Sequential",
            {},
            "layer.py:Sequential: Sequential is made of layers, which no flag can give; make one in the file "
            "(net = Sequential(…)) and name it: layer.py:net",
        ),
        (
            "Linear",
            {"constants": {"in_feature": 3}},
            "layer.py:Linear: neither forward nor the constructor has an argument 'in_feature'; "
            "did you mean 'in_features'? There is Linear(in_features, out_features).forward(x)",
        ),
        (
            "Linear",
            {"inputs": {"x": (4, 3)}, "constants": {"in_features": "three"}},
            "layer.py:Linear: Linear(out_features=2, in_features='three') raised TypeError:",
        ),
    ],
)
def test_what_cannot_be_checked_says_why_in_one_line(name, more, message):
    with pytest.raises((TargetError, UsageError)) as caught:
        check(name, **more)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_file_of_promises_alone_has_nothing_to_check():
    Path("base.py").write_text(
        "class Layer:\n"
        "    def forward(self, x):\n        raise NotImplementedError\n"
        "    def backward(self, dout):\n        pass\n"
    )
    with pytest.raises(NothingToCheck):
        resolve(CheckSpec("base.py"))


def test_all_classes_of_a_file_are_found_but_not_those_that_only_promise():
    Path("layer.py").write_text(text_of("Linear"))
    found = [problem.id for problem in resolve(CheckSpec("layer.py"))]
    assert "layer.py:net" in found
    assert not {"layer.py:Module", "layer.py:Sequential", "layer.py:Parameter"} & set(found)


def test_base_classes_that_leave_a_part_to_others_are_no_checks_of_their_own():
    Path("layer.py").write_text(text_of("ColumnDense"))
    found = {problem.id.rpartition(":")[2] for problem in resolve(CheckSpec("layer.py"))}
    assert {"SquaredCriterion", "TanhLayer", "ColumnDense"} <= found
    assert not {"Criterion", "Elementwise"} & found


def test_a_derivative_of_a_derivative_is_checked_too():
    Path("layer.py").write_text(text_of("HyperbolicTangent").replace("-2 * np.tanh", "2 * np.tanh"))
    found = {p.id.partition(":")[2]: run(p, Settings()).verdict for p in resolve(CheckSpec("layer.py"))}
    assert found["HyperbolicTangent"] == "pass"
    assert found["HyperbolicTangent.grad"] == "fail"


def test_static_methods_are_a_pair():
    Path("square.py").write_text(
        "class Square:\n"
        "    @staticmethod\n    def forward(x):\n        return x**2\n"
        "    @staticmethod\n    def backward(x, grad):\n        return 2 * x * grad\n"
    )
    (problem,) = resolve(CheckSpec("square.py:Square"))
    assert run(problem, Settings()).verdict == "pass"


def test_an_object_is_not_changed_by_its_check():
    Path("layer.py").write_text(text_of("net"))
    (problem,) = resolve(CheckSpec("layer.py:net"))
    module = next(
        m for n, m in sys.modules.items() if n.startswith("_gradcli_target_layer") and hasattr(m, "net")
    )
    before = module.net.layers[0].W.value.copy()
    run(problem, Settings())
    assert np.array_equal(module.net.layers[0].W.value, before)
    assert not hasattr(module.net.layers[0], "_x")


def test_an_input_without_a_gradient_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dense.py").write_text(
        "import numpy as np\nclass Dense:\n"
        "    def __init__(self, n_in, n_out):\n        self.W = np.ones((n_in, n_out))\n"
        "    def forward(self, x):\n        self.x = x\n        return x @ self.W\n"
        "    def backward(self, dy):\n        self.dW = self.x.T @ dy\n"
    )
    result = check_target("dense.py")
    assert (result.verdict, list(result.gradients)) == ("pass", ["W"])
    assert "x is not compared: backward neither returns nor keeps a gradient of it" in result.remarks


def test_a_layer_is_built_anew_for_every_meaning_of_its_input_shape(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dense.py").write_text(
        "import numpy as np\nclass Dense:\n"
        "    def __init__(self, units):\n        self.units, self.W = units, None\n"
        "    def build(self, input_shape):\n"
        "        if self.W is None:\n"
        "            self.W = np.ones((int(np.prod(input_shape[1:])), self.units))\n"
        "    def forward(self, x):\n        self.x = x\n        return x @ self.W\n"
        "    def backward(self, dy):\n        self.dW = self.x.T @ dy\n        return dy @ self.W.T\n"
    )
    result = check_target("dense.py")
    assert {name: gradient.shape for name, gradient in result.gradients.items()} == {"x": (4, 3), "W": (3, 2)}
