"""Two dumps compared, value by value: where do two implementations, machines or precisions part?

Values are compared in the order in which they arise: inputs, what forward computes, outputs, cotangent, and
then gradients, from the output backwards. The first that differs is where to look; what follows differs
because of it.

What counts as a difference. No two programs round alike, so a value may differ by

- a few units of the last place of the lower precision, at the size of the largest value so far: what is left
  where large numbers cancel carries their rounding (up to half of the digits, no further);
- a multiple of the relative difference that has been seen before it: rounding that is there grows;
- for the gradients of inputs, the uncertainties in the dumps.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gradcli.archive import Archive
from gradcli.arrays import Array, FloatArray
from gradcli.errors import ArchiveError
from gradcli.verdict import K

_GROWTH = 64.0  # by so much a difference may grow from one value to the next

_FORWARD = ("in", "const", "node", "out")
_BACKWARD = ("cotangent", "node_grad", "grad")


@dataclass(frozen=True, eq=False)
class Row:
    """One value of both dumps, at the element that differs most."""

    key: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    dtypes: tuple[str, str]
    differs: bool
    difference: float  # relative to the largest element; infinite where shapes or what is finite differ
    index: tuple[int, ...] = ()
    values: tuple[object, object] | None = None  # there; None where shapes differ or nothing does


@dataclass(frozen=True, eq=False)
class Comparison:
    """All values that both dumps hold, in the order in which they arise."""

    rows: tuple[Row, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]  # keys that one of the two lacks
    precision: str  # the lower of the two

    @property
    def first(self) -> Row | None:
        """The first value that differs."""
        return next((row for row in self.rows if row.differs), None)


def compare(one: Archive, other: Archive) -> Comparison:
    """Compare two dumps. Raises ArchiveError if they hold no value of the same name."""
    mine, yours = _ordered(one), _ordered(other)
    in_one, in_other = set(mine), set(yours)
    common = [key for key in mine if key in in_other]
    if not common:
        raise ArchiveError(f"{one.path} and {other.path}: hold no array of the same name")
    precision = _lower_precision([one.arrays[key] for key in common] + [other.arrays[key] for key in common])
    eps = float(np.finfo(precision).eps)
    longest = max(one.arrays[key].size for key in common)
    forward = _Chain(eps * (16 + 4 * math.sqrt(longest)), math.sqrt(eps))
    backward = _Chain(forward.rounding, forward.most)
    rows = []
    for key in common:
        if _group(key) in _BACKWARD:
            backward.noise = max(backward.noise, forward.noise)
        chain = backward if _group(key) in _BACKWARD else forward
        rows.append(chain.compare(key, one.arrays[key], other.arrays[key], _uncertainty(one, other, key)))
    only = (tuple(k for k in mine if k not in in_other), tuple(k for k in yours if k not in in_one))
    return Comparison(tuple(rows), only, precision)


@dataclass
class _Chain:
    """What has been seen on the way through forward or back."""

    rounding: float  # of one value, relative to the largest number in it
    most: float  # relative: what rounding of larger numbers is allowed to leave
    noise: float = 0.0  # the largest relative difference so far
    size: float = field(default=0.0)  # the largest number so far

    def compare(self, key: str, one: Array, other: Array, uncertainty: FloatArray | None) -> Row:
        shapes, dtypes = (one.shape, other.shape), (str(one.dtype), str(other.dtype))
        if one.shape != other.shape:
            return Row(key, shapes, dtypes, True, math.inf)
        if not one.size:
            return Row(key, shapes, dtypes, False, 0.0)
        error, scale = _error(one, other), max(_largest(one), _largest(other))
        excess = error if uncertainty is None else np.maximum(error - K * uncertainty, 0.0)
        relative, counted = (float(np.max(e)) / scale if scale else float(np.max(e)) for e in (error, excess))
        if one.dtype.kind in "biu" and other.dtype.kind in "biu":
            differs = bool(error.any())
        else:
            differs = math.isinf(counted) or counted > self._allowed(scale)
            if not differs and scale > self.rounding * self.size:
                self.noise = max(self.noise, relative)
        if _group(key) != "const":
            self.size = max(self.size, scale)
        if not error.any():
            return Row(key, shapes, dtypes, differs, 0.0)
        at = tuple(map(int, np.unravel_index(int(np.argmax(error)), error.shape)))
        return Row(key, shapes, dtypes, differs, relative, at, (one[at], other[at]))

    def _allowed(self, scale: float) -> float:
        """The relative difference that rounding explains in a value of this size."""
        if scale <= self.rounding * self.size:
            return math.inf  # zero, but for what cancellation left
        left = self.rounding * max(1.0, self.size / scale)
        return max(min(left, max(self.most, self.rounding)), _GROWTH * self.noise)


def _ordered(dump: Archive) -> list[str]:
    """The keys in the order in which their values arise."""
    return [key for group in (*_FORWARD, *_BACKWARD) for key in _of_group(dump, group)]


def _of_group(dump: Archive, group: str) -> Iterator[str]:
    keys = [key for key in dump.arrays if _group(key) == group]
    if group != "node_grad":
        return iter(keys)
    place = {name: number for number, name in enumerate(dump.group("node"))}
    return iter(sorted(keys, key=lambda key: -place.get(key.partition("/")[2], -1)))


def _group(key: str) -> str:
    return key.partition("/")[0]


def _lower_precision(arrays: list[Array]) -> str:
    kinds = {np.finfo(array.dtype).dtype for array in arrays if array.dtype.kind in "fc"}
    return str(max(kinds, key=lambda dtype: np.finfo(dtype).eps, default=np.dtype(np.float64)))


def _uncertainty(one: Archive, other: Archive, key: str) -> FloatArray | None:
    """How far rounding and truncation can have moved a gradient, in both dumps together."""
    if _group(key) != "grad":
        return None
    name = f"unc/{key.partition('/')[2]}"
    found = [dump.arrays[name] for dump in (one, other) if name in dump.arrays]
    if len(found) != 2 or any(a.shape != one.arrays[key].shape or a.dtype.kind != "f" for a in found):
        return None
    return np.nan_to_num(found[0].astype(np.float64) + found[1].astype(np.float64), nan=0.0)


def _error(one: Array, other: Array) -> FloatArray:
    """|one - other|; infinite where only one of the two is finite."""
    wide = np.complex128 if "c" in one.dtype.kind + other.dtype.kind else np.float64
    left, right = one.astype(wide), other.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(left - right)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    return np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))


def _largest(array: Array) -> float:
    """The largest finite number of an array, without its sign."""
    size = np.abs(array.astype(np.complex128 if array.dtype.kind == "c" else np.float64))
    return float(np.max(size, initial=0.0, where=np.isfinite(size)))
