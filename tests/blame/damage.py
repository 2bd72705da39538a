"""Damaged pairs of the staged corpus, and their checks."""

import linecache
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any
from zlib import crc32

import numpy as np

import gradcli
from gradcli.result import CheckResult
from tests.blame import foreign_slips, heldout_slips
from tests.blame.slips import SHAPES

_FILES = ("staged.py", "heldout.py", "foreign.py")
_TEXTS = {name: Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _FILES}


def damaged(pair: str, old: str, new: str, file: str = "") -> tuple[str, int]:
    """The source with one edit in a pair of that or any file, and the line that the edit stands on."""
    heads = (f"class {pair}:", f"def {pair}_backward", f"def {pair}_grad", f"def {pair}(")
    texts = [_TEXTS[file]] if file else _TEXTS.values()
    head, text = next((head, text) for head in heads for text in texts if head in text)
    place = text.index(old, text.index(head))
    return text[:place] + new + text[place + len(old) :], text[:place].count("\n") + 1


def damage(pair: str, old: str, new: str, file: str = "") -> tuple[str, set[int]]:
    """The source with one edit in a pair, and the lines that it changes."""
    source, line = damaged(pair, old, new, file)
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
    return gradcli.check(*functions(pair, namespace), inputs=inputs_of(pair, 7), **settings)


def functions(pair: str, namespace: Mapping[str, Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Forward and backward: of a pair of functions, or of a class."""
    if pair[0].isupper():
        layer = namespace[pair]()
        return layer.forward, layer.backward
    return namespace[f"{pair}_forward"], namespace[f"{pair}_backward"]


def inputs_of(pair: str, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: drawn(shape, rng) for name, shape in (SHAPES | heldout_slips.SHAPES)[pair].items()}


def text_of(pair: str) -> str:
    """The source in which a pair stands, undamaged."""
    return damaged(pair, "", "")[0]


def check_foreign(target: str, source: str, **settings: Any) -> CheckResult:
    """Check a target of a source as `gradcli check FILE:TARGET` does."""
    with TemporaryDirectory() as folder:
        file = Path(
            folder, f"foreign_{crc32(source.encode()):x}.py"
        )  # a name of its own: modules stay loaded
        file.write_text(source, encoding="utf-8")
        inputs = foreign_slips.INPUTS[target]
        return gradcli.check_target(f"{file}:{target}", inputs=inputs, **settings)


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
