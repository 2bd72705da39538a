"""Shapes that a function's docstring and annotations state: `x: Input data, of shape (N, D)`."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Symbols = tuple[str, ...]  # lengths as they are written: ("N", "D"), ("3", "H")

_SHAPE = r"[(\[]\s*((?:\w+|\d+\s*\*\s*\w+)(?:\s*,\s*(?:\w+|\d+\s*\*\s*\w+|\.{2,3}|…))*\s*,?)\s*[)\]]"
_ELLIPSIS = re.compile(r"\w+\s*,\s*(?:\.{2,3}|…)\s*,\s*\w+")
_ANNOTATED = re.compile(r"""\[\s*[\w.]+\s*,\s*["']([^"']+)["']\s*\]""")
_WHOLE = re.compile(r"\bint(eger)?s?\b|\bind(ices|exes)\b|\blabels?\b", re.IGNORECASE)
_LENGTH = re.compile(r"\d+|[A-Za-z]\w{0,3}|\d+\s*\*\s*\w+|num_\w+|n_\w+|batch\w*|\w+_(size|dim|features)")


def stated_shapes(functions: Iterable[Callable[..., Any]], arguments: Iterable[str]) -> dict[str, Symbols]:
    """The shape that is stated for each argument, as far as any is."""
    found: dict[str, Symbols] = {}
    for function in functions:
        text = inspect.getdoc(function) or ""
        annotations: Mapping[str, Any] = getattr(function, "__annotations__", {})
        for name in arguments:
            stated = _annotated(annotations.get(name)) or _documented(text, name)
            if stated is not None:
                found.setdefault(name, stated)
    return found


def stated_integers(functions: Iterable[Callable[..., Any]], arguments: Iterable[str]) -> set[str]:
    """The arguments whose line in a docstring says that they hold whole numbers."""
    text = "\n".join(inspect.getdoc(function) or "" for function in functions)
    found = set()
    for name in arguments:
        lines = re.search(
            rf"^[\s\-*:]*`*{re.escape(name)}`*\b[^\n]*(?:\n\s{{4,}}[^\n]*)?", text, re.MULTILINE
        )
        if lines and re.search(
            r"\bint(eger)?s?\b|\bind(ices|exes)\b|\blabels?\b", lines.group(), re.IGNORECASE
        ):
            found.add(name)
    return found


def _annotated(annotation: Any) -> Symbols | None:
    """`Float[Array, "n d"]`, as jaxtyping writes it."""
    match = _ANNOTATED.search(annotation if isinstance(annotation, str) else repr(annotation))
    return tuple(match[1].split()) if match else None


def _documented(text: str, name: str) -> Symbols | None:
    """The first shape in brackets on the line that begins with the argument, or on the next one."""
    for match in re.finditer(
        rf"^[\s\-*:]*(?:[\w ,]+,\s*)?`*{re.escape(name)}`*\b[^\n]*(?:\n[^\n]*)?", text, re.M
    ):
        for shape in re.finditer(_SHAPE, _ELLIPSIS.sub("D", match.group())):
            lengths = tuple(part.strip() for part in shape[1].split(",") if part.strip())
            if lengths and all(_LENGTH.fullmatch(length) for length in lengths):
                return lengths
    return None
