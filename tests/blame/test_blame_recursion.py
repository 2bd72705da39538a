"""Functions that call themselves can be rewritten like others."""

from pathlib import Path

from gradcli import check_target

SOURCE = """
def power(x, n):
    return x if n == 1 else x * power(x, n - 1)


def tower_forward(x):
    return power(x, 4), x


def tower_backward(dout, x):
    return climb(x, 3) * dout


def climb(x, n):
    if n == 0:
        return 4.5
    return x * climb(x, n - 1)
"""


def test_a_slip_in_a_function_that_calls_itself_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tower.py").write_text(SOURCE)
    result = check_target("tower.py:tower", inputs={"x": "4x3"})
    assert result.verdict == "fail"
    assert not any("Error while looking" in remark for remark in result.remarks)
