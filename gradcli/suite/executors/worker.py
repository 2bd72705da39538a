"""The process in which checks are performed for another one.

It reads checks from standard input and writes answers to standard output, as frames: eight bytes of length,
then a pickle. What the code under test prints to these descriptors goes elsewhere.
"""

import ctypes
import faulthandler
import gc
import importlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from gradcli.suite.capture import emptied, print_lines_at_once
from gradcli.suite.perform import Check, Performer, Wants
from gradcli.suite.portable import dumped

_LENGTH = struct.Struct(">Q")
_LOOK_AT_PARENT = 1.0  # seconds
_PR_SET_PDEATHSIG = 1
_SYNCHRONIZE, _INFINITE = 0x100000, 0xFFFFFFFF  # of Windows


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


def main(parent: int, stack: int, printed: int) -> None:
    """Serve the process that started this one, until it closes the pipe or is gone.

    stack: an inherited file, for the lines at which a crash or SIGABRT finds this process; printed: another
    one, for what the code under test has printed by then. See `apart`.
    """
    _end_with(parent)
    faulthandler.enable(_descriptor(stack), all_threads=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    requests, answers = _own_streams()
    wants: Wants = pickle.loads(read_frame(requests) or b"")

    def restart_the_clock() -> None:
        write_frame(answers, b"")

    file = os.fdopen(_descriptor(printed), "r+b", buffering=0)
    performer = Performer(wants, printed=file, opened=restart_the_clock)
    print_lines_at_once()
    importlib.import_module("gradcli.cases")  # which takes seconds on a busy machine
    importlib.import_module("gradcli.targets")
    gc.freeze()
    restart_the_clock()  # from here on, time is the check's: once to import its file, once to run
    while (frame := read_frame(requests)) is not None:
        task: Task = pickle.loads(frame)
        answer = performer.look(task.check) if task.look else performer.perform(task.check)
        write_frame(answers, dumped(answer, nodes=wants.nodes))
        emptied(file)


def apart(files: Sequence[IO[bytes]]) -> tuple[list[int], dict[str, Any]]:
    """What Popen is told so that a worker has these open files, and numbers that name them to it.

    Ctrl-C is not for a worker, and elsewhere than on Windows what it starts can be stopped with it.
    """
    if sys.platform == "win32":
        import msvcrt

        handles = [msvcrt.get_osfhandle(file.fileno()) for file in files]
        for handle in handles:
            os.set_handle_inheritable(handle, True)
        info = subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})
        return handles, {"startupinfo": info, "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    descriptors = [file.fileno() for file in files]
    return descriptors, {"pass_fds": descriptors, "start_new_session": True}


def _descriptor(number: int) -> int:
    """The file descriptor of an inherited file."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(number, os.O_RDWR | os.O_BINARY)
    return number


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
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> Any:
    if sys.platform == "win32":  # where the parent's number stays when it is gone
        kernel = ctypes.windll.kernel32
        kernel.WaitForSingleObject(kernel.OpenProcess(_SYNCHRONIZE, False, parent), _INFINITE)
    else:
        while os.getppid() == parent:
            time.sleep(_LOOK_AT_PARENT)
    os._exit(1)
