"""What each line of the user's code leaves behind, seen while it runs: nothing is rewritten for that."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.blame import tensors
from gradcli.executed import traced

Place = tuple[str, int]

RETURN = "return"
_MOST = 4000  # steps of one call that are kept
_LARGEST = 100_000  # elements of a value that is looked at
_FEW = 32  # members of a container that are looked at
_DEPTH = 2


@dataclass(frozen=True, eq=False)
class Step:
    """A value that a line gave to a name, or changed in place; or what a function returned."""

    file: str
    line: int
    name: str  # `dx`, `grads['x']`, `self.dW`, "return", "return[0]"
    value: Array | None  # None: what is returned is no array
    code: CodeType
    is_argument: bool = False  # it was there when the function was called


def steps(call: Callable[[], Any], folder: Path) -> tuple[list[Step], Any]:
    """The steps of the code in a folder while something is called, in order of time, and what that returns.

    What the code raises propagates. Cost: that of the call, many times over in loops of plain Python.
    """
    watch = _Watch(folder)
    with traced(watch.trace):
        result = call()
    return watch.steps, result


class _Watch:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        self._near: dict[str, bool] = {}
        self._lines: dict[FrameType, int] = {}
        self._seen: dict[FrameType, dict[str, object]] = {}

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if file not in self._near:
            self._near[file] = Path(file).parent == self.folder
        if not self._near[file] or len(self.steps) > _MOST or event == "exception":
            return self.trace if self._near[file] else None
        self._note(frame, is_argument=event == "call")
        self._lines[frame] = frame.f_lineno
        if event == "return":
            found: dict[str, Array | None] = dict(arrays_in(RETURN, argument))
            if isinstance(argument, tuple | list):
                found |= {f"{RETURN}[{i}]": None for i, one in enumerate(argument) if one is None}
            for name, value in (found or {RETURN: None}).items():
                left = None if value is None else value.copy()  # a generator's may be filled later on
                self.steps.append(Step(file, frame.f_lineno, name, left, frame.f_code))
            self._lines.pop(frame, None)
            self._seen.pop(frame, None)
        return self.trace

    def _note(self, frame: FrameType, *, is_argument: bool) -> None:
        """What has changed since this frame was looked at is put down to the line that it was at."""
        seen = self._seen.setdefault(frame, {})
        line = self._lines.get(frame, frame.f_lineno)
        for local, held in list(frame.f_locals.items()):
            for name, value in arrays_in(local, held):
                key = value.dtype, value.shape, value.tobytes()
                if seen.get(name) != key:
                    seen[name] = key
                    file = frame.f_code.co_filename
                    self.steps.append(Step(file, line, name, value.copy(), frame.f_code, is_argument))


def first_change(call: Callable[[], Any], watched: Callable[[], list[Array]], folder: Path) -> Place | None:
    """The line of the code in a folder after which some arrays are not what they were."""
    before = [array.tobytes() for array in watched()]
    running: Place | None = None  # whatever happens until the next event, happens there
    found: Place | None = None

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        del argument
        nonlocal running, found
        if Path(frame.f_code.co_filename).parent != folder:
            return None
        if found is None and running and [array.tobytes() for array in watched()] != before:
            found = running
        at: FrameType | None = frame.f_back if event == "return" else frame
        running = None if at is None else (at.f_code.co_filename, at.f_lineno)
        return trace

    with traced(trace):
        call()
    return found


def arrays_in(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Array]]:
    """The numbers in a value: an array, a float, a tensor; those in containers and in objects of a class."""
    if isinstance(value, np.ndarray | np.floating | float):
        array: Array | None = np.asarray(value)
    else:
        array = tensors.read(value)
    if array is not None:
        if array.dtype.kind in "fc" and array.size <= _LARGEST:
            yield name, array
        return
    if depth >= _DEPTH:
        return
    if isinstance(value, Mapping):
        for key in list(value)[:_FEW]:
            yield from arrays_in(f"{name}[{key!r}]", value[key], depth + 1)
    elif isinstance(value, tuple | list):
        for i, one in enumerate(value[:_FEW]):
            yield from arrays_in(f"{name}[{i}]", one, depth + 1)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        for attribute, one in list(vars(value).items())[:_FEW]:
            yield from arrays_in(f"{name}.{attribute}", one, depth + 1)
