"""JSON documents whose lists may be long: they are written entry by entry."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def listed(name: str) -> str:
    """What stands in a document for the list of that name. No id has a NUL in it."""
    return f"\0{name}"


def streamed(document: Any, lists: Mapping[str, Iterable[object]]) -> Iterator[str]:
    """The pieces of an indented document; lists: in the order in which it has them."""
    rest = _dumped(document)
    for name, entries in lists.items():
        before, _, rest = rest.partition(_dumped(listed(name)))
        yield before
        line = before.rpartition("\n")[2]
        yield from _entries(entries, "\n" + " " * (len(line) - len(line.lstrip())))
    yield f"{rest}\n"


def _entries(entries: Iterable[object], margin: str) -> Iterator[str]:
    """margin: the start of a line at which the list ends."""
    opening = "["
    for entry in entries:
        yield f"{opening}{margin}  " + _dumped(entry).replace("\n", f"{margin}  ")
        opening = ","
    yield "[]" if opening == "[" else f"{margin}]"


def _dumped(value: object) -> str:
    return json.dumps(value, indent=2, allow_nan=False)
