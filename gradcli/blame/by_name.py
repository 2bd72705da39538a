"""What the names of values say of repairs that all work: `dmu` should be like the gradient of `mu`."""

import ast
from collections.abc import Iterator

from gradcli.arrays import Array
from gradcli.blame.evidence import Evidence
from gradcli.blame.repair import Repair, is_sign
from gradcli.blame.site import DEF
from gradcli.blame.truth import Node


def likelier(repairs: list[Repair], evidence: Evidence) -> list[Repair]:
    """Where sums are missing, those of what has another size than its name says, `dmu = dxc`. Where it is no
    sign that is wrong, none of what is the negative of what its name says: that is put right later."""
    if all(repair.kind == "sum missing" for repair in repairs):
        repairs = [r for r in repairs if _has_another_size(r.statement, evidence)] or repairs
    if any(map(_is_of_sign, repairs)):
        return repairs
    return [r for r in repairs if not _is_opposite(r.statement, evidence)] or repairs


def _is_of_sign(repair: Repair) -> bool:
    return is_sign(repair.factor) or repair.kind in ("sign", "operator") or repair.after.startswith("-1 * ")


def _has_another_size(statement: ast.stmt | None, evidence: Evidence) -> bool:
    pairs = list(_pairs(statement, evidence))
    return bool(pairs) and all(value.size != node.gradient.size for value, node in pairs)


def _is_opposite(statement: ast.stmt | None, evidence: Evidence) -> bool:
    return any(node.matches(-value, evidence.bench.tol) for value, node in _pairs(statement, evidence))


def _pairs(statement: ast.stmt | None, evidence: Evidence) -> Iterator[tuple[Array, Node]]:
    """The last values that a statement gives to variables, with the nodes that these are named after."""
    for site in evidence.bench.backward.taps.sites:
        if site.role == DEF and site.statement is statement and statement is not None:
            for value in evidence.trace.of(site.number)[-1:]:
                yield from ((value, node) for node in evidence.paired(site))
