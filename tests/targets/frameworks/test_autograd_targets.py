"""HIPS autograd: primitives with a defvjp."""

import pytest

from gradcli import check_target
from gradcli.checker import run
from gradcli.spec import CheckSpec, Loading, Settings
from gradcli.targets import resolve

pytest.importorskip("autograd", reason="autograd is an optional extra: pip install 'gradcli[autograd]'")

LOGSUMEXP = """
import autograd.numpy as np
from autograd.extend import defvjp, primitive

@primitive
def logsumexp(x, t=1.5):
    m = np.max(x)
    return m + t * np.log(np.sum(np.exp((x - m) / t)))

defvjp(logsumexp, lambda ans, x, t=1.5: lambda g: g * np.exp((x - ans) / t), argnums=(0,))
"""


@pytest.mark.parametrize(
    ("right", "wrong", "verdict"),
    [("", "", "pass"), ("lambda g: g *", "lambda g:", "fail"), ("/ t), arg", "), arg", "fail")],
)
def test_a_primitive_is_checked_by_its_vjp(tmp_path, monkeypatch, right, wrong, verdict):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.py").write_text(LOGSUMEXP.replace(right, wrong))
    assert check_target("rules.py", inputs={"x": "5"}).verdict == verdict


def test_a_vjp_is_needed_where_only_definitions_are_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.py").write_text(LOGSUMEXP + "\nraise RuntimeError('training')\n")
    (problem,) = resolve(CheckSpec("rules.py", loading=Loading(only_symbol=True)))
    assert (problem.id, run(problem, Settings(blame=False)).verdict) == ("rules.py:logsumexp", "pass")
