"""Guesses at which code does not end are given up."""

import signal
from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import UsageError
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
    (folder / "slow_to_come.py").write_text("import time\ntime.sleep(0.2)\ndone = True\n")
    seen = []

    def imports():
        import slow_to_come

        seen.append(slow_to_come.done)
        endless()

    with pytest.raises(TimeoutError), patience(0.05):
        imports()
    assert seen == [True]
