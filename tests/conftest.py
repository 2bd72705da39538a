"""Runs before anything imports NumPy: the tests share the cores, so its products take one thread each."""

import os
import signal
import time
from types import SimpleNamespace

import pytest

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# A shell has its background jobs ignore Ctrl-C, and what they start inherits that; tests send it on purpose.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def budgets_are_of_processor_time(monkeypatch):
    """What else the machine does must not decide what is looked at within a budget."""
    processor = SimpleNamespace(perf_counter=time.process_time)
    monkeypatch.setattr("gradcli.clock.time", processor)
    monkeypatch.setattr("gradcli.numeric.function.time", processor)
