"""The graph of forward: every node in its colour, below what it is computed from."""

import ast
import linecache
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from gradcli.report.plain import printable
from gradcli.result import NodeRow
from gradcli.source_line import written_line

_WIDE, _HIGH = 140, 30  # a box, in pixels
_ACROSS, _DOWN = 160, 62  # from one box to the next
_ASIDE = 24  # by so much an edge bends for each row that it passes
_CORNER = 8  # radius of an edge's corners
_LANES = (-6, -2, 2, 6)  # of edges between two columns
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
    at_fault: bool  # its gradient is what the line at fault computes


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


def graph(rows: Sequence[NodeRow], at_fault: Container[str] = ()) -> Graph | None:
    """The nodes of a check that compared them; None where there are none.

    at_fault: the names of those whose gradients are where the fault is.
    """
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
        _box(row, _ACROSS * column, _DOWN * depth, row.name in at_fault)
        for row, column, depth in zip(nodes, columns, depths, strict=True)
    )
    edges = [
        _edge(boxes[source], boxes[place], _LANES[source % len(_LANES)])
        for place, found in enumerate(sources)
        for source in found
    ]
    width = _ACROSS * (max(columns) + 1)
    spans = [
        depths[place] - depths[source]
        for place, found in enumerate(sources)
        for source in found
        if columns[place] == columns[source] == 0
    ]
    left = (3 * _ASIDE * max(spans, default=0)) // 4  # so far a curve goes towards where it bends to
    return Graph(boxes, "".join(edges), left, left + width, _DOWN * max(depths) + _HIGH)


def _box(row: NodeRow, x: int, y: int, at_fault: bool) -> Box:
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
        at_fault=at_fault,
    )


def _edge(source: Box, target: Box, lane: int) -> str:
    """Down to the next row; what goes further passes beside the boxes between, not behind them."""
    span, middle = (target.y - source.y) // _DOWN, _WIDE // 2
    x, to_x = source.x + middle, target.x + middle
    if span <= 1:
        y, bend = source.y + _HIGH, (target.y - source.y - _HIGH) // 2
        return f"M{x} {y}C{x} {y + bend} {to_x} {target.y - bend} {to_x} {target.y}"
    y = source.y + _HIGH // 2
    if source.x == target.x == 0:
        to_y, aside = target.y + _HIGH // 2, _ASIDE * span
        return f"M0 {y}C{-aside} {y} {-aside} {to_y} 0 {to_y}"
    across, down = source.x + (_WIDE + _ACROSS) // 2 + lane, target.y - (_DOWN - _HIGH) // 2
    return _rounded([(source.x + _WIDE, y), (across, y), (across, down), (to_x, down), (to_x, target.y)])


def _rounded(points: Sequence[tuple[int, int]]) -> str:
    """Straight lines along the axes from point to point, with round corners."""
    (x, y), (last_x, last_y) = points[0], points[-1]
    words = [f"M{x} {y}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (x, y), (to_x, to_y) = _towards(corner, before), _towards(corner, after)
        words.append(f"L{x} {y}Q{corner[0]} {corner[1]} {to_x} {to_y}")
    return f"{''.join(words)}L{last_x} {last_y}"


def _towards(corner: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """The point on the way to the other one at which the corner's curve ends."""
    x, y = (c + max(-_CORNER, min(_CORNER, (o - c) // 2)) for c, o in zip(corner, other, strict=True))
    return x, y


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
