"""`python -m tests.benchmarks`: what gradcli must reach, measured beside its peers in one run.

Everything is a ratio of numbers from the same run, on one thread. Exit code 1 if a demanded figure is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    if any(os.environ.get(name) != "1" for name in ONE_THREAD):  # NumPy reads them when it is imported
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]])

    from tests.benchmarks import counting, memory, process, speed
    from tests.benchmarks.row import Row, render

    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "peers": lambda: speed.beside_peers(full=options.full),
        "million": speed.million_weights,
        "needle": counting.needle,
        "overhead": speed.overhead,
        "growth": counting.growth,
        "locality": counting.locality,
        "process": process.start_up,
        "memory": memory.peaks,
    }
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all unless given")
    parser.add_argument("--full", action="store_true", help="run the peers in full instead of extrapolating")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in parts]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; expected {', '.join(parts)}")
    missed = 0
    for part in options.parts or parts:
        started = time.perf_counter()
        print(f"# {part}", flush=True)
        for row in parts[part]():
            print(render([row]), flush=True)
            missed += row.ok is False
        print(f"  ({time.perf_counter() - started:.0f} s)", flush=True)
    print(f"{missed} missed" if missed else "all reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
