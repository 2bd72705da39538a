"""External programs that read and write .npz files."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradcli import check_target
from gradcli.errors import TargetError, UsageError
from gradcli.targets.program import Program

CUBE = Path(__file__).parent / "cube.c"
PROGRAM = """
import sys
import numpy as np

given = dict(np.load(sys.argv[1]))
found = {"out": given["x"] ** 3}
np.savez(sys.argv[2], **found)
"""
SIZES = {"inputs": {"x": "3"}}


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The target of a program, made of its source."""
    monkeypatch.chdir(tmp_path)

    def make(source):
        (tmp_path / "layer.py").write_text(source)
        return f"exec:{sys.executable} layer.py {{in}} {{out}}"

    return make


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    """A compiled program; what follows its file names multiplies its gradient."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) here")
    program = tmp_path_factory.mktemp("cube") / "cube"
    subprocess.run([compiler, "-O1", "-o", program, CUBE], check=True)
    return f"exec:{program} {{in}} {{out}}"


@pytest.mark.parametrize(("factor", "verdict"), [("", "pass"), (" 1.0", "pass"), (" 1.001", "fail")])
def test_a_program_is_checked_like_a_function(cube, factor, verdict):
    result = check_target(cube + factor, inputs={"x": "4"})
    assert (result.verdict, result.gradients["x"].verdict, result.compared) == (verdict, verdict, 4)


@pytest.mark.parametrize("seed", [0, 1, 15, 52])  # with 15 and 52, small elements are looked at for ties
@pytest.mark.parametrize(("factor", "verdict"), [("", "pass"), (" 1.001", "fail")])
def test_many_points_go_into_one_start(cube, factor, verdict, seed, monkeypatch):
    starts = []
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda self, arrays: starts.append(1) or run(self, arrays))
    monkeypatch.chdir(Path(cube.removeprefix("exec:").split()[0]).parent)
    result = check_target(f"exec:./cube {{in}} {{out}}{factor}", inputs={"x": "18"}, seed=seed)
    assert (result.verdict, result.compared) == (verdict, 18)
    assert len(starts) < 80
    assert 3 * len(starts) < result.evaluations


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import sys; sys.exit('out of memory')", "the program ended with 1: out of memory"),
        ("pass", "the program wrote no {out}"),
        ("import sys; open(sys.argv[2], 'w').write('x')", "what the program wrote is not an .npz file"),
        (PROGRAM.replace('"out"', '"y"'), "the program wrote y; expected out"),
        (PROGRAM.replace('given["x"] ** 3', "np.zeros(3)"), "of shape (3,) for 1 point"),
    ],
)
def test_what_a_program_does_wrong_is_one_line(command, source, says):
    result = check_target(command(source), **SIZES)
    (violation,) = result.violations
    assert (result.verdict, violation.code) == ("fail", "GC108")
    assert says in violation.message


@pytest.mark.parametrize(
    ("target", "error", "says"),
    [
        ("exec:./layer {in}", UsageError, "has no {out}"),
        ("exec:", UsageError, "has no {in}"),
        ("exec:./layer '{in} {out}", UsageError, "No closing quotation"),
        ("exec:no-such-program {in} {out}", TargetError, "no such program 'no-such-program'"),
    ],
)
def test_a_command_that_makes_no_check_is_refused(target, error, says):
    with pytest.raises(error, match=says):
        check_target(target, inputs={"x": "3"})


def test_an_input_may_have_any_name(tmp_path):
    (tmp_path / "layer.py").write_text(PROGRAM.replace('given["x"]', 'given["file"]'))
    program = Program([sys.executable, "layer.py", "{in}", "{out}"], tmp_path)
    assert program.run({"file": np.full(3, 2.0)})["out"].tolist() == [8.0] * 3


@pytest.mark.parametrize("value", [None, [[1], [2, 3]]])
def test_a_constant_that_no_file_holds_is_refused(command, value):
    with pytest.raises(UsageError, match="a program can be given numbers, truth values and text"):
        check_target(command(PROGRAM), **SIZES, constants={"mode": value})


def test_inputs_have_to_be_named(command):
    with pytest.raises(UsageError, match="says no inputs; add --input NAME=SHAPE"):
        check_target(command(PROGRAM))


def test_an_option_that_no_program_has_is_refused(command):
    with pytest.raises(UsageError, match="a program has no option 'batch'; what it reads is an input"):
        check_target(command(PROGRAM), **SIZES, batch=3)
