"""`gradcli watch`: what was saved is what runs, and the last line says what changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from gradcli.cli import watch as command
from gradcli.watch import State, changes, counts, follow, is_hopeless, places
from tests.cli.conftest import LONG

WRONG = (
    "def cube_forward(x):\n    return x**3, x\n\n\ndef cube_backward(dout, x):\n    return dout * 2 * x**2\n"
)
RIGHT = WRONG.replace("* 2 *", "* 3 *")


@pytest.fixture
def saving(monkeypatch, capfd):
    """Run `gradcli watch cube.py …` over contents that are saved one after another; gives what it prints."""

    def run(invoke, *contents, words=("cube.py:cube", "--input", "x=4")):
        def saves(_words):
            for number, content in enumerate(contents):
                Path("cube.py").write_text(content)
                yield [Path("cube.py").resolve()] if number else []
            raise KeyboardInterrupt

        monkeypatch.setattr(command, "_saves", saves)
        result = invoke("watch", *words)
        return result, capfd.readouterr().out

    return run


# --- the loop


def test_each_save_is_one_check_and_told_against_the_one_before():
    states = iter([State("fail", 4), State("fail", 1), State("pass"), State("pass")])
    checked, told = [], []

    def check(saved):
        checked.append(saved)
        return {("c", "x"): next(states)}

    follow([[], ["a.py"], ["b.py"], ["a.py"]], check, told.append)
    assert checked == [[], ["a.py"], ["b.py"], ["a.py"]]
    assert told == [["x: FAIL, 4 -> 1 elements wrong"], ["x: FAIL -> pass"], []]


def test_what_cannot_be_checked_is_left_out_of_the_comparison():
    snapshots = iter([{("c", "x"): State("pass")}, None, {("c", "x"): State("fail", 1)}])
    told = []
    follow([[], ["a"], ["a"]], lambda saved: next(snapshots), told.append)
    assert told == [["x: pass -> FAIL"]]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({"c/": "pass"}, {"c/": "error"}, ["c: pass -> error"]),
        ({"c/": "fail", "c/x": "fail"}, {"c/": "pass", "c/x": "pass"}, ["x: FAIL -> pass"]),
        ({"c/": "pass", "c/x": "pass"}, {"c/": "fail", "c/x": "pass"}, ["c: pass -> FAIL"]),
        ({"c/x": "pass"}, {"c/x": "pass", "c/y": "fail"}, ["y: not checked -> FAIL"]),
        ({"c/x": "pass", "d/x": "pass"}, {"c/x": "pass", "d/x": "fail"}, ["d x: pass -> FAIL"]),
        ({"c/x": "pass", "d/x": "pass"}, {"c/x": "pass"}, ["d x: pass -> not checked"]),
    ],
)
def test_changes(before, now, told):
    states = [
        {tuple(key.split("/")): State(verdict) for key, verdict in one.items()} for one in (before, now)
    ]
    assert changes(*states) == told


def test_which_files_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path.parent / "elsewhere.py"
    words = ("cube.py:cube", "--inputs", "case.npz", str(elsewhere))
    elsewhere.touch()
    assert places(words) == [tmp_path, tmp_path.parent]
    assert places(("batchnorm",)) == [tmp_path]
    for name, expected in {
        "cube.py": True,
        "sub/other.py": True,
        "net.YAML": True,
        "notes.txt": False,
        "case.npz": True,
        "dump.npz": False,
        ".gradcli/failures/x.npz": False,
        ".gradcli/x.py": False,
    }.items():
        assert counts(tmp_path / name, words) == expected


# --- the command


def test_the_saved_code_runs_and_ctrl_c_ends_it_with_0(invoke, saving):
    result, out = saving(invoke, WRONG, RIGHT)
    assert result.exit_code == 0
    assert result.stdout == "\nsaved: cube.py\nsince the last check: x: FAIL -> pass\n\n"
    verdicts = [
        line.split()[0] for line in out.splitlines() if "1 gradient" in line or "of 1 gradient" in line
    ]
    assert verdicts == ["FAIL", "PASS"]


def test_a_check_that_cannot_begin_ends_it_with_its_code(invoke, saving):
    result, _ = saving(invoke, RIGHT, RIGHT, words=("cube.py:cube", "--no-such-option"))
    assert result.exit_code == 2


def test_what_is_not_there_is_not_waited_for_but_what_may_be_repaired_is(invoke, saving, capfd):
    result, _ = saving(invoke, RIGHT, words=("nothere.py:cube", "-q"))
    assert result.exit_code == 2
    result, out = saving(invoke, "def broken(:", RIGHT)
    assert result.exit_code == 0
    assert "PASS  cube.py:cube" in out


@pytest.mark.parametrize(
    ("ids", "hopeless"),
    [
        (["nothere.py"], True),
        (["nothere.py:f", "batchnrm"], True),
        (["there.py"], False),  # which cannot be read yet
        (["nothere.py", "there.py"], False),
        (["pkg.mod:f"], False),
    ],
)
def test_when_no_save_can_help(ids, hopeless, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("there.py").touch()
    assert is_hopeless({"checks": [{"id": id, "status": "error"} for id in ids]}) is hopeless
    assert not is_hopeless({"checks": [{"id": id, "status": "fail"} for id in ids]})


def test_a_module_that_the_target_imports_is_read_anew(invoke, saving, monkeypatch):
    Path("user.py").write_text("from cube import cube_forward, cube_backward\n")
    result, _ = saving(invoke, WRONG, RIGHT, words=("user.py:cube", "--input", "x=4"))
    assert "since the last check: x: FAIL -> pass" in result.stdout


def test_without_watchfiles_the_line_to_install_it_is_shown(invoke, monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    result = invoke("watch", "relu")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: watch: watchfiles is not installed. Run: pip install 'gradcli[watch]'\n",
    )


def test_a_save_on_disk_is_noticed(tmp_path, environment):
    pytest.importorskip("watchfiles", reason="an optional extra: pip install 'gradcli[watch]'")
    (tmp_path / "cube.py").write_text(WRONG)
    line = [sys.executable, "-m", "gradcli", "watch", "cube.py:cube", "--input", "x=4"]
    with subprocess.Popen(
        line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        for shown in running.stdout:
            if shown.startswith("FAIL  cube"):
                (tmp_path / "saved.py").write_text(RIGHT)
                (tmp_path / "saved.py").replace(tmp_path / "cube.py")  # never half of it
            if shown.startswith("since"):
                break
        running.terminate()
        assert running.wait(timeout=LONG) == 0
    assert shown == "since the last check: x: FAIL -> pass\n"
