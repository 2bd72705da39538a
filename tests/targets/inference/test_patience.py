"""Guesses at which code does not end are given up."""

import importlib
import itertools
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradcli import check_target
from gradcli.errors import UsageError
from gradcli.targets.inference import patience as patience_module
from gradcli.targets.inference import trial
from gradcli.targets.inference.patience import patience

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")


def endless():
    while True:
        pass


def test_code_that_takes_too_long_is_stopped_and_nothing_is_left_behind():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TimeoutError, match=r"not done after 0\.05 s"), patience(0.05):
        endless()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_code_that_ends_is_left_alone():
    with patience(10):
        assert sum(range(10)) == 45


@pytest.mark.usefixtures("folder")
def test_code_that_never_ends_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr(trial, "_PATIENCE", 0.02)
    Path("loop.py").write_text(
        "def loop_forward(x):\n    while True:\n        x = x + 0 * x\n    return x, None\n"
        "def loop_backward(dout, cache):\n    return dout\n"
    )
    monkeypatch.setattr("gradcli.targets.inference.search._MOST_SECONDS", 0.05)
    with pytest.raises(UsageError, match="not done after"):
        check_target("loop.py")


def test_an_import_is_let_end(folder, monkeypatch):
    """Half a module would be left behind, and no later try could use it."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(patience_module, "_AGAIN", 0.01)
    works = "import time\nwhile time.thread_time() < began + 0.05: pass\n"
    (folder / "slow_to_come.py").write_text(f"began = __import__('time').thread_time()\n{works}done = True\n")

    def imports():
        importlib.import_module("slow_to_come")
        endless()

    with pytest.raises(TimeoutError), patience(0.02):
        imports()
    assert sys.modules["slow_to_come"].done


def test_waiting_for_a_busy_machine_counts_little(monkeypatch):
    """Time goes by, and the code has not worked."""
    ticks = itertools.count()
    fake = SimpleNamespace(perf_counter=lambda: next(ticks) / 1000, thread_time=lambda: 0.0)
    monkeypatch.setattr(patience_module, "time", fake)
    monkeypatch.setattr(patience_module, "_AGAIN", 0.001)
    with pytest.raises(TimeoutError, match=r"not done after 0\.0009 s"), patience(0.0009):
        endless()
    assert next(ticks) == 6
