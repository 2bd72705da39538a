"""A potential beside its force, the negative of its gradient by what it is called."""

from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.targets.cost_names import find_derivatives, is_force_function

LENNARD_JONES = """
import numpy as np


def compute_lj_potential(r_ij):
    d = np.linalg.norm(r_ij)
    return 4 * (d**-12 - d**-6)


def compute_lj_force(r_ij):
    d = np.linalg.norm(r_ij)
    return (48 * d**-13 - 24 * d**-7) * r_ij / d
"""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("right", "wrong", "verdict"),
    [("", "", "pass"), ("24 *", "48 *", "fail"), ("return (48", "return -(48", "fail")],
    ids=["right", "a factor", "the sign"],
)
def test_a_force_is_held_against_its_potential(right, wrong, verdict):
    assert right in LENNARD_JONES
    Path("lj.py").write_text(LENNARD_JONES.replace(right, wrong) if right else LENNARD_JONES)
    result = check_target("lj.py")
    assert (result.id, result.verdict) == ("lj.py:compute_lj_potential", verdict)
    assert "forces: the negative of the derivative by r_ij" in result.remarks


@pytest.mark.parametrize(
    ("potential", "force"),
    [("potential", "force"), ("spring_energy", "spring_forces"), ("energy", "forces")],
)
def test_what_forces_are_called(potential, force):
    assert find_derivatives([potential, force]) == [(potential, force)]
    assert is_force_function(force)


@pytest.mark.parametrize("name", ["enforce", "forced_response", "reinforce"])
def test_what_is_no_force(name):
    assert not is_force_function(name)
