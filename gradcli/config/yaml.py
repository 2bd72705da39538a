"""YAML 1.2 from untrusted files: values by the core schema, each with its line and column.

Stock PyYAML follows YAML 1.1: it reads `1e-5` as text, `no` as false, `1:30` as 90 and `010` as 8, lets
a duplicate key win silently, recurses on deep nesting and expands aliases without bound. Here PyYAML
only splits the file into events; what they mean is decided below.

Source: YAML 1.2.2, section 10.3 (core schema).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeAlias

import yaml

from gradcli.config.mistakes import Mistakes, Position, Positioned, quoted, suggestion, unquoted
from gradcli.errors import ConfigError

MOST_BYTES = 16 * 2**20
MOST_NODES = 1_000_000  # with every alias expanded; ten thousand checks have about two hundred thousand
DEEPEST = 40  # with every alias expanded; below the depth at which recursion over nodes would be a risk
_MOST_DIGITS = 30  # a longer integer is read as a float: turning text into a huge int takes quadratic time

_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Plain: TypeAlias = str | int | float | bool | None


class Entry(NamedTuple):
    """One key of a mapping, with the key's own position."""

    key: Node
    value: Node


@dataclass(eq=False, slots=True)  # frozen takes twice as long to make, and a config has many
class Node:
    """A value and where it stands, counted from 1."""

    value: Plain | list[Node] | dict[str, Entry]
    line: int
    column: int
    raw: str | None = None  # a plain scalar as it is written; None for anything else


def read(path: Path, mistakes: Mistakes) -> Node | None:
    """The one document of a file, None if it has none.

    Duplicate keys and the like are added to `mistakes`, as many as there are. Raises ConfigError if the
    file cannot be read, or is not YAML, or would grow beyond bounds. Cost: linear in the file's size.
    """
    text = _decode(_read_bytes(path), mistakes)
    if unprintable := _UNPRINTABLE.search(text):
        where = _position_in(text, unprintable.start())
        _give_up(mistakes, where, f"control character U+{ord(unprintable[0]):04X}: not a text file?")
    try:
        # Not yaml.parse, which is a generator around this, and the slower for it.
        return _Composer(iter(_Loader(text).get_event, None), mistakes).document()
    except yaml.MarkedYAMLError as error:
        _give_up(mistakes, *_explain(error, text))


@lru_cache(maxsize=1000)  # a long config says the same words over and over
def resolve(text: str) -> Plain:
    """The value of a plain (unquoted) scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    for pattern, convert in _NUMBERS:
        if pattern.fullmatch(text):
            return convert(text)
    return text


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _MOST_DIGITS else float(text)


_WORDS: dict[str, Plain] = (
    dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
    | dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))
    | {
        sign + word: float(f"{sign}inf")
        for sign in ("", "+", "-")
        for word in (".inf", ".Inf", ".INF")
    }
)  # fmt: skip
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?[0-9]+"), _integer),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"0o[0-7]{1,30}"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,30}"), lambda text: int(text[2:], 16)),
)

_TAG = "tag:yaml.org,2002:"
# What a tagged scalar must turn out to be. A !!float may be written without a point.
_TAGGED: dict[str, tuple[type, ...]] = {
    f"{_TAG}null": (type(None),),
    f"{_TAG}bool": (bool,),
    f"{_TAG}int": (int,),
    f"{_TAG}float": (float, int),
}


class _Anchor(NamedTuple):
    node: Node
    nodes: int  # with every alias inside expanded
    height: int  # levels below the node


class _Composer:
    """Builds nodes from events, and counts what they would be with every alias expanded."""

    def __init__(self, events: Iterator[yaml.Event], mistakes: Mistakes) -> None:
        self._events = events
        self._mistakes = mistakes
        self._nodes = 0
        self._deepest = 0  # level of the deepest node since `_deepest` was last set back
        self._anchors: dict[str, _Anchor | None] = {}  # None while the anchored node is still open

    def document(self) -> Node | None:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), depth=1)
        next(self._events)  # the end of the document
        if not isinstance(following := next(self._events), yaml.StreamEndEvent):
            self._refuse(_start(following), "a second document begins here; a config is one document")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if type(event) is yaml.ScalarEvent and event.anchor is None and event.tag is None:
            return self._plain(event, depth)
        at = _start(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", at, depth)
        self._count(1, depth, at)
        anchor: str | None = event.anchor  # type: ignore[attr-defined]
        if anchor is None:
            return self._content(event, at, depth)
        outer, self._deepest = self._deepest, depth
        before = self._nodes
        self._anchors[anchor] = None
        node = self._content(event, at, depth)
        self._anchors[anchor] = _Anchor(node, self._nodes - before + 1, self._deepest - depth)
        self._deepest = max(outer, self._deepest)
        return node

    def _plain(self, event: yaml.ScalarEvent, depth: int) -> Node:
        """As `_content`, for nine of ten nodes, without a detour."""
        mark: Any = event.start_mark
        line, column, text = mark.line + 1, mark.column + 1, str(event.value)
        self._nodes += 1
        if depth > self._deepest:
            self._deepest = depth
        if self._nodes > MOST_NODES or depth > DEEPEST:
            self._count(0, depth, Position(line, column))
        return Node(text, line, column) if event.style else Node(resolve(text), line, column, text)

    def _content(self, event: yaml.Event, at: Position, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            raw = None if event.style else str(event.value)
            return Node(self._scalar(event, at), *at, raw)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event.tag, "seq", at)
            return Node(self._items(depth), *at)
        assert isinstance(event, yaml.MappingStartEvent)
        self._check_tag(event.tag, "map", at)
        return Node(self._entries(depth), *at)

    def _items(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _entries(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key.value, str):
                self._mistakes.add(key, f"a key must be text, got {describe(key)}")
            elif key.raw == "<<":
                merged = self._merge(value) | merged
            elif key.value in entries:
                first = entries[key.value].key
                self._mistakes.add(key, f"the key {quoted(key.value)} is already on line {first.line}")
            else:
                entries[key.value] = Entry(key, value)
        return merged | entries

    def _merge(self, value: Node) -> dict[str, Entry]:
        """The entries that `<<` brings in; of several mappings the first one wins."""
        sources = value.value if isinstance(value.value, list) else [value]
        merged: dict[str, Entry] = {}
        for source in sources:
            if isinstance(source.value, dict):
                merged = source.value | merged
            else:
                self._mistakes.add(source, f"'<<' merges mappings, got {describe(source)}")
        return merged

    def _alias(self, name: str, at: Position, depth: int) -> Node:
        if name not in self._anchors:
            near = suggestion(name, self._anchors)
            self._refuse(
                at, f"the alias {quoted('*' + name)} has no anchor {quoted('&' + name)} before it{near}"
            )
        anchor = self._anchors[name]
        if anchor is None:
            self._refuse(at, f"the alias {quoted('*' + name)} stands inside its own anchor")
        self._count(anchor.nodes, depth + anchor.height, at)
        return anchor.node

    def _scalar(self, event: yaml.ScalarEvent, at: Position) -> Plain:
        text: str = event.value
        if event.tag is None:
            return text if event.style else resolve(text)
        if event.tag in ("!", f"{_TAG}str"):
            return text
        types = _TAGGED.get(event.tag)
        if types is None:
            self._refuse_tag(event.tag, at)
        value = resolve(text)
        if type(value) not in types:
            shown = event.tag.replace(_TAG, "!!")
            self._mistakes.add(at, f"the tag {shown} does not fit {quoted(text)}")
        return float(value) if float in types and type(value) is int else value

    def _check_tag(self, tag: str | None, kind: str, at: Position) -> None:
        if tag not in (None, "!", _TAG + kind):
            self._refuse_tag(str(tag), at)

    def _refuse_tag(self, tag: str, at: Position) -> NoReturn:
        self._refuse(at, f"the tag {quoted(tag.replace(_TAG, '!!'))} is not supported; leave it out")

    def _count(self, nodes: int, depth: int, at: Position) -> None:
        self._nodes += nodes
        self._deepest = max(self._deepest, depth)
        if self._nodes > MOST_NODES:
            self._refuse(at, f"more than {MOST_NODES:,} values with every alias expanded; split the file")
        if depth > DEEPEST:
            self._refuse(at, _TOO_DEEP)

    def _refuse(self, at: Position, what: str) -> NoReturn:
        _give_up(self._mistakes, at, what)


def describe(node: Node) -> str:
    """What a user wrote, for "must be a number, got ..."."""
    match node.value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case str(value):
            return f"{quoted(value)} in quotes" if hides_a_value(node) else quoted(value)
        case value:
            return unquoted(node.raw or str(value))


def hides_a_value(node: Node) -> bool:
    """Whether a text would have been a number or a truth value without its quotes."""
    return (
        node.raw is None and isinstance(node.value, str) and not isinstance(resolve(node.value), str | None)
    )


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: does not exist"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path}: is a folder, expected a YAML file"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(data) > MOST_BYTES:
        raise ConfigError([f"{path}: larger than {MOST_BYTES // 2**20} MiB; is this a config?"])
    return data


def _decode(data: bytes, mistakes: Mistakes) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # what PowerShell's > writes
    encoding = "utf-16" if utf16 else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="replace")
        name = encoding.removesuffix("-sig").upper()
        what = f"byte 0x{data[error.start]:02x} is not {name}: not a text file, or saved in another encoding?"
        _give_up(mistakes, _position_in(before, len(before)), what)


# All but what YAML 1.2.2 calls printable (section 5.1).
_UNPRINTABLE = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def _position_in(text: str, index: int) -> Position:
    return Position(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _start(event: yaml.Event) -> Position:
    mark: Any = event.start_mark
    return Position(mark.line + 1, mark.column + 1)


def _position(mark: Any) -> Position:  # the mark of either parser
    return Position(mark.line + 1, mark.column + 1)


def _explain(error: yaml.MarkedYAMLError, text: str) -> tuple[Position, str]:
    """A syntax error in a config writer's words; those of PyYAML's two parsers differ."""
    mark = error.problem_mark or error.context_mark
    at = _position(mark) if mark else Position(1, 1)
    begun = _position(error.context_mark) if error.context_mark else at
    problem, context = error.problem or "", error.context or ""
    if "cannot start any token" in problem and mark:
        character = text[mark.index]
        if character == "\t":
            return at, "not valid YAML: a tab where YAML wants spaces"
        return at, f"not valid YAML: {character!r} cannot begin a value; put the value in quotes"
    if "mapping values are not allowed" in problem:
        return at, "not valid YAML: unexpected ':'; check the indentation, or put the value in quotes"
    if "sequence entries are not allowed" in problem:
        return at, "not valid YAML: unexpected '-'; a list begins on a line of its own"
    if "maximum nesting depth" in problem:  # newer libyaml gives up before we do
        return at, _TOO_DEEP
    if "unexpected end of stream" in problem:
        return begun, "not valid YAML: the quote that begins here is never closed"
    for collection, expected in _EXPECTED.items():
        if collection in context:
            return at, f"not valid YAML: expected {expected} begun at {begun.line}:{begun.column}"
    return at, f"not valid YAML: {unquoted(problem)}"


_TOO_DEEP = f"nested more than {DEEPEST} levels deep"
_EXPECTED = {
    "flow sequence": "',' or ']' in the list",
    "flow mapping": "',' or '}' in the mapping",
    "block mapping": "another key, aligned with those of the mapping",
    "block collection": "another '-', aligned with those of the list",
}


def _give_up(mistakes: Mistakes, at: Positioned, what: str) -> NoReturn:
    """Report a mistake after which the rest of the file cannot be understood."""
    mistakes.add(at, what)
    raise ConfigError(mistakes.lines())
