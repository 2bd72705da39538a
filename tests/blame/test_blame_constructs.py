"""Code of every kind is read, or said not to be; with taps in it, it gives the same bits."""

from inspect import iscoroutinefunction
from types import FunctionType

import numpy as np
import pytest

from gradcli import check_target
from gradcli.blame.taps import tap
from gradcli.blame.trace import Recording
from tests.blame import constructs

pytestmark = pytest.mark.usefixtures("folder")

SAME = [
    function
    for function in vars(constructs).values()
    if isinstance(function, FunctionType)
    and function.__module__ == constructs.__name__
    and not function.__name__.startswith("_")
    and not iscoroutinefunction(function)
    and function.__name__ != "mutual_b"
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [number for part in value for number in _numbers(part)]
    return [np.asarray(value)]


@pytest.mark.parametrize("function", SAME, ids=lambda f: f.__name__)
def test_a_tapped_function_gives_the_same_bits_on_the_same_lines(function):
    x = np.random.default_rng(0).normal(size=(4, 3))
    wanted, tapped = _numbers(function(x.copy())), tap(function)
    recording = Recording()
    for hook in (None, recording):
        tapped.taps.hook = hook
        found = _numbers(tapped.function(x.copy()))
        assert len(found) == len(wanted)
        assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert recording.values
    made, own = tapped.function, function
    assert made.__defaults__ == own.__defaults__
    assert made.__kwdefaults__ == own.__kwdefaults__
    assert made.__globals__ is own.__globals__
    assert _lines(own) - {own.__code__.co_firstlineno} <= _lines(made)


def _lines(function):
    return {line for _, _, line in function.__code__.co_lines() if line}


FILES = {
    "crlf": (b"", "utf-8", "\r\n", "    ", ""),
    "tabs": (b"", "utf-8", "\n", "\t", ""),
    "form feeds": (b"", "utf-8", "\n", "    ", "\f"),
    "latin": (b"# -*- coding: latin-1 -*-\n", "latin-1", "\n", "  ", ""),
    "mark": (b"\xef\xbb\xbf", "utf-8", "\n", "    ", ""),
}
PAIR = """import numpy as np
{feed}
def été_forward(x):
{tab}y = x * \\
{tab}{tab}2  # é
{tab}return np.sin(y), y
{feed}
def été_backward(dout, y):
{tab}dy = dout * np.sin(y)
{feed}{tab}return dy * 2
"""


@pytest.mark.parametrize("kind", FILES)
def test_a_line_is_named_in_a_file_of_any_make(folder, kind):
    head, encoding, end, tab, feed = FILES[kind]
    text = PAIR.format(tab=tab, feed=feed)
    (folder / "pair.py").write_bytes(head + text.replace("\n", end).encode(encoding))
    blame = check_target("pair.py", inputs={"x": "4"}).blame
    assert blame.source.startswith("dy = dout")


WRAPPED = """
import functools
import numpy as np

def forward_of(k, x):
    return np.sin(x) * k, x

def backward_of(k, dout, x):
    slope = np.sin(x)
    return dout * slope * k

class Called:
    def __init__(self, function):
        self.function = function
    def __call__(self, *args):
        return self.function(*args)

class Compiled(Called):
    def __init__(self, function):
        super().__init__(function)
        self.py_func = function

def passed_on(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

def generated(dout, x):
    def parts():
        slope = np.sin(x)
        yield dout * slope * 2.0
    return next(parts())

held_forward, held_backward = functools.partial(forward_of, 2.0), functools.partial(backward_of, 2.0)
forward = lambda x: (np.sin(x) * 2.0, x)

def plain(dout, x):
    slope = np.sin(x)
    return dout * slope * 2.0

called_forward, called_backward = Called(forward), Called(plain)
compiled_forward, compiled_backward = Compiled(forward), Compiled(plain)
wrapped_forward, wrapped_backward = passed_on(forward), passed_on(plain)
yielding_forward, yielding_backward = forward, generated
native_forward, native_backward = forward, np.multiply
"""


@pytest.mark.parametrize("name", ["held", "called", "compiled", "wrapped", "yielding"])
def test_a_line_is_named_through_what_is_wrapped_around_a_function(folder, name):
    (folder / "wrapped.py").write_text(WRAPPED)
    blame = check_target(f"wrapped.py:{name}", inputs={"x": "4"}).blame
    assert blame.source == "slope = np.sin(x)"
    assert "np.cos" in blame.diagnosis


def test_what_has_no_source_in_python_is_said(folder):
    (folder / "wrapped.py").write_text(WRAPPED)
    result = check_target("wrapped.py:native", inputs={"x": "4"})
    assert result.verdict == "fail"
    assert result.blame is None
    assert "no line can be named: multiply has no source in Python (numpy.ufunc)" in result.remarks


PRIVATE = """
import numpy as np

class Layer:
    def forward(self, x):
        self.__x = x
        return self.__value(x)
    def __value(self, x):
        return np.sin(x) * 2.0
    def backward(self, dout):
        return self.__pull(dout)
    def __pull(self, dout):
        return dout * np.sin(self.__x) * 2.0
"""


def test_methods_with_two_underscores_are_followed(folder):
    (folder / "layer.py").write_text(PRIVATE)
    blame = check_target("layer.py:Layer", inputs={"x": "4"}).blame
    assert blame.source == "return dout * np.sin(self.__x) * 2.0"


def test_gradients_under_a_key_that_is_a_variable_are_found(folder):
    (folder / "layer.py").write_text(
        """
import numpy as np

class Layer:
    def __init__(self, A, B):
        self.params, self.grads = {"A": A, "B": B}, {}
    def forward(self, x):
        self.x, self.h = x, x @ self.params["A"]
        return np.sin(self.h) @ self.params["B"]
    def backward(self, dout):
        g = self.grads
        ds = dout @ self.params["B"].T
        dh = ds * np.sin(self.h)
        for name, left, right in (("A", self.x, dh), ("B", np.sin(self.h), dout)):
            g[name] = left.T @ right
        return dh @ self.params["A"].T
"""
    )
    blame = check_target("layer.py:Layer", inputs={"x": "4x3", "A": "3x5", "B": "5x2"}).blame
    assert blame.source == "dh = ds * np.sin(self.h)"
