"""A check without explicit sizes looks at several cases; explicit sizes mean exactly one."""

import pytest

from gradcli import checker
from gradcli.api import check_target
from gradcli.cases import run
from gradcli.spec import CheckSpec, InputSpec, Settings
from gradcli.targets import resolve

MEAN = """
import numpy as np

def centre_forward(x):
    return x - x.mean(axis=0), x.shape

def centre_backward(dout, shape):
    return DX
"""
RIGHT = "dout - dout.mean(axis=0)"
SQUEEZED = "(dout - dout.mean(axis=0)).squeeze()"
EPSILON = """
import numpy as np

def norm_forward(x):
    n = np.sqrt((x * x).sum(axis=1, keepdims=True) + 1e-6)
    return x / n, (x, n)

def norm_backward(dout, cache):
    x, n = cache
    n = np.maximum(n, 5e-3)
    return dout / n - x * (dout * x).sum(axis=1, keepdims=True) / n**3
"""
OVERFLOWS = """
import numpy as np

def f_forward(x):
    return np.clip(x, -50, 50) * 2, x

def f_backward(dout, x):
    return 2 * dout
"""


def found(folder, code, **more):
    (folder / "code.py").write_text(code)
    (problem,) = resolve(CheckSpec("code.py", base=folder, **more))
    return run(problem, Settings())


def test_correct_code_passes_in_all_cases(tmp_path):
    result = found(tmp_path, MEAN.replace("DX", RIGHT))
    assert result.verdict == "pass"
    assert "inferred: --input x=4x3" in result.remarks
    assert result.cases == ("x=4x3", "x=1x3", "x=11x4", "x=4x3*0.0001", "x=4x3*1000")


def test_a_batch_of_one_shows_what_others_hide_with_its_line_to_repeat(tmp_path):
    result = found(tmp_path, MEAN.replace("DX", SQUEEZED))
    assert result.verdict == "fail"
    assert result.cases == ("x=4x3", "x=1x3")
    assert result.rerun is not None
    assert "--input x=1x3 --seed 0" in result.rerun


def test_a_tiny_scale_shows_a_guard_that_the_forward_lacks(tmp_path):
    result = found(tmp_path, EPSILON)
    assert result.verdict == "fail"
    assert result.cases[-1] == "x=4x3*0.0001"


def test_an_epsilon_where_a_gradient_vanishes_is_no_defect(tmp_path):
    """A unit vector of one element does not change; backward has an epsilon more than forward."""
    unit = EPSILON.replace(" + 1e-6", "").replace("n = np.maximum(n, 5e-3)", "n = n + 1e-13")
    unit = unit.replace("axis=1", "axis=0")
    assert found(tmp_path, unit).verdict == "pass"
    assert found(tmp_path, unit.replace("1e-13", "1e-4")).verdict == "fail"


def test_what_saturates_at_a_large_scale_is_no_defect(tmp_path):
    result = found(tmp_path, OVERFLOWS)
    assert result.verdict == "pass"


def test_explicit_sizes_mean_exactly_that_check(tmp_path):
    result = found(tmp_path, MEAN.replace("DX", SQUEEZED), inputs={"x": InputSpec((4, 3))})
    assert result.verdict == "pass"
    assert (result.remarks, result.cases) == ((), ())


def test_a_large_failing_case_is_shrunk_and_its_lengths_stay_different(tmp_path):
    code = "def temporal_softmax_forward(x): return 3 * x\n"
    result = found(tmp_path, code + "def temporal_softmax_backward(dout): return 2 * dout\n")
    assert result.verdict == "fail"
    assert result.cases == ("x=4x2x7",)
    assert result.arrays["in/x"].shape == (4, 2, 3)


@pytest.mark.parametrize("blame", [False, True])
def test_the_shape_that_is_shown_is_checked_once_with_blame_and_without(tmp_path, monkeypatch, blame):
    (tmp_path / "code.py").write_text(
        "def f_forward(x): return 3 * x\ndef f_backward(dout): return 2 * dout\n"
    )
    (problem,) = resolve(CheckSpec("code.py", base=tmp_path))
    shapes, check = [], checker.measure

    def counted(problem, settings, **more):
        shapes.append(problem.inputs["x"].shape)
        return check(problem, settings, **more)

    monkeypatch.setattr(checker, "measure", counted)
    result = run(problem, Settings(blame=blame))
    assert result.verdict == "fail"
    assert (result.blame is not None) == blame
    assert shapes.count(result.arrays["in/x"].shape) == 1


@pytest.mark.parametrize("shape", ["7x2", "5x9"])
def test_given_shapes_constrain_the_rest(tmp_path, monkeypatch, shape):
    code = "def affine_forward(x, w, b): return x @ w + b, (x, w)\n"
    code += "def affine_backward(d, cache): return d @ cache[1].T, cache[0].T @ d, d.sum(axis=0)\n"
    (tmp_path / "code.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    result = check_target("code.py:affine", inputs={"x": shape})
    assert result.passed
    assert result.gradients["w"].shape[0] == int(shape[-1])
    assert len(result.cases) == 1


def test_option_dicts_are_fresh_for_every_call(tmp_path):
    code = (
        "def f_forward(x, bn_param):\n    n = bn_param['n'] = bn_param.get('n', 0) + 1\n    return x * n, n\n"
    )
    result = found(tmp_path, code + "def f_backward(dout, n):\n    return dout * n\n")
    assert result.verdict == "pass"
