"""A planted slip is found on its line, or nothing is said."""

import linecache
import subprocess
import sys

import numpy as np
import pytest

import gradcli
from gradcli.blame import taps
from gradcli.blame.pairing import node_of
from gradcli.blame.site import DEF
from tests.blame import heldout_slips
from tests.blame.damage import check_damaged, damage, damaged
from tests.blame.slips import LOOPS, SLIPS

# Two statements of these could be repaired alike, or no small edit repairs them: nothing is said.
SILENT = {
    ("ln", "dn - dn.mean(-1, keepdims=True) - n"),
    ("ln", " - n * (dn * n).mean(-1, keepdims=True)"),
}
QUICK = [slip for slip in SLIPS if slip[1] != "lstm"][::8]


def lines_of(result):
    return [blame.line for blame in (result.blame, *result.also) if blame is not None]


@pytest.mark.parametrize(("habit", "pair", "old", "new"), QUICK)
def test_the_line_of_a_slip_is_named(habit, pair, old, new):
    source, line = damaged(pair, old, new)
    result = check_damaged(pair, source, f"<{habit}: {new}>")
    wanted = [] if result.passed or (pair, old) in SILENT else [line]
    assert lines_of(result) == wanted


# A few of each habit that were not at hand when the search was written; all of them: python -m tests.blame.
HELDOUT = [slip for slip in heldout_slips.SLIPS if slip[1] not in ("gru", "conv2d", "rnn")][::8]


@pytest.mark.parametrize(("habit", "pair", "old", "new"), HELDOUT)
def test_the_line_of_a_slip_in_other_code_is_named(habit, pair, old, new):
    source, lines = damage(pair, old, new)
    result = check_damaged(pair, source, f"<{habit}: {new}>")
    assert {blame.line for blame in (result.blame, *result.also) if blame is not None} <= lines
    assert result.blame is not None or (pair, old) in SILENT


def test_the_report_holds_the_line_and_a_diagnosis_that_was_tried():
    source, line = damaged("bn", "dvar = 0.5 /", "dvar = 1.0 /")
    blame = check_damaged("bn", source, "<half lost>").blame
    assert (blame.node, blame.file, blame.line) == ("var", "<half lost>", line)
    assert blame.source == "dvar = 1.0 / np.sqrt(var + eps) * dsqrtvar"
    assert "dvar is 2 times the true value in all 3 elements" in blame.diagnosis
    assert "multiplied by 1/2" in blame.diagnosis
    assert [name.partition(" ")[0] for name in blame.downstream] == ["dsq", "dxmu2", "dxmu", "dx"]
    assert blame.gradients == ("x",)


def test_a_value_that_a_loop_writes_over_is_found():
    source, line = damaged("conv", "db[f] += dout[n, f, i]", "db[f] = dout[n, f, i]")
    blame = check_damaged("conv", source, f"<{LOOPS}: overwritten>").blame
    assert blame.line == line
    assert blame.diagnosis.startswith("overwritten, where contributions add up")


def test_without_source_there_is_a_remark_and_everything_else_works():
    namespace = {}
    exec("def forward(x): return x * x, x\ndef backward(g, x): return g * x", namespace)
    result = gradcli.check(namespace["forward"], namespace["backward"], inputs={"x": np.arange(1.0, 4.0)})
    assert (result.verdict, result.blame) == ("fail", None)
    assert "no line can be named: the source of forward cannot be read" in result.remarks


def test_blame_can_be_switched_off():
    source, _ = damaged("bn", "dvar = 0.5 /", "dvar = 1.0 /")
    assert check_damaged("bn", source, "<off>", blame=False).blame is None


def test_a_passing_check_does_not_load_blame():
    code = (
        "import sys, numpy, gradcli;"
        "gradcli.check(lambda x: (2 * x, None), lambda g, c: 2 * g, inputs={'x': numpy.ones(2)});"
        "print('gradcli.blame' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def keeps_defaults_and_cells(scale):
    def forward(x, *, power=2):
        """Uses a cell, a default and a helper."""
        y = x**power
        y *= scale
        return doubled(y)

    return forward


def doubled(y):
    z = y + y
    return z  # noqa: RET504  a name to be tapped


def test_a_tapped_function_keeps_its_closure_defaults_and_helpers():
    original = keeps_defaults_and_cells(3.0)
    tapped = taps.tap(original)
    x = np.linspace(0.1, 0.9, 5)
    assert np.array_equal(tapped.function(x), original(x))
    assert {site.name for site in tapped.taps.sites if site.role == DEF} == {"y", "z"}
    assert tapped.function.__code__.co_filename == __file__


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("dvar", "var"),
        ("d_var", "var"),
        ("grad_var", "var"),
        ("var_grad", "var"),
        ("g_xhat", "x_hat"),
        ("dx_hat", "x_hat"),
        ("dxhat", "x_hat"),
        ("dL_dxhat", "x_hat"),
        ("dJ_dvar", "var"),
        ("gvar", "var"),
        ("var_bar", "var"),
        ("delta_out", "out"),
        ("dP", "P"),
        ("dp", "p"),
        ("total", None),
    ],
)
def test_a_name_in_backward_belongs_to_a_node(name, node):
    assert node_of(name, ["var", "x_hat", "out", "P", "p", "mu"]) == node


def test_a_line_that_calls_code_which_is_not_followed_is_not_accused():
    source = (
        "def held_forward(x, w):\n    def pull(dy):\n        return 2 * dy * w, dy * x\n"
        "    return x * w, pull\n"
        "def held_backward(dy, pull):\n    return pull(dy)\n"
    )
    linecache.cache["<held>"] = (len(source), None, source.splitlines(keepends=True), "<held>")
    made = {}
    exec(compile(source, "<held>", "exec"), made)
    inputs = {"x": np.array([1.0, 2.0]), "w": np.array([3.0, 5.0])}
    result = gradcli.check(made["held_forward"], made["held_backward"], inputs=inputs)
    assert (result.verdict, result.blame) == ("fail", None)
    assert "calls a function whose code is not followed" in "".join(result.remarks)
