"""Each promise of a backward that is broken comes with the line at which it is, or with why there is none."""

from pathlib import Path

import numpy as np
import pytest

import gradcli
from gradcli import check_target

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


HEAD = "import numpy as np\nRNG = np.random.default_rng(0)\nSTATE = {'n': 0}\n\n\n"
SQUARE = "def f_forward(x):\n    return x**2, x\n\n\ndef f_backward(dout, x):\n"
AFFINE = (
    "def f_forward(x, b):\n    return x + b, (x, b)\n\n\ndef f_backward(dout, cache):\n    x, b = cache\n"
)
X, XB = {"x": "4x3"}, {"x": "4x3", "b": "3"}

BROKEN = [
    ("GC102", AFFINE + "    dx = 1 * dout\n    return dx, None  # here\n", XB),
    ("GC102", AFFINE + "    grads = {'x': 1 * dout}\n    return grads  # here\n", XB),
    ("GC103", AFFINE + "    dx = 1 * dout\n    db = 1 * dout  # here\n    return dx, db\n", XB),
    (
        "GC103",
        AFFINE.replace("return x + b,", "y = x + b\n    return y,")
        + "    dy = 1 * dout\n    return {'x': 2 * dout / 2, 'b': dy}  # here\n",
        XB,
    ),
    (
        "GC105",
        AFFINE
        + "    a, g = (0 * one for one in (dout, dout))\n    a += np.inf  # here\n    return a, a.sum(0)\n",
        XB,
    ),
    ("GC103", AFFINE + "    db = dout.sum(axis=0, keepdims=True)  # here\n    return 1 * dout, db\n", XB),
    ("GC104", SQUARE + "    dx = 2 * x * dout\n    return dx.astype(np.float32)  # here\n", X),
    (
        "GC104",
        SQUARE + "    g = dout.astype(np.float32)  # here\n    dx = 2 * x * g\n    return dx\n",
        X,
    ),
    ("GC105", SQUARE + "    dx = 2 * x * dout\n    dx[0] = np.nan  # here\n    return dx\n", X),
    (
        "GC105",
        "def f_forward(x):\n    y = x**2\n    z = np.log(y * 0)  # here\n    return y * z, x\n\n\n"
        "def f_backward(dout, x):\n    return 2 * x * dout\n",
        X,
    ),
    ("GC106", SQUARE + "    e = RNG.normal(size=x.shape)  # here\n    return 2 * x * dout + e\n", X),
    ("GC107", SQUARE + "    g = dout\n    g *= 2  # here\n    return x * g\n", X),
    ("GC107", SQUARE + "    dx = 2 * x * dout\n    x += 1  # here\n    return dx\n", X),
    (
        "GC109",
        SQUARE + "    g = np.clip(dout, -0.5, 0.5)  # here\n    return 2 * x * g\n",
        X,
    ),
    (
        "GC109",
        SQUARE.replace("def f_forward", "def slope(x):\n    return 2 * x\n\n\ndef f_forward")
        + "    return slope(x)  # here\n",
        X,
    ),
    (
        "GC110",
        SQUARE + "    g = np.ascontiguousarray(dout if dout.flags.c_contiguous else dout * 2)  # here\n"
        "    return 2 * x * g\n",
        X,
    ),
    (
        "GC111",
        SQUARE + "    STATE['n'] += 1\n    dx = 2 * x * dout * STATE['n']  # here\n    return dx\n",
        X,
    ),
]


@pytest.mark.parametrize(("code", "text", "inputs"), BROKEN)
def test_the_line_at_which_a_promise_is_broken_is_named(code, text, inputs):
    Path("code.py").write_text(HEAD + text)
    result = check_target("code.py:f", inputs=inputs)
    (violation, *_) = [v for v in result.violations if v.code == code]
    here = next(i for i, line in enumerate((HEAD + text).splitlines(), 1) if "# here" in line)
    assert (result.verdict != "pass", Path(violation.file).name, violation.line) == (True, "code.py", here)


def test_the_line_in_a_method_is_named():
    Path("code.py").write_text(
        "import numpy as np\n\n\nclass Affine:\n"
        "    def __init__(self, n=3):\n        self.b, self.db = np.ones(n), np.zeros(n)\n\n"
        "    def forward(self, x):\n        return x + self.b\n\n"
        "    def backward(self, dout):\n        self.db = 1.0 * dout\n        return 2 * dout / 2\n"
    )
    (violation,) = [v for v in check_target("code.py:Affine", inputs=X).violations if v.code == "GC103"]
    assert violation.line == 12


def test_where_there_is_no_file_that_is_why():
    space = {"np": np}
    exec("def forward(x):\n    return x**2, x\n\n\ndef backward(d, x):\n    return (2 * x * d)[:1]\n", space)
    result = gradcli.check(space["forward"], space["backward"], {"x": np.ones((2, 3))})
    assert [v.line for v in result.violations] == [None]
    assert [r for r in result.remarks if "GC103" in r] != []


def test_a_gradient_for_which_a_framework_takes_zero_is_found_where_none_is_returned():
    pytest.importorskip("torch")
    Path("code.py").write_text(
        "import torch\n\n\nclass Product(torch.autograd.Function):\n    @staticmethod\n"
        "    def forward(ctx, x, w):\n        ctx.save_for_backward(x, w)\n        return x @ w\n\n"
        "    @staticmethod\n    def backward(ctx, g):\n        x, w = ctx.saved_tensors\n"
        "        return g @ w.T, None\n"
    )
    result = check_target("code.py:Product", inputs={"x": "4x3", "w": "3x2"}, budget=60.0)
    assert (result.verdict, result.blame.line) == ("fail", 13)
    assert result.blame.diagnosis == "None is returned for w"


def test_the_first_call_of_a_framework_does_not_use_up_the_time_for_promises():
    pytest.importorskip("torch")
    Path("code.py").write_text(
        "import torch\n\n\nclass Square(torch.autograd.Function):\n    @staticmethod\n"
        "    def forward(ctx, x):\n        ctx.save_for_backward(x)\n        return x * x\n\n"
        "    @staticmethod\n    def backward(ctx, g):\n        (x,) = ctx.saved_tensors\n"
        "        dx = 2 * x * g\n        return dx.float().double()\n"
    )
    result = check_target("code.py:Square", inputs=X)
    assert [(v.code, v.line) for v in result.violations] == [("GC104", 14)]
