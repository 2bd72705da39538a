"""`gradcli init`: a config for all that a file holds."""

import pytest
from click.testing import CliRunner

from gradcli.cli import exits
from gradcli.cli.commands import gradcli

CODE = """
import numpy as np

def conv_forward(x, w, b, conv_param):
    if conv_param["stride"] != 1 or x.ndim != 4:
        raise ValueError("not here")
    return x * 2 + w.sum() + b.sum(), (x, w, b)

def conv_backward(dout, cache):
    x, w, b = cache
    return 2 * dout, np.full_like(w, dout.sum()), np.full_like(b, dout.sum())

def loss(W, X, y):
    r = X @ W - y
    return r @ r, 2 * X.T @ r

def odd_forward(x):
    raise ValueError("never")

def odd_backward(dout, cache):
    return dout
"""


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(CODE)

    def invoked(*words):
        result = CliRunner().invoke(gradcli, words)
        return result.exit_code if result.return_value is None else result.return_value, result

    return invoked


def test_the_config_that_is_written_runs_and_says_what_could_not_be_inferred(invoke, tmp_path):
    invoke("init", "code.py")
    text = (tmp_path / "code.yaml").read_text()
    assert 'target: "code.py:conv"' in text
    assert 'constants: {conv_param: {"stride": 1, "pad": 1}}' in text
    assert "# code.py:odd: no shape for x" in text
    from gradcli import config

    specs = config.load(tmp_path / "code.yaml")
    assert [spec.target for spec in specs] == ["code.py:conv", "code.py:loss"]
    assert specs[0].constants == {"conv_param": {"stride": 1, "pad": 1}}


def test_a_config_that_is_there_is_kept_unless_forced(invoke, tmp_path):
    (tmp_path / "code.yaml").write_text("mine")
    _, refused = invoke("init", "code.py")
    assert str(refused.exception).startswith("code.yaml: is there already; --force replaces it")
    assert (tmp_path / "code.yaml").read_text() == "mine"
    invoke("init", "code.py", "--force")
    assert (tmp_path / "code.yaml").read_text().startswith("version: 1")


def test_the_config_may_lie_elsewhere(invoke, tmp_path):
    (tmp_path / "configs").mkdir()
    invoke("init", "code.py", "-o", "configs/mine.yaml")
    assert '"../code.py:loss"' in (tmp_path / "configs/mine.yaml").read_text()


def test_a_file_without_anything_is_said(invoke, tmp_path):
    (tmp_path / "none.py").write_text("x = 1\n")
    _, result = invoke("init", "none.py")
    assert "none.py: nothing to check" in str(result.exception)
    assert not (tmp_path / "none.yaml").exists()
    assert getattr(result.exception, "exit_code", None) == exits.EMPTY
