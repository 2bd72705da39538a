"""What reports that draw show beside a result is about the point that the result is about."""

import pickle

import numpy as np
import pytest

from gradcli.spec import CheckSpec
from gradcli.suite.perform import Performer, Wants, check_of
from gradcli.suite.portable import dumped

# Right but for a batch of one, a case that nobody asked for.
SCALE = """\
def scale_forward(x, g):
    y = x * g
    return y, (x, g)
def scale_backward(dout, cache):
    x, g = cache
    dg = (dout * x).sum(axis=0) * (2 if len(x) == 1 else 1)
    return dout * g, dg
"""


def performed(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.py").write_text(text)
    return Performer(Wants(drawings=True)).perform(check_of(CheckSpec("layer.py")))


def test_the_curve_is_measured_at_the_case_that_failed(tmp_path, monkeypatch):
    outcome = performed(tmp_path, monkeypatch, SCALE)
    assert outcome.result.gradients["x"].shape == (1, 3)
    (curve,) = outcome.drawings.curves.values()
    assert np.nanmin(curve.errors4) < 1e-9
    assert [row.name for row in outcome.drawings.nodes if row.verdict == "fail"] == ["g"]
    assert outcome.result.node_table == ()  # on a terminal only where it was asked for
    again = pickle.loads(dumped(outcome, nodes=False)).drawings
    assert (list(again.curves), len(again.nodes)) == (["g"], len(outcome.drawings.nodes))


@pytest.mark.parametrize("raises", ["", "    raise ValueError\n"], ids=["passes", "raises"])
def test_there_is_nothing_to_draw_where_no_gradient_is_wrong(raises, tmp_path, monkeypatch):
    right = SCALE.replace("2 if", "1 if").replace("    dg =", f"{raises}    dg =")
    drawings = performed(tmp_path, monkeypatch, right).drawings
    assert (dict(drawings.curves), drawings.nodes) == ({}, ())
