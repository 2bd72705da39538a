"""Checks on an existing Dask cluster, for whoever outgrows one machine.

Its workers have gradcli and the code under test, at the same paths. The check of a worker that dies goes to
another one; a check that takes several workers with it fails.
"""

import logging
import os
import pickle
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcli.errors import UsageError
from gradcli.suite import lost
from gradcli.suite.executors import Waiting, silently
from gradcli.suite.executors.worker import Task
from gradcli.suite.outcome import Outcome
from gradcli.suite.perform import Answer, Check, Performer, Wants
from gradcli.suite.portable import dumped

if TYPE_CHECKING:
    from distributed import Client, Future

_SECONDS_TO_CONNECT = 10
_SECONDS_WITHOUT_WORKERS = 60.0
_LOOK = 1.0  # seconds between two looks at the cluster; an answer is noticed at once
_PER_WORKER = 2  # checks under way, so that none waits for us

# One check at a time in each process: what it prints and its random numbers are the process's.
_ONE_AT_A_TIME = threading.Lock()


class Dask:
    """Gives checks to the workers of a scheduler."""

    def __init__(self, scheduler: str, wants: Wants) -> None:
        """Raises UsageError if distributed is not installed, or the cluster cannot be reached."""
        self._scheduler = scheduler
        self._wants = pickle.dumps(wants)
        self._client = _connected(scheduler)
        self.waiting: Waiting = silently
        self.capacity = _PER_WORKER * len(self._workers())
        self._done: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._under_way: dict[int, tuple[Check, Future]] = {}
        self._seen_workers = time.monotonic()

    def submit(self, ticket: int, check: Check, *, look: bool) -> None:
        task = pickle.dumps(Task(check, look))
        future = self._client.submit(perform, task, self._wants, str(Path.cwd()), pure=False)
        self._under_way[ticket] = check, future
        future.add_done_callback(lambda _: self._done.put(ticket))

    def next(self) -> tuple[int, Answer]:
        while True:
            try:
                ticket = self._done.get(timeout=_LOOK)
            except queue.Empty:
                if self._is_deserted():
                    ticket, (check, _) = next(iter(self._under_way.items()))
                    del self._under_way[ticket]
                    message = f"--scheduler {self._scheduler}: has no workers any more"
                    return ticket, Outcome(check.id, error=UsageError(message))
                self.waiting(self.under_way())
                continue
            if ticket in self._under_way:
                check, future = self._under_way.pop(ticket)
                return ticket, self._answer(check, future)

    def under_way(self) -> list[str]:
        return [check.id for check, _ in self._under_way.values()]

    def close(self) -> None:
        self._client.cancel([future for _, future in self._under_way.values()], force=True)
        self._under_way.clear()
        self._client.close()

    def _answer(self, check: Check, future: "Future") -> Answer:
        from distributed import KilledWorker

        try:
            answer: Answer = pickle.loads(future.result())
        except KilledWorker as error:
            return lost.killed(check, str(error))
        except Exception as error:  # of the cluster: what the check raises is in its outcome
            message = f"--scheduler {self._scheduler}: {type(error).__name__}: {error}"
            return Outcome(check.id, error=UsageError(message))
        return answer

    def _workers(self) -> dict[str, Any]:
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _is_deserted(self) -> bool:
        """Whether there has been no worker for so long that none can be expected."""
        now = time.monotonic()
        if self._workers():
            self._seen_workers = now
        return now - self._seen_workers > _SECONDS_WITHOUT_WORKERS


def perform(task: bytes, wants: bytes, folder: str) -> bytes:
    """Run on a worker: a check, from the folder in which gradcli was started."""
    check, look = pickle.loads(task)
    wanted: Wants = pickle.loads(wants)
    with _ONE_AT_A_TIME:
        before = Path.cwd()
        os.chdir(folder)
        try:
            performer = Performer(wanted)
            return dumped(performer.look(check) if look else performer.perform(check), nodes=wanted.nodes)
        finally:
            os.chdir(before)


def _connected(scheduler: str) -> "Client":
    try:
        from distributed import Client
        from distributed.comm.addressing import parse_address
        from distributed.comm.registry import get_backend
    except ImportError:
        raise UsageError(
            "--executor dask: distributed is not installed. Run: pip install 'gradcli[dask]'"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said by us
    try:
        get_backend(parse_address(scheduler)[0])  # a client that fails at this is never quite closed
        client = Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"--scheduler {scheduler}: cannot be reached: {error}".splitlines()[0]) from error
    try:
        client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
    except TimeoutError:
        client.close()
        raise UsageError(f"--scheduler {scheduler}: has no workers") from None
    return client
