"""`matrix`: one check for every combination of values."""

import itertools
import math
from dataclasses import dataclass, field

from gradcli.config import values
from gradcli.config.mistakes import Mistakes, Wrong, inside, suggestion
from gradcli.config.settings import SETTINGS
from gradcli.config.target import Target
from gradcli.config.yaml import Entry, Node, describe

GRID_SETTINGS = tuple(name for name, setting in SETTINGS.items() if setting.in_matrix)
MOST_POINTS = 10_000


@dataclass(frozen=True)
class Point:
    """What one point of a grid sets."""

    options: dict[str, object] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)

    def label(self, given_id: str) -> str:
        """An id given by the user, made unique within its grid: `my-bn[batch=2]`."""
        listed = ",".join(f"{name}={value}" for name, value in (self.options | self.settings).items())
        return f"{given_id}[{listed}]" if listed else given_id


def read_grid(
    node: Node, where: str, check: dict[str, Entry], target: Target, mistakes: Mistakes
) -> list[Point]:
    """The points of a grid in a stable order: the last key varies fastest."""
    columns: dict[str, list[object]] = {}
    with mistakes.noting(where):
        for name, entry in _axes(node).items():
            with mistakes.noting(inside(where, name)):
                _require_free(name, entry.key, check, target)
                columns[name] = _column(name, entry.value, inside(where, name), target, mistakes)
        if (count := math.prod(map(len, columns.values()))) > MOST_POINTS:
            raise Wrong(node, f"a grid of {count:,} checks; at most {MOST_POINTS:,} are read")
        return [
            Point(
                {name: value for name, value in zip(columns, point, strict=True) if name not in SETTINGS},
                {name: value for name, value in zip(columns, point, strict=True) if name in SETTINGS},
            )
            for point in itertools.product(*columns.values())
        ]
    return []


def _axes(node: Node) -> dict[str, Entry]:
    expected = "must be a mapping of keys to lists of values"
    if not isinstance(node.value, dict):
        raise Wrong(node, f"{expected}, got {describe(node)}")
    if not node.value:
        raise Wrong(node, f"{expected}, got nothing in it")
    return node.value


def _require_free(name: str, key: Node, check: dict[str, Entry], target: Target) -> None:
    """Raise Wrong unless a grid may run over this key, and nothing else sets it."""
    allowed = (*target.parameters, *GRID_SETTINGS)
    if name not in allowed:
        hint = suggestion(name, allowed) or f"; this grid may run over {', '.join(allowed)}"
        raise Wrong(key, f"unknown key{hint}")
    if name in check:
        raise Wrong(key, f"is also a key of the check itself, on line {check[name].key.line}")


def _column(name: str, node: Node, where: str, target: Target, mistakes: Mistakes) -> list[object]:
    """The values of one key."""
    if not isinstance(node.value, list):
        raise Wrong(node, f"must be a list of values, got {describe(node)}")
    if not node.value:
        raise Wrong(node, "is empty; list at least one value")
    column: dict[object, None] = {}
    for index, item in enumerate(node.value):
        with mistakes.noting(f"{where}[{index}]"):
            if name in SETTINGS:
                value = values.setting(SETTINGS[name], item)
            else:
                value = values.parameter(target.parameters[name], item)
            if value in column:
                raise Wrong(item, f"{describe(item)} is in the list already")
            column[value] = None
    return list(column)
