"""Shapes that a docstring, a comment or an annotation states: `- x: inputs, of shape (N, D)`, `# x (N, D)`,
`Float[Array, "n d"]`.
"""

import ast
import inspect
import io
import keyword
import re
import textwrap
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gradcli.called_name import called_name
from gradcli.targets.advice import usual_constant
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.remembered import remembered
from gradcli.targets.source_tree import source_tree

_JAXTYPING = re.compile(r"(Float|Int|Integer|Bool|UInt)\w*\[.*?[\"']([^\"']*)[\"']\]")
_PARENTHESES = re.compile(r"\(([^()]*)\)")
_LENGTH = r"(?:\d+|[A-Za-z](?:_\w+|\d)?|(?:num|n)_\w+)"
_PRODUCT = re.compile(rf"(?<![\w.]){_LENGTH}(?:\s*[x\u00d7]\s*{_LENGTH})+(?![\w.])")  # `N x D`, `Nx3`
_BRACKETS = re.compile(r"\[([^\[\]]*,[^\[\]]*)\]")
_DIMENSION = re.compile(r"\d+|[A-Za-z_][\w ]*|\d*\w+(\s*(?:[*+-]|//)\s*\d*\w+)*")
_SCALAR = re.compile(r"\bscalar\b", re.IGNORECASE)
_BOUND = re.compile(r"<\s*([A-Za-z]\w*)")
_INTEGERS = re.compile(r"labels?|ind(ex|ices)|integers?|\bints?\b|class(es)?\b", re.IGNORECASE)
_BEHIND = r"(?<![\w.])`*{}`*(?::|,|,? of shape|,? with shape|:? shape| is| are)?\s+\(([^()]*)\)"
_BEHIND_ALL = re.compile(
    r"\b(?:all|each|both)(?: (?:of them|inputs|arguments|arrays))?(?: are)?(?: of shape)?\s+\(([^()]*)\)",
    re.I,
)
_SCALAR_BEHIND = r"(?<![\w.])`*{}`*(?::|,)?\s+(?:(?:is|a|real|positive)\s+)*scalar\b"
_POSITIVE = re.compile(r"\bpositive\b(?!.?(semi-?)?definite)")
# `ints below V`, `ints in [0, q)`, `0 <= y[i] < C`.
_BELOW = re.compile(r"\bbelow\s+(\w+)|[\[(]\s*0\s*,\s*(\w+)\s*\)|<\s*([A-Za-z]\w*)")
_UNIT = re.compile(r"\s*(in|within|between) [\[(]\s*0(\.0*)?\s*,\s*1(\.0*)?\s*[\])]")
_WHOLE = re.compile(
    r"\W*(of |as |are )?(integers?|ints?|labels?|ind(ex(es)?|ices)|class(es)?|counts|0 (and|or) 1)\b"
    r"|\s*(in )?\{\s*0\s*,\s*1\s*\}"
)
_ONE_HOT, _CLASSES = re.compile(r"one_?hot"), re.compile(r"[CK]|(n_|num_|number_of_)?classes")
_OF_TWO = re.compile(r"\b0 (and|or) 1\b|\{\s*0\s*,\s*1\s*\}|zeros and ones")
_SQUARE = (
    ("definite", re.compile(r"\bS?PS?D\b|\bpositive[- ](semi-?)?definite\b|\bpositive semi definite\b")),
    ("symmetric", re.compile(r"\bsymmetric\b")),
)
_IN_FRONT = re.compile(r"\b(?:symmetric|S?PS?D|definite)(?:,? (?:matrix|matrices))?\s+`*$")
_PERHAPS = re.compile(r"\b(not|non|need|skew|anti|if|whether|or|part)\b", re.IGNORECASE)
_ONE_HALF = ("cholesky", "eigh", "eigvalsh", "cho_factor", "ldl")  # they read no more of a matrix
_INTEGER_NAMES = re.compile(r"y|t|labels?|targets?|idx|ind(ex|ices)|ids|tokens|captions|y_?true")


def by_docstring(function: Callable[..., Any], names: Sequence[str]) -> dict[str, Drawn]:
    """The arguments whose shapes the docstring states."""
    text = inspect.getdoc(function) or _comments(function)
    found = _of_all(function, text, names)
    for name, told in _paragraphs(text, names).items():
        told = _before_another(told, [other for other in names if other != name])
        axes, behind = _stated(told)
        if axes is not None:
            found[name] = _of_kind(name, axes, told, behind)
        elif _SCALAR.search(told) and usual_constant(name) is None:
            found[name] = Drawn(())
    return _with_halves(function, _in_passing(text, names) | found)


def _with_halves(function: Callable[..., Any], found: dict[str, Drawn]) -> dict[str, Drawn]:
    """No symmetric matrices for a function that reads one half of them: a gradient may speak of both."""
    halved = {kind for kind, _ in _SQUARE}
    if not any(guess.kind in halved for guess in found.values()):
        return found
    tree = source_tree(function)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call)) if tree is not None else ()
    if not any(called_name(call) in _ONE_HALF for call in calls):
        return found
    return {
        name: replace(guess, kind="normal") if guess.kind in halved else guess
        for name, guess in found.items()
    }


def _stated(told: str) -> tuple[tuple[str, ...] | None, str]:
    """The shape that a text states, `(N, D)`, `N x D`, `[N, D]`, and what stands behind; None for none."""
    found = [(match.start(), match.end(), match[1]) for match in _PARENTHESES.finditer(told)]
    found += [
        (match.start(), match.end(), re.sub(r"\s*[x\u00d7]\s*", ", ", match[0]))
        for match in _PRODUCT.finditer(told)
    ]
    found.sort()
    found += [(match.start(), match.end(), match[1]) for match in _BRACKETS.finditer(told)]
    shapes = ((axes, told[end:]) for _, end, text in found if (axes := _axes(text)) is not None)
    return next(shapes, (None, ""))


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
        # `mu, logvar, eps (N, K)` is about each of the three; `b (n,)` goes before `b' A b, A (n, n)`.
        several = rf"{re.escape(name)}(?:`*(?:,|,?\s+and)\s+`*(?:{listed})(?!\w))*"
        match = re.search(_BEHIND.format(re.escape(name)), text) or re.search(_BEHIND.format(several), text)
        axes = _axes(match[1]) if match is not None else None
        if match is not None and axes is not None:
            told = re.split(r";|\.(?!\d)|,\s+\w+\s*:?\s*(?:\(|a positive|scalar)", text[match.end() :])[0]
            ahead = _IN_FRONT.search(text[: match.start()])
            found[name] = _of_kind(
                name, axes, told, told, _last_words(text[: match.start()]) if ahead else ""
            )
        elif usual_constant(name) is None and (scalar := re.search(_SCALAR_BEHIND.format(several), text)):
            found[name] = Drawn((), "near1" if _POSITIVE.search(scalar[0]) else "normal")
    return found


def _of_all(function: Callable[..., Any], text: str, names: Sequence[str]) -> dict[str, Drawn]:
    """Every argument, where one shape is stated for all of them: `All (N, D).`"""
    match = _BEHIND_ALL.search(text)
    axes = _axes(match[1]) if match is not None else None
    if axes is None:
        return {}
    optional = {p.name for p in parameters_of(function) or () if p.default is not p.empty}
    return {name: Drawn(axes) for name in names if name not in optional and usual_constant(name) is None}


@remembered
def _comments(function: Callable[..., Any]) -> str:
    """What stands in comments above a function, behind its first line and in front of its first statement."""
    try:
        source = inspect.getsource(function)
        above = inspect.getcomments(function) or ""
    except (OSError, TypeError):
        return ""
    told, is_defined = [above], False
    try:
        for token in tokenize.generate_tokens(io.StringIO(textwrap.dedent(source)).readline):
            if token.type == tokenize.COMMENT:
                told.append(token.string + "\n")
            is_defined = is_defined or token.string == "def"
            if is_defined and token.type == tokenize.INDENT:
                break
    except (tokenize.TokenError, IndentationError):
        pass
    return re.sub(r"^[ \t]*#+ ?", "", "".join(told), flags=re.MULTILINE)


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
    if keyword.iskeyword(text):
        return f"{text}_"
    if " " not in text or re.search(r"[*+/-]", text):
        return re.sub(r"(?<![\w.])(\d+)([A-Za-z_])", r"\1*\2", re.sub(r"\s", "", text))
    return re.sub(r"\W+", "_", re.sub(r"\bthe\b", "", text).strip())


def _last_words(text: str) -> str:
    """The end of a text that no mark interrupts."""
    return re.split(r"[^\w\s`-]", text)[-1]


def _of_kind(name: str, axes: tuple[str, ...], told: str, behind: str, ahead: str = "") -> Drawn:
    """behind: what is told right behind the shape; ahead: of a matrix, what is right in front of its name."""
    if len(axes) == 2 and axes[0] == axes[1] and not _PERHAPS.search(whole := f"{ahead} {told}"):
        kind = next((kind for kind, pattern in _SQUARE if pattern.search(whole)), None)
        if kind is not None and not re.search(r"\bjoint\b", whole):
            return Drawn(axes, kind)
    if _ONE_HOT.search(name.lower()) and len(axes) == 2:
        return Drawn(axes, "onehot_columns" if _CLASSES.fullmatch(axes[0]) else "onehot")
    if "bool" in told.lower() or name.lower().endswith("mask"):
        return Drawn(axes, "bool")
    below = _BELOW.search(told)
    bound = next(filter(None, below.groups()), "") if below is not None else ""
    if _INTEGER_NAMES.fullmatch(name.lower()) and (_INTEGERS.search(told) or bound):
        return Drawn(axes, "int", bound or ("C" if re.search(r"\bC\b", told) else "2"))
    if name.lower() in ("gamma", "scale", "var", "variance") or _POSITIVE.search(
        told.partition(", ")[0] if told == behind else told
    ):
        return Drawn(axes, "near1")
    if re.search(r"\bprobabilit(y|ies)\b", told) or _UNIT.match(behind):
        return Drawn(axes, "unit")
    if _WHOLE.match(behind):
        return Drawn(axes, "int", bound or ("2" if _OF_TWO.search(told) else "C"))
    return Drawn(axes)
