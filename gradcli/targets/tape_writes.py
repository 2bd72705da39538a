"""Which lines of an engine give its values their gradients, seen while its backward runs."""

import ast
import linecache
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.executed import traced
from gradcli.targets.tape_engine import Engine

# What hands a gradient on that somebody else has computed.
_HANDS_ON = re.compile(
    r"accum|broadcast|add_?grad|grad_?add|set_?grad|update|unreduce|reduce_|sum_to|as_|ensure|to_"
    r"|^(_?_?call_?_?|wrapp(er|ed)|inner|decorated|apply|__\w+__)$"
)
_MOST = 3  # lines that are told

Place = tuple[str, int]
Told = tuple[str, int, int | None]  # file, line, and which of several values


class Writes:
    """The gradients of some values, and the lines that they come from."""

    def __init__(self, engine: Engine, values: Sequence[Any], out: Any) -> None:
        self.engine = engine
        self.values = values
        self._out = out
        self.gradients: list[Array | None] = [None] * len(values)
        self.lines: list[list[Told]] = [[] for _ in values]
        driver = engine.cls.backward  # type: ignore[attr-defined]
        self._driver = driver.__code__
        self._folder = Path(self._driver.co_filename).parent
        self.flowing: set[Place] = set()  # lines that run from the first gradient on
        self._near: dict[str, bool] = {}
        self._seen = [self._key(value) for value in values]
        # Where what happens until the next event happens: a frame, and the line at which it stands.
        self._running: tuple[FrameType | None, int] = None, 0
        self._returned: tuple[Place, Any] | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch, in this thread, what the code of the engine's folder does."""
        try:
            with traced(self._trace):
                yield
        finally:
            self._settle()

    def told(self, number: int) -> tuple[str, str, int | None]:
        """What was added up to a gradient, and file and line of its last part."""
        places = self.lines[number]
        if not places:
            return "", "", None
        texts = list(dict.fromkeys(_text(*place) for place in places))
        more = " + ..." if len(texts) > _MOST else ""
        return " + ".join(texts[:_MOST]) + more, *places[-1][:2]

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if file not in self._near:
            self._near[file] = Path(file).parent == self._folder
        if not self._near[file]:
            return None
        self._settle()
        if self.flowing:
            self.flowing.add((file, frame.f_lineno))
        self._running = frame, frame.f_lineno
        if event == "return":
            if frame.f_code is not self._driver and not _HANDS_ON.search(frame.f_code.co_name):
                self._returned = (file, frame.f_lineno), argument
            back = frame.f_back
            self._running = back, 0 if back is None else back.f_lineno
        return self._trace

    def _settle(self) -> None:
        """Put what has changed since the last event down to the line that was running."""
        for number, value in enumerate(self.values):
            key = self._key(value)
            if key == self._seen[number]:
                continue
            self._seen[number] = key
            found = self.engine.gradient(value)
            if found is None:
                continue  # it is freed
            if not self.flowing and self._running[0] is not None:
                self.flowing.add((self._running[0].f_code.co_filename, self._running[1]))
            before, now = self.gradients[number], np.array(found, dtype=np.float64)
            self.gradients[number] = now
            place = self._place(value is self._out)
            if place is None or not now.any():
                continue
            part = now if before is None or before.shape != now.shape else now - before
            told = (*place, self._which(part))
            if told not in self.lines[number]:
                self.lines[number].append(told)

    def _place(self, is_out: bool) -> Place | None:
        """The line that computed what is written now: it may have been handed on."""
        frame, line = self._running
        while frame is not None and frame.f_code is not self._driver:
            if not _HANDS_ON.search(frame.f_code.co_name):
                return frame.f_code.co_filename, line
            frame = frame.f_back
            line = 0 if frame is None else frame.f_lineno
        if self._returned is not None and not is_out:
            return self._returned[0]
        return None if frame is None else (frame.f_code.co_filename, line)

    def _which(self, part: Array) -> int | None:
        """Which of several values that were returned this is."""
        given = None if self._returned is None else self._returned[1]
        if not isinstance(given, tuple | list):
            return None
        same = [i for i, one in enumerate(given) if np.shape(one) == part.shape and np.allclose(one, part)]
        return same[0] if same else None

    def _key(self, value: Any) -> Any:
        """What tells one gradient from another."""
        try:
            found = self.engine.gradient(value)
        except Exception:
            return None
        return found.tobytes() if isinstance(found, np.ndarray) else found


def _text(file: str, line: int, which: int | None) -> str:
    """What a line gives away: the value of an assignment, of a return or of a lambda; else the line."""
    text = linecache.getline(file, line).strip()
    value = _value(text)
    if value is None:
        return text.rstrip(",")
    if isinstance(value, ast.Tuple) and which is not None and which < len(value.elts):
        value = value.elts[which]
    made = [part.body for part in ast.walk(value) if isinstance(part, ast.Lambda)]
    return ast.unparse(made[0] if len(made) == 1 else value)


def _value(text: str) -> ast.expr | None:
    for tried in (text, text.rstrip(",")):
        try:
            (statement,) = ast.parse(tried).body
        except (SyntaxError, ValueError):
            continue
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            return statement.value
    return None
