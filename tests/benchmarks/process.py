"""The whole command, from the shell and back."""

from __future__ import annotations

import compileall
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.row import Row, at_most
from tests.benchmarks.timing import elapsed

ROOT = Path(__file__).parents[2]
CHECK = ("-m", "gradcli", "check", "batchnorm", "--batch", "2", "--features", "3")
IMPORTS = ("-c", "import click, rich.table, numpy, yaml")


def start_up(pairs: int = 25) -> Iterator[Row]:
    """The command by the bare imports, run in turns; the fastest of each, which a neighbour disturbed least.

    As after an installation, the package's bytecode is there: it is compiled in a folder of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            ROOT / "gradcli", Path(folder, "gradcli"), ignore=shutil.ignore_patterns("__pycache__")
        )
        compileall.compile_dir(folder, quiet=2)

        def run(arguments: tuple[str, ...]) -> None:
            command = [sys.executable, *arguments]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run(CHECK)
        run(IMPORTS)
        checks, imports = [], []
        for _ in range(pairs):
            checks.append(elapsed(lambda: run(CHECK)))
            imports.append(elapsed(lambda: run(IMPORTS)))
    fastest = min(checks) / min(imports)
    median = statistics.median(a / b for a, b in zip(checks, imports, strict=True))
    note = f"{1e3 * min(checks):.0f} / {1e3 * min(imports):.0f} ms; median of {pairs} pairs {median:.2f}"
    yield at_most("gradcli check batchnorm, whole process", fastest, 1.4, note)
