"""`gradcli sweep`: what it takes, what it draws, and what it says when it cannot."""

import os
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from gradcli.cli import main

PAIRS = """\
import numpy as np

def sine_forward(x):
    print("called")
    return np.sin(x), x

def sine_backward(dout, x):
    return dout * np.cos(x)

def wrong_forward(x):
    return np.sin(x), x

def wrong_backward(dout, x):
    return dout * x

def scaled_forward(x, c=1.0):
    return np.exp(c * x), (x, c)

def scaled_backward(dout, cache):
    x, c = cache
    return dout * c * np.exp(c * x)

def broken_forward(x):
    raise RuntimeError("no")

def broken_backward(dout, cache):
    return dout

def noise_forward(x):
    return np.random.default_rng().random(x.shape), x

def noise_backward(dout, x):
    return dout * x
"""


@pytest.fixture
def sweep(capsys, monkeypatch, tmp_path):
    """Run `gradcli sweep ARGS` in a folder with `pairs.py`: exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pairs.py").write_text(PAIRS, encoding="utf-8")

    def run(*args):
        code = main(["sweep", *map(str, args)])
        return code, *capsys.readouterr()

    return run


def titles(out):
    """The line above each plot."""
    lines = out.splitlines()
    return [above for above, line in pairwise(lines) if " error of a central " in line]


# --- what it draws


def test_a_layer_gets_a_plot_for_each_gradient(sweep):
    code, out, err = sweep("batchnorm", "--batch", 2, "--features", 3)
    assert (code, err) == (0, "")
    assert [title.split("[")[0] for title in titles(out)] == ["x", "gamma", "beta"]
    assert all(title.endswith(" of batchnorm[batch=2,features=3]") for title in titles(out))
    assert out.count("left: round-off grows as 1/step; right: truncation grows as step^2 / step^4") == 3
    assert max(map(len, out.splitlines())) <= 80


def test_a_file_gets_a_plot_for_each_pair(sweep):
    code, out, _ = sweep("pairs.py", "--input", "x=3")
    assert code == 0
    assert [title.split(":")[1] for title in titles(out)] == ["sine", "wrong", "scaled"]
    assert "pairs.py:broken: GC108 forward raised RuntimeError: no" in out


def test_what_the_code_prints_stays_out_of_the_plot(sweep):
    assert "called" not in sweep("pairs.py:sine", "--input", "x=3")[1]


def test_a_wrong_backward_is_drawn_and_said_to_be_wrong(sweep):
    code, out, _ = sweep("pairs.py:wrong", "--input", "x=3")
    assert code == 0
    assert "▲ chosen step" in out
    assert "pairs.py:wrong: GC101 the gradient of x is wrong in 3 of 3 elements" in out
    assert "the check of this code fails, see gradcli check pairs.py:wrong --input x=3 --seed 0" in out


# --- what it takes


def test_layer_options(sweep):
    assert sweep("batchnorm", "--batch", 4, "--features", 2)[1].count("batchnorm[batch=4,features=2]") == 3


def test_arrays_from_a_file(sweep, tmp_path):
    np.savez(tmp_path / "case.npz", x=np.array(0.5))
    code, out, _ = sweep("pairs.py:sine", "--inputs", "case.npz")
    assert (code, out.splitlines()[0]) == (0, "x of pairs.py:sine")


def test_constants(sweep):
    code, out, _ = sweep("pairs.py:scaled", "--input", "x=2", "--set", "c=0.5")
    assert code == 0
    assert titles(out)[0].endswith(" of pairs.py:scaled")


def test_the_seed_draws_other_numbers_and_the_same_again(sweep):
    first, other = sweep("tanh", "--seed", 1), sweep("tanh", "--seed", 2)
    assert first != other
    assert first == sweep("tanh", "--seed", 1)


def test_the_method(sweep):
    assert "gradcli used a complex step here" in sweep("tanh")[1]
    assert "gradcli used central differences here, step" in sweep("tanh", "--method", "central")[1]


def test_the_dtype(sweep):
    assert "known to" in sweep("tanh", "--dtype", "float32")[1]
    assert sweep("tanh", "--dtype", "float32")[1] != sweep("tanh")[1]


def test_a_config(sweep, tmp_path):
    (tmp_path / "net.yaml").write_text("version: 1\nchecks:\n  - {target: tanh, id: mine, step: 1e-4}\n")
    code, out, _ = sweep("net.yaml")
    assert code == 0
    assert "of mine" in out
    assert "gradcli used central differences here, step 1.0e-04" in out


# --- --svg


def test_svg_writes_all_plots_into_one_file(sweep, tmp_path):
    code, out, _ = sweep("batchnorm", "--svg", "curves.svg")
    assert code == 0
    assert out == sweep("batchnorm")[1]
    root = ElementTree.fromstring((tmp_path / "curves.svg").read_text(encoding="utf-8"))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}g"))) == 3
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".py") in (
        ["curves.svg"],
        ["__pycache__", "curves.svg"],
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no/such/a.svg", "no/such/a.svg: cannot be written: No such file or directory"),
        (".", ".: cannot be written: it is a folder, not a file"),
        (os.devnull, f"{os.devnull}: cannot be written: it is a device or a pipe, not a file"),
    ],
)
def test_an_svg_that_cannot_be_written_is_said_before_any_work(sweep, path, message):
    assert sweep("tanh", "--svg", path) == (2, "", f"gradcli: error: {message}\n")


def test_nothing_is_written_where_nothing_is_drawn(sweep, tmp_path):
    assert sweep("pairs.py:broken", "--input", "x=3", "--svg", "a.svg")[0] == 1
    assert not (tmp_path / "a.svg").exists()


# --- what goes wrong

TRY = "\nTry 'gradcli sweep --help' for help."


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["batchnrm"], "no layer 'batchnrm'; did you mean 'batchnorm'? `gradcli layers` lists them"),
        (["nothere.py"], "nothere.py: no such file"),
        (["batchnorm", "--batch", "0"], "batchnorm: batch must be at least 1, got 0"),
        (
            ["batchnorm", "--batc", "3"],
            "batchnorm has no option --batc; it has --batch, --features, --eps; did you mean '--batch'?"
            + TRY,
        ),
        ([], "Missing argument 'TARGET'." + TRY),
        (["tanh", "relu"], "Got unexpected extra argument (relu)" + TRY),
        (
            ["tanh", "--method", "exact"],
            "Invalid value for '--method': 'exact' is not one of 'auto', 'linear', 'complex', 'central'."
            + TRY,
        ),
    ],
)
def test_what_it_cannot_use_it_says_in_one_message(sweep, args, message):
    assert sweep(*args) == (2, "", f"gradcli: error: {message}\n")


def test_code_that_raises_exits_with_1(sweep):
    code, out, err = sweep("pairs.py:broken", "--input", "x=3")
    assert (code, err) == (1, "gradcli: error: pairs.py:broken: there is nothing to draw\n")
    assert out.startswith("pairs.py:broken: GC108 forward raised RuntimeError: no\n")


def test_code_that_is_random_has_no_curve(sweep):
    code, out, _ = sweep("pairs.py:noise", "--input", "x=3")
    assert code == 1
    assert out.startswith("pairs.py:noise: no curve for x: not deterministic\npairs.py:noise: GC106 ")


def test_an_empty_input_exits_with_5(sweep, tmp_path):
    np.savez(tmp_path / "empty.npz", x=np.zeros((0, 2)))
    code, out, err = sweep("pairs.py:sine", "--inputs", "empty.npz")
    assert (code, out) == (5, "pairs.py:sine: no curve for x: it is empty\n")
    assert err == "gradcli: error: pairs.py:sine: there is nothing to draw\n"


def test_a_file_without_a_pair_exits_with_5(sweep, tmp_path):
    (tmp_path / "nothing.py").write_text("x = 1\n")
    code, out, err = sweep("nothing.py")
    assert (code, out) == (5, "")
    assert err.startswith("gradcli: error: nothing.py: ")


def test_without_utf_8_the_plot_is_ascii(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "gradcli", "sweep", "tanh"]
    done = subprocess.run(command, check=False, capture_output=True, env=environment)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"\\u" not in done.stdout
    assert b"^ chosen step" in done.stdout


def test_its_help_imports_neither_numpy_nor_yaml():
    program = (
        "import sys\n"
        "from gradcli.cli import main\n"
        "main(['sweep', 'batchnorm', '--help'])\n"
        "heavy = {'numpy', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--features" in done.stdout
    assert "--svg" in done.stdout
