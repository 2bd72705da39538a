"""Damaged pairs of the staged corpus, and their checks."""

import linecache
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

import gradcli
from gradcli.result import CheckResult
from tests.blame import heldout_slips
from tests.blame.slips import SHAPES

_TEXTS = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("staged.py", "heldout.py")]


def damaged(pair: str, old: str, new: str) -> tuple[str, int]:
    """The source with one edit in a pair, and the line that it stands on."""
    head = f"class {pair}:" if pair[0].isupper() else f"def {pair}_backward"
    text = next(text for text in _TEXTS if head in text)
    place = text.index(old, text.index(head))
    return text[:place] + new + text[place + len(old) :], text[:place].count("\n") + 1


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
    inputs = {name: drawn(shape, rng) for name, shape in (SHAPES | heldout_slips.SHAPES)[pair].items()}
    return gradcli.check(forward, backward, inputs=inputs, **settings)


def drawn(shape: tuple[int, ...] | str, rng: np.random.Generator) -> Any:
    """An input: normal numbers of a shape, or what is written: `positive`, `mask 4 5`, `labels 4x3 5`."""
    if not isinstance(shape, str):
        return rng.standard_normal(shape)
    kind, *numbers = shape.split()
    if kind == "positive":
        return np.asarray(rng.uniform(0.5, 2.0))
    if kind == "mask":
        return rng.random([int(n) for n in numbers]) < 0.7
    lengths, highest = numbers
    return rng.integers(0, int(highest), [int(n) for n in lengths.split("x")])
