"""What other systems lack is not needed: run without it here, they cannot be run in these tests."""

import json
import subprocess
import sys

import pytest

# Windows has none of these.
WITHOUT = """\
import os, signal, subprocess, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("fork", "killpg", "getpgid", "setsid", "geteuid", "getuid", "memfd_create", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGUSR1", "SIGPIPE"):
    if hasattr(signal, name):
        delattr(signal, name)
from gradcli.cli import main
sys.exit(main())
"""
LAYER = """\
def right_forward(x): return x**3, x
def right_backward(dout, x): return 3 * dout * x**2
def wrong_forward(x): return x**2, x
def wrong_backward(dout, x): return dout * x
"""


@pytest.mark.parametrize(
    "words",
    [
        ["check", "layer.py", "--report", "json=out.json", "--report", "html=out.html", "--dump", "kept"],
        ["check", "layer.py", "--lf", "--baseline", "known.json", "--update-baseline"],
        ["mutate", "layer.py:right"],
        ["sweep", "layer.py:right"],
        ["init", "layer.py"],
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_what_only_posix_has_is_not_needed(words, environment, tmp_path):
    (tmp_path / "layer.py").write_text(LAYER)
    command = [sys.executable, "-c", WITHOUT, *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "bug" not in done.stderr
    if "json=out.json" in words:
        checks = json.loads((tmp_path / "out.json").read_text())["checks"]
        assert [(check["status"], check["file"]) for check in checks] == [
            ("pass", "layer.py"),
            ("fail", "layer.py"),
        ]
        assert len(list((tmp_path / "kept").iterdir())) == 2
