"""What a check says of code that does not show it: tape engines, and objects."""

import ast
from collections.abc import Mapping

from gradcli.config import values
from gradcli.config.arguments import read_constants
from gradcli.config.mistakes import Mistakes, Wrong, inside, suggestion
from gradcli.config.yaml import Entry, Node, describe
from gradcli.spec import ObjectSpelling, Spelling, TapeSpelling
from gradcli.targets.spelling import is_place

SPELLING_KEYS = ("tape", "constructor", "parameters", "gradients")
TAPE_KEYS = ("wrap", "run", "read", "unwrap")


def read_spelling(entries: dict[str, Entry], where: str, mistakes: Mistakes) -> Spelling:
    """What these keys of a check spell out; what is wrong is added to `mistakes`."""
    tape: TapeSpelling | None = None
    if "tape" in entries:
        with mistakes.noting(f"{where}.tape"):
            tape = _tape(entries["tape"].value, f"{where}.tape", mistakes)
    constructor: str | Mapping[str, object] | None = None
    places: dict[str, dict[str, str]] = {}
    if "constructor" in entries:
        with mistakes.noting(f"{where}.constructor"):
            constructor = _constructor(entries["constructor"].value, f"{where}.constructor", mistakes)
    for key in ("parameters", "gradients"):
        if key in entries:
            places[key] = _places(entries[key].value, f"{where}.{key}", mistakes)
    if constructor is None and not places:
        return Spelling(tape)
    if tape is not None:
        with mistakes.noting(f"{where}.tape"):
            raise Wrong(entries["tape"].key, "is for engines, and what else is spelled out is for objects")
    return Spelling(tape, ObjectSpelling(constructor, **places))


def _constructor(node: Node, where: str, mistakes: Mistakes) -> str | Mapping[str, object]:
    """An expression that makes the object, or the arguments of its class."""
    if isinstance(node.value, str):
        return _python(node)
    if not isinstance(node.value, dict):
        raise Wrong(
            node, f"must be a mapping of arguments to values, or Python that makes it, got {describe(node)}"
        )
    return read_constants(node, where, mistakes)


def _places(node: Node, where: str, mistakes: Mistakes) -> dict[str, str]:
    """Places in the object by name."""
    found: dict[str, str] = {}
    with mistakes.noting(where):
        if not isinstance(node.value, dict) or not node.value:
            raise Wrong(
                node,
                f"must be a mapping of names to places ({{W: 'layers[0].W'}}), got {describe(node)}",
            )
        for name, entry in node.value.items():
            with mistakes.noting(inside(where, name)):
                found[name] = values.text(entry.value)
                if not is_place(found[name]):
                    what = f"must be a place in the object, such as layers[0].W, got {describe(entry.value)}"
                    raise Wrong(entry.value, what)
    return found


def _tape(node: Node, where: str, mistakes: Mistakes) -> TapeSpelling:
    if not isinstance(node.value, dict):
        raise Wrong(node, f"must be a mapping with some of {', '.join(TAPE_KEYS)}, got {describe(node)}")
    found: dict[str, str] = {}
    for name, entry in node.value.items():
        if name not in TAPE_KEYS:
            hint = suggestion(name, TAPE_KEYS) or f"; expected {', '.join(TAPE_KEYS)}"
            mistakes.add(entry.key, f"{inside(where, name)}: unknown key{hint}")
            continue
        with mistakes.noting(f"{where}.{name}"):
            found[name] = _python(entry.value, statements=name == "run")
    return TapeSpelling(**found)


def _python(node: Node, *, statements: bool = False) -> str:
    """An expression, or statements, of Python."""
    text = values.text(node)
    try:
        ast.parse(text.strip(), mode="exec" if statements else "eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise Wrong(
            node, f"is no Python {'' if statements else 'expression'}: {why}".replace(" :", ":")
        ) from None
    return text
