"""YAML as version 1.2 means it, from files that nobody vouches for."""

import math
import time
import tracemalloc

import pytest
import yaml

from gradcli.config import yaml as config_yaml
from gradcli.config.mistakes import Mistakes
from gradcli.errors import ConfigError

PARSERS = [
    pytest.param(yaml.SafeLoader, id="pure"),
    pytest.param(
        getattr(yaml, "CSafeLoader", None),
        id="libyaml",
        marks=pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml"),
    ),
]


@pytest.fixture(params=PARSERS, autouse=True)
def parser(request, monkeypatch):
    monkeypatch.setattr(config_yaml, "_Loader", request.param)


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(content):
        path = config_yaml.Path("net.yaml")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        mistakes = Mistakes(path)
        node = config_yaml.read(path, mistakes)
        mistakes.raise_if_any()
        return node

    return read


def plain(node):
    """The values without their positions."""
    match node.value:
        case dict(entries):
            return {key: plain(entry.value) for key, entry in entries.items()}
        case list(items):
            return [plain(item) for item in items]
        case value:
            return value


SCALARS = [
    ("1e-5", 1e-5),
    ("1E-5", 1e-5),
    ("-1e-5", -1e-5),
    ("1e5", 1e5),
    ("1e+5", 1e5),
    ("1.0e5", 1e5),
    ("1.e-5", 1e-5),
    (".5", 0.5),
    ("-.5e1", -5.0),
    ("5.", 5.0),
    ("3", 3),
    ("-3", -3),
    ("+3", 3),
    ("010", 10),
    ("0o10", 8),
    ("0x1F", 31),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("1:30", "1:30"),
    ("1.2.3", "1.2.3"),
    ("1e", "1e"),
    ("e5", "e5"),
    (".", "."),
    ("٣", "٣"),  # a digit, but not one of YAML's
    ("2001-01-01", "2001-01-01"),
    ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("+.Inf", math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("true", True),
    ("False", False),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("Off", "Off"),
    ("y", "y"),
    ("null", None),
    ("~", None),
    ("", None),
    ("NULL", None),
    ("none", "none"),
    ("=", "="),
    ("4x3", "4x3"),
    ("'1e-5'", "1e-5"),
    ('"true"', "true"),
    ("!!str 5", "5"),
    ("!!float 3", 3.0),
    ("!!int 3", 3),
    ("! 3", "3"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text or "nothing" for text, _ in SCALARS])
def test_a_scalar_is_what_the_core_schema_of_yaml_1_2_says(read, text, value):
    found = plain(read(f"a: {text}\n"))["a"]
    assert (found, type(found)) == (value, type(value))


def test_nan_is_nan(read):
    assert math.isnan(plain(read("a: .nan\n"))["a"])


def test_every_float_reads_back_as_itself(read):
    floats = [10.0**power * sign for power in range(-300, 301, 50) for sign in (1, -1)]
    texts = [form.format(value) for value in floats for form in ("{!r}", "{:e}", "{:.3E}")]
    assert plain(read("\n".join(f"- {text}" for text in texts))) == [float(text) for text in texts]


def test_keys_are_text_even_where_yaml_1_1_saw_a_truth_value(read):
    assert plain(read("{on: 1, no: 2, 'true': 3}")) == {"on": 1, "no": 2, "true": 3}


def test_every_node_knows_its_line_and_column(read):
    root = read("a:\n  - 1\n  - {b: x}\nc: *\n".replace("*", "'y'"))
    items = root.value["a"].value.value
    inner = items[1].value["b"]
    places = [root, root.value["a"].key, *items, inner.key, inner.value, root.value["c"].value]
    assert [(node.line, node.column) for node in places] == [
        (1, 1), (1, 1), (2, 5), (3, 5), (3, 6), (3, 9), (4, 4),
    ]  # fmt: skip


def test_aliases_and_merge_keys_repeat_what_was_anchored(read):
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{y: 4}, *a]}\ne: {'<<': 5}\n"
    assert plain(read(text)) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1, "y": 3},
        "d": {"x": 1, "y": 4},
        "e": {"<<": 5},
    }


def test_an_anchor_may_be_used_again_with_a_new_meaning(read):
    assert plain(read("[&a 1, *a, &a 2, *a]")) == [1, 1, 2, 2]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a remark\n"])
def test_a_file_without_a_document_is_none(read, text):
    assert read(text) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_text(read, encoding):
    assert plain(read("ä: 1e-5\n".encode(encoding))) == {"ä": 1e-5}


MISTAKES = {
    "duplicate keys": (
        "a: 1\nb: 2\na: 3\nc: {d: 1, d: 1}\n",
        "net.yaml:3:1: the key 'a' is already on line 1\nnet.yaml:4:11: the key 'd' is already on line 4",
    ),
    "a number as a key": ("1: a\n", "net.yaml:1:1: a key must be text, got 1"),
    "a list as a key": ("? [1]\n: 2\n", "net.yaml:1:3: a key must be text, got a list"),
    "merging a number": ("<<: 1\n", "net.yaml:1:5: '<<' merges mappings, got 1"),
    "a tab": ("a:\n\t- 1\n", "net.yaml:2:1: not valid YAML: a tab where YAML wants spaces"),
    "an at sign": (
        "a: @x\n",
        "net.yaml:1:4: not valid YAML: '@' cannot begin a value; put the value in quotes",
    ),
    "a second colon": (
        "a: b: c\n",
        "net.yaml:1:5: not valid YAML: unexpected ':'; check the indentation, or put the value in quotes",
    ),
    "a list within a line": (
        "a: - b\n",
        "net.yaml:1:4: not valid YAML: unexpected '-'; a list begins on a line of its own",
    ),
    "an open quote": ("a: 'x\n", "net.yaml:1:4: not valid YAML: the quote that begins here is never closed"),
    "an open list": (
        "a: [1, 2\nb: 3\n",
        "net.yaml:2:2: not valid YAML: expected ',' or ']' in the list begun at 1:4",
    ),
    "an open mapping": (
        "a: {b: 1\nc: 3\n",
        "net.yaml:2:2: not valid YAML: expected ',' or '}' in the mapping begun at 1:4",
    ),
    "a key too far right": (
        "- a: 1\n   b: 2\n",
        "net.yaml:2:5: not valid YAML: unexpected ':'; check the indentation, or put the value in quotes",
    ),
    "a key among items": (
        "- a\nb: 1\n",
        "net.yaml:2:1: not valid YAML: expected another '-', aligned with those of the list begun at 1:1",
    ),
    "an item among keys": (
        "a: 1\n- b\n",
        "net.yaml:2:1: not valid YAML: expected another key, aligned with those of the mapping begun at 1:1",
    ),
    "two documents": (
        "a: 1\n---\nb: 1\n",
        "net.yaml:2:1: a second document begins here; a config is one document",
    ),
    "an unknown tag": (
        "a: !!python/object/apply:os.system [ls]\n",
        "net.yaml:1:4: the tag '!!python/object/apply:os.system' is not supported; leave it out",
    ),
    "a tag of one's own": ("a: !x {}\n", "net.yaml:1:4: the tag '!x' is not supported; leave it out"),
    "a tag that does not fit": ("a: !!int 1.5\n", "net.yaml:1:4: the tag !!int does not fit '1.5'"),
    "an alias without an anchor": (
        "a: &base 1\nb: *bass\n",
        "net.yaml:2:4: the alias '*bass' has no anchor '&bass' before it; did you mean 'base'?",
    ),
    "an alias of itself": ("a: &a [*a]\n", "net.yaml:1:8: the alias '*a' stands inside its own anchor"),
    "a NUL character": ("a: 1\nb: \0\n", "net.yaml:2:4: control character U+0000: not a text file?"),
    "an escape sequence": ("é\x1b[31m: 1\n", "net.yaml:1:2: control character U+001B: not a text file?"),
    "Latin-1": (
        b"a: 1\nb: caf\xe9\n",
        "net.yaml:2:7: byte 0xe9 is not UTF-8: not a text file, or saved in another encoding?",
    ),
    "half of UTF-16": (
        b"\xff\xfea\0:\0 \0\0\xd8\n\0",
        "net.yaml:1:4: byte 0x00 is not UTF-16: not a text file, or saved in another encoding?",
    ),
    "an archive": (b"PK\x03\x04\x14\0\0\0", "net.yaml:1:3: control character U+0003: not a text file?"),
}


@pytest.mark.parametrize(("content", "message"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_not_good_yaml_is_refused_with_its_place(read, content, message):
    with pytest.raises(ConfigError) as caught:
        read(content)
    assert str(caught.value) == message


def test_a_duplicate_key_before_a_syntax_error_is_reported_with_it(read):
    with pytest.raises(ConfigError) as caught:
        read("a: 1\na: 2\nb: @\n")
    assert [line[:14] for line in caught.value.mistakes] == ["net.yaml:2:1: ", "net.yaml:3:4: "]


def laughs(levels):
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


def merging_laughs(levels):
    lines = ["a0: &a0 {" + ", ".join(f"k{i}: [1, 2, 3]" for i in range(20)) + "}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, levels)]
    return "\n".join(lines)


HOSTILE = {
    "a billion laughs": (laughs(12), "more than 1,000,000 values with every alias expanded; split the file"),
    "laughs in merge keys": (
        merging_laughs(12),
        "more than 1,000,000 values with every alias expanded; split the file",
    ),
    "deep lists": ("[" * 100_000, "nested more than 40 levels deep"),
    "deep mappings": ("{a: " * 100_000, "nested more than 40 levels deep"),
    "deep items": ("- " * 10_000, "nested more than 40 levels deep"),
    "deep by aliases": (
        "- &a0 " + "[" * 30 + "]" * 30 + "\n- " + "[" * 20 + "*a0" + "]" * 20,
        "nested more than 40 levels deep",
    ),
}


@pytest.mark.parametrize(("content", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_little_time_and_memory(read, content, reason):
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(ConfigError) as caught:
            read(content)
        seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.mistakes[0].endswith(reason)
    assert len(caught.value.mistakes) == 1
    assert seconds < 5
    assert peak < 20e6


def test_a_file_beyond_the_size_of_any_config_is_refused_unread(read, monkeypatch):
    monkeypatch.setattr(config_yaml, "MOST_BYTES", 2**20)
    with pytest.raises(ConfigError, match=r"^net\.yaml: larger than 1 MiB; is this a config\?$"):
        read("#" * (2**20 + 1))


def test_an_integer_of_a_million_digits_is_no_trouble(read):
    assert plain(read(f"a: {'9' * 1_000_000}")) == {"a": math.inf}


def test_what_a_message_quotes_is_short_and_printable(read):
    key = "k" * 100_000
    with pytest.raises(ConfigError) as caught:
        read(f'? {key}\n: 1\n? {key}\n: 2\n? "\\e[31m\\u202e"\n: 1\n? "\\e[31m\\u202e"\n: 2\n')
    first, second = caught.value.mistakes
    assert len(first) < 120
    assert second == r"net.yaml:7:3: the key '\x1b[31m\u202e' is already on line 5"
