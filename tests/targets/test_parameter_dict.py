"""Pairs that take their parameters in a dictionary: each entry is an input of its own."""

import numpy as np
import pytest

from gradcli import check_target
from gradcli.targets.parameter_dict import find_parameter_dict
from tests.targets.habits.cells import gru_cell_forward
from tests.targets.test_habits import HABITS

SOURCE = (HABITS / "cells.py").read_text()
CELLS = {"rnn_cell": "xt a_prev Wax Waa ba", "gru_cell": "xt a_prev Wu bu Wc bc", "rnn": "x a0 Wax Waa ba"}

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize(("name", "gradients"), CELLS.items())
def test_a_cell_is_checked_by_its_name_alone(folder, name, gradients):
    (folder / "cells.py").write_text(SOURCE)
    result = check_target(f"cells.py:{name}")
    assert (result.verdict, result.violations) == ("pass", ())
    assert [n for n, g in result.gradients.items() if g.compared] == gradients.split()


@pytest.mark.parametrize(
    ("name", "right", "wrong", "gradient"),
    [
        ("rnn_cell", "dz @ xt.T", "dz @ xt.T / 2", "Wax"),
        ("rnn_cell", "(1 - a_next**2)", "(1 - a_next)", "ba"),
        ("gru_cell", " + da_next * (1 - u)", "", "a_prev"),
        ("gru_cell", '"dbc": dcandidate', '"dbc": du', "bc"),
        ("rnn", "t in reversed(range(da.shape[2]))", "t in reversed(range(1, da.shape[2]))", "x"),
    ],
)
def test_a_slip_in_a_cell_is_found_on_its_line(folder, name, right, wrong, gradient):
    text = SOURCE.replace(right, wrong, 1)
    (folder / "cells.py").write_text(text)
    result = check_target(f"cells.py:{name}")
    assert result.gradients[gradient].verdict == "fail"
    assert wrong in text.splitlines()[result.blame.line - 1]


def test_a_gradient_that_a_dictionary_forgets_is_missing(folder):
    (folder / "cells.py").write_text(SOURCE.replace('    gradients["dba"] =', "    unused ="))
    result = check_target("cells.py:rnn_cell")
    assert [(v.code, v.gradient) for v in result.violations] == [("GC102", "ba")]


def test_entries_can_be_given_like_arguments(folder):
    (folder / "cells.py").write_text(SOURCE)
    shapes = {"xt": (2, 4), "a_prev": (3, 4), "Wu": (3, 5), "bu": (3, 1), "Wc": (3, 5), "bc": (3, 1)}
    rng = np.random.default_rng(0)
    inputs = {n: rng.normal(size=s) for n, s in {**shapes, "Wy": (2, 3), "by": (2, 1)}.items()}
    assert check_target("cells.py:gru_cell", inputs=inputs).gradients["Wu"].shape == (3, 5)


def test_settings_are_no_parameters():
    def conv_forward(x, w, conv_param):
        return x * w * conv_param["stride"], None

    def scaled(x, params):
        return x * params["rate"], None

    assert find_parameter_dict(conv_forward) is None
    assert find_parameter_dict(scaled) is None
    assert find_parameter_dict(gru_cell_forward).keys == ("Wu", "bu", "Wc", "bc", "Wy", "by")
