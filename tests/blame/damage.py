"""Damaged pairs of the staged corpus, and their checks."""

import linecache
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

import gradcli
from gradcli.result import CheckResult
from tests.blame.slips import SHAPES

_TEXT = Path(__file__).with_name("staged.py").read_text(encoding="utf-8")


def damaged(pair: str, old: str, new: str) -> tuple[str, int]:
    """The source with one edit in a pair, and the line that it stands on."""
    start = _TEXT.index(f"class {pair}:" if pair[0].isupper() else f"def {pair}_backward")
    place = _TEXT.index(old, start)
    return _TEXT[:place] + new + _TEXT[place + len(old) :], _TEXT[:place].count("\n") + 1


def damage(pair: str, old: str, new: str) -> tuple[str, set[int]]:
    """The source with one edit in a pair, and the lines that it changes."""
    source, line = damaged(pair, old, new)
    return source, {line + offset for offset in changed_lines(old, new)}


def changed_lines(old: str, new: str) -> range:
    """Offsets of the lines in the new text that differ from the old one."""
    before, after = old.split("\n"), new.split("\n")
    same = [a == b for a, b in zip(before, after, strict=False)]
    first = same.index(False) if False in same else min(len(same), len(after) - 1)
    return (
        range(first, len(after))
        if len(before) != len(after)
        else range(first, len(same) - same[::-1].index(False))
    )


def check_damaged(pair: str, source: str, file: str, **settings: Any) -> CheckResult:
    """Check a pair of a source that need not be in a file."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    code: CodeType = compile(source, file, "exec")
    namespace: dict[str, Any] = {"__name__": "staged"}
    exec(code, namespace)
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    if pair[0].isupper():
        layer = namespace[pair]()
        forward, backward = layer.forward, layer.backward
    else:
        forward, backward = namespace[f"{pair}_forward"], namespace[f"{pair}_backward"]
    rng = np.random.default_rng(7)
    inputs = {name: rng.standard_normal(shape) for name, shape in SHAPES[pair].items()}
    return gradcli.check(forward, backward, inputs=inputs, **settings)
