"""The pytest plugin, in pytest processes of its own."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import LONG
from tests.cli.pairs import BATCHNORM, WRONG_BATCHNORM
from tests.test_startup import modules_after

CONFIG = """\
version: 1
checks:
  - id: my-bn
    target: layers.py:batchnorm
    inputs: {x: {shape: [4, 3]}, gamma: {shape: [3]}, beta: {shape: [3]}}
    constants: {eps: 1e-5}
  - {target: affine}
"""
USES_FIXTURE = """\
import numpy as np

POINTS = {"x": np.ones(3)}

def double(x):
    return 2 * x, None

def times(factor):
    return lambda dout, _: factor * dout

def test_right(gradcheck):
    gradcheck(double, times(2), inputs=POINTS)

def test_wrong(gradcheck):
    gradcheck(double, times(3), inputs=POINTS)

def test_scaled(gradcheck):
    gradcheck(double, times(1), inputs=POINTS, scale="1/2")

def test_expected(gradcheck):
    gradcheck(double, times(1), inputs=POINTS, xfail="issue 12")
"""


@pytest.fixture
def run(tmp_path, environment):
    """Run pytest in a folder with these files, and with no other plugins than the words name."""

    def start(files, *arguments):
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "gradcli.pytest_plugin", "-p", "no:cacheprovider"]
        return subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )

    return start


POINTS = """\
import gradcli
import numpy as np

GIVEN = (lambda x: (2 * x, None), lambda dout, _: 3 * dout, {"x": np.ones(3)})

def test_by_fixture(gradcheck):
    gradcheck(*GIVEN)

def test_by_function():
    gradcli.assert_gradients(*GIVEN)

def test_by_fixture_misused(gradcheck):
    gradcheck(*GIVEN, budget=-1)

def test_by_function_misused():
    gradcli.assert_gradients(*GIVEN, budget=-1)
"""


def test_what_is_shown_is_the_line_of_the_test_and_nothing_of_gradcli(run):
    done = run({"test_points.py": POINTS})
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines if line.startswith("test_points.py:")] == [
        f"test_points.py:{line}" for line in (7, 10, 13, 16)
    ]
    assert not [line for line in lines if re.search(r"(api|pytest_plugin|checker)\.py", line)]


def test_the_checks_of_a_config_are_items_with_ids_and_other_yaml_is_left_alone(run):
    configs = ["gradcli.yaml", "net.gradcli.yaml", "net.yaml"]
    done = run({**dict.fromkeys(configs, CONFIG), "layers.py": BATCHNORM}, "-v")
    assert done.returncode == 0, done.stdout
    for name in configs[:2]:
        assert f"\n{name}::my-bn PASSED" in done.stdout
        assert f"\n{name}::affine" in done.stdout
    assert "\nnet.yaml" not in done.stdout


@pytest.mark.parametrize("words", [[], ["-p", "xdist", "-n", "2"]], ids=["alone", "xdist"])
def test_a_wrong_gradient_fails_with_an_account_and_reports_and_no_traceback(words, run, tmp_path):
    if words:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    formats = ["json=out.json", *(["html=out.html"] if importlib.util.find_spec("jinja2") else [])]
    words = [*words, *(word for one in formats for word in ("--gradcli-report", one))]
    done = run({"gradcli.yaml": CONFIG, "layers.py": WRONG_BATCHNORM}, *words)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "my-bn: 1 of 3 gradients wrong" in done.stdout
    assert "at fault: " in done.stdout
    assert "checker.py" not in done.stdout
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert report["run"]["partial"] is False
    found = [(check["id"], check["status"]) for check in report["checks"]]
    in_order = [("my-bn", "fail"), ("affine[batch=2,in_features=3,out_features=2]", "pass")]
    assert found == (sorted(in_order) if "xdist" in words else in_order)
    if len(formats) > 1:
        page = (tmp_path / "out.html").read_text(encoding="utf-8")
        assert page.count('class="curves"') == 1
        assert page.count('<figure class="graph">') == 1


def test_an_expected_failure_is_an_xfail_and_an_unexpected_pass_fails(run):
    config = CONFIG.replace("    inputs: {x: {", "    xfail: issue 12\n    inputs: {x: {")
    passes = config.replace("layers.py", "right.py")
    files = {"gradcli.yaml": config, "layers.py": WRONG_BATCHNORM}
    done = run({**files, "right.gradcli.yaml": passes, "right.py": BATCHNORM}, "-rxf")
    assert done.returncode == 1
    assert "1 failed, 2 passed, 1 xfailed" in done.stdout
    assert "XFAIL gradcli.yaml::my-bn - issue 12" in done.stdout
    assert "FAILED right.gradcli.yaml::my-bn" in done.stdout
    assert "GC112: it passes, and is declared xfail (issue 12)" in done.stdout


def test_a_mistake_in_a_config_is_a_collection_error_with_its_place(run):
    done = run({"gradcli.yaml": CONFIG.replace("constants", "constnts")})
    assert done.returncode == 2
    assert "gradcli.yaml:6:5: checks[0].constnts: unknown key" in done.stdout


def test_the_fixture_fails_the_test_of_a_wrong_gradient_that_is_not_declared(run):
    done = run({"test_it.py": USES_FIXTURE}, "-rA")
    assert done.returncode == 1
    verdicts = re.findall(r"^(\w+) test_it\.py::test_(\w+)", done.stdout, re.MULTILINE)
    assert sorted(verdicts) == [
        ("FAILED", "wrong"),
        ("PASSED", "right"),
        ("PASSED", "scaled"),
        ("XFAIL", "expected"),
    ]
    assert "1 of 1 gradient wrong" in done.stdout


def test_a_report_of_an_unknown_format_is_refused(run):
    done = run({}, "--gradcli-report", "jsn=x")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no format 'jsn'" in done.stderr


def test_unused_it_imports_nothing_heavy():
    modules = modules_after("import gradcli.pytest_plugin") - modules_after("import pytest")
    assert {name for name in modules if name.startswith("gradcli")} == {"gradcli", "gradcli.pytest_plugin"}
    assert not modules & {"numpy", "yaml", "click", "rich"}


@pytest.mark.parametrize("place", [0, 1])
def test_a_pre_commit_hook_runs_what_it_says(place, environment):
    root = Path(__file__).parents[2]
    hook = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))[place]
    assert hook["language"] == ["system", "python"][place]
    program, *words = hook["entry"].split()
    assert program == "gradcli"
    command = [sys.executable, "-m", "gradcli", *words, "configs/affine.yaml", "-q"]
    assert subprocess.run(command, cwd=root, env=environment, check=False, timeout=LONG).returncode == 0
