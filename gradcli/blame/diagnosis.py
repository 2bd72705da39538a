"""What kind of mistake a fault is, in words.

Only repairs speak here: each was run, and with it the wrong gradients agree with the numeric ones.
"""

import ast
import linecache
from collections.abc import Iterator, Mapping

import numpy as np

from gradcli.arrays import Array, BoolArray
from gradcli.blame.bench import Bench
from gradcli.blame.downstream import downstream
from gradcli.blame.evidence import Evidence
from gradcli.blame.factors import factor_missing, name_factor, sizes
from gradcli.blame.program import Program
from gradcli.blame.repair import PATHS, Repair, with_array
from gradcli.blame.search import Fault
from gradcli.blame.site import CARRIED, DEF, EXPRESSION, USE
from gradcli.digits import telling_apart
from gradcli.result import Blame

_KINDS = {
    "accumulated": "added to what is there, where it should be set",
    "overwritten": "overwritten, where contributions add up",
    "operator": "a wrong operator",
    "operands": "the operands are the wrong way round",
    "order of a product": "the factors of a matrix product are the wrong way round",
    "sign": "a sign too many",
    "negation": "a negation too many",
    "constant": "a wrong constant",
    "widened": "done to all, where the first or the last is left out",
    "axis": "the wrong axis",
    "axes": "an axis too many",
    "flag": "a wrong flag",
    "variable": "a wrong variable",
    "function": "the wrong function",
    "transpose": "transposed the wrong way",
    "sum missing": "a sum is missing",
    "complement": "x stands where 1 - x is due",
    "misplaced power": "a power that belongs to one operand",
    "permutation": "axes are permuted",
    "subscripts": "wrong subscripts: axes are permuted",
    "arguments": "arguments in the wrong order",
    "extra call": "a call too many",
    "extra term": "a term too many",
    "extra factor": "a factor too many",
    "power": "a power too many",
    "exponent": "a wrong exponent",
    "reversed": "reversed along an axis",
    "duplicates": "an index that occurs twice is counted once",
    "factor missing": "a factor is missing",
    "term missing": "a term is missing",
    "count": "a wrong count",
    "power missing": "a power is missing",
    "selection": "only a part is taken",
    "indices": "indices in the wrong order",
    "index": "the wrong index",
    "slice": "the wrong slice",
    "comparison": "a wrong comparison",
    "branch": "the branches are the wrong way round",
    "bound": "the loop runs to the wrong bound",
    "exchanged": "two indices in each other's place",
    "direction": "the loop runs in the wrong direction",
    "superfluous": "a statement too many",
    "unpacked": "unpacked in the wrong order",
    "order": "returned in the wrong order",
    "listed": "listed in the wrong order",
    "extra factors": "two factors too many",
}


def describe(bench: Bench, evidence: Evidence, program: Program, fault: Fault) -> Blame:
    """The fault as it is reported."""
    file = fault.file
    node = _node_name(fault)
    parts = [_ratio(bench, evidence, fault), _reason(bench, evidence, fault) or _unexplained(bench, fault)]
    return Blame(
        gradient=min(fault.gradients),
        node=node,
        file=file,
        line=fault.line,
        diagnosis="; ".join(p for p in parts if p),
        source=linecache.getline(file, fault.line).strip(),
        downstream=downstream(evidence, program, fault),
        gradients=tuple(sorted(fault.gradients)),
    )


def _node_name(fault: Fault) -> str:
    if fault.node is not None and fault.node.name:
        return fault.node.name
    return (fault.site.name or "") if fault.site is not None else ""


def _unexplained(bench: Bench, fault: Fault) -> str:
    """Where nothing fits: so it is said, with the place where it shows most."""
    name = min(fault.gradients)
    found, true = bench.found[name], bench.known[name].numeric
    # Without time, not all was tried.
    nothing = "no single change explains it" if bench.clock.affords(0.0) else "no change was found in time"
    if found.shape != true.shape or not found.size:
        return nothing
    asked = any(np.any(c != 1.0) for c in bench.cotangents)  # for a cotangent of 1, none need be looked at
    other = bench.gradients(None, tuple(-2.0 * c for c in bench.cotangents)) if asked else None
    if other is not None and found.any() and np.array_equal(other.get(name, true), found):
        return f"the cotangent is ignored: {name} is the same for another one"
    gap = np.nan_to_num(np.abs(found - true))
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), gap.shape))
    place = f" at {at if len(at) > 1 else at[0]}" if at else ""
    wrong = gap > 1e-6 * float(np.max(np.abs(true), initial=0.0))
    digits = telling_apart(float(gap[at] / max(abs(found[at]), abs(true[at]), 1e-300)))
    shown = f"{found[at]:.{digits}g} for {true[at]:.{digits}g}"
    return f"{nothing}; {name} is furthest off{place} ({shown}){region(wrong, bench.inputs)}"


def region(wrong: BoolArray, arrays: Mapping[str, Array]) -> str:
    """Where the wrong elements lie, if they keep to a part of an axis, or of one of these arrays."""
    if wrong.all() or not wrong.any() or wrong.ndim == 0:
        return ""
    for axis in range(wrong.ndim):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        length = wrong.shape[axis]
        indices = np.flatnonzero(wrong.any(axis=others))
        if len(indices) == 1 and length > 1:
            return f", and wrong only at index {indices[0]} of axis {axis}"
        if length > 3 and np.array_equal(indices, [0, length - 1]):
            return f", and wrong only at the borders of axis {axis}"
        right = np.flatnonzero(~wrong.any(axis=others))
        if len(right) == 1 and length > 2 and np.delete(wrong, right, axis=axis).all():
            return f", and right only at index {right[0]} of axis {axis}"
    for name, array in arrays.items():
        if array.shape == wrong.shape and wrong.size > 7:
            for text, part in _parts(name, array):
                if np.array_equal(part, wrong):
                    return f", and wrong only where {text}"
    return ""


def _parts(name: str, array: Array) -> Iterator[tuple[str, BoolArray]]:
    if array.dtype.kind == "b":
        yield name, array
        yield f"not {name}", ~array
    elif array.dtype.kind == "f":
        yield f"{name} > 0", array > 0
        yield f"{name} < 0", array < 0


def _ratio(bench: Bench, evidence: Evidence, fault: Fault) -> str:
    """How the wrong value compares with the true one, where that is known."""
    if fault.site is None or fault.node is None or fault.site.statement is not fault.statement:
        return "" if fault.repairs else "everything it is computed from is right"
    values = evidence.trace.of(fault.site.number)
    if not values:
        return ""
    value = values[-1]
    if value.size != fault.node.gradient.size:
        return ""
    true = fault.node.gradient.reshape(value.shape)
    largest = float(np.max(np.abs(true)))
    name = fault.site.name or "the value"
    off = np.abs(value - true) > 1e-7 * np.abs(true) + 1e-9 * largest
    wrong = int(np.sum(off))
    if not wrong:
        return ""
    with np.errstate(all="ignore"):
        ratios = (value / true)[off]
    amount = "all" if wrong == value.size else f"{wrong} of"
    elements = f"{amount} {value.size} elements" if value.size > 1 else "its only element"
    if np.all(np.isfinite(ratios)) and float(np.ptp(ratios)) <= 1e-6 * abs(float(ratios[0])):
        factor = float(ratios[0])
        text = "zero instead of the true value" if factor == 0 else f"{factor:.4g} times the true value"
        return f"{name} is {text} in {elements}; everything it is computed from is right"
    return (
        f"{name} is wrong in {elements}{region(off, bench.inputs)}; everything it is computed from is right"
    )


def _reason(bench: Bench, evidence: Evidence, fault: Fault) -> str:
    if not fault.repairs:
        return ""
    best = min(fault.repairs, key=lambda repair: _preference(bench, repair))
    if best.kind == "factor":
        return factor_missing(bench, evidence, best)
    if best.kind in ("times", "over") and best.array in bench.cotangent_names:
        return f"the cotangent is ignored: {best.after} is right"
    if best.kind in ("times", "over"):
        return f"a factor is missing: {_grown(evidence, best)} is right"
    if best.kind == "plus":
        return f"{best.array} is missing: {_grown(evidence, best)} is right"
    if best.kind == "instead":
        return f"a wrong tensor: {best.array} of forward is right in place of {best.before}"
    if best.kind in PATHS:
        return _path(bench, best)
    return changed(best.kind, best.before, best.after)


def _grown(evidence: Evidence, repair: Repair) -> str:
    """An expression with a value of forward put to it, by the name that it has in backward."""
    term = repair.term
    if term is None or repair.site is None:
        return repair.after
    bench = evidence.bench
    known = [(s, evidence.trace) for s in bench.backward.taps.sites if s.role in (DEF, USE)]
    # What forward has put into the object is at hand as well.
    known += [(s, evidence.forward) for s in bench.forward.taps.sites if (s.name or "").startswith("self.")]
    shapes = {
        site.name: value.shape
        for site, trace in known
        for value in trace.of(site.number)[:1]
        if site.name and value.size == term.size and np.array_equal(value.ravel(), term.ravel())
    }
    own = repair.array if repair.array in shapes or not shapes else next(iter(shapes))
    return with_array(
        repair.site.node, repair.kind, own, _axes_added(shapes.get(own, term.shape), term.shape)
    )


def _axes_added(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """The index that gives an array of one axis the shape that it is used in: `[:, None]`."""
    if len(shape) != 1 or len(wanted) < 2 or wanted[-1] == shape[0]:
        return ""
    return "[" + ", ".join(":" if n == shape[0] else "None" for n in wanted) + "]"


def changed(kind: str, before: str, after: str) -> str:
    """What a change of the text mends."""
    words = _words(kind, after)
    if kind == "superfluous":
        return f"{words}: without `{before}` everything is right"
    return f"{words}: with `{after}` in place of `{before}` everything is right"


def _path(bench: Bench, repair: Repair) -> str:
    if repair.after == CARRIED:
        return f"the path of {repair.array} from pass to pass is missing in {repair.before}"
    through = (
        f" of {repair.array} through line {repair.after}" if repair.array and repair.after != "0" else ""
    )
    if repair.kind != "path":
        return f"the path{through} is counted once too often in {repair.before}" if through else ""
    frozen = _frozen(bench, repair) if through else ""
    # What has a name in forward can be declared.
    meant = f" (if that is meant, declare stop_gradient: [{frozen}])" if frozen.isidentifier() else ""
    detached = f"backward treats {frozen} as a constant{meant}; " if frozen else ""
    return f"{detached}the path{through} is missing in {repair.before}{_constancy(repair.term)}"


def _frozen(bench: Bench, repair: Repair) -> str:
    """What of forward's line is taken for a constant: the largest part that needs no other use of a value.

    All of it, by its name, where that is the only use in it.
    """
    if repair.use is None:
        return ""
    recorded = bench.forward_trace().counts
    own = [
        s for s in bench.forward.taps.sites if s.statement is repair.use.statement and recorded.get(s.number)
    ]
    others = {id(s.node) for s in own if s.role == USE and s.name not in bench.original.constants}
    others -= {id(repair.use.node)}
    holders = [
        s
        for s in own
        if isinstance(s.node, ast.expr)
        and s.role in (EXPRESSION, DEF)
        and _holds(s.node, {id(repair.use.node)})
        if not _holds(s.node, others)
    ]
    if not holders:
        return ""
    largest = max(holders, key=lambda s: len(s.text))
    return repair.through if largest.role == DEF else f"`{largest.text}`"


def _holds(node: ast.AST, ids: set[int]) -> bool:
    return any(id(part) in ids for part in ast.walk(node))


def _constancy(term: Array | None) -> str:
    """Along which axis a term that is missing does not change."""
    if term is None or term.ndim < 2:
        return ""
    largest = float(np.max(np.abs(term), initial=0.0))
    axes = [
        a for a in range(term.ndim) if term.shape[a] > 1 and np.max(np.ptp(term, axis=a)) <= 1e-7 * largest
    ]
    return f", a term that is constant along axis {axes[0]}" if len(axes) == 1 else ""


def _words(kind: str, after: str) -> str:
    name = after.rpartition(".")[2]
    if kind == "function" and name in ("sum", "mean"):
        return f"a {'mean' if name == 'sum' else 'sum'} in place of a {name}"
    return _KINDS.get(kind, kind)


_PLAIN = (
    "axis",
    "order",
    "listed",
    "operator",
    "unpacked",
    "function",
    "sign",
    "accumulated",
    "overwritten",
    "superfluous",
    "flag",
    "direction",
    "reversed",
)


def _preference(bench: Bench, repair: Repair) -> tuple[int, int]:
    """Several repairs of one line say the same in different words: the plainest first."""
    if repair.kind in _PLAIN and repair.rank == 1:
        return 0, len(repair.before)
    if repair.kind == "factor":
        factor = repair.factor or 0.0
        if name_factor(factor, ()):
            return 1, -len(repair.before)
        return (3 if name_factor(factor, sizes(bench)) else 7), -len(repair.before)
    if repair.kind == "constant":
        return (4 if repair.after == "0" else 2), repair.rank
    if repair.kind in ("factor missing", "term missing", "power missing", "complement"):
        return 8, len(repair.after)
    if repair.kind in PATHS:
        # One that is missing says more than one too many, and a use more than an input as a whole.
        return 6, len(repair.before) + 1000 * (repair.kind != "path") + 500 * (repair.use is None)
    if repair.kind in ("times", "over", "plus", "instead"):
        return 5, len(repair.before)
    return 4, repair.rank
