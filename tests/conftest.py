"""Runs before anything imports NumPy: the tests share the cores, so its products take one thread each."""

import gc
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


def pytest_collection_finish():
    """What is there by now stays: to search it for garbage again and again took a tenth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


# Those who measure how long code takes, or how much of a budget is left.
TIMED = ("clock", "cases", "subject", "numeric.function", "targets.inference.patience")


@pytest.fixture(scope="session", autouse=True)
def budgets_are_of_processor_time():
    """What else the machine does must not decide what is looked at within a budget; see tests/processes."""
    processor = SimpleNamespace(perf_counter=time.process_time, thread_time=time.thread_time)
    with pytest.MonkeyPatch.context() as patch:
        for module in TIMED:
            patch.setattr(f"gradcli.{module}.time", processor)
        yield
