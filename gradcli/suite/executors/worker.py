"""The process in which checks are performed for another one.

It reads checks from standard input and writes answers to standard output, as frames: eight bytes of length,
then a pickle. What the code under test prints to these descriptors goes elsewhere.
"""

import ctypes
import faulthandler
import gc
import os
import pickle
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

from gradcli.suite.perform import Check, Performer, Wants
from gradcli.suite.portable import dumped

_LENGTH = struct.Struct(">Q")
_LOOK_AT_PARENT = 1.0  # seconds
_PR_SET_PDEATHSIG = 1


class Task(NamedTuple):
    """What is asked of a worker."""

    check: Check
    look: bool  # only list what its target holds


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Raises OSError if nobody reads any more."""
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """None at the end, also where it comes in the middle of a frame."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


def main(parent: int, stack: int) -> None:
    """Serve the process that started this one, until it closes the pipe or is gone.

    stack: a file descriptor, for the lines at which a crash or SIGABRT finds this process.
    """
    _end_with(parent)
    faulthandler.enable(stack, all_threads=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    requests, answers = _own_streams()
    wants: Wants = pickle.loads(read_frame(requests) or b"")
    performer = Performer(wants)
    gc.freeze()
    write_frame(answers, b"")  # ready: from here on, time is the check's
    while (frame := read_frame(requests)) is not None:
        task: Task = pickle.loads(frame)
        answer = performer.look(task.check) if task.look else performer.perform(task.check)
        write_frame(answers, dumped(answer, nodes=wants.nodes))


def _own_streams() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to the parent, out of reach: descriptor 0 is empty, and what goes to 1 goes to 2."""
    requests, answers = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _end_with(parent: int) -> None:
    """See to it that this process does not outlive its parent, whatever becomes of that.

    On Linux the kernel does it, even while native code runs in an endless loop.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform != "win32":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> Any:
    while os.getppid() == parent:
        time.sleep(_LOOK_AT_PARENT)
    os._exit(1)
