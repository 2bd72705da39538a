"""Checks in other processes: the same text as in one, and whatever ends a process ends one check."""

import itertools
import json
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

from gradcli.suite.executors.processes import _Worker
from tests.cli.conftest import LONG, comes
from tests.cli.pairs import WRONG_BATCHNORM

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere native code outlives its parent")

SUITE = """\
version: 1
checks:
  - {target: relu, matrix: {batch: [1, 2, 3]}}
  - {target: wrong.py}
  - {target: wrong.py:lost}
  - {target: tanh}
"""
ENDS = """\
import ctypes, os, sys
def first_forward(x): return 2 * x, None
def first_backward(dout, cache): return 2 * dout
def aborting_forward(x): os.abort()
def aborting_backward(dout, cache): return dout
def segfault_forward(x): ctypes.string_at(0)
def segfault_backward(dout, cache): return dout
def leaving_forward(x): os._exit(0)
def leaving_backward(dout, cache): return dout
def exiting_forward(x): sys.exit(3)
def exiting_backward(dout, cache): return dout
def last_forward(x): return 3 * x, None
def last_backward(dout, cache): return 3 * dout
"""
ENDLESS = """\
import ctypes
def looping_forward(x):
    open("endless", "w").close()
    while True: pass
def looping_backward(dout, cache): return dout
def native_forward(x):
    open("endless", "w").close()
    ctypes.PyDLL(None).sleep(1000)
def native_backward(dout, cache): return dout
def right_forward(x): return 3 * x, None
def right_backward(dout, cache): return 3 * dout
"""
IMPORT_ENDLESS = """\
print("while it is imported")
open("endless", "w").close()
while True: pass
"""
# In native code, where no thread of Python's can notice that the parent is gone.
HANGING = """\
import ctypes, os
def f_forward(x):
    open(f"worker-{os.getpid()}", "w").close()
    ctypes.PyDLL(None).sleep(1000)
def f_backward(dout, cache): return dout
"""


@pytest.fixture
def clock(monkeypatch, tmp_path):
    """Time stands still but for the seconds that the code under test writes into files clock-*.

    It goes on with every look from when the code makes a file `endless` until its process is stopped.
    """
    looks, abort, endless = [], _Worker.abort, tmp_path / "endless"

    def monotonic():
        if endless.exists():
            looks.append(1.0)
        return sum(looks) + sum(float(path.read_text() or 0) for path in tmp_path.glob("clock-*"))

    def aborted(worker):
        abort(worker)
        endless.unlink()

    monkeypatch.setattr(_Worker, "abort", aborted)
    monkeypatch.setattr("gradcli.suite.executors.processes.time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setattr("gradcli.suite.executors.processes._LOOK", 0.05)


def test_several_processes_say_what_one_says(invoke, tmp_path):
    (tmp_path / "wrong.py").write_text(f"{WRONG_BATCHNORM}\ndef f(x): return x**2\ndef f_grad(x): return x\n")
    (tmp_path / "suite.yaml").write_text(SUITE)
    alone, together = (invoke("check", "suite.yaml", "-j", n, "--dump", f"dump{n}") for n in (1, 2))
    assert (together.exit_code, together.stdout, together.stderr) == (2, alone.stdout, alone.stderr)
    assert "FAIL  wrong.py:batchnorm" in alone.stdout
    dumps = [sorted(path.read_bytes() for path in (tmp_path / f"dump{n}").iterdir()) for n in (1, 2)]
    assert dumps[0] == dumps[1]


def test_what_ends_a_process_ends_one_check_and_is_its_reason(invoke, tmp_path):
    (tmp_path / "ends.py").write_text(ENDS)
    result = invoke("check", "ends.py", "-j", 2, "--report", "junit=j.xml")
    assert result.exit_code == 1
    ended = "GC108 the code under test ended its process: "
    assert [line for line in result.stdout.splitlines() if "GC108" in line] == [
        f"ends.py:4: {ended}killed by SIGABRT",
        f"ends.py:6: {ended}killed by SIGSEGV",
        f"{ended}exit code 0",
        "ends.py:10: GC108 forward raised SystemExit: 3",
    ]
    names = ["first", "aborting", "segfault", "leaving", "exiting", "last"]
    cases = [case.get("name") for case in ElementTree.parse(tmp_path / "j.xml").iter("testcase")]
    assert cases == [f"ends.py:{name}" for name in names]
    assert "6 checks: 2 passed, 4 FAILED; " in result.stdout.splitlines()[-1]
    assert "re-run: gradcli check ends.py:aborting --seed 0 --isolate" in result.stdout


@pytest.mark.usefixtures("clock")
def test_what_takes_too_long_is_stopped_and_said_to_be_where_it_was(invoke, tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS)
    (tmp_path / "import.py").write_text(IMPORT_ENDLESS)
    result = invoke("check", "endless.py", "import.py", "--timeout", 1, "--report", "json=j.json")
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if "GC108" in line] == [
        "endless.py:4: GC108 not done after 1 s: stopped",
        "endless.py:8: GC108 not done after 1 s: stopped",
        "import.py:3: GC108 not done after 1 s: stopped",
    ]
    assert "4 checks: 1 passed, 3 FAILED; " in result.stdout.splitlines()[-1]
    assert "re-run: gradcli check endless.py:native --seed 0 --timeout 1" in result.stdout
    assert json.loads((tmp_path / "j.json").read_text())["checks"][3]["output"] == "while it is imported\n"


SLOW = """\
import os, time
def takes(what):
    with open(f"clock-{what}", "w") as file: file.write("0.9")
takes("import")
def right_forward(x):
    given_up = time.monotonic() + 5
    while not os.path.exists("heard-2") and time.monotonic() < given_up: time.sleep(0.01)
    if not os.path.exists("clock-forward"):
        takes("forward")
        time.sleep(0.1)  # somebody looks
    return 3 * x, None
def right_backward(dout, cache): return 3 * dout
"""


@pytest.mark.usefixtures("clock")
def test_the_time_to_open_a_file_is_not_that_of_its_first_check(invoke, monkeypatch, tmp_path):
    """The clock is told twice: by the process that is ready, and by the file that is open."""
    (tmp_path / "slow.py").write_text(SLOW)
    restart, heard = _Worker.restart_clock, itertools.count(1)

    def restart_clock(worker, timeout):
        restart(worker, timeout)
        (tmp_path / f"heard-{next(heard)}").touch()

    monkeypatch.setattr(_Worker, "restart_clock", restart_clock)
    result = invoke("check", "slow.py", "--input", "x=3", "--timeout", 1)
    assert result.exit_code == 0, result.output


def test_a_crash_of_the_only_process_says_where_it_was(gradcli_process, tmp_path):
    (tmp_path / "ends.py").write_text(ENDS)
    done = gradcli_process("check", "ends.py:segfault", "--input", "x=3")
    assert done.returncode == -signal.SIGSEGV
    assert 'ends.py", line 6 in segfault_forward' in done.stderr


def test_an_import_that_ends_the_process_is_a_failed_check_of_its_own(invoke, tmp_path):
    (tmp_path / "dies.py").write_text("import os\nos._exit(7)\n")
    result = invoke("check", "dies.py", "relu", "--isolate")
    assert result.exit_code == 1
    assert "GC108 the code under test ended its process: exit code 7\nFAIL  dies.py: " in result.stdout
    assert "PASS  relu" in result.stdout


LAST_WORDS = """\
import ctypes, os, signal, sys
print("while it is imported")
def told(how):
    print(f"before {how}")
    os.write(1, b"past Python\\n")
    print("and", how, "again", file=sys.stderr)
def killed_forward(x):
    told("the kill")
    os.kill(os.getpid(), signal.SIGKILL)
def killed_backward(dout, cache): return dout
def crashed_forward(x):
    told("the crash")
    ctypes.CDLL(None).puts(b"compiled code")
    ctypes.string_at(0)
def crashed_backward(dout, cache): return dout
def looping_forward(x):
    told("the loop")
    open("endless", "w").close()
    while True: pass
def looping_backward(dout, cache): return dout
def left_forward(x):
    told("the exit")
    os._exit(0)
def left_backward(dout, cache): return dout
def right_forward(x):
    if not hasattr(sys, "told"): told("the end")
    sys.told = True
    return 3 * x, None
def right_backward(dout, cache): return 3 * dout
"""


@pytest.mark.usefixtures("clock")
def test_what_was_printed_before_a_process_ended_is_shown_and_reported(invoke, tmp_path):
    (tmp_path / "words.py").write_text(LAST_WORDS)
    words = ["--isolate", "--timeout", 1]
    result = invoke("check", "words.py", *words, "-v", "--report", "json=j.json", "--report", "junit=j.xml")
    hows = {"killed": "kill", "crashed": "crash", "looping": "loop", "left": "exit", "right": "end"}
    printed = {
        f"words.py:{name}": f"while it is imported\nbefore the {how}\npast Python\nand the {how} again\n"
        for name, how in hows.items()
    }
    printed["words.py:crashed"] += "compiled code\n"
    checks = json.loads((tmp_path / "j.json").read_text())["checks"]
    assert {check["id"]: check["output"] for check in checks} == printed
    junit = ElementTree.parse(tmp_path / "j.xml")
    assert {case.get("name"): case.findtext("system-out") for case in junit.iter("testcase")} == printed
    for id, text in printed.items():
        shown = text.splitlines()
        lines = [line.removeprefix("| ").strip() for line in result.stdout.splitlines()]
        assert shown[1] in lines, (id, result.stdout)
        assert shown[3] in lines
    quiet = invoke("check", "words.py", *words, "-k", "killed")
    assert "before the kill" not in quiet.stdout


def started(folder, environment, *words):
    """A suite that has come to the check that hangs; another may be under way beside it."""
    words = ["relu", "hanging.py", "tanh", "--input", "x=3", "--report", "junit=report.xml", *words]
    process = subprocess.Popen(
        [sys.executable, "-m", "gradcli", "check", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, _worker(folder)


@pytest.mark.parametrize("words", [["-j", "2"], ["-j", "2", "-k", "hanging or relu"], ["-k", "hanging"]])
def test_ctrl_c_while_a_file_is_imported_names_it_and_writes_reports(words, environment, tmp_path):
    (tmp_path / "hanging.py").write_text(HANGING.replace("def f_forward(x):", "if True:"))
    process, worker = started(tmp_path, environment, *words)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert re.search("; under way: .*hanging.py", stderr)
    assert re.search("Interrupted: .*hanging.py", (tmp_path / "report.xml").read_text())
    assert comes(lambda: not _runs(worker))


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_stopped_suite_leaves_no_process_behind(sent, code, environment, tmp_path):
    (tmp_path / "hanging.py").write_text(HANGING)
    process, worker = started(tmp_path, environment, "-j", "2")
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=LONG)
    assert process.returncode == code
    assert comes(lambda: not _runs(worker))
    if code == 130:
        assert "interrupted: " in stderr
        assert re.search("; under way: .*hanging.py", stderr)
        assert re.search("Interrupted: .*hanging.py", (tmp_path / "report.xml").read_text())


def _worker(folder):
    """The process in which the check hangs."""
    comes(lambda: list(folder.glob("worker-*")))
    (found,) = folder.glob("worker-*")
    return int(found.name.removeprefix("worker-"))


def _runs(process):
    """Whether it is there, and no zombie that nobody has asked for."""
    shown = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


@pytest.mark.parametrize("given", ["0", "-1", "many", "1000"])
def test_a_number_of_processes_that_is_none_is_refused(given, invoke):
    result = invoke("check", "relu", "-j", given)
    assert result.exit_code == 2
    assert f"{given!r} is not a number of processes; write 1 to 256, or auto" in result.stderr


NOISY = """\
import ctypes, os, subprocess, sys
os.write(1, b"import\\n")
def f_forward(x):
    os.write(1, b"descriptor\\n")
    ctypes.CDLL(None).puts(b"compiled code")
    subprocess.run(["echo", "child"], check=True)
    sys.__stdout__.write("python\\n")
    return 2 * x, None
def f_backward(dout, cache):
    return 2 * dout
"""


@pytest.mark.parametrize("words", [[], ["-j", "2"], ["--isolate"]])
def test_what_is_written_past_python_is_in_no_report(words, gradcli_process, tmp_path):
    (tmp_path / "noisy.py").write_text(NOISY)
    result = gradcli_process("check", "noisy.py", "--input", "x=3", "--report", "json=-", *words)
    assert result.returncode == 0
    (check,) = json.loads(result.stdout)["checks"]
    assert set(check["output"].split("\n")) == {
        "import",
        "descriptor",
        "compiled code",
        "child",
        "python",
        "",
    }


def test_more_than_is_kept_of_it_is_counted(gradcli_process, tmp_path):
    (tmp_path / "noisy.py").write_text(NOISY.replace('b"import\\n"', 'b"x" * 100_000'))
    result = gradcli_process("check", "noisy.py", "--input", "x=3", "--report", "json=-")
    assert f"\n... and {100_000 - 65536} bytes more" in json.loads(result.stdout)["checks"][0]["output"]
