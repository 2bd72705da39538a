"""`gradcli mutate`: damage is noticed, and what is not is told from what changes nothing."""

import ast

import pytest

from gradcli.checker import run
from gradcli.cli import main
from gradcli.mutate import mutants
from gradcli.mutate.edits import edits
from gradcli.spec import CheckSpec
from gradcli.targets import resolve

CUBE = """
import numpy as np

def cube_forward(x, w):
    return x**3 @ w, (x, w)

def cube_backward(dout, cache):
    x, w = cache
    unused = -dout
    dx = 3 * x**2 * (dout @ w.T)
    dw = (x**3).T @ dout
    return dx, dw
"""


LAMBDAS = "f_forward = lambda x: (x, x)\nf_backward = lambda d, c: 1.0 * d\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def damages(source):
    (function,) = ast.parse(source).body
    return {edit.what: ast.unparse(edit.tree.body[-1]) for edit in edits(function)}


@pytest.mark.parametrize(
    ("line", "what", "damaged"),
    [
        ("return a + b", "- for + in a + b", "return a - b"),
        ("c = a * b", "twice c", "c = 2 * (a * b)"),
        ("return a + b", "lost term b of a + b", "return a"),
        ("return a * b", "lost factor a of a * b", "return b"),
        ("return a / n", "lost factor n of a / n", "return a"),
        ("return a @ b", "operands swapped: a @ b", "return b @ a"),
        ("return a.T", "lost .T of a", "return a"),
        ("return x ** 2", "lost power: x ** 2", "return x"),
        ("return g.sum(axis=0)", "lost .sum: g.sum(axis=0)", "return g"),
        ("return np.sum(g, axis=0)", "lost .sum: np.sum(g, axis=0)", "return g"),
        ("return np.sum(g, axis=0)", "wrong axis: np.sum(g, axis=0)", "return np.sum(g, axis=1)"),
        ("return g.mean(axis=1)", "sum for mean: g.mean(axis=1)", "return g.sum(axis=1)"),
        ("return -g", "lost sign of g", "return g"),
        ("dx = 2 * g", "the sign of dx", "dx = -(2 * g)"),
        ("dx[i] += g", "dx[i] overwritten, not added to", "dx[i] = g"),
        ("dx[i] += g", "lost statement: dx[i] += g", "pass"),
        ("return g[1:n]", "off by one: 1:n", "return g[1:n - 1]"),
    ],
)
def test_every_kind_of_damage(line, what, damaged):
    assert damages(f"def f(g):\n    {line}")[what] == damaged


def test_what_is_damaged_is_caught_and_what_changes_nothing_is_counted_apart(folder, capsys):
    (folder / "cube.py").write_text(CUBE)
    assert main(["mutate", "cube.py", "--threshold", "100%"]) == 0
    out = capsys.readouterr().out
    assert "survived" not in out
    assert out.splitlines()[-1].startswith("cube.py:cube: ")
    assert "edits changed nothing" in out


def test_a_survivor_is_named_with_its_line_and_fails_the_threshold(folder, capsys):
    # All products are within the bounds here, and all quotients: which of them is asked goes unseen.
    (folder / "surv.py").write_text(
        "import numpy as np\n"
        "def scale_forward(x, w, clip=50.0):\n"
        "    return np.clip(x * w, -clip, clip), (x, w, clip)\n\n"
        "def scale_backward(dout, cache):\n"
        "    x, w, clip = cache\n"
        "    inside = np.abs(x * w) < clip\n"
        "    d = np.where(inside, dout, 0 * dout)\n"
        "    return d * w, d * x\n"
    )
    assert main(["mutate", "surv.py", "--input", "x=4", "--input", "w=4", "--threshold", "95%"]) == 1
    shown = capsys.readouterr()
    assert "survived: surv.py:7: / for * in x * w; other gradients at other points" in shown.out
    assert "caught is less than 0.95 of them" in shown.err


def test_what_changes_nothing_is_told_from_what_survives(folder, capsys):
    # At w = 0 (a constant), whatever is done to the first term goes unseen.
    (folder / "blind.py").write_text(
        "def blind_forward(x, w):\n"
        "    return x + 0 * w, (x, w)\n\n"
        "def blind_backward(dout, cache):\n"
        "    x, w = cache\n"
        "    extra = (x > 1e9) * dout\n"
        "    return dout + extra, 0 * dout\n"
    )
    assert main(["mutate", "blind.py", "--input", "x=4x3", "--input", "w=4x3", "-v"]) == 0
    assert "equivalent: blind.py:6" in capsys.readouterr().out


def test_a_built_in_layer_lets_nothing_through(capsys):
    assert main(["mutate", "batchnorm", "--batch", "4", "--threshold", "1.0"]) == 0
    assert "batchnorm.py" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "arguments", "code", "says"),
    [
        (CUBE.replace("3 * x**2", "2 * x**2"), [], 1, "its own check does not pass (fail)"),
        (CUBE, ["--threshold", "lots"], 2, "'lots' is not a share; write 95% or 0.95"),
    ],
)
def test_what_cannot_be_damaged_says_why(folder, capsys, source, arguments, code, says):
    (folder / "code.py").write_text(source)
    assert main(["mutate", "code.py", *arguments]) == code
    assert says in capsys.readouterr().err


def test_a_lambda_is_damaged_like_any_function(folder, capsys):
    (folder / "code.py").write_text("f_forward = lambda x: (x, x)\nf_backward = lambda d, c: 2.0 * d / 2\n")
    assert main(["mutate", "code.py"]) == 0
    assert "code.py:f: " in capsys.readouterr().out


def test_lines_that_no_point_gets_to_are_said_to_have_never_run(folder, capsys):
    (folder / "branch.py").write_text(
        "def f_forward(x, mode):\n"
        "    return x**2, (x, mode)\n\n"
        "def f_backward(dout, cache):\n"
        "    x, mode = cache\n"
        "    if mode == 'test':\n"
        "        scale = 3 * x\n"
        "        return dout * scale\n"
        "    return 2 * x * dout\n"
    )
    arguments = ["--input", "x=4", "--set", "mode=train", "--threshold", "100%"]
    assert main(["mutate", "branch.py", *arguments]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "never ran: branch.py:7-8: no point of this check gets there",
        "branch.py:f: 6 of 6 damaged versions caught",
    ]


COST = """
import numpy as np

def cost(theta, X, y):
    h = X @ theta
    J = np.sum((h - y) ** 2) / 2
    grad = X.T @ (h - y)
    return J, grad
"""
LAYER = """
class Scale:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, dout):
        self.dw = (dout * self.x).sum(axis=0)
        return dout * self.w
"""


@pytest.mark.parametrize(
    ("source", "target", "inputs", "says"),
    [
        (COST, "cost", ["theta=3", "X=4x3", "y=4"], "9 of 9 damaged versions caught"),
        (LAYER, "Scale", ["x=4x3", "w=3"], "caught"),
    ],
)
def test_costs_and_classes_are_damaged(folder, capsys, source, target, inputs, says):
    (folder / "code.py").write_text(source)
    given = [word for one in inputs for word in ("--input", one)]
    assert main(["mutate", f"code.py:{target}", *given, "--threshold", "100%", "-v"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith(f"code.py:{target}: ")
    assert says in out.splitlines()[-1]
    assert target != "cost" or ":6: " not in out  # the value alone is right by definition


SPREAD = """
import numpy as np

def shared(x):
    return 3 * x

class Cube:
    def forward(self, x):
        self.x = x
        return shared(x) ** 3

    def backward(self, dout):
        return self.__slope() * scaled(shared(dout))

    def __slope(self):
        return 3 * shared(self.x) ** 2

def scaled(g):
    return 1.0 * g
"""


def power_of(target):
    """What the damaged versions of a target came to, by line; and its check once more, after them."""
    (problem,) = resolve(CheckSpec(target))
    settings = problem.spec.settings
    found = {}
    for mutant in mutants(problem, settings, run(problem, settings)):
        found.setdefault(mutant.edit.line, set()).add(mutant.fate)
    return found, run(problem, settings)


def test_functions_that_only_backward_calls_are_damaged_too(folder):
    (folder / "cube.py").write_text(SPREAD)
    lines = [line.strip() for line in SPREAD.splitlines()]
    by_line, again = power_of("cube.py:Cube")
    found = {lines[number - 1]: fates for number, fates in by_line.items()}
    # Not `shared`: forward calls it as well, and would be another function.
    assert set(found) == {
        "return self.__slope() * scaled(shared(dout))",
        "return 3 * shared(self.x) ** 2",
        "return 1.0 * g",
    }
    assert found["return 3 * shared(self.x) ** 2"] == {"caught"}
    assert found["return 1.0 * g"] == {"caught", "equivalent"}  # without the 1, nothing changes
    assert again.passed  # they are as they were
