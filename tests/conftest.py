"""Runs before anything imports NumPy: the tests share the cores, so its products take one thread each."""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
