"""From the nodes of a config to the checks it asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from gradcli.config import values
from gradcli.config.arguments import read_constants, read_inputs, read_layer_constants, refuse_foreign_inputs
from gradcli.config.grid import Point, read_grid
from gradcli.config.mistakes import Mistakes, Position, Positioned, Wrong, inside, suggestion
from gradcli.config.settings import SETTINGS
from gradcli.config.spellings import SPELLING_KEYS, read_spelling
from gradcli.config.target import Target, read_target
from gradcli.config.yaml import Entry, Node, describe
from gradcli.declarations import KEYS, NONE, Declarations, read_one, refuse_contradictions
from gradcli.errors import UsageError
from gradcli.layers import LAYERS
from gradcli.spec import ORDERS, CheckSpec, Loading, Settings, Spelling, derive_id
from gradcli.targets import PROGRAM, PROGRAM_BUDGET, parse
from gradcli.targets.spelling import ROLES, roles_of, spelled

VERSION = 1
MOST_CHECKS = 100_000  # of one file, with every grid expanded

TOP_KEYS = ("version", "defaults", "checks")
SPELLED_KEYS = tuple(dict.fromkeys(role for roles in ROLES for role in roles))
CHECK_KEYS = (
    *("target", "id", "matrix", "inputs", "constants", "stub", "only_symbol", "order"),
    *SPELLED_KEYS,
    *SPELLING_KEYS,
    *KEYS,
    *SETTINGS,
)

_ANY_PARAMETER = frozenset(parameter.name for layer in LAYERS.values() for parameter in layer.parameters)

Entries = dict[str, Entry]


@dataclass(frozen=True)
class Placed:
    """A check, and where the file says so, for what is wrong with its id."""

    spec: CheckSpec
    id: str
    at: Positioned
    where: str  # "checks[0]" or "checks[0].id"


def read_checks(root: Node | None, path: Path, mistakes: Mistakes) -> list[Placed]:
    """The checks of one file in order, grids expanded; what is wrong is added to `mistakes`."""
    if root is None:
        mistakes.add(Position(1, 1), "is empty; a config has 'version: 1' and a list 'checks'")
        return []
    if not isinstance(root.value, dict):
        mistakes.add(root, f"must be a mapping with 'version' and 'checks', got {describe(root)}")
        return []
    top = root.value
    if "version" not in top and "checks" not in top:
        mistakes.add(root, "not a config of gradcli: it has neither 'version' nor 'checks'")
        return []
    _refuse_unknown(top, "", TOP_KEYS, mistakes)
    with mistakes.noting("version"):
        _require_version(root, top)
    defaults: dict[str, object] = {}
    if "defaults" in top:
        with mistakes.noting("defaults"):
            entries = _mapping(top["defaults"].value, "a mapping of settings")
            _refuse_unknown(entries, "defaults", tuple(SETTINGS), mistakes)
            defaults = _settings(entries, "defaults", mistakes)
    found: list[Placed] = []
    base = path.parent
    with mistakes.noting("checks"):
        for index, item in enumerate(_items(root, top)):
            with mistakes.noting(f"checks[{index}]"):
                found += _Check(item, f"checks[{index}]", path, base, mistakes).expand(defaults)
            if len(found) > MOST_CHECKS:
                raise Wrong(item, f"more than {MOST_CHECKS:,} checks in one file; split it")
    return found


class _Check:
    """One entry of `checks`."""

    def __init__(self, node: Node, where: str, path: Path, base: Path, mistakes: Mistakes) -> None:
        """base: the folder of the file, which relative paths start from."""
        self._node = node
        self._entries = _mapping(node, "a mapping with a 'target'")
        self._where = where
        self._origin = f"{path}:{node.line}:{node.column}"
        self._base = base
        self._mistakes = mistakes

    def expand(self, defaults: dict[str, object]) -> Iterator[Placed]:
        """One check for each point of the grid, none at all if anything is wrong."""
        before = len(self._mistakes)
        target = self._target()
        self._refuse_unknown_keys(target)
        settings = defaults | _settings(self._entries, self._where, self._mistakes)
        arguments, options, points = self._arguments(target), self._options(target), self._points(target)
        given_id = self._given_id()
        if target is None or len(self._mistakes) > before:
            return
        for point in points:
            chosen: dict[str, Any] = settings | point.settings
            if target.written.startswith(PROGRAM):
                chosen.setdefault("budget", PROGRAM_BUDGET)
            all_options = options | point.options
            order = {} if (asked := arguments.get("order")) is None else {"order": asked}
            id = (
                derive_id(target.written, all_options | order | point.settings)
                if given_id is None
                else point.label(given_id)
            )
            point_spec = CheckSpec(  # not `replace`, which takes twice as long
                target=target.written,
                id=id,
                options=all_options,
                dtype=chosen.pop("dtype", CheckSpec.dtype),
                settings=_common(tuple(chosen.items())),
                base=self._base,
                origin=self._origin,
                **arguments,
            )
            if target.layer:
                _require_fit(self._node, target, point_spec)
            if given_id is None:
                yield Placed(point_spec, id, self._node, self._where)
            else:
                yield Placed(point_spec, id, self._entries["id"].value, f"{self._where}.id")

    def _target(self) -> Target | None:
        with self._mistakes.noting(f"{self._where}.target"):
            if "target" not in self._entries:
                raise Wrong(self._node, "is missing; name a layer, or a file: layers.py:batchnorm")
            return self._spelled(read_target(self._entries["target"].value, self._base))
        return None

    def _spelled(self, target: Target) -> Target:
        """The target with the functions that the check names for it."""
        given = [role for role in SPELLED_KEYS if role in self._entries]
        for roles in sorted(ROLES, key=lambda roles: -len({*given} & {*roles}))[:1] if given else ():
            for role in given:
                if role not in roles:
                    beside = " and ".join(repr(one) for one in given if one in roles)
                    raise Wrong(self._entries[role].key, f"{role!r} cannot stand beside {beside}")
            if "order" in self._entries:
                raise Wrong(
                    self._entries["order"].key, f"{given[0]!r} says what is checked; leave out 'order'"
                )
            for role in roles:
                if role not in self._entries:
                    raise Wrong(self._entries[given[0]].key, f"{given[0]!r} needs {role!r} beside it")
            names = {role: values.text(self._entries[role].value) for role in roles}
            place, holder = parse(target.written)
            if target.built_in or (holder is not None and roles_of(holder)):
                raise Wrong(self._entries[roles[0]].key, f"{roles[0]!r} is for a file, or a class in it")
            if holder is not None:  # names of its methods
                names = {role: f"{holder}.{name}" for role, name in names.items()}
            symbol = spelled(names)
            if roles_of(symbol) != names:
                raise Wrong(
                    self._entries[roles[0]].value, f"{', '.join(names.values())}: no names of functions"
                )
            return replace(target, written=f"{place}:{symbol}")
        return target

    def _refuse_unknown_keys(self, target: Target | None) -> None:
        own = tuple(target.parameters) if target else ()
        for name, entry in self._entries.items():
            if name in CHECK_KEYS or name in own or (target is None and name in _ANY_PARAMETER):
                continue
            hint = suggestion(name, (*CHECK_KEYS, *own)) or _what_to_write(target)
            self._mistakes.add(entry.key, f"{inside(self._where, name)}: unknown key{hint}")

    def _arguments(self, target: Target | None) -> dict[str, Any]:
        """The fields of a spec that say what the functions are given, and how they are loaded."""
        found: dict[str, Any] = {}
        built_in = target is not None and target.built_in
        if "inputs" in self._entries:
            node, where = self._entries["inputs"].value, f"{self._where}.inputs"
            inputs, inputs_file = read_inputs(node, where, self._base, self._mistakes)
            found |= {"inputs": inputs, "inputs_file": inputs_file}
            if target is not None and built_in:
                refuse_foreign_inputs(node, where, target, self._mistakes)
        if "constants" in self._entries and not built_in:
            node, where = self._entries["constants"].value, f"{self._where}.constants"
            found["constants"] = read_constants(node, where, self._mistakes)
            for name in found["constants"]:
                with self._mistakes.noting(inside(where, name)):
                    _require_no_input(name, node, found.get("inputs", {}))
        if not self._entries.keys().isdisjoint(KEYS):
            found["declarations"] = self._declarations()
        if not self._entries.keys().isdisjoint(SPELLING_KEYS):
            found["spelling"] = self._spelling(built_in)
        if "order" in self._entries:
            found["order"] = self._order(built_in)
        if "stub" in self._entries or "only_symbol" in self._entries:
            found["loading"] = self._loading(built_in)
        return found

    def _declarations(self) -> Declarations:
        """What is on purpose."""
        given = [key for key in KEYS if key in self._entries]  # most checks declare nothing
        found: dict[str, Any] = {}
        for key in given:
            with self._mistakes.noting(f"{self._where}.{key}"):
                node = self._entries[key].value
                try:
                    found[key] = read_one(key, values.constant(node))
                except UsageError as error:
                    raise Wrong(node, str(error)) from None
        if not found:
            return NONE
        declarations = Declarations(**found)
        with self._mistakes.noting(self._where):
            try:
                refuse_contradictions(declarations)
            except UsageError as error:
                raise Wrong(self._node, str(error)) from None
        return declarations

    def _spelling(self, built_in: bool) -> Spelling:
        """What is said of code that does not show it."""
        for key in SPELLING_KEYS if built_in else ():
            if key in self._entries:
                with self._mistakes.noting(f"{self._where}.{key}"):
                    raise Wrong(self._entries[key].key, "is for code in a file; a built-in layer needs none")
        return read_spelling(self._entries, self._where, self._mistakes)

    def _order(self, built_in: bool) -> int | None:
        with self._mistakes.noting(f"{self._where}.order"):
            node = self._entries["order"].value
            if built_in:
                raise Wrong(self._entries["order"].key, "is for code in a file; a layer has one order")
            if values.integer(node) not in ORDERS:
                raise Wrong(node, f"must be 1 or 2, got {describe(node)}")
            return values.integer(node)
        return None

    def _loading(self, built_in: bool) -> Loading:
        """How the file is imported; a built-in layer is in none."""
        loading = Loading()
        for key in ("stub", "only_symbol"):
            with self._mistakes.noting(f"{self._where}.{key}"):
                if key not in self._entries:
                    continue
                if built_in:
                    raise Wrong(self._entries[key].key, "is for code in a file; a built-in layer has none")
                node = self._entries[key].value
                if key == "only_symbol":
                    loading = replace(loading, only_symbol=values.flag(node))
                else:
                    items = node.value if isinstance(node.value, list) else [node]
                    loading = replace(loading, stubs=tuple(values.text(item) for item in items))
        return loading

    def _options(self, target: Target | None) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, parameter in (target.parameters if target else {}).items():
            if name in self._entries:
                with self._mistakes.noting(f"{self._where}.{name}"):
                    found[name] = values.parameter(parameter, self._entries[name].value)
        if target is not None and target.built_in and "constants" in self._entries:
            node, where = self._entries["constants"].value, f"{self._where}.constants"
            found |= read_layer_constants(node, where, self._entries, target, self._mistakes)
        return found

    def _points(self, target: Target | None) -> list[Point]:
        if "matrix" not in self._entries or target is None:
            return [Point()]
        node = self._entries["matrix"].value
        return read_grid(node, f"{self._where}.matrix", self._entries, target, self._mistakes)

    def _given_id(self) -> str | None:
        with self._mistakes.noting(f"{self._where}.id"):
            return values.text(self._entries["id"].value) if "id" in self._entries else None
        return None


@lru_cache(maxsize=100)
def _common(chosen: tuple[tuple[str, Any], ...]) -> Settings:
    """Most checks of a file have the same settings; each is of one type, so that equal ones are the same."""
    return Settings(**dict(chosen))


def _require_no_input(name: str, constants: Node, inputs: Mapping[str, object]) -> None:
    if name in inputs and isinstance(constants.value, dict):
        raise Wrong(constants.value[name].key, "is among the inputs too")


def _mapping(node: Node, expected: str) -> Entries:
    if not isinstance(node.value, dict):
        raise Wrong(node, f"must be {expected}, got {describe(node)}")
    return node.value


def _items(root: Node, top: Entries) -> list[Node]:
    example = "list what to check, such as '- target: batchnorm'"
    if "checks" not in top:
        raise Wrong(root, f"is missing; {example}")
    node = top["checks"].value
    if not isinstance(node.value, list):
        raise Wrong(node, f"must be a list, got {describe(node)}; {example}")
    if not node.value:
        raise Wrong(node, f"is empty; {example}")
    return node.value


def _require_version(root: Node, top: Entries) -> None:
    if "version" not in top:
        raise Wrong(root, f"is missing; write 'version: {VERSION}'")
    node = top["version"].value
    if values.integer(node) != VERSION:
        raise Wrong(
            node, f"must be {VERSION}, the only version that this gradcli reads, got {describe(node)}"
        )


def _refuse_unknown(entries: Entries, where: str, known: tuple[str, ...], mistakes: Mistakes) -> None:
    for name, entry in entries.items():
        if name not in known:
            hint = suggestion(name, known) or f"; expected {', '.join(known)}"
            mistakes.add(entry.key, f"{inside(where, name)}: unknown key{hint}")


def _settings(entries: Entries, where: str, mistakes: Mistakes) -> dict[str, object]:
    found = {}
    for name, setting in SETTINGS.items():
        if name in entries:
            with mistakes.noting(f"{where}.{name}"):
                found[name] = values.setting(setting, entries[name].value)
    return found


def _what_to_write(target: Target | None) -> str:
    if target is None:
        return ""
    if target.parameters:
        return f"; {target.written} has {', '.join(target.parameters)}"
    return "; arguments of your functions go into 'inputs' (arrays) or 'constants'"


def _require_fit(node: Node, target: Target, spec: CheckSpec) -> None:
    """Raise Wrong for dimensions and options that are sound one by one but not together."""
    assert target.layer is not None
    try:
        target.layer.refuse_misfit(spec.options)
    except UsageError as error:
        raise Wrong(node, str(error)) from None
