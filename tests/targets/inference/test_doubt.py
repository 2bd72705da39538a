"""A slope of what is not elementwise: a defect, unless a cost was meant."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import GradcliError, UsageError

pytestmark = pytest.mark.usefixtures("folder")


def test_a_cost_of_vectors_is_not_taken_for_a_function_of_matrices():
    Path("cost.py").write_text(
        "import numpy as np\ndef misfit(m, d):\n    r = np.exp(m) - d\n    return 0.5 * r @ r\n"
        "def misfit_grad(m, d):\n    return (np.exp(m) - d) * np.exp(m)\n"
    )
    result = check_target("cost.py")
    assert (result.verdict, result.gradients["m"].numeric.ndim) == ("pass", 1)


def test_the_slope_of_a_softmax_is_wrong_at_several_numbers():
    Path("act.py").write_text(
        "import numpy as np\n"
        "def softmax(x):\n    e = np.exp(x)\n    return e / e.sum(axis=1, keepdims=True)\n"
        "def softmax_prime(x):\n    s = softmax(x)\n    return s * (1 - s)\n"
    )
    result = check_target("act.py")
    assert (result.verdict, result.gradients["x"].shape) == ("fail", (4, 3))


def test_a_backward_that_transposes_is_not_checked_at_a_vector():
    Path("act.py").write_text(
        "import numpy as np\n"
        "class Softmax:\n"
        "    def forward(self, input):\n"
        "        e = np.exp(input)\n        self.output = e / np.sum(e)\n        return self.output\n"
        "    def backward(self, grad):\n"
        "        n = np.size(self.output)\n"
        "        return np.dot((np.identity(n) - self.output.T) * self.output, grad)\n"
    )
    result = check_target("act.py:Softmax")
    assert (result.verdict, result.gradients["input"].shape) == ("pass", (3, 1))


def test_a_matrix_that_must_be_square_is_one_where_no_other_lengths_will_do(monkeypatch):
    monkeypatch.setattr("gradcli.targets.inference.search._MOST_TRIES", 100)  # the others are no likelier
    source = (
        "def attend_forward(prev_h, Wattn, x, Wx):\n"
        "    return prev_h @ Wx + x @ Wattn, (prev_h, Wattn, x, Wx)\n"
        "def attend_backward(dout, cache):\n    prev_h, Wattn, x, Wx = cache\n"
        "    return dout @ Wx.T, x.T @ dout, dout @ Wattn.T, prev_h.T @ dout\n"
    )
    Path("attend.py").write_text(source)
    assert check_target("attend.py:attend").verdict == "pass"
    Path("attend.py").write_text(source.replace("dout @ Wattn.T", "dout @ Wattn"))
    result = check_target("attend.py:attend", blame=False)
    assert {name for name, found in result.gradients.items() if found.verdict == "fail"} == {"x"}


def test_a_layer_for_one_sample_is_given_one():
    Path("fc.py").write_text(
        "import numpy as np\n"
        "class FC:\n"
        "    def __init__(self, input_size, output_size):\n"
        "        self.weights = np.random.rand(input_size, output_size)\n"
        "        self.bias = np.random.rand(1, output_size)\n"
        "    def forward(self, data):\n        self.data = data\n"
        "        return data @ self.weights + self.bias\n"
        "    def backward(self, error, learning_rate):\n"
        "        back = error @ self.weights.T\n"
        "        self.weights -= learning_rate * self.data.T @ error\n"
        "        self.bias -= learning_rate * error\n"
        "        return back\n"
    )
    result = check_target("fc.py:FC")
    assert (result.verdict, result.gradients["data"].shape, len(result.gradients)) == ("pass", (1, 3), 3)


def test_a_network_that_is_large_by_default_is_made_small():
    Path("net.py").write_text(
        "import numpy as np\n"
        "class Net:\n"
        "    def __init__(self, input_dim=3072, hidden_dim=100):\n"
        "        self.W = np.random.randn(input_dim, hidden_dim)\n"
        "    def forward(self, x):\n        self.x = x\n        return x @ self.W\n"
        "    def backward(self, dout):\n"
        "        self.dW = self.x.T @ dout\n        return dout @ self.W.T\n"
    )
    result = check_target("net.py:Net")
    assert (result.verdict, result.gradients["W"].shape) == ("pass", (3, 6))


def test_code_that_leaves_by_sys_exit_is_said_to(folder: Path) -> None:
    (folder / "leaves.py").write_text(
        "import sys\ndef f(x):\n    sys.exit(3)\ndef f_grad(x):\n    return x\n"
        "class Layer:\n    def forward(self, x):\n        sys.exit(3)\n"
        "    def backward(self, g):\n        return g\n"
    )
    for name in ("f", "Layer"):
        result = check_target(f"leaves.py:{name}")
        assert [violation.code for violation in result.violations] == ["GC108"]
        assert "SystemExit: 3" in result.violations[0].message


def test_a_cell_for_one_sample_takes_vectors():
    Path("cell.py").write_text(
        "import numpy as np\n"
        "class GRUCell:\n"
        "    def __init__(self, in_dim, hidden_dim):\n"
        "        self.Wx = np.random.randn(hidden_dim, in_dim)\n"
        "        self.Wh = np.random.randn(hidden_dim, hidden_dim)\n"
        "    def forward(self, x, h_prev_t):\n"
        "        self.x, self.h = x, h_prev_t\n"
        "        self.out = np.tanh(self.Wx @ x + self.Wh @ h_prev_t)\n        return self.out\n"
        "    def backward(self, delta):\n"
        "        d = delta * (1 - self.out**2)\n"
        "        self.dWx, self.dWh = np.outer(d, self.x), np.outer(d, self.h)\n"
        "        return self.Wx.T @ d, self.Wh.T @ d\n"
    )
    result = check_target("cell.py:GRUCell")
    assert (result.verdict, result.gradients["Wh"].shape) == ("pass", (6, 6))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("np.sigmoid(x)", "module 'numpy' has no attribute 'sigmoid'"),
        ("math.exp(x)", "name 'math' is not defined"),
    ],
)
def test_a_name_that_is_not_there_is_no_matter_of_shapes(broken: str, said: str):
    Path("gate.py").write_text(
        "import numpy as np\nclass Gate:\n"
        f"    def forward(self, x):\n        self.y = {broken}\n        return self.y\n"
        "    def backward(self, dy):\n        return dy * self.y * (1 - self.y)\n"
    )
    (violation,) = check_target("gate.py").violations
    assert (violation.code, violation.line) == ("GC108", 4)
    assert said in violation.message


@pytest.mark.parametrize(
    ("slope", "said", "verdict"),
    [
        ("A @ x - b", {}, "inconclusive"),
        ("A @ x - b", {"A": "4x4:symmetric"}, "pass"),
        ("0.5 * (A + A.T) @ x - b", {}, "pass"),
        ("2 * A @ x - b", {}, "fail"),
    ],
)
def test_a_quadratic_form_that_is_right_for_symmetric_matrices_alone(
    slope: str, said: dict[str, str], verdict: str
):
    Path("form.py").write_text(
        "def quadratic(x, A, b):\n    return 0.5 * x @ A @ x - b @ x\n"
        f"def quadratic_grad(x, A, b):\n    return {slope}\n"
    )
    result = check_target("form.py", blame=False, inputs={**said, "x": "4", "b": "4"} if said else {})
    assert result.verdict == verdict
    assert any("right for a symmetric A" in r for r in result.remarks) == (verdict == "inconclusive")


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        ("-2 / len(y) * (y - y_pred)", "fail"),  # the first of several lengths
        ("-2 / y.shape[0] * (y - y_pred)", "fail"),
        ("-2 / y.size * (y - y_pred)", "pass"),
    ],
)
def test_a_mean_over_all_elements_that_is_divided_by_rows_is_wrong(slope: str, verdict: str):
    Path("cost.py").write_text(
        "import numpy as np\ndef mse(y, y_pred):\n    return np.mean((y - y_pred) ** 2)\n"
        f"def mse_grad(y, y_pred):\n    return {slope}\n"
    )
    assert check_target("cost.py", blame=False).verdict == verdict


@pytest.mark.parametrize(("told", "verdict"), [("", "pass"), ('    """X: (N, D); y: (N,)."""\n', "fail")])
def test_labels_in_columns_are_given_to_a_cost_that_would_broadcast_others(told: str, verdict: str):
    Path("cost.py").write_text(
        f"import numpy as np\ndef costFunction(theta, X, y):\n{told}    theta = theta.reshape(1, -1)\n"
        "    h = 1 / (1 + np.exp(-X @ theta.T))\n"
        "    J = np.mean(-y * np.log(h) - (1 - y) * np.log(1 - h))\n"
        "    return J, (h - y).T @ X / len(X)\n"
    )
    assert check_target("cost.py", blame=False).verdict == verdict


def test_a_backward_that_takes_what_nobody_knows_is_not_called_wrong():
    Path("pool.py").write_text(
        "import numpy as np\n"
        "def pool_forward(x):\n    top = x.argmax(axis=0)\n    return x[top, range(top.size)], top\n"
        "def pool_backward(dx_col, dout_col, top):\n"
        "    dx_col[top, range(dout_col.size)] = dout_col\n    return dx_col\n"
    )
    with pytest.raises(UsageError, match="pool: backward takes dout_col and top, which is neither"):
        check_target("pool.py")


def test_what_was_raised_is_said_in_one_line():
    Path("gate.py").write_text(
        "class Gate:\n"
        "    def forward(self, x):\n        raise ValueError('\\nno gate here\\nread on\\n')\n"
        "    def backward(self, dy):\n        return dy\n"
    )
    (violation,) = check_target("gate.py", inputs={"x": [1.0, 2.0]}).violations
    assert violation.message == "forward raised ValueError: no gate here"


def test_a_backward_of_predictions_and_labels_is_told_not_to_be_that_of_a_softmax():
    Path("loss.py").write_text(
        "import numpy as np\n"
        "def softmax(x):\n    e = np.exp(x)\n    return e / e.sum(axis=1, keepdims=True)\n"
        "def softmax_backward(pred, y):\n    grad = pred.copy()\n    grad[range(len(y)), y] -= 1\n"
        "    return grad / len(y)\n"
    )
    with pytest.raises(GradcliError, match="takes y and no cotangent: it differentiates a cost"):
        check_target("loss.py:softmax")
