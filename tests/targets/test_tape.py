"""Tape engines: every operation is checked on its own, with broadcasting and with values used twice."""

from pathlib import Path

import pytest

from gradcli.checker import run
from gradcli.errors import NothingToCheck, TargetError, UsageError
from gradcli.spec import CheckSpec, InputSpec, Settings
from gradcli.targets import resolve

MICROGRAD = """\
import math

class Value:
    def __init__(self, data, _children=(), _op=""):
        self.data = data
        self.grad = 0
        self._backward = lambda: None
        self._prev = set(_children)

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other), "+")
        def _backward():
            self.grad += out.grad
            other.grad += out.grad
        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other), "*")
        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
        out._backward = _backward
        return out

    def __pow__(self, other):
        out = Value(self.data**other, (self,))
        def _backward():
            self.grad += other * self.data ** (other - 1) * out.grad
        out._backward = _backward
        return out

    def relu(self):
        out = Value(0 if self.data < 0 else self.data, (self,), "ReLU")
        def _backward():
            self.grad += (out.data > 0) * out.grad
        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Value(t, (self,))
        def _backward():
            self.grad += (1 - t**2) * out.grad
        out._backward = _backward
        return out

    def backward(self):
        topo, visited = [], set()
        def build_topo(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build_topo(child)
                topo.append(v)
        build_topo(self)
        self.grad = 1
        for v in reversed(topo):
            v._backward()

    def __neg__(self):
        return self * -1

    def __radd__(self, other):
        return self + other

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * other**-1
"""
TENSOR = """\
import numpy as np

def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, length in enumerate(shape):
        if length == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad

class Tensor:
    def __init__(self, data, requires_grad=False, depends_on=()):
        self.data = np.asarray(data, dtype=np.float64)
        self.requires_grad = requires_grad
        self.depends_on = depends_on
        self.grad = None

    def backward(self, grad=None):
        grad = np.ones_like(self.data) if grad is None else grad
        self.grad = grad if self.grad is None else self.grad + grad
        for tensor, fn in self.depends_on:
            tensor.backward(fn(grad))

    def __add__(self, other):
        return Tensor(self.data + other.data, True, [
            (self, lambda g: unbroadcast(g, self.data.shape)),
            (other, lambda g: unbroadcast(g, other.data.shape)),
        ])

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        return Tensor(self.data * other.data, True, [
            (self, lambda g: unbroadcast(g * other.data, self.data.shape)),
            (other, lambda g: unbroadcast(g * self.data, other.data.shape)),
        ])

    def __matmul__(self, other):
        return Tensor(self.data @ other.data, True, [
            (self, lambda g: g @ other.data.T),
            (other, lambda g: self.data.T @ g),
        ])

    def __getitem__(self, index):
        def fn(g):
            full = np.zeros_like(self.data)
            np.add.at(full, index, g)
            return full
        return Tensor(self.data[index], True, [(self, fn)])

    def sum(self, axis=None):
        return Tensor(self.data.sum(axis), True, [(self, lambda g: np.ones_like(self.data) * g)])

    def exp(self):
        e = np.exp(self.data)
        return Tensor(e, True, [(self, lambda g: g * e)])

    def numpy(self):
        return self.data
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(text, symbol, right="", wrong="", **inputs):
    """The verdict of every operation under a symbol."""
    assert right in text
    Path("engine.py").write_text(text.replace(right, wrong, 1) if right else text)
    spec = CheckSpec(f"engine.py:{symbol}", inputs={n: InputSpec(s) for n, s in inputs.items()})
    found = [run(problem, Settings(blame=False)) for problem in resolve(spec)]
    return {result.id.removeprefix("engine.py:"): result.verdict for result in found}


def failed(text, cls, right, wrong, operations):
    """Which of these operations fail."""
    verdicts = {one: check(text, f"{cls}.{one}", right, wrong)[f"{cls}.{one}"] for one in operations}
    return {one for one, verdict in verdicts.items() if verdict != "pass"}


def test_every_operation_of_micrograd_is_found_and_passes():
    verdicts = check(MICROGRAD, "Value")
    assert set(verdicts.values()) == {"pass"}
    names = {name.removeprefix("Value.") for name in verdicts}
    assert {"add", "mul", "sub", "truediv", "pow", "neg", "radd", "relu", "relu_negative", "tanh"} <= names
    assert {"used_twice", "diamond", "deep"} <= names


def test_every_operation_of_a_tensor_is_found_and_passes():
    verdicts = check(TENSOR, "Tensor")
    assert set(verdicts.values()) == {"pass"}
    names = {name.removeprefix("Tensor.") for name in verdicts}
    assert {"add", "add_row", "mul_column", "matmul", "getitem_repeated", "sum", "sum_axis", "exp"} <= names


def test_a_tensor_without_a_sum_starts_from_a_one_for_each_element():
    start, end = TENSOR.index("    def sum"), TENSOR.index("    def exp")
    text = TENSOR[:start] + TENSOR[end:]
    text = text.replace(
        "def backward(self, grad=None):", "def backward(self, *above):\n        grad, *_ = *above, None"
    )
    verdicts = check(text, "Tensor")
    assert set(verdicts.values()) == {"pass"}
    assert {"Tensor.mul_row", "Tensor.matmul"} <= set(verdicts)
    assert failed(text, "Tensor", "self.data.T @ g", "self.data.T @ g * g[0, 0]", ["matmul"])


def test_what_an_engine_does_not_offer_is_no_mistake():
    Path("engine.py").write_text(TENSOR)
    names = {problem.id.rpartition(".")[2] for problem in resolve(CheckSpec("engine.py:Tensor"))}
    assert not {"matmul_batched", "matmul_vector", "numpy", "pow"} & names


def test_an_operation_that_lacks_an_import_is_not_passed_over():
    verdicts = check(MICROGRAD, "Value", "t = math.tanh", "t = maths.tanh")
    assert {name for name, verdict in verdicts.items() if verdict == "fail"} >= {"Value.tanh"}
    drawn = "    def drawn(self):\n        from no_such_plots import draw\n\n    def backward(self):"
    assert set(check(MICROGRAD, "Value", "    def backward(self):", drawn).values()) == {"pass"}


@pytest.mark.parametrize(
    ("right", "wrong", "operations"),
    [
        ("(1 - t**2)", "(1 - t)", {"tanh", "tanh_twice"}),
        ("self.grad += (1 - t**2)", "self.grad = (1 - t**2)", {"tanh_twice"}),
        ("self.grad += (out.data > 0)", "self.grad += (out.data > 1)", {"relu", "relu_twice"}),
        ("other * self.data ** (other - 1)", "self.data ** (other - 1)", {"pow", "truediv"}),
        ("self.grad += out.grad\n", "self.grad = out.grad\n", {"diamond"}),
        ("self.grad += other * self.data **", "self.grad = other * self.data **", {"pow_twice"}),
        (
            "return self * other**-1",
            "out = Value(self.data / other.data, (self, other))\n        def _backward():\n"
            "            self.grad = out.grad / other.data\n"
            "            other.grad += -self.data / other.data**2 * out.grad\n"
            "        out._backward = _backward\n        return out",
            {"truediv_twice"},
        ),
    ],
    ids=["value", "overwritten", "mask", "factor", "overwritten-add", "overwritten-pow", "overwritten-div"],
)
def test_a_slip_in_micrograd_fails_the_operations_that_have_it(right, wrong, operations):
    assert failed(MICROGRAD, "Value", right, wrong, operations | {"mul"}) == operations


@pytest.mark.parametrize(
    ("right", "wrong", "operations"),
    [
        (
            "unbroadcast(g, other.data.shape)",
            "g",
            {"add_row", "add_column", "add_scalar"},
        ),
        ("grad.sum(axis=axis, keepdims=True)", "grad[:, :1]", {"mul_column", "add_column"}),
        ("np.add.at(full, index, g)", "full[index] += g", {"getitem_repeated"}),
        ("self.data.T @ g", "(g.T @ self.data).T * 2", {"matmul"}),
        ("lambda g: g * e", "lambda g: g * self.data", {"exp", "exp_twice"}),
    ],
    ids=["broadcast", "column", "repeated-index", "matmul", "exp"],
)
def test_a_slip_in_a_tensor_fails_exactly_the_operations_that_have_it(right, wrong, operations):
    assert failed(TENSOR, "Tensor", right, wrong, operations | {"mul", "add"}) == operations


def test_one_operation_is_named_with_a_dot():
    assert check(TENSOR, "Tensor.matmul") == {"Tensor.matmul": "pass"}


def test_the_shapes_of_an_operation_can_be_given():
    assert check(TENSOR, "Tensor.matmul", a=(5, 6), b=(6, 1)) == {"Tensor.matmul": "pass"}


def test_an_argument_that_an_operation_has_not_is_refused():
    with pytest.raises(UsageError, match=r"engine\.py:Tensor\.exp: takes no 'b'\. There are a"):
        check(TENSOR, "Tensor.exp", b=(3,))


def test_an_operation_that_there_is_not_is_an_error():
    with pytest.raises(TargetError, match=r"no 'Tensor\.matmull'; did you mean 'Tensor\.matmul'\?"):
        check(TENSOR, "Tensor.matmull")


def test_a_class_without_a_gradient_is_no_engine():
    with pytest.raises((NothingToCheck, TargetError)):
        check(MICROGRAD.replace("self.grad = 0", "self.total = 0"), "Value")


@pytest.mark.parametrize(
    ("text", "symbol", "right", "wrong"),
    [
        (MICROGRAD, "Value.tanh", "(1 - t**2)", "(1 - t)"),
        (MICROGRAD, "Value.truediv", "other * self.data ** (other - 1)", "self.data ** (other - 1)"),
        (MICROGRAD, "Value.diamond", "self.grad += out.grad\n", "self.grad = out.grad\n"),
        (TENSOR, "Tensor.matmul", "self.data.T @ g", "(g.T @ self.data).T * 2"),
        (TENSOR, "Tensor.getitem_repeated", "np.add.at(full, index, g)", "full[index] += g"),
    ],
)
def test_the_line_of_a_slip_in_a_closure_is_named(text, symbol, right, wrong):
    Path("engine.py").write_text(text.replace(right, wrong, 1))
    spec = CheckSpec(f"engine.py:{symbol}")
    (problem,) = resolve(spec)
    blame = run(problem, spec.settings).blame
    line = text[: text.index(right)].count("\n") + 1
    assert blame is not None
    assert blame.line == line


def test_an_edit_that_would_never_end_is_given_up():
    text = TENSOR.replace("    while grad.ndim > len(shape):", "    n = len(shape)\n    while grad.ndim > n:")
    slip = "(other, lambda g: unbroadcast(g + 1, other.data.shape)),"
    right = "(other, lambda g: unbroadcast(g, other.data.shape)),"
    Path("engine.py").write_text(text.replace(right, slip, 1))
    (problem,) = resolve(CheckSpec("engine.py:Tensor.add_row"))
    blame = run(problem, Settings()).blame
    assert blame is not None
    assert blame.source == slip


FUNCTIONS = (
    TENSOR
    + """

def softplus(x: Tensor) -> Tensor:
    return Tensor(np.log1p(np.exp(x.data)), True, [(x, lambda g: g / (1 + np.exp(-x.data)))])


def affine(x, w, b):
    def of_x(g):
        return g @ w.data.T

    steps = [(x, of_x), (w, lambda g: x.data.T @ g), (b, lambda g: g.mean(axis=0))]
    return Tensor(x.data @ w.data + b.data, True, steps)


def nll(logits: Tensor, labels):
    rows = np.arange(len(labels))
    p = np.exp(logits.data) / np.exp(logits.data).sum(axis=1, keepdims=True)
    return Tensor(-np.log(p[rows, labels]).sum(), True, [(logits, lambda g: g * (p - np.eye(3)[labels]))])


def detach(x: Tensor) -> Tensor:
    return Tensor(x.data)


def fit(model, steps):
    raise SystemExit
"""
)


def test_functions_that_make_values_out_of_others_are_operations_as_well():
    Path("engine.py").write_text(FUNCTIONS)
    found = [run(one, Settings(blame=False)) for one in resolve(CheckSpec("engine.py"))]
    verdicts = {one.id.removeprefix("engine.py:"): one.verdict for one in found}
    own = {name: verdict for name, verdict in verdicts.items() if "." not in name}
    assert own == {"softplus": "pass", "affine": "fail", "nll": "pass"}


GRADIENTS_ARE_VALUES = """\
import numpy as np

class Tensor:
    def __init__(self, data, requires_grad=False, depends_on=()):
        self.data = np.array(data)
        self.requires_grad, self.depends_on, self.shape = requires_grad, depends_on, self.data.shape
        self.grad = Tensor(np.zeros(self.shape)) if requires_grad else None

    def __add__(self, other):
        return _made(self.data + other.data, (self, lambda g: g), (other, lambda g: g))

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        return _made(
            self.data * other.data, (self, lambda g: g * other.data), (other, lambda g: g * self.data)
        )

    def __neg__(self):
        return _made(-self.data, (self, lambda g: -g))

    def sum(self):
        return _made(self.data.sum(), (self, lambda g: g * np.ones_like(self.data)))

    def backward(self, grad=None):
        grad = Tensor(1.0) if grad is None else grad
        self.grad = Tensor(self.grad.data + grad.data)
        for parent, pull in self.depends_on:
            parent.backward(Tensor(pull(grad.data)))

def _made(data, *parents):
    needed = [(parent, pull) for parent, pull in parents if parent.requires_grad]
    return Tensor(data, bool(needed), needed)
"""


def test_an_engine_that_keeps_gradients_as_values_is_given_one():
    """`grad.data` of an array is a buffer, which adds like an array and has no unary minus."""
    operations = ["add", "mul", "neg"]
    assert failed(GRADIENTS_ARE_VALUES, "Tensor", "", "", operations) == set()
    wrong = failed(GRADIENTS_ARE_VALUES, "Tensor", "lambda g: g * self.data", "lambda g: g", operations)
    assert wrong == {"mul"}


A_FLAG_ALONE = """\
import numpy as np

class Variable:
    def __init__(self, data):
        if not isinstance(data, np.ndarray):
            raise TypeError(type(data))
        self.data, self.grad, self.creator = data, None, None

    def backward(self, retain_grad=False):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        todo = [self]
        while todo:
            y = todo.pop()
            if y.creator is None:
                continue
            inputs, pull = y.creator
            for x, gx in zip(inputs, pull(y.grad)):
                x.grad = gx if x.grad is None else x.grad + gx
                todo.append(x)
            if not retain_grad:
                y.grad = None

    def __add__(self, other):
        return _made(self.data + other.data, (self, other), lambda g: (g, g))

    def __truediv__(self, other):
        a, b = self.data, other.data
        return _made(a / b, (self, other), lambda g: (g / b, -g * a / b**2))

def _made(data, inputs, pull):
    out = Variable(data)
    out.creator = inputs, pull
    return out
"""


def test_a_flag_of_backward_is_no_cotangent():
    operations = ["add", "truediv"]
    assert failed(A_FLAG_ALONE, "Variable", "", "", operations) == set()
    assert failed(A_FLAG_ALONE, "Variable", "-g * a / b**2", "g * a / b**2", operations) == {"truediv"}
