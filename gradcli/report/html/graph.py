"""The graph of forward: every node in its colour, below what it is computed from."""

import ast
import linecache
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcli.report.plain import printable
from gradcli.result import NodeRow
from gradcli.source_line import written_line

_WIDE, _HIGH = 140, 30  # a box, in pixels
_ACROSS, _DOWN = 160, 62  # from one box to the next
_ASIDE = 24  # by so much an edge bends for each row that it passes
_LONGEST = 14  # characters that fit into a box


@dataclass(frozen=True)
class Box:
    """One node: where its box lies, and what is shown when it is clicked."""

    label: str
    name: str
    verdict: str
    x: int
    y: int
    place: str
    code: str  # its line of forward
    backward: str


@dataclass(frozen=True)
class Graph:
    """Boxes, and one path that joins them; `left` is the room that it takes beside them."""

    boxes: tuple[Box, ...]
    edges: str
    left: int
    width: int
    height: int
    wide: int = _WIDE
    high: int = _HIGH


def graph(rows: Sequence[NodeRow]) -> Graph | None:
    """The nodes of a check that compared them; None where there are none."""
    nodes = [row for row in rows if row.name and row.line is not None]
    if not nodes:
        return None
    assignments = {file: _assignments(file) for file in {row.file for row in nodes}}
    sources = [_sources(place, nodes, assignments[row.file]) for place, row in enumerate(nodes)]
    depths: list[int] = []
    for found in sources:  # in the order of forward: what a node needs is before it
        depths.append(1 + max((depths[source] for source in found), default=-1))
    columns = [depths[:place].count(depth) for place, depth in enumerate(depths)]
    boxes = tuple(
        _box(row, _ACROSS * column, _DOWN * depth)
        for row, column, depth in zip(nodes, columns, depths, strict=True)
    )
    edges = [_edge(boxes[source], boxes[place]) for place, found in enumerate(sources) for source in found]
    width = _ACROSS * max(columns) + _WIDE
    left = _ASIDE * max(depths)  # more than the longest edge needs
    return Graph(boxes, "".join(edges), left, left + width, _DOWN * max(depths) + _HIGH)


def _box(row: NodeRow, x: int, y: int) -> Box:
    name = printable(row.name)
    code = linecache.getline(row.file, row.line or 0).strip()
    return Box(
        label=name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…",
        name=name,
        verdict=row.verdict,
        x=x,
        y=y,
        place=printable(written_line(row.file.rpartition("/")[2], row.line or 0)),
        code=printable(code),
        backward=printable(row.backward),
    )


def _edge(source: Box, target: Box) -> str:
    """Down to the next row; what goes further passes beside the boxes between, not behind them."""
    span = (target.y - source.y) // _DOWN
    if span > 1:
        y, to_y, aside = source.y + _HIGH // 2, target.y + _HIGH // 2, _ASIDE * span
        return f"M{source.x} {y}C{source.x - aside} {y} {target.x - aside} {to_y} {target.x} {to_y}"
    middle = _WIDE // 2
    x, y, to_x, to_y = source.x + middle, source.y + _HIGH, target.x + middle, target.y
    bend = (to_y - y) // 2
    return f"M{x} {y}C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}"


def _sources(place: int, nodes: Sequence[NodeRow], assignments: Mapping[int, ast.stmt]) -> list[int]:
    """The places of the nodes that a node's line reads: of each name, its latest before that line."""
    row = nodes[place]
    statement = assignments.get(row.line or 0)
    if statement is None:
        return []
    read = {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and not _is_written(one)}
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        read.add(statement.target.id)
    latest: dict[str, int] = {}
    for earlier, other in enumerate(nodes[:place]):
        for name in read & {other.name, _base(other.name)}:
            if other.line != row.line:
                latest[name] = earlier
    return sorted(set(latest.values()))


def _is_written(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _base(name: str) -> str:
    """`h` of `h_2`, the second assignment of h."""
    start, _, number = name.rpartition("_")
    return start if start and number.isdigit() else name


def _assignments(file: str) -> dict[int, ast.stmt]:
    """The assignments of a file by their first line; none if it cannot be read."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign)
    return {one.lineno: one for one in ast.walk(tree) if isinstance(one, kinds)}
