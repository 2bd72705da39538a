"""A planted slip is found on its line in whatever way the code is called: costs, networks, frameworks."""

from pathlib import Path

import pytest

from gradcli import check_target

HABITS = Path(__file__).parents[1] / "targets" / "habits"
ZOO = Path(__file__).parents[1] / "targets" / "classes" / "zoo"

# file, what is checked, what is right, the slip in its place
COSTS = [
    ("costs.py", "costFunctionReg", "X.T.dot(h - y) / m", "X.T.dot(h - y)"),
    ("costs.py", "nn_cost_function", "* a2[:, 1:] * (1 - a2[:, 1:])", "* (1 - a2[:, 1:])"),
    ("costs.py", "rosenbrock", "+= 200 * (x[1:]", "+= 100 * (x[1:]"),
    ("course_losses.py", "svm_loss", "dx[np.arange(N), y] -= num_pos", "dx[np.arange(N), y] -= 1"),
    ("steps.py", "logistic", "return s * (1 - s)", "return s"),
    ("kept.py", "Bends.soft", "1 / (1 + np.exp(-x))", "1 / (1 + np.exp(x))"),
    ("course_losses.py", "softmax_loss_vectorized", "+ 2 * reg * W", "+ reg * W"),
]
NETWORKS = [
    ("course_network.py", "propagation", "(1 - A1**2)", "(1 - A1)"),
    ("course_deep_network.py", "model", "+ 2 * lambd * W", "+ lambd * W"),
]

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_slip(text: str, target: str, right: str, wrong: str, **settings):
    """Check a text with one slip; returns the lines that are named, and that of the slip."""
    Path("slip.py").write_text(text.replace(right, wrong, 1))
    result = check_target(f"slip.py:{target}", **settings)
    assert result.verdict == "fail"
    line = text[: text.index(right)].count("\n") + 1
    return [blame.line for blame in (result.blame, *result.also) if blame is not None], line


# Gradients in attributes, lists, dicts and buffers; losses without a cotangent; methods that return a cost.
CLASSES = [
    ("from_scratch.py", "MatMul", "self.grads[0][...] = dW", "self.grads[0][...] = -dW"),
    ("lists_of_layers.py", "ListedNetwork", "dz.sum(axis=0)", "dz.mean(axis=0)"),
    ("modules.py", "MSELoss", "2 * self.diff / self.diff.size", "3 * self.diff / self.diff.size"),
    ("modules.py", "LookLinear", "gradOutput.T @ input", "3 * gradOutput.T @ input"),
    ("oddities.py", "Embedding", "np.add.at(self.dW, self.idx, dout)", "self.dW[self.idx] += dout"),
    ("cost_methods.py", "TwoLayerNet", "X.T @ dhidden + reg * W1", "X.T @ dhidden / 2 + reg * W1"),
    ("cost_methods.py", "SmallNetwork", "return dW1, dW2, db1, db2", "return dW1, dW2, db1, 2 * db2"),
]


@pytest.mark.parametrize(("file", "target", "right", "wrong"), CLASSES)
def test_the_line_of_a_slip_in_a_class_is_named(file, target, right, wrong):
    named, line = check_slip((ZOO / file).read_text(), target, right, wrong, budget=30.0)
    assert named == [line]


@pytest.mark.parametrize(("file", "target", "right", "wrong"), [*COSTS, *NETWORKS])
def test_the_line_of_a_slip_is_named(file, target, right, wrong):
    named, line = check_slip((HABITS / file).read_text(), target, right, wrong)
    assert named == [line]


def test_what_belongs_to_the_value_is_never_blamed():
    """The numeric gradient is that of the value as it is written: where the two differ, the gradient errs."""
    named, line = check_slip(
        (HABITS / "costs.py").read_text(), "costFunctionReg", "-(y.dot(np.log(h))", "-(2 * y.dot(np.log(h))"
    )
    assert line not in named


SWISH = """
import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        s = torch.sigmoid(beta * x)
        ctx.save_for_backward(x, s, beta)
        return x * s

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        x, s, beta = ctx.saved_tensors
        ds = g * x
        dz = ds * s * (1 - s)
        dx = g * s + dz * beta
        dbeta = dz * x
        return dx, dbeta
"""
LINEAR = """
import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(x, weight, bias):
        return x @ weight.t() + bias

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, bias = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, g):
        x, weight = ctx.saved_tensors
        grad_x = g @ weight
        grad_weight = g.t() @ x
        return grad_x, grad_weight, g.sum(0)
"""
SOFTPLUS = """
import jax
import jax.numpy as jnp


@jax.custom_vjp
def softplus(x, w):
    return w * jnp.log1p(jnp.exp(x))


def softplus_fwd(x, w):
    e = jnp.exp(x)
    y = jnp.log1p(e)
    return w * y, (e, y, w)


def softplus_bwd(res, g):
    e, y, w = res
    dy = g * w
    dx = dy * e / (1 + e)
    return dx, g * y


softplus.defvjp(softplus_fwd, softplus_bwd)
"""
RULES = """
import autograd.numpy as np
from autograd.extend import defvjp, primitive


@primitive
def logsumexp(x, t=1.5):
    m = np.max(x)
    return m + t * np.log(np.sum(np.exp((x - m) / t)))


def logsumexp_vjp(ans, x, t=1.5):
    s = np.exp((x - ans) / t)

    def vjp(g):
        d = g * s
        return d

    return vjp


defvjp(logsumexp, logsumexp_vjp, argnums=(0,))


@primitive
def wave(x, y):
    return x * np.sin(y)


defvjp(wave, lambda ans, x, y: lambda g: g * np.sin(y), lambda ans, x, y: lambda g: g * x * np.cos(y))
"""
TWO = {"x": "4x3", "w": "4x3"}
FRAMEWORKS = [
    ("torch", SWISH, "Swish", {"x": "4x3", "beta": "4x3"}, "* s * (1 - s)", "* s * s"),
    ("torch", LINEAR, "Linear", {"x": "4x3", "weight": "2x3", "bias": "2"}, "g.t() @ x", "2 * g.t() @ x"),
    ("jax", SOFTPLUS, "softplus", TWO, "/ (1 + e)", "/ (2 + e)"),
    ("autograd", RULES, "logsumexp", {"x": "5"}, "d = g * s", "d = 2 * g * s"),
    ("autograd", RULES, "wave", {"x": "4x3", "y": "4x3"}, "np.cos(y)", "np.cosh(y)"),
]


@pytest.mark.parametrize(("framework", "text", "target", "inputs", "right", "wrong"), FRAMEWORKS)
def test_the_line_of_a_slip_in_a_rule_of_a_framework_is_named(framework, text, target, inputs, right, wrong):
    pytest.importorskip(framework)
    # Loading a framework takes of the same budget.
    named, line = check_slip(text, target, right, wrong, inputs=inputs, budget=60.0)
    assert named == [line]


def test_a_rule_for_forward_mode_has_no_backward_to_blame():
    pytest.importorskip("jax")
    Path("rule.py").write_text(
        "import jax\nimport jax.numpy as jnp\n\n\n@jax.custom_jvp\ndef square(x):\n    return x * x\n\n\n"
        "@square.defjvp\ndef rule(primals, tangents):\n    (x,), (t,) = primals, tangents\n"
        "    return x * x, 3 * x * t\n"
    )
    result = check_target("rule.py:square", inputs={"x": "4"})
    assert result.verdict == "fail"
    reason = "no line can be named: the rule is one for forward mode, and has no backward"
    assert reason in result.remarks


def test_of_two_lambdas_on_one_line_the_wrong_one_is_read():
    text = "import numpy as np\nforward, backward = lambda x: (np.sin(x), x), lambda g, x: g * np.sin(x)\n"
    Path("pair.py").write_text(text)
    blame = check_target("pair.py", inputs={"x": "4"}).blame
    assert (blame.line, blame.diagnosis.partition(":")[0]) == (2, "the wrong function")


NET = """
import numpy as np


class Affine:
    def __init__(self, W, b):
        self.params = {"W": W, "b": b}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads["dW"] = self.x.T @ dout
        self.grads["db"] = dout.sum(axis=0)
        return dout @ self.params["W"].T


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


class Net:
    def __init__(self):
        rng = np.random.default_rng(0)
        first, second = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
        self.layers = [Affine(first, rng.standard_normal(4)), Tanh(), Affine(second, np.zeros(2))]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


net = Net()
"""


def test_of_a_network_of_layers_each_wrong_layer_is_named_with_its_line():
    text = NET.replace("self.y**2)", "self.y)").replace("dout.sum(axis=0)", "dout.mean(axis=0)")
    Path("net.py").write_text(text)
    result = check_target("net.py:net", inputs={"x": "5x3"}, budget=30.0)
    blames = {blame.line: blame for blame in (result.blame, *result.also)}
    lines = text.splitlines()
    assert {lines[line - 1].strip() for line in blames} == {
        'self.grads["db"] = dout.mean(axis=0)',
        "return dout * (1 - self.y)",
    }
    words = sorted(blame.diagnosis.partition(": ")[0] for blame in blames.values())
    assert words == ["Affine alone has a wrong gradient of b", "Tanh alone has a wrong gradient of x"]
    Path("right.py").write_text(NET)
    assert check_target("right.py:net", inputs={"x": "5x3"}).verdict == "pass"


SQUARES = """

class Squares:
    def forward(self, x, y):
        self.x, self.y = x, y
        return 0.5 * np.sum((x - y) ** 2)

    def backward(self, dout=1.0):
        return self.x - self.y


class Trained(Net):
    def __init__(self):
        super().__init__()
        self.cost = Squares()

    def forward(self, x, y):
        return self.cost.forward(super().forward(x), y)

    def backward(self):
        return super().backward(self.cost.backward())


trained = Trained()
"""
TRAINED = NET.replace("net = Net()\n", "") + SQUARES


def test_a_network_whose_loss_ignores_its_cotangent_passes_where_it_is_one():
    Path("right.py").write_text(TRAINED)
    assert check_target("right.py:trained", inputs={"x": "5x3", "y": "5x2"}).verdict == "pass"


@pytest.mark.parametrize(
    ("edits", "named"),
    [
        ({"dout.sum(axis=0)": "dout.mean(axis=0)"}, 'self.grads["db"] = dout.mean(axis=0)'),
        (
            {
                "return self.cost.forward": "return 2 * self.cost.forward",
                "self.cost.backward()": "self.cost.backward(2.0)",
            },
            "return self.x - self.y",
        ),
    ],
)
def test_a_loss_that_ignores_its_cotangent_is_blamed_where_the_network_gives_it_another_one(edits, named):
    damaged = TRAINED
    for right, wrong in edits.items():
        damaged = damaged.replace(right, wrong)
    Path("net.py").write_text(damaged)
    result = check_target("net.py:trained", inputs={"x": "5x3", "y": "5x2"}, budget=30.0)
    lines = damaged.splitlines()
    assert [lines[blame.line - 1].strip() for blame in (result.blame, *result.also)] == [named]


KEPT = """
import numpy as np


class BatchNormalization:
    def __init__(self, gamma, beta):
        self.gamma = gamma
        self.beta = beta

    def forward(self, x):
        self.shape = x.shape
        x = x.reshape(len(x), -1)
        mu = x.mean(axis=0)
        xc = x - mu
        std = np.sqrt(np.mean(xc**2, axis=0) + 1e-6)
        xn = xc / std
        self.xc = xc
        self.xn = xn
        self.std = std
        return (self.gamma * xn + self.beta).reshape(self.shape)

    def backward(self, dout):
        dx = self.__backward(dout)
        dx = dx.reshape(self.shape)
        return dx

    def __backward(self, dout):
        n = len(dout)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        self.dbeta = dout.sum(axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum(dxn * self.xc / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += 2.0 / n * self.xc * dvar
        dmu = np.sum(dxc, axis=0)
        dx = dxc - dmu / n
        return dx
"""


def test_an_object_that_keeps_what_its_methods_hand_on_passes():
    Path("layer.py").write_text(KEPT)
    assert check_target("layer.py").verdict == "pass"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dstd = -np.sum", "dstd = -2 * np.sum"),  # 0.5 * dstd is the gradient of std by accident
        ("dx = dxc - dmu / n", "dx = dxc"),  # dmu is computed, and not used
        ("dx = dxc - dmu / n", "dx = dxc - dmu"),  # dmu is right but for its sign, which is meant
        ("dmu = np.sum(dxc, axis=0)", "dmu = dxc"),  # of another size than mu
        ("dx = dxc - dmu / n", "dx = 2 * (dxc - dmu / n)"),  # what follows only copies it
        ("dxc += 2.0", "dxc = 2.0"),
    ],
)
def test_what_an_object_keeps_and_what_methods_hand_on_hide_no_line(right, wrong):
    text = KEPT.replace(right, wrong)
    Path("layer.py").write_text(text)
    blame = check_target("layer.py").blame
    assert blame is not None
    assert blame.source == next(line.strip() for line in text.splitlines() if wrong in line)


def test_in_a_torch_module_the_line_of_the_function_that_is_wrong_is_named():
    pytest.importorskip("torch")
    module = """

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(2, 3))
        self.bias = torch.nn.Parameter(torch.randn(2))

    def forward(self, x):
        return Linear.apply(torch.tanh(x), self.weight, self.bias).sin()
"""
    named, line = check_slip(LINEAR + module, "Net", "g.sum(0)", "g.mean(0)", inputs={"x": "4x3"})
    assert named == [line]
    Path("code.py").write_text(LINEAR + module.replace(".sin()", ".sin() * x.detach().sum()"))
    result = check_target("code.py:Net", inputs={"x": "4x3"})
    assert result.blame is None
    assert [r for r in result.remarks if r.startswith("no line")] == [
        "no line can be named: torch computes this gradient, and each Function in it is right by itself; "
        "look for .detach(), .data, no_grad and detours through NumPy"
    ]


def test_a_sign_too_many_is_not_taken_for_the_gradient_of_a_negation():
    text = (
        "import numpy as np\n\n\n"
        "def gate_forward(z, w):\n"
        "    sig = lambda v: 1 / (1 + np.exp(-v))\n"
        "    i, f = sig(z[:, :2]), sig(z[:, 2:])\n"
        "    return i * f * w, (i, f, w)\n\n\n"
        "def gate_backward(dout, cache):\n"
        "    i, f, w = cache\n"
        "    dw = dout * i * f\n"
        "    di, df = dout * f * w, dout * i * w\n"
        "    dzi = di * i * (1 - i)\n"
        "    dzf = df * f * (1 - f)\n"
        "    dz = np.hstack([dzi, dzf])\n"
        "    return dz, dw\n"
    )
    inputs = {"z": "3x4", "w": "3x2"}
    named, line = check_slip(text, "gate", "dzf = df", "dzf = -df", inputs=inputs)
    assert named == [line]


def test_lines_are_looked_for_where_spectra_are_complex(folder):
    source = (HABITS / "series.py").read_text()
    (folder / "series.py").write_text(
        source.replace("scale = np.full(len(w), 2.0 / n)", "scale = np.full(len(w), 2.0)")
    )
    result = check_target("series.py:fftfilter", inputs={"x": "4", "w": "3"})
    assert [name for name, found in result.gradients.items() if found.verdict == "fail"] == ["w"]
    assert not any("Error while looking for it" in remark for remark in result.remarks)
