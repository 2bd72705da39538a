"""What a check says of code that does not show it: `tape`."""

import ast

from gradcli.config import values
from gradcli.config.mistakes import Mistakes, Wrong, inside, suggestion
from gradcli.config.yaml import Entry, Node, describe
from gradcli.spec import Spelling, TapeSpelling

SPELLING_KEYS = ("tape",)
TAPE_KEYS = ("wrap", "run", "read", "unwrap")


def read_spelling(entries: dict[str, Entry], where: str, mistakes: Mistakes) -> Spelling:
    """What these keys of a check spell out; what is wrong is added to `mistakes`."""
    tape: TapeSpelling | None = None
    if "tape" in entries:
        with mistakes.noting(f"{where}.tape"):
            tape = _tape(entries["tape"].value, f"{where}.tape", mistakes)
    return Spelling(tape)


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
