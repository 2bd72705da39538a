"""Shapes that a docstring or an annotation states: `- x: inputs, of shape (N, D)`, `Float[Array, "n d"]`."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from gradcli.targets.advice import usual_constant
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.inference.guess import Drawn

_JAXTYPING = re.compile(r"(Float|Int|Integer|Bool|UInt)\w*\[.*?[\"']([^\"']*)[\"']\]")
_PARENTHESES = re.compile(r"\(([^()]*)\)")
_LENGTH = r"(?:\d+|[A-Za-z](?:_\w+|\d)?|(?:num|n)_\w+)"
_PRODUCT = re.compile(rf"(?<![\w.]){_LENGTH}(?:\s*[x\u00d7]\s*{_LENGTH})+(?![\w.])")  # `N x D`, `Nx3`
_BRACKETS = re.compile(r"\[([^\[\]]*,[^\[\]]*)\]")
_DIMENSION = re.compile(r"\d+|[A-Za-z_][\w ]*|\d*\w+(\s*[*+]\s*\d*\w+)*")
_SCALAR = re.compile(r"\bscalar\b", re.IGNORECASE)
_BOUND = re.compile(r"<\s*([A-Za-z]\w*)")
_INTEGERS = re.compile(r"labels?|ind(ex|ices)|integers?|\bints?\b|class(es)?\b", re.IGNORECASE)
_BEHIND = r"(?<![\w.])`*{}`*(?::|,|,? of shape|,? with shape|:? shape)?\s+\(([^()]*)\)"
_WHOLE = re.compile(
    r"\W*(of |as |are )?(integers?|ints?|labels?|ind(ex(es)?|ices)|class(es)?|0 (and|or) 1)\b"
)
_ONE_HOT, _CLASSES = re.compile(r"one_?hot"), re.compile(r"[CK]|(n_|num_|number_of_)?classes")
_OF_TWO = re.compile(r"\b0 (and|or) 1\b")
_INTEGER_NAMES = re.compile(r"y|t|labels?|targets?|idx|ind(ex|ices)|ids|tokens|captions|y_?true")


def by_docstring(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Drawn]:
    """The arguments whose shapes the docstring states."""
    text = inspect.getdoc(function) or ""
    found = {}
    for name, told in _paragraphs(text, names).items():
        told = _before_another(told, [other for other in names if other != name])
        axes = _stated(told)
        if axes is not None:
            found[name] = _of_kind(name, axes, told)
        elif _SCALAR.search(told) and usual_constant(name) is None:
            found[name] = Drawn(())
    return _in_passing(text, names) | found


def _stated(told: str) -> tuple[str, ...] | None:
    """The shape that a text states: `(N, D)`, `N x D`, `[N, D]`; None if there is none."""
    found = [(match.start(), match[1]) for match in _PARENTHESES.finditer(told)]
    found += [
        (match.start(), re.sub(r"\s*[x\u00d7]\s*", ", ", match[0])) for match in _PRODUCT.finditer(told)
    ]
    found.sort()
    texts = [text for _, text in found] + [match[1] for match in _BRACKETS.finditer(told)]
    return next((axes for text in texts if (axes := _axes(text)) is not None), None)


def _before_another(told: str, others: Sequence[str]) -> str:
    """What is said of an argument, up to where the shape of another one is stated: `log scales. X (N, D)`."""
    starts = [
        match.start()
        for other in others
        if (match := re.search(_BEHIND.format(re.escape(other)), told)) is not None
    ]
    return told[: min(starts, default=len(told))]


def _in_passing(text: str, names: Sequence[str]) -> dict[str, Drawn]:
    """The arguments whose shapes stand behind their names: `emissions: (T, K); tags (T,) integers`."""
    found = {}
    listed = "|".join(map(re.escape, names))
    for name in names:
        # `mu, logvar, eps (N, K)` is about each of the three.
        several = rf"{re.escape(name)}(?:`*(?:,|,?\s+and)\s+`*(?:{listed})(?!\w))*"
        match = re.search(_BEHIND.format(several), text)
        axes = _axes(match[1]) if match is not None else None
        if match is not None and axes is not None:
            told = re.split(r"[;.(]|,\s+\w+\s*:?\s*\(", text[match.end() :])[0]
            drawn = _of_kind(name, axes, told)
            is_index = drawn.kind == "normal" and _WHOLE.match(told) is not None
            found[name] = Drawn(axes, "int", "2" if _OF_TWO.search(told) else "C") if is_index else drawn
    return found


def by_annotation(function: Callable[..., Any]) -> dict[str, Drawn]:
    """The arguments with an annotation of jaxtyping's kind."""
    found = {}
    for parameter in parameters_of(function) or ():
        match = _JAXTYPING.search(str(parameter.annotation))
        if match is not None and "..." not in match[2] and "*" not in match[2]:
            axes = tuple(re.sub(r".*=", "", axis) for axis in match[2].split())
            kind = {"Float": "normal", "Bool": "bool"}.get(match[1], "int")
            found[parameter.name] = Drawn(axes, kind)
    return found


def annotation_of(function: Callable[..., Any], name: str) -> str:
    """A plain type's name, such as `float`; "" for anything else."""
    for parameter in parameters_of(function) or ():
        if parameter.name == name and parameter.annotation is not parameter.empty:
            annotation = parameter.annotation
            return annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", ""))
    return ""


def _paragraphs(text: str, names: Sequence[str]) -> dict[str, str]:
    """What the docstring says about each argument, up to the next."""
    listed = "|".join(map(re.escape, names))
    if not listed:
        return {}
    starts = list(
        re.finditer(rf"^[ \t]*[-*:]*\s*(?:param\s+)?`*({listed})`*\s*(?:--|[:(=-])", text, re.MULTILINE)
    )
    found: dict[str, str] = {}
    for match in starts:
        bullet = text[match.start() : match.start(1)].rpartition("\n")[2]
        # The next entry may be of an argument that nobody asked about.
        end = rf"\n\s*\n|^\s*Returns?\b|^{re.escape(bullet)}\w+`*\s*(?:--|[:(=-])"
        told = re.split(end, text[match.end(1) :], flags=re.MULTILINE)[0]
        found.setdefault(match[1], told)
    return found


def _axes(text: str) -> tuple[str, ...] | None:
    """`N, D`, `D, 4H`, `number of examples, 1` as axes; None for what is no shape."""
    parts = [part.strip() for part in text.split(",")]
    if "..." in text or not parts[0]:
        return None
    parts = [part for part in parts if part]
    if not all(_DIMENSION.fullmatch(part) for part in parts):
        return None
    if len(parts) == 1 and "," not in text:
        return None  # a remark in parentheses
    return tuple(_symbol(part) for part in parts)


def _symbol(text: str) -> str:
    """A dimension as an expression: `4H` is `4*H`, `size of the current layer` is one symbol."""
    if " " not in text or re.search(r"[*+]", text):
        return re.sub(r"(?<![\w.])(\d+)([A-Za-z_])", r"\1*\2", re.sub(r"\s", "", text))
    return re.sub(r"\W+", "_", re.sub(r"\bthe\b", "", text).strip())


def _of_kind(name: str, axes: tuple[str, ...], told: str) -> Drawn:
    if _ONE_HOT.search(name.lower()) and len(axes) == 2:
        return Drawn(axes, "onehot_columns" if _CLASSES.fullmatch(axes[0]) else "onehot")
    if "bool" in told.lower() or name.lower().endswith("mask"):
        return Drawn(axes, "bool")
    if _INTEGER_NAMES.fullmatch(name.lower()) and (_INTEGERS.search(told) or _BOUND.search(told)):
        bound = _BOUND.search(told)
        return Drawn(axes, "int", bound[1] if bound else "C" if re.search(r"\bC\b", told) else "2")
    if name.lower() in ("gamma", "scale", "var", "variance") or re.search(r"\bpositive\b", told):
        return Drawn(axes, "near1")
    if re.search(r"\bprobabilit(y|ies)\b", told):
        return Drawn(axes, "unit")
    return Drawn(axes)
