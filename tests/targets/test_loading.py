"""Files that cannot simply be imported: notebooks, scripts that train, modules that are not installed."""

import json
import sys
from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.checker import run
from gradcli.errors import TargetError
from gradcli.spec import CheckSpec, Loading, Settings
from gradcli.targets import resolve

SCRIPT = '''\
"""Train it."""
import numpy as np
import no_such_framework as tf
from no_such_plots import cm, pyplot as plt

SCALE = 2.0

def helper(x):
    return x * SCALE

@tf.function
def scale_forward(x):
    return helper(x), None

def scale_backward(dout, cache):
    return dout * SCALE

def shift_forward(x):
    return x + SHIFTS["one"], None

def shift_backward(dout, cache):
    return dout.copy()

SHIFTS = {}
SHIFTS["one"] = 1.0
data = np.loadtxt("missing.csv")
for epoch in range(10**9):
    data = data + 1
fig, ax = plt.subplots()
'''
STUBS = Loading(stubs=("no_such_framework", "no_such_plots"))
PRUNED = Loading(stubs=("no_such_framework",), only_symbol=True)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def notebook(*cells):
    made = [{"cell_type": kind, "source": text.splitlines(keepends=True)} for kind, text in cells]
    Path("nb.ipynb").write_text(json.dumps({"nbformat": 4, "cells": made}))


def resolve_one(target, loading=Loading()):  # noqa: B008
    (problem,) = resolve(CheckSpec(target, loading=loading))
    return problem


def message_of(target, loading=Loading()):  # noqa: B008
    with pytest.raises(TargetError) as caught:
        resolve(CheckSpec(target, loading=loading))
    return str(caught.value)


# --- scripts


def test_a_missing_import_suggests_a_stub():
    Path("train.py").write_text(SCRIPT)
    assert message_of("train.py:scale") == (
        f"train.py:3: cannot import 'no_such_framework'; gradcli runs in {sys.prefix}: install it there, "
        "or add --stub no_such_framework if what you check does not use it"
    )
    assert message_of("train.py:shift").endswith("or add --only-symbol: shift does not need that line")


def test_a_script_that_reads_data_suggests_to_run_only_what_is_needed():
    Path("train.py").write_text(SCRIPT)
    message = message_of("train.py:scale", STUBS)
    assert message.startswith("train.py:26: FileNotFoundError: missing.csv not found")
    assert message.endswith("; add --only-symbol: scale does not need that line")


def test_a_default_that_a_file_sets_is_kept_where_it_is_run_in_part(folder):
    Path("wide.py").write_text(
        "import numpy as np\nimport torch\ntorch.set_default_dtype(torch.float64)\n"
        "x = np.load('missing.npy')\n"
        "class Double(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return x * torch.full((), 2.0)\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return 2 * g\n"
    )
    try:
        assert run(resolve_one("wide.py:Double", Loading(only_symbol=True)), Settings()).verdict == "pass"
    finally:
        import torch

        assert torch.get_default_dtype() is torch.float64
        torch.set_default_dtype(torch.float32)


def test_only_the_symbol_runs_neither_training_nor_imports_that_it_does_not_need():
    Path("train.py").write_text(SCRIPT)
    problem = resolve_one("train.py:scale", PRUNED)
    assert run(problem, Settings()).verdict == "pass"
    assert problem.rerun.endswith("--stub no_such_framework --only-symbol --seed 0")


def test_what_fills_a_constant_is_needed_too():
    Path("train.py").write_text(SCRIPT)
    assert run(resolve_one("train.py:shift", Loading(only_symbol=True)), Settings()).verdict == "pass"


def test_where_imports_are_found_is_needed():
    Path("lib").mkdir()
    Path("lib/neighbour.py").write_text("FACTOR = 2.0\n")
    Path("train.py").write_text(
        "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), 'lib'))\n"
        "from neighbour import FACTOR\nprint(open('missing.csv').read())\n"
        "def f_forward(x): return FACTOR * x, None\ndef f_backward(dout, cache): return FACTOR * dout\n"
    )
    assert run(resolve_one("train.py:f", Loading(only_symbol=True)), Settings()).verdict == "pass"


def test_a_local_name_that_the_script_uses_too_needs_nothing_of_the_script():
    Path("ratings.py").write_text(
        "import numpy as np\nR = np.load('missing.npy')\ntotal = R.sum()\n"
        "def shift_forward(x, R=np.ones(3)):\n    total = x + R\n    return total, None\n"
        "def shift_backward(dout, cache):\n    return sum(R for R in [dout])\n"
    )
    assert run(resolve_one("ratings.py:shift", Loading(only_symbol=True)), Settings()).verdict == "pass"


def test_without_a_symbol_all_definitions_are_run():
    Path("train.py").write_text(SCRIPT)
    found = resolve(CheckSpec("train.py", loading=PRUNED))
    assert [problem.id for problem in found] == ["train.py:scale", "train.py:shift"]


def test_a_stub_is_gone_once_the_file_is_loaded():
    Path("plots.py").write_text(
        "import no_such_plots.sub\nfrom no_such_plots import thing\n"
        "class Fancy(thing.Base):\n    pass\n"
        "fig, ax = thing()\nwith thing.context():\n    thing[1].go(2)\n"
        "def f_forward(x): return 2 * x\ndef f_backward(dout): return 2 * dout\n"
    )
    resolve_one("plots.py:f", Loading(stubs=("no_such_plots",)))
    assert "no_such_plots" not in sys.modules


def test_a_module_cannot_be_loaded_in_part():
    assert message_of("json.decoder:f", Loading(only_symbol=True)) == (
        "json.decoder: --only-symbol reads a file; name it by its path"
    )


# --- notebooks

AFFINE = """\
def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    dw = x.T @ dout
    return dout @ w.T, dw, dout.sum(axis=0)
"""


def test_a_notebook_is_read_like_a_file_and_only_what_is_needed_runs():
    notebook(
        ("markdown", "# Homework"),
        ("code", "%matplotlib inline\n!pip install x\nimport numpy as np\nimport no_such_plots as plt"),
        ("code", AFFINE),
        ("code", "%%bash\nrm everything"),
        ("code", "files = !ls\nnp.dot?\n?np.sum\ndata = np.load('missing.npy')\nplt.plot(data)"),
    )
    assert run(resolve_one("nb.ipynb:affine"), Settings()).verdict == "pass"
    assert run(resolve_one("nb.ipynb"), Settings()).verdict == "pass"


def test_the_line_at_fault_is_told_by_its_cell():
    notebook(("code", "import numpy as np"), ("code", AFFINE.replace("x.T @ dout", "x.T @ dout / 2")))
    blame = run(resolve_one("nb.ipynb:affine"), Settings()).blame
    assert (blame.line, blame.file.endswith("nb.ipynb: cell 2")) == (6, True)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("x = 1\ndef f(:\n", "nb.ipynb: cell 2, line 2: syntax error: invalid syntax"),
        (
            "import no_such_thing\ndef f_forward(x): return no_such_thing.f(x)\ndef f_backward(g): return g",
            f"nb.ipynb: cell 2, line 1: cannot import 'no_such_thing'; gradcli runs in {sys.prefix}: "
            "install it there, or add --stub no_such_thing if what you check does not use it",
        ),
        ("def g_forward(x):\n    return x\n", "nb.ipynb: cell 2, line 1: g_forward has no g_backward"),
    ],
)
def test_errors_in_a_notebook_say_cell_and_line(cell, message):
    notebook(("markdown", "text"), ("code", cell))
    assert message_of("nb.ipynb") == message


@pytest.mark.parametrize("text", ["", "[1]", "{}", "not json"])
def test_what_is_no_notebook_is_said(text):
    Path("nb.ipynb").write_text(text)
    assert message_of("nb.ipynb") == "nb.ipynb: is not a notebook in Jupyter's format 4"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Z = 1 / 0", "ZeroDivisionError: division by zero on import"),
        ("from math import sinn", "ImportError: cannot import name 'sinn' from 'math'"),
    ],
)
def test_what_fails_on_import_and_is_not_needed_can_be_left_out(tmp_path, line, reason):
    file = tmp_path / "late.py"
    file.write_text(
        f"{line}\ndef f_forward(x):\n    return x * x, x\ndef f_backward(d, x):\n    return 2 * x * d\n"
    )
    with pytest.raises(TargetError) as caught:
        resolve(CheckSpec(str(file)))
    message = str(caught.value)
    assert f"late.py:1: {reason}" in message
    assert message.endswith(" on import; add --only-symbol: what can be checked does not need that line")
    assert [p.id for p in resolve(CheckSpec(str(file), loading=Loading(only_symbol=True)))]


def test_what_only_draws_is_left_out_where_it_is_not_installed(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "seaborn", None)  # as if it were not there
    (folder / "curve.py").write_text(
        "import seaborn as sns\n"
        "def f(x):\n    return x**2\ndef f_grad(x):\n    return 2 * x\nsns.lineplot(f(3.0))\n"
    )
    result = check_target("curve.py")
    assert (result.verdict, result.remarks[0]) == ("pass", "seaborn is not installed: it was left out")
