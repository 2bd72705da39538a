"""Costs whose arguments hang together: checked by name alone."""

from pathlib import Path

import pytest

from gradcli import check_target

SOURCE = (Path(__file__).parent / "habits" / "course_costs.py").read_text()
BUGS = {
    "softmaxCostAndGradient": ("np.outer(delta, predicted)", "np.outer(probs, predicted)", "outputVectors"),
    "cofiCostFunc": ("+ lambda_ * params\n", "+ lambda_ / 2 * params\n", "params"),
    "sparseAutoencoderCost": ("- rho / mean) / m", "- rho / mean)", "theta"),
}

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize("name", BUGS)
def test_right_code_passes_in_the_gradient_that_it_returns(folder, name):
    (folder / "course.py").write_text(SOURCE)
    result = check_target(f"course.py:{name}")
    assert (result.verdict, [v for v in result.violations if not v.is_warning]) == ("pass", [])
    assert BUGS[name][2] in result.gradients


@pytest.mark.parametrize(("name", "bug"), BUGS.items())
def test_a_planted_bug_is_found(folder, name, bug):
    right, wrong, gradient = bug
    assert SOURCE.count(right) == 1
    (folder / "course.py").write_text(SOURCE.replace(right, wrong))
    result = check_target(f"course.py:{name}", blame=False)
    assert [name for name, found in result.gradients.items() if found.verdict == "fail"] == [gradient]
