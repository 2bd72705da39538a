"""The exit code gates CI: the system has a part in some, which are processes of their own."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from gradcli.cli import exits
from tests.cli.conftest import LONG, comes
from tests.cli.pairs import BATCHNORM, BATCHNORM_INPUTS, NOISY, SLOW, WRONG_BATCHNORM


@pytest.fixture
def bn(tmp_path):
    (tmp_path / "right.py").write_text(BATCHNORM)
    (tmp_path / "wrong.py").write_text(WRONG_BATCHNORM)
    (tmp_path / "noisy.py").write_text(NOISY)
    (tmp_path / "nothing.py").write_text("")
    return tmp_path


def test_correct_code_exits_with_0_and_counts_the_evidence(gradcli_process):
    done = gradcli_process("check", "batchnorm", "--batch", 2, "--features", 3)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "PASS  batchnorm[batch=2,features=3]: 3 gradients, 12 of 12 elements compared, seed 0"
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_a_dx_wrong_by_a_factor_1_0001_exits_with_1_and_names_its_input(gradcli_process, bn):
    done = gradcli_process("check", "wrong.py:batchnorm", *BATCHNORM_INPUTS)
    assert done.returncode == 1
    rows = [line.split()[:2] for line in done.stdout.splitlines()[2:5]]
    assert rows == [["FAIL", "x"], ["pass", "gamma"], ["pass", "beta"]]
    assert "re-run: gradcli check wrong.py:batchnorm --input x=4x3" in done.stdout


def test_the_re_run_line_repeats_the_failure(invoke, bn):
    arguments = ["check", "wrong.py:batchnorm", *BATCHNORM_INPUTS, "--seed", "3"]
    first = invoke(*arguments)
    rerun = next(line for line in first.stdout.splitlines() if line.startswith("re-run: gradcli "))
    again = invoke(*rerun.removeprefix("re-run: gradcli ").split())
    assert (again.exit_code, again.stdout) == (1, first.stdout)


def test_a_config_error_exits_with_2(invoke, bn):
    (bn / "net.yaml").write_text("version: 1\nchecks:\n  - target: batchnorm\n    stepp: 1e-5\n")
    done = invoke("check", "net.yaml")
    assert done.exit_code == 2
    assert done.stderr == (
        "gradcli: error: net.yaml:4:5: checks[0].stepp: unknown key; did you mean 'step'?\n"
    )
    assert done.stdout == ""


def test_code_that_cannot_be_decided_exits_with_4_unless_that_is_allowed(invoke, bn):
    arguments = ["check", "noisy.py", "--input", "x=3"]
    done = invoke(*arguments)
    assert done.exit_code == 4
    assert "inconclusive  noisy.py:noisy: " in done.stdout
    assert invoke(*arguments, "--allow-inconclusive").exit_code == 0


def test_nothing_to_check_exits_with_5_unless_that_is_allowed(invoke, bn):
    assert invoke("check", "nothing.py").exit_code == 5
    assert invoke("check", "nothing.py", "--allow-empty").exit_code == 0


def test_an_array_without_elements_is_nothing_to_check(invoke, bn):
    done = invoke("check", "right.py", *BATCHNORM_INPUTS, "--input", "unused=0", "-q")
    assert done.exit_code == 2  # right.py has no such argument
    (bn / "empty.py").write_text("def f_forward(x): return 2 * x, None\ndef f_backward(d, c): return 2 * d\n")
    assert invoke("check", "empty.py", "--input", "x=0x3").exit_code == 5


def test_exit_zero_reports_and_lets_pass_only_wrong_gradients(invoke, bn):
    done = invoke("check", "wrong.py", *BATCHNORM_INPUTS, "--exit-zero")
    assert (done.exit_code, "FAIL  wrong.py:batchnorm" in done.stdout) == (0, True)
    assert invoke("check", "missing.py", "--exit-zero").exit_code == 2


def test_the_highest_code_wins():
    order = [130, 3, 2, 1, 141, 4, 5, 0]
    assert [exits.worst(order[place:]) for place in range(len(order))] == order
    assert exits.worst([]) == exits.EMPTY


def test_an_unwritable_dump_exits_with_2_and_leaves_nothing(invoke, bn):
    before = set(bn.iterdir())
    done = invoke("check", "batchnorm", "--dump", "missing/caches.npz")
    assert done.exit_code == 2
    assert done.stderr == (
        "gradcli: error: missing/caches.npz: cannot be written: there is no folder 'missing'\n"
    )
    assert done.stdout == ""
    assert set(bn.iterdir()) == before


def _first_line_of(command, cwd, environment):
    """Run `command | head -1`; what stderr said and the exit code."""
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    (cwd / "closed").touch()
    stderr = process.stderr.read().decode()
    process.stderr.close()
    return stderr, process.wait(timeout=LONG)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "right.py", *BATCHNORM_INPUTS], {0}),
        (["check", "wrong.py", *BATCHNORM_INPUTS], {1}),
        (["layers"], {0}),
        (["check", "--help"], {0}),
    ],
    ids=["right", "wrong", "layers", "help"],
)
def test_a_closed_stdout_is_no_error_and_keeps_the_verdict(arguments, code, bn, environment):
    stderr, returncode = _first_line_of([sys.executable, "-m", "gradcli", *arguments], bn, environment)
    assert (stderr, returncode in code) == ("", True)


# The next check can begin when standard output is closed.
GATE = """\
import pathlib, time
while not pathlib.Path("closed").exists(): time.sleep(0.01)
"""


def test_stdout_closed_before_all_checks_ran_is_never_green(bn, environment):
    (bn / "gate.py").write_text(f"{GATE}{BATCHNORM}")
    command = [sys.executable, "-m", "gradcli", "check", "relu", "gate.py", "tanh"]
    assert _first_line_of(command, bn, environment) == ("", 141)


def test_a_full_disk_under_stdout_is_said_once(bn, environment):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "gradcli", "check", "relu"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    message = "gradcli: error: cannot write to standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_ctrl_c_exits_with_130_and_shows_what_is_known(bn, environment):
    (bn / "slow.py").write_text(SLOW)
    (bn / "suite.yaml").write_text(
        "version: 1\nchecks:\n  - target: relu\n"
        "  - {target: slow.py, method: central, inputs: {x: {shape: [40]}}}\n  - target: tanh\n"
    )
    command = [sys.executable, "-m", "gradcli", "check", "suite.yaml", "--dump", "dumps"]
    process = subprocess.Popen(
        command, cwd=bn, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert comes((bn / "started").exists)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert stderr == "gradcli: error: interrupted: 1 of 3 checks done\n"
    assert "PASS  relu[batch=2,features=3]" in stdout
    assert stdout.splitlines()[-1].startswith("3 checks: 1 passed, 1 interrupted, 1 not run; ")
    assert [path.name for path in (bn / "dumps").iterdir()] == ["relu_batch=2,features=3.npz"]


def test_a_dump_holds_the_arrays_without_pickles(invoke, tmp_path):
    assert invoke("check", "batchnorm", "--dump", "caches.npz").exit_code == 0
    with np.load(tmp_path / "caches.npz", allow_pickle=False) as arrays:
        keys = {"in/x", "in/gamma", "in/beta", "cotangent", "out", "grad/x", "num/x", "unc/x", "meta"}
        assert keys | {"node/mu", "node/var", "node/x_hat"} <= set(arrays)
