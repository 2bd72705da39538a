"""Whether a printed diagnosis is true: what it says is done to the damaged source, which must then be right.

It is done where the diagnosis was not made: at other random inputs, of other sizes where the pair takes them.
A path that is said to be missing is cut in forward instead, and the gradients that were wrong must be right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

import gradcli
from gradcli.result import FAIL
from tests.corpus import reference
from tests.corpus.case import Bug, Layer, build, inputs_for

Shapes = dict[str, tuple[int, ...]]

NOTHING = re.compile(r"no single change explains it|no change was found in time")

_CHANGED = re.compile(r"with `(?P<new>.*)` in place of `(?P<old>.*)` everything is right", re.DOTALL)
_WITHOUT = re.compile(r"without `(?P<old>.*)` everything is right", re.DOTALL)
_SCALED = re.compile(
    r"(?:a constant factor|a factor is missing): (?P<old>.*) must be multiplied by (?P<by>.+?)"
    r"(?: \((?P<number>[-\d.e+]+)\))?"
    r"(?:, where (?P<size>\d+) is the "
    r"(?:length of axis (?P<axis>\d+)|(?P<all>number of elements)) of (?P<of>\w+))?$",
    re.DOTALL,
)
_GROWN = re.compile(r"(?:missing|ignored): (?P<new>.*) is right$", re.DOTALL)
_INSTEAD = re.compile(r"a wrong tensor: (?P<new>\w+) of forward is right in place of (?P<old>.*)$", re.DOTALL)
_PATH = re.compile(
    r"the path(?: of (?P<name>[\w.]+) (?:through line (?P<line>\d+)|from pass to pass))? "
    r"is (?:missing|counted once too often) in "
)


def said(diagnosis: str) -> str:
    """The part of a diagnosis that says what kind of mistake it is; empty if none was found."""
    parts = diagnosis.split("everything it is computed from is right; ")
    return "" if NOTHING.search(diagnosis) or diagnosis.endswith("computed from is right") else parts[-1]


@dataclass(frozen=True, eq=False)
class Trial:
    """Inputs at which a source is run, and how its two functions are found in it."""

    inputs: Mapping[str, Any]
    pair: Callable[[Mapping[str, Any]], tuple[Callable[..., Any], Callable[..., Any]]]
    module: str
    constants: Mapping[str, Any] = field(default_factory=dict)


def is_true(layer: Layer, bug: Bug, diagnosis: str, line: int, wrong: Sequence[str]) -> bool:
    """Whether a diagnosis of a bug of the corpus, at a line, for these gradients, is true."""
    here = _shapes(inputs_for(layer, "default", 0))
    trials = (_trial(other) for other in _elsewhere(layer))
    return holds(diagnosis, line, wrong, build(layer, bug).source, build(layer).source, here, trials)


def holds(
    diagnosis: str,
    line: int,
    wrong: Sequence[str],
    damaged: str,
    right: str,
    here: Shapes,
    trials: Iterable[Trial],
) -> bool:
    """Whether a diagnosis of a damaged source is true in one of the trials.

    here: the shapes at which it was made.
    """
    text, original = said(diagnosis), ast.dump(ast.parse(right))
    if "forward does not change with it" in text:
        return True  # it was measured, and is no advice
    if "is the same for another one" in text:
        return True  # it was tried with another cotangent when it was printed
    lost = _PATH.search(text)
    for trial in trials:
        for source in _done(text, line, damaged, here, _shapes(trial.inputs)):
            if _same(source, original) or _holds(trial, source, ()):
                return True
        twice = "counted once too often" in text
        if lost is not None and any(_holds(trial, s, wrong) for s in _cut(lost, damaged, twice)):
            return True
        if "where" in text:
            break  # a size was named: it must be the right one
    return False


def _trial(layer: Layer) -> Trial:
    def pair(namespace: Mapping[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
        return namespace[f"{layer.name}_forward"], namespace[f"{layer.name}_backward"]

    module = f"tests.corpus.pairs.{layer.module}"
    return Trial(inputs_for(layer, "default", 1), pair, module, layer.constants)


def _same(source: str, tree: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) == tree
    except SyntaxError:
        return False


def _shapes(inputs: Mapping[str, Any]) -> Shapes:
    return {name: array.shape for name, array in inputs.items()}


def _elsewhere(layer: Layer) -> Iterator[Layer]:
    """The layer with other sizes if it takes them, and as it is."""
    for by in (1, 2):
        grown = replace(layer, dims={name: size + by for name, size in layer.dims.items()})
        try:
            right = _holds(_trial(grown), build(layer).source, ())
        except Exception:
            right = False
        if right:
            yield grown
            break
    yield layer


def _holds(trial: Trial, source: str, names: Sequence[str]) -> bool:
    """Whether a source is right for some gradients; none named: for all."""
    namespace: dict[str, Any] = {"__name__": trial.module}
    try:
        exec(compile(source + _KEPT, "<judged>", "exec"), namespace)
        forward, backward = trial.pair(namespace)

        def restarted(*args: Any, **constants: Any) -> Any:
            namespace["_at"] = 0
            return forward(*args, **constants)

        with reference.quiet():
            np.random.seed(0)  # noqa: NPY002  the code under test may draw from it
            restarted(*(a.copy() for a in trial.inputs.values()), **trial.constants)
            namespace["_keeps"] = False
            settings: dict[str, Any] = {"constants": dict(trial.constants), "blame": False}
            found = gradcli.check(restarted, backward, inputs=dict(trial.inputs), **settings).gradients
    except Exception:
        return False
    return bool(found) and all(found[n].verdict != FAIL for n in names or found)


_KEPT = """
_values, _at, _keeps = [], 0, True
def _kept(value):
    global _at
    if _keeps:
        _values.append(value + 0)
    _at += 1
    return _values[_at - 1] + 0
"""


def _done(text: str, line: int, source: str, shapes: Shapes, elsewhere: Shapes) -> Iterator[str]:
    """The source with what is said done to it: at each place of the line where that can be meant."""
    if found := _WITHOUT.search(text):
        yield from _replaced(source, line, found["old"], lambda _: ast.Pass())
    elif found := _CHANGED.search(text) or _INSTEAD.search(text):
        new, old = _parsed(found["new"]), found["old"]
        if new is None or _parsed(old) is None:  # a part of an index: `1:`
            yield from _rewritten(source, line, old, found["new"])
        else:
            yield from _replaced(source, line, old, partial(_put, new))
    elif found := _SCALED.match(text):
        by: Any = _parsed(_resized(found, shapes, elsewhere))
        yield from _replaced(source, line, found["old"], lambda old: ast.BinOp(old, ast.Mult(), by))
    elif found := _GROWN.search(text):
        new = _parsed(found["new"])
        if isinstance(new, ast.BinOp):
            yield from _replaced(source, line, ast.unparse(new.left), lambda _: new)


def _resized(found: re.Match[str], shapes: Shapes, elsewhere: Shapes) -> str:
    """A factor as it is for other sizes."""
    by = found["by"]
    if found["of"] and found["of"] in elsewhere:
        now, then = shapes[found["of"]], elsewhere[found["of"]]
        size = _product(then) if found["all"] else then[int(found["axis"])]
        assert int(found["size"]) == (_product(now) if found["all"] else now[int(found["axis"])])
        by = re.sub(rf"\b{found['size']}\b", str(size), by)
    return re.sub(r"√(\d+)", r"(\1 ** 0.5)", by)


def _product(shape: tuple[int, ...]) -> int:
    result = 1
    for length in shape:
        result *= length
    return result


def _parsed(text: str) -> ast.AST | None:
    """An expression or a statement; None if it is neither."""
    try:
        (statement,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return statement.value if isinstance(statement, ast.Expr) else statement


def _put(new: ast.AST, _: ast.AST) -> ast.AST:
    return new


def _rewritten(source: str, line: int, old: str, new: str) -> Iterator[str]:
    """The source with each occurrence in turn of a text on a line replaced."""
    lines = source.splitlines()
    own = lines[line - 1]
    for found in re.finditer(re.escape(old), own):
        changed = own[: found.start()] + new + own[found.end() :]
        yield "\n".join([*lines[: line - 1], changed, *lines[line:]])


def _replaced(source: str, line: int, old: str, made: Callable[[Any], ast.AST]) -> Iterator[str]:
    """The source with each part in turn replaced that reads so and stands on the line."""
    count = 0
    while True:
        tree = ast.parse(source)
        places = [place for place in _places(tree) if _is_at(place[0], line) and _reads(place[3], old)]
        if count == len(places):
            return
        parent, field, index, node = places[count]
        new = ast.copy_location(deepcopy(made(node)), node)
        if isinstance(node, ast.stmt) and isinstance(new, ast.expr):
            new = ast.Expr(new)
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new
        yield ast.unparse(ast.fix_missing_locations(tree))
        count += 1


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            for index, item in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(item, ast.AST):
                    yield parent, name, index if isinstance(value, list) else None, item


def _is_at(node: ast.AST, line: int) -> bool:
    first = getattr(node, "lineno", None)
    return first is None or first <= line <= getattr(node, "end_lineno", first)


def _reads(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.expr | ast.stmt) and ast.unparse(node) == text


def _cut(lost: re.Match[str], source: str, twice: bool) -> Iterator[str]:
    """The source with one use of a value frozen in forward, or counted twice: each that may be meant."""
    name = lost["name"] or ""
    lines = [int(lost["line"])] if lost["line"] else range(1, source.count("\n") + 2)
    kept = ast.Name("_kept", ast.Load())
    for line in lines:
        yield from _replaced(source, line, name, partial(_doubled if twice else _call, kept))


def _call(kept: ast.expr, old: ast.expr) -> ast.expr:
    return ast.Call(kept, [old], [])


def _doubled(kept: ast.expr, old: ast.expr) -> ast.expr:
    """Twice a value less the value as it was: the same number, and twice the path."""
    return ast.BinOp(ast.BinOp(ast.Constant(2), ast.Mult(), old), ast.Sub(), _call(kept, old))
