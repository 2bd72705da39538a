"""What a check passes to the user's forward: `inputs` and `constants`."""

from pathlib import Path

from gradcli.config import values
from gradcli.config.mistakes import Mistakes, Wrong, inside, suggestion
from gradcli.config.target import Target, require_file
from gradcli.config.yaml import Entry, Node, describe
from gradcli.spec import InputSpec
from gradcli.targets.notation import INTEGER_DTYPES, ONE_HOT, SIGN

INPUT_KEYS = ("shape", "dtype", "scale", "offset", "high")


def read_inputs(
    node: Node, where: str, base: Path, mistakes: Mistakes
) -> tuple[dict[str, InputSpec], Path | None]:
    """The inputs to be drawn, or the .npz file that holds them."""
    found: dict[str, InputSpec] = {}
    if isinstance(node.value, str):
        with mistakes.noting(where):
            return found, require_file(node, values.text(node), base)
        return found, None
    with mistakes.noting(where):
        for name, entry in _named(node, "a mapping of names to shapes, or an .npz file").items():
            with mistakes.noting(inside(where, name)):
                _require_argument_name(entry.key)
                found[name] = _input(entry.value, inside(where, name), mistakes)
    return found, None


def read_constants(node: Node, where: str, mistakes: Mistakes) -> dict[str, object]:
    """The constants by argument name."""
    found: dict[str, object] = {}
    with mistakes.noting(where):
        for name, entry in _named(node, "a mapping of names to values").items():
            with mistakes.noting(inside(where, name)):
                _require_argument_name(entry.key)
                found[name] = values.constant(entry.value)
    return found


def read_layer_constants(
    node: Node, where: str, check: dict[str, Entry], target: Target, mistakes: Mistakes
) -> dict[str, object]:
    """The constants of a built-in layer: they are its options, which may also be keys of the check itself."""
    options = {option.name: option for option in target.layer.options} if target.layer else {}
    found: dict[str, object] = {}
    with mistakes.noting(where):
        for name, entry in _named(node, "a mapping of names to values").items():
            with mistakes.noting(inside(where, name)):
                if name not in options:
                    known = f"its constants are {', '.join(options)}" if options else "it has no constants"
                    hint = suggestion(name, options) or f"; {known}"
                    raise Wrong(entry.key, f"{target.written} has no such constant{hint}")
                if name in check:
                    raise Wrong(
                        entry.key, f"is also a key of the check itself, on line {check[name].key.line}"
                    )
                found[name] = values.parameter(options[name], entry.value)
    return found


def refuse_foreign_inputs(node: Node, where: str, target: Target, mistakes: Mistakes) -> None:
    """Inputs that a built-in layer does not have."""
    known = tuple(item.name for item in target.layer.inputs) if target.layer else ()
    for name, entry in node.value.items() if isinstance(node.value, dict) else ():
        if name not in known:
            hint = suggestion(name, known) or f"; its inputs are {', '.join(known)}"
            mistakes.add(entry.key, f"{inside(where, name)}: {target.written} has no such input{hint}")


def _named(node: Node, expected: str) -> dict[str, Entry]:
    if not isinstance(node.value, dict):
        raise Wrong(node, f"must be {expected}, got {describe(node)}")
    if not node.value:
        raise Wrong(node, f"must be {expected}, got nothing in it")
    return node.value


def _require_argument_name(key: Node) -> None:
    if not (isinstance(key.value, str) and key.value.isidentifier()):
        raise Wrong(key, f"{describe(key)} cannot be the name of an argument")


def _input(node: Node, where: str, mistakes: Mistakes) -> InputSpec:
    """One input: its shape alone, or a mapping that also says how it is drawn."""
    if not isinstance(node.value, dict):
        return InputSpec(values.shape(node))
    entries = node.value
    for name, entry in entries.items():
        if name not in INPUT_KEYS:
            hint = suggestion(name, INPUT_KEYS) or f"; expected {', '.join(INPUT_KEYS)}"
            mistakes.add(entry.key, f"{inside(where, name)}: unknown key{hint}")
    before = len(mistakes)
    if "shape" not in entries:
        raise Wrong(node, "has no 'shape'")
    shape: tuple[int, ...] = ()
    dtype, scale, offset, high = None, InputSpec.scale, InputSpec.offset, InputSpec.high
    with mistakes.noting(f"{where}.shape"):
        shape = values.shape(entries["shape"].value)
    if "dtype" in entries:
        with mistakes.noting(f"{where}.dtype"):
            dtype = values.input_dtype(entries["dtype"].value)
    if "scale" in entries:
        with mistakes.noting(f"{where}.scale"):
            scale = values.number(entries["scale"].value)
    if "offset" in entries:
        with mistakes.noting(f"{where}.offset"):
            offset = values.number(entries["offset"].value)
    if "high" in entries:
        with mistakes.noting(f"{where}.high"):
            high = _high(entries["high"].value)
    if len(mistakes) == before:
        _refuse_ignored(entries, dtype, where, mistakes)
    return InputSpec(shape, dtype, scale, offset, high)


def _high(node: Node) -> int:
    if not 1 <= (high := values.integer(node)) <= values.LARGEST_HIGH:
        raise Wrong(node, f"must be from 1 to {values.LARGEST_HIGH}, got {describe(node)}")
    return high


def _refuse_ignored(entries: dict[str, Entry], dtype: str | None, where: str, mistakes: Mistakes) -> None:
    """Keys that the drawing of this dtype would not look at: saying nothing would hide a misunderstanding."""
    whole = dtype in INTEGER_DTYPES
    is_float = not whole and dtype not in ("bool", SIGN, *ONE_HOT)
    for name, of_use, only in (
        ("scale", is_float, "floats"),
        ("offset", is_float, "floats"),
        ("high", whole, "integers"),
    ):
        if name in entries and not of_use:
            mistakes.add(entries[name].key, f"{where}.{name}: is for {only}, the dtype is {dtype or 'float'}")
