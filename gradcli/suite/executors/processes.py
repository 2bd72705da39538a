"""Checks in processes of their own, which may crash, hang or be stopped without harm to the others."""

import contextlib
import os
import pickle
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from typing import IO, NamedTuple

from gradcli.errors import UsageError
from gradcli.suite import lost
from gradcli.suite.capture import read_printed
from gradcli.suite.executors import Waiting, silently
from gradcli.suite.executors.worker import Task, apart, read_frame, write_frame
from gradcli.suite.perform import Answer, Check, Wants

_MOST_SECONDS_TO_START = 60.0
_LOOK = 1.0  # seconds between two looks at who is alive; an answer is noticed at once
# The worker's path is ours, not that of a process started in the current folder.
_START = (
    "import sys; numbers = map(int, sys.argv[1:4]); sys.path[:] = sys.argv[4:]; del sys.argv[1:]; "
    "from gradcli.suite.executors.worker import main; main(*numbers)"
)


class Processes:
    """So many workers, started when they are needed; a check that ends its worker takes nobody along."""

    def __init__(
        self, workers: int, wants: Wants, *, timeout: float | None = None, isolate: bool = False
    ) -> None:
        """timeout: seconds for each check, and for opening its target; isolate: a new process for each."""
        self.capacity = 2 * workers  # none waits while the last answer is looked at
        self.waiting: Waiting = silently
        self._workers = workers
        self._wants = wants
        self._timeout = timeout
        self._isolate = isolate
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._queued: deque[tuple[int, Task]] = deque()
        self._busy: dict[_Worker, tuple[int, Check]] = {}
        self._idle: list[_Worker] = []

    def submit(self, ticket: int, check: Check, *, look: bool) -> None:
        self._queued.append((ticket, Task(check, look)))
        self._feed()

    def next(self) -> tuple[int, Answer]:
        while True:
            try:
                message = self._messages.get(timeout=self._patience())
            except queue.Empty:
                if (found := self._overdue()) is not None:
                    self._feed()
                    return found
                self.waiting(self.under_way())
                continue
            answer = self._read(message)
            if answer is not None:
                self._feed()
                return answer

    def under_way(self) -> list[str]:
        return [check.id for _, check in self._busy.values()]

    def close(self) -> None:
        for worker in (*self._busy, *self._idle):
            worker.stop()
        self._queued.clear()
        self._busy.clear()
        self._idle.clear()

    def _feed(self) -> None:
        """Give what is queued to whoever has nothing to do."""
        while self._queued and len(self._busy) < self._workers:
            while self._idle and self._idle[-1].has_ended:  # something outlived its check there, and ended it
                self._idle.pop().stop()
            worker = self._idle.pop() if self._idle else self._started()
            ticket, task = self._queued.popleft()
            self._busy[worker] = ticket, task.check
            worker.give(task, self._timeout)
        if self._isolate and self._queued and not self._idle:
            self._idle.append(self._started())  # ready when it is needed

    def _started(self) -> "_Worker":
        try:
            return _Worker(self._wants, self._messages)
        except OSError as error:
            raise UsageError(f"no process can be started for a check: {error.strerror}") from error

    def _read(self, message: "_Message") -> tuple[int, Answer] | None:
        """The answer in a message, if there is one in it."""
        worker = message.worker
        if message.data == b"":
            worker.restart_clock(self._timeout)
            return None
        if worker not in self._busy:
            return None  # it was stopped, or has ended since its answer
        ticket, check = self._busy.pop(worker)
        if message.data is None:
            return ticket, lost.ended(check, worker.end(), worker.last_words)
        answer: Answer = pickle.loads(message.data)
        if self._isolate:
            worker.stop()
        else:
            self._idle.append(worker)
        return ticket, answer

    def _patience(self) -> float:
        now = time.monotonic()
        return max(0.0, min([_LOOK, *(worker.deadline - now for worker in self._busy)]))

    def _overdue(self) -> tuple[int, Answer] | None:
        """What to say of a worker that has been busy for too long, or is dead and left its pipe open."""
        for worker, (ticket, check) in self._busy.items():
            died = worker.is_dead_and_silent()
            if died or (worker.deadline <= time.monotonic() and not worker.has_said_more()):
                del self._busy[worker]
                if died or self._timeout is None:
                    return ticket, lost.ended(check, worker.stop(), worker.last_words)
                worker.abort()
                return ticket, lost.overdue(check, self._timeout, worker.last_words)
        return None


class _Worker:
    """A process that performs one check at a time."""

    def __init__(self, wants: Wants, messages: "queue.SimpleQueue[_Message]") -> None:
        python = [sys.executable, *(f"-W{option}" for option in sys.warnoptions)]
        self.last_words = lost.LastWords()
        self._stack, self._printed = (_nameless() for _ in range(2))
        numbers, passed = apart([self._stack, self._printed])
        self._process = subprocess.Popen(
            [*python, "-c", _START, *map(str, (os.getpid(), *numbers, *sys.path))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **passed,
        )
        self.deadline = time.monotonic() + _MOST_SECONDS_TO_START
        self._seen_dead = False
        self._ready = False
        self._send(pickle.dumps(wants))
        threading.Thread(target=self._listen, args=(messages,), daemon=True).start()

    def give(self, task: Task, timeout: float | None) -> None:
        if self._ready:
            self._start_clock(timeout)
        self._send(pickle.dumps(task))

    def restart_clock(self, timeout: float | None) -> None:
        """It is ready for a check, or has opened its target: no time of the check itself."""
        self._ready = True
        self._start_clock(timeout)

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def is_dead_and_silent(self) -> bool:
        """Whether it had ended when this was asked before, and nothing was heard of it since.

        Usually the end of its pipe tells; not if something that it started holds the pipe open.
        """
        before, self._seen_dead = self._seen_dead, self.has_ended
        return before

    def has_said_more(self) -> bool:
        """Whether there is something to read of it: on a busy machine this process may be late."""
        if sys.platform == "win32":  # which tells it of sockets alone
            return False
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # it was closed at its end, and that is told next
            return bool(select.select([self._process.stdout], [], [], 0)[0])
        return False

    def end(self) -> int:
        """The code with which it ends now that it has closed its pipe."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_LOOK)
        return self.stop()

    def abort(self) -> None:
        """End it so that it tells where it was."""
        if sys.platform != "win32":  # which has no such signal
            self._process.send_signal(signal.SIGABRT)
        self.end()

    def stop(self) -> int:
        """End it, with all that it has started; the code with which it ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with self._stack, self._printed:
            self.last_words = lost.LastWords(read_printed(self._stack), read_printed(self._printed))
        return code

    def _start_clock(self, timeout: float | None) -> None:
        self.deadline = float("inf") if timeout is None else time.monotonic() + timeout

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: that is noticed where its answer is awaited
            write_frame(self._process.stdin, data)

    def _listen(self, messages: "queue.SimpleQueue[_Message]") -> None:
        """Pass on what it writes, and None at the end."""
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while (data := read_frame(stream)) is not None:
                messages.put(_Message(self, data))
        messages.put(_Message(self, None))


def _nameless() -> IO[bytes]:
    """A file that is gone when it is closed."""
    return tempfile.TemporaryFile(buffering=0)


class _Message(NamedTuple):
    worker: _Worker
    data: bytes | None
