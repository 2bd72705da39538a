"""`gradcli mutate`: a gate that could go red, and why some damage is not seen."""

from pathlib import Path

import pytest

from tests.cli.pairs import BATCHNORM, BATCHNORM_INPUTS, WRONG_BATCHNORM

BLIND = """\
import numpy as np


def clipped_forward(x):
    return np.where(x > 100, 3 * x, x), x


def clipped_backward(dout, x):
    slope = np.where(x > 100, 3, 1)
    return dout * slope
"""


@pytest.fixture
def run(invoke):
    def mutate(text, *options):
        Path("layers.py").write_text(text, encoding="utf-8")
        return invoke("mutate", "layers.py", *options)

    return mutate


def test_every_damage_of_batchnorm_that_matters_is_caught(invoke):
    done = invoke("mutate", "batchnorm", "--threshold", "100%")
    assert done.exit_code == 0
    assert "115 of 115 damaged versions caught; 11 equivalent, not counted" in done.stdout


def test_the_term_of_dmu_that_is_zero_is_equivalent_and_the_other_sign_is_caught(invoke):
    lines = invoke("mutate", "batchnorm", "-v").stdout.splitlines()
    signs = [line for line in lines if "the sign of `dmu`" in line]
    assert [line.split()[0] for line in signs] == ["caught:", "equivalent:"]
    assert "within rounding at 5 points" in signs[1]


def test_the_report_is_the_same_twice_and_the_file_stays_as_it_is(run):
    first = run(BATCHNORM, *BATCHNORM_INPUTS, "-v")
    assert first.stdout == run(BATCHNORM, *BATCHNORM_INPUTS, "-v").stdout
    assert Path("layers.py").read_text(encoding="utf-8") == BATCHNORM


def test_a_branch_that_the_point_does_not_take_hides_a_damage_and_the_gate_says_so(run):
    done = run(BLIND, "--input", "x=4", "--threshold", "100%")
    assert done.exit_code == 1
    assert "survivor: line 9, a constant in `slope`: `3` became `4`" in done.stdout
    assert "right at this point, wrong at others: check more seeds or shapes" in done.stdout
    assert run(BLIND, "--input", "x=4").exit_code == 0


def test_the_original_must_pass(run):
    done = run(WRONG_BATCHNORM, *BATCHNORM_INPUTS)
    assert done.exit_code == 1
    assert "nothing was damaged: the original does not pass (fail)" in done.stdout


@pytest.mark.parametrize("share", ["101%", "-1", "nan", "many"])
def test_a_threshold_that_is_no_share_is_refused(invoke, share):
    done = invoke("mutate", "batchnorm", "--threshold", share)
    assert done.exit_code == 2
    assert f"--threshold {share}: expected a share such as 95% or 0.95" in done.stderr
