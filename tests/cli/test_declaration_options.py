"""Declarations as flags and in a config: what is excused counts nowhere, and everywhere it is said."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

LAYERS = """\
def twice_forward(x):
    m = len(x)
    return 2 * x, m


def twice_backward(dout, m):
    return 2 * dout / m


def right_forward(x):
    return 3 * x, None


def right_backward(dout, cache):
    return 3 * dout
"""
XFAIL = """\
version: 1
checks:
  - {target: layers.py:twice, inputs: {x: 4}, xfail: {reason: issue 12, until: 2999-01-31}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "layers.py").write_text(LAYERS)
    return tmp_path


def test_a_declared_scale_passes(folder, invoke):
    done = invoke("check", "layers.py:twice", "--input", "x=4", "--scale", "x=1/m")
    assert done.exit_code == 0
    assert "declared: x is scaled by 1/m (0.25)" in done.stdout
    assert invoke("check", "layers.py:twice", "--input", "x=4", "--scale", "1/3").exit_code == 1


def test_the_re_run_line_and_the_replay_declare_the_same(folder, invoke):
    words = ("--input", "x=4", "--sign=-1", "--scale", "x=1/3")
    done = invoke("check", "layers.py:twice", *words)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("re-run: ")]
    assert line.endswith("layers.py:twice --input x=4 --scale x=1/3 --sign=-1 --seed 0")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("replay: ")]
    again = invoke(*line.removeprefix("replay: gradcli ").split())
    assert "declared: x is scaled by 1/3" in again.stdout
    assert "STILL WRONG" in again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scale", "x=a b"], "--scale: must be a number, a name"),
        (["--scale", "x=2", "--scale", "x=3"], "--scale x=3: x is given twice"),
        (["--sign", "x=2"], "--sign: must be -1 (or 1), got '2'"),
        (["--stop-gradient", "y"], "no input 'y', and forward assigns no such variable; there are x, m"),
        (["--stop-gradient", "x", "--sign=x=-1"], "--stop-gradient: x is declared sign too"),
        (["--xfail-until", "2027-01-31"], "--xfail-until: needs --xfail REASON"),
        (["--xfail", "r", "--xfail-until", "31.1.2027"], "--xfail: until must be a date such as 2027-01-31"),
        (["--surrogate", "x=a", "--surrogate", "b"], "--surrogate: name the gradient in each, or in none"),
    ],
)
def test_a_mistake_in_a_flag_is_named(folder, invoke, words, message):
    done = invoke("check", "layers.py:twice", "--input", "x=4", *words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_config_declares_for_itself(folder, invoke):
    (folder / "net.yaml").write_text(XFAIL)
    done = invoke("check", "net.yaml", "--sign=-1")
    assert done.exit_code == 2
    assert "net.yaml is a config: --sign cannot be given beside it" in done.stderr


def test_a_surrogate_is_a_row_of_its_own(folder, invoke):
    done = invoke("check", "layers.py:twice", "--input", "x=4", "--surrogate", "x=averaged")
    assert done.exit_code == 0
    assert "declared" in done.stdout.splitlines()[2]
    assert "PASS  layers.py:twice: 1 of 1 gradient declared to differ" in done.stdout
    done = invoke("check", "layers.py:right", "--input", "x=4", "--surrogate", "x=averaged")
    assert done.exit_code == 1
    assert "GC112 x: the gradient of x is declared a surrogate (averaged), but it is that" in done.stdout


def test_damage_is_judged_by_what_is_declared(folder, invoke):
    done = invoke("mutate", "layers.py:twice", "--input", "x=4", "--scale", "x=1/m")
    assert done.exit_code == 0
    caught, of = re.search(r"(\d+) of (\d+) damaged versions caught", done.stdout).groups()
    assert caught == of
    assert invoke("mutate", "layers.py:twice", "--input", "x=4").exit_code == 1  # its own check fails


# --- xfail: counts nowhere, is said everywhere


@pytest.fixture
def expected(folder, invoke):
    """The reports of a suite of one expected failure and one check that passes."""
    (folder / "net.yaml").write_text(XFAIL + "  - {target: layers.py:right, inputs: {x: 4}}\n")
    formats = ("junit", "json", "sarif", "github", "gitlab", "summary", "html")
    done = invoke("check", "net.yaml", *(f"--report={name}={name}.out" for name in formats))
    return done, {name: Path(f"{name}.out").read_text(encoding="utf-8") for name in formats}


def test_an_expected_failure_does_not_count(expected):
    done, _ = expected
    assert done.exit_code == 0
    assert "xfail  layers.py:twice: 1 of 1 gradient wrong" in done.stdout
    assert "2 checks: 1 passed, 1 expected to fail;" in done.stdout


def test_reports_say_that_it_was_expected(expected):
    _, reports = expected
    (skipped,) = ElementTree.fromstring(reports["junit"]).iter("skipped")
    assert skipped.attrib == {"type": "pytest.xfail", "message": "xfail: issue 12"}
    document = json.loads(reports["json"])
    assert [check["xfail"] for check in document["checks"]] == ["issue 12", None]
    assert document["summary"]["xfail"] == 1
    (found,) = json.loads(reports["sarif"])["runs"][0]["results"]
    assert found["suppressions"] == [{"kind": "external", "justification": "xfail: issue 12"}]
    assert reports["github"] == ""
    assert [issue["severity"] for issue in json.loads(reports["gitlab"])] == ["minor"]
    assert "| xfail | layers.py:twice | xfail: issue 12<br>" in reports["summary"]
    assert 'class="check xfail"' in reports["html"]


def test_an_unexpected_pass_fails(folder, invoke):
    done = invoke("check", "layers.py:right", "--input", "x=4", "--xfail", "issue 12")
    assert done.exit_code == 1
    assert "GC112 it passes, and is declared xfail (issue 12)" in done.stdout


def test_after_its_day_it_is_a_failure_again(folder, invoke):
    (folder / "net.yaml").write_text(XFAIL.replace("2999", "2020"))
    done = invoke("check", "net.yaml")
    assert done.exit_code == 1
    assert "xfail expired after 2020-01-31: issue 12" in done.stdout


def test_what_is_expected_does_not_enter_a_baseline(folder, invoke):
    (folder / "net.yaml").write_text(XFAIL)
    done = invoke("check", "net.yaml", "--baseline", "known.json", "--update-baseline")
    assert done.exit_code == 0
    assert json.loads(Path("known.json").read_text())["known"] == {}


def test_processes_know_it_as_well(folder, invoke):
    (folder / "net.yaml").write_text(XFAIL + "  - {target: layers.py:right, inputs: {x: 4}}\n")
    done = invoke("check", "net.yaml", "-j", "2")
    assert done.exit_code == 0
    assert "1 expected to fail" in done.stdout


def test_what_is_declared_of_an_input_goes_to_those_targets_that_have_it(folder, invoke):
    other = "def mean_forward(y):\n    return y.mean(axis=0)\n\ndef mean_backward(dout, y):\n    return {}\n"
    right, flipped = "0 * y + dout / len(y)", "0 * y - dout / len(y)"
    for gradient, code in ((flipped, 0), (right, 1)):
        (folder / "both.py").write_text(other.format(gradient) + LAYERS[LAYERS.index("def right") :])
        done = invoke("check", "both.py", "--sign", "y=-1")
        assert done.exit_code == code
        assert done.stdout.count("declared: y is the negative") == 1, "right has no y"
        assert done.stdout.count("PASS  ") == 2 - code


def test_what_no_target_has_fails_in_each(folder, invoke):
    done = invoke("check", "layers.py", "--scale", "z=1/m")
    assert done.exit_code == 2
    assert done.stderr.count("has no input 'z'") == 2


def test_what_is_declared_of_an_input_that_all_targets_have_goes_to_all(folder, invoke):
    done = invoke("check", "layers.py", "--input", "x=4", "--scale", "x=2")
    assert done.exit_code == 1
    assert done.stdout.count("declared: x is scaled by 2") == 2
