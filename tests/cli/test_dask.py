"""The same suite on a Dask cluster: a real scheduler and two workers, one of which is killed in mid-run."""

import contextlib
import importlib.util
import re
import subprocess
import sys

import pytest

CRASHING_ONCE = """\
import os, signal
from pathlib import Path
def f_forward(x):
    if not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * x, None
def f_backward(dout, cache): return 2 * dout
def g_forward(x): return 2 * x, None
def g_backward(dout, cache): return 3 * dout
"""
TARGETS = ["relu", "tanh", "once.py", "sigmoid", "silu", "mse", "gelu"]


needs_distributed = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="distributed is not installed"
)


@pytest.fixture
def scheduler(environment, tmp_path):
    """The address of a scheduler with two workers."""
    local = ["--host", "127.0.0.1"]
    with contextlib.ExitStack() as stack:

        def start(name, *words):
            command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *words, *local, "--no-dashboard"]
            process = stack.enter_context(
                subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            return process

        lines = iter(start("scheduler", "--port", "0").stderr.readline, "")
        address = next(found[0] for found in map(re.compile(r"tcp://[\d.:]+\d").search, lines) if found)
        workers = [start("worker", address, "--nthreads", "1", "--no-nanny") for _ in range(2)]
        for worker in workers:
            assert any("Registered to" in line for line in worker.stderr)
        yield address


@needs_distributed
def test_a_cluster_says_what_one_process_says_though_a_worker_dies(gradcli_process, scheduler, tmp_path):
    (tmp_path / "once.py").write_text(CRASHING_ONCE)
    check = ["check", *TARGETS, "--report", "none"]
    on_cluster = gradcli_process(*check, "--executor", "dask", "--scheduler", scheduler)
    assert (tmp_path / "killed").exists()
    here = gradcli_process(*check)
    assert (here.returncode, here.stderr) == (1, "")
    assert (on_cluster.returncode, on_cluster.stdout, on_cluster.stderr) == (1, here.stdout, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--executor", "dask"], "a cluster is named by both: --executor dask --scheduler tcp://HOST:PORT"),
        (
            ["--executor", "dask", "--scheduler", "tcp://127.0.0.1:1", "-j", "2"],
            "-j, --timeout and --isolate are for processes here, not for --executor dask",
        ),
    ],
)
def test_options_that_make_no_cluster_are_refused(words, message, invoke):
    result = invoke("check", "relu", *words)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_a_package_that_is_missing_is_named(invoke, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = invoke("check", "relu", "--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: --executor dask: distributed is not installed. Run: pip install 'gradcli[dask]'\n",
    )


@needs_distributed
def test_an_address_that_is_none_is_refused(gradcli_process):
    done = gradcli_process("check", "relu", "--executor", "dask", "--scheduler", "nonsense://x")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "gradcli: error: --scheduler nonsense://x: cannot be reached: unknown address scheme"
    )
