"""Runs before anything imports NumPy: the tests share the cores, so its products take one thread each."""

import os
import signal

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# A shell has its background jobs ignore Ctrl-C, and what they start inherits that; tests send it on purpose.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
