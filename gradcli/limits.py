"""Gradients at a tie as limits of gradients next to it.

Where several values are tied (a sort, a median, an eigenvalue), one element's slopes on its two sides need
not enclose the gradient that a backward gives, and it is right all the same: for values ever so slightly
apart, in the order that the backward took them, or as a mean over several orders.

Where several kinks meet in one point (a network of relu's at zeros), a backward takes a side at each of them,
and no point beside it need lie on those sides all at once. Half a circle around the point crosses each kink
once: what gradients jump by on the way, all in all, is how far apart the sides can be.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from gradcli.arrays import Array, BoolArray, FloatArray, largest
from gradcli.contract import comparable
from gradcli.errors import BrokenPromise
from gradcli.numeric import Differentiator
from gradcli.subject import Subject

_ORDERS = 128  # in which ties are broken, at most
_HOPELESS = 2  # orders after which a backward that was right in none is given up
_GAP = 2.0**14  # units in the last place between neighbours: no more, since what is merely near is no tie ...
_GAPS = (_GAP, 2.0**26, 2.0**36)  # ... but where these drown (behind an addition of 1e6)
_FAR = 2.0**-8  # of the spread, for all of them: where slopes show their digits
_DIRECTIONS = 3
_ARCS, _STEPS = 6, 128  # half circles around the point, at most, and points on each
_TRIED = 8  # of these are held against slopes
_KNOWN = 1e-2  # relative uncertainty of a slope beyond which it confirms nothing
_SAME = 1e-5  # of the gradient's scale: between the point and those beside it
_EXACT = 1e-7  # of a sum
_MARGIN = 4.0  # times the doubt of a slope
_CLEAR = 1e-3  # of the gradient's scale: by how much limits differ where there is a tie ...
_APART = 1e-2  # ... and what backward gives from the slope of the element alone
_PART = 1 << 14  # elements that are compared at once


class Limits:
    """Gradients that are right beside the point: what backward gives there, borne out by differences.

    For each element the smallest and the largest of them, infinite where none was confirmed.
    """

    def __init__(self, numeric: Differentiator, together: BoolArray) -> None:
        self.numeric = numeric
        self.together = together
        self.low, self.high = np.full(together.shape, np.inf), np.full(together.shape, -np.inf)
        places = numeric.structure.group_shape
        self.least, self.most = np.full(places, np.inf), np.full(places, -np.inf)  # sums over `together`

    def add(self, gradient: FloatArray, right: BoolArray, among: BoolArray) -> None:
        """Take in a gradient of some elements, at those places of the group where it was confirmed."""
        here = (self.numeric.spread_over(right.astype(np.float64)) > 0) & among
        np.copyto(self.low, np.minimum(self.low, gradient), where=here)
        np.copyto(self.high, np.maximum(self.high, gradient), where=here)
        total = np.sum(np.where(self.together, gradient, 0.0), axis=_rest(self.numeric))
        np.copyto(self.least, np.minimum(self.least, total), where=right)
        np.copyto(self.most, np.maximum(self.most, total), where=right)

    def add_arc(self, walk: FloatArray, right: BoolArray) -> None:
        """Take in what lies between the gradients on half a circle, at places where these were confirmed.

        walk: the gradients, in order along the first axis. The two ends take opposite sides of every kink
        that is crossed, so the sides are half of all jumps away from their mean.
        """
        totals = np.sum(np.where(self.together, walk, 0.0), axis=tuple(a + 1 for a in _rest(self.numeric)))
        for low, high, along, where in (
            (self.low, self.high, walk, self.numeric.spread_over(right.astype(np.float64)) > 0),
            (self.least, self.most, totals, right),
        ):
            middle, half = (along[0] + along[-1]) / 2, np.sum(np.abs(np.diff(along, axis=0)), axis=0) / 2
            np.copyto(low, np.minimum(low, middle - half), where=where)
            np.copyto(high, np.maximum(high, middle + half), where=where)

    @property
    def confirmed(self) -> BoolArray:
        return self.low <= self.high

    def differ(self, analytic: FloatArray, numeric: FloatArray) -> BoolArray:
        """Elements at a tie: limits differ from each other, or from what the element's own slopes say."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(analytic - numeric) > _APART * self._scale
        return np.asarray(self.vary | (self.confirmed & apart))

    @property
    def vary(self) -> BoolArray:
        """Elements whose limits differ from each other."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.confirmed & (self.high - self.low > _CLEAR * self._scale))

    def enclose(self, analytic: FloatArray) -> BoolArray:
        """Elements whose analytic value lies among the limits."""
        slack = _SAME * self._scale
        return np.asarray((self.low - slack <= analytic) & (analytic <= self.high + slack))

    @property
    def _scale(self) -> FloatArray:
        """The largest limit at each place of a group: what a small cotangent makes small is judged so."""
        size = np.where(self.confirmed, np.maximum(np.abs(self.low), np.abs(self.high)), 0.0)
        return self.numeric.spread_over(np.max(size, axis=_rest(self.numeric), initial=0.0))


def limits(
    subject: Subject,
    numeric: Differentiator,
    cotangents: tuple[Array, ...],
    suspects: BoolArray,
    together: BoolArray,
    *,
    every: bool = False,
) -> Limits:
    """Break all ties in several orders, and keep what backward gives where slopes confirm it.

    Orders are tried until all suspects are explained, or to the last (`every`). Slopes are taken over the
    suspects and the elements `together`. Where a backward is wrong in general position, or beside the point
    in two orders, nothing is kept.
    Cost: 4 to 130 forwards and backwards, and 13 forwards for each that explains something; where that is
    not enough, 8 more of each with 104 forwards for each of up to 6 half circles, and 120 more of each where
    slopes bear the backward out.
    """
    found = Limits(numeric, together)
    point = np.asarray(numeric.function.point[numeric.name], dtype=np.float64)
    analytic = gradient_at(subject, numeric.name, point, cotangents)
    if analytic is None or subject.problem.inputs[numeric.name].dtype != np.float64 or not suspects.any():
        return found
    wanted = np.any(suspects, axis=_rest(numeric)) & _right_in_general(subject, numeric, cotangents)
    left = suspects & (numeric.spread_over(wanted.astype(np.float64)) > 0)
    gap, among = 0.0, np.ones(point.shape, dtype=bool)
    for units in _GAPS:
        gap = units * _unit(numeric)
        if units > _GAP:
            among = repeated(numeric)
        for tried, order in enumerate(_orders(numeric)):
            if not ((left & among).any() or every) or (tried >= _HOPELESS and not found.confirmed.any()):
                break
            near = point + gap * order
            gradient = gradient_at(subject, numeric.name, near, cotangents)
            if gradient is None or not (every or np.any(left & among & _widens(found, gradient, analytic))):
                continue
            right, _ = bears_out(numeric, gradient, near, gap / 4, suspects | together)
            found.add(gradient, right & wanted, among)
            left &= ~found.enclose(analytic)
        if found.confirmed.any() or not repeated(numeric).any():
            break
    for _ in range(_ARCS):
        open_ = wanted if every else wanted & np.any(left, axis=_rest(numeric))
        if not open_.any():
            break
        walk, right, wrong = _arc(subject, numeric, cotangents, gap, suspects | together, open_)
        if walk is not None:
            found.add_arc(walk, right)
        wanted &= ~wrong
        left &= ~found.enclose(analytic)
    return found


def _arc(
    subject: Subject,
    numeric: Differentiator,
    cotangents: tuple[Array, ...],
    gap: float,
    among: BoolArray,
    wanted: BoolArray,
) -> tuple[FloatArray | None, BoolArray, BoolArray]:
    """What backward gives on half a circle around the point, and which of the `wanted` places of a group
    slopes bear out there, and which they contradict.

    The whole way is walked only where some are borne out.
    Cost: 8 forwards and backwards, and 104 forwards; 120 more forwards and backwards for the whole way.
    """
    point = np.asarray(numeric.function.point[numeric.name], dtype=np.float64)
    one, other = (numeric.rng.uniform(-1.0, 1.0, point.shape) for _ in range(2))
    reach = gap * numeric.structure.batches
    angles = np.linspace(0.0, np.pi, _STEPS)

    def way(place: int) -> FloatArray:
        return np.asarray(point + reach * (np.cos(angles[place]) * one + np.sin(angles[place]) * other))

    tried = sorted(numeric.rng.choice(_STEPS, _TRIED, replace=False).tolist())
    first = _gradients_at(subject, numeric.name, map(way, tried), cotangents)
    known = {place: gradient for place, gradient in zip(tried, first, strict=True) if gradient is not None}
    votes = np.zeros(numeric.structure.group_shape, dtype=np.int64)
    for place, gradient in known.items():
        right, clear = bears_out(numeric, gradient, way(place), gap / 4, among)
        # A point that is close to a kink again tells nothing.
        votes += np.where(clear, np.where(right, 1, -_TRIED), 0)
    right, wrong = wanted & (votes > 0), votes < 0
    if len(known) < _TRIED or not right.any():
        return None, right, wrong
    between = [place for place in range(_STEPS) if place not in known]
    others = _gradients_at(subject, numeric.name, map(way, between), cotangents)
    known |= {
        place: gradient for place, gradient in zip(between, others, strict=True) if gradient is not None
    }
    walk = np.stack([known[place] for place in range(_STEPS)]) if len(known) == _STEPS else None
    return walk, right, wrong


def _widens(found: Limits, gradient: FloatArray, analytic: FloatArray) -> BoolArray:
    """Where a gradient would bring the limits nearer to the analytic value."""
    below, above = analytic < found.low, analytic > found.high
    return np.asarray(~found.confirmed | (below & (gradient < found.low)) | (above & (gradient > found.high)))


def repeated(numeric: Differentiator) -> BoolArray:
    """Elements whose value occurs more than once among those that could be tied with it (the batches, at one
    place of a group), to within the distance below which ties are broken."""
    structure = numeric.structure
    if structure.batches <= 1:
        return np.zeros(structure.shape, dtype=bool)
    order = (*structure.separable, *_rest(numeric))
    turned = np.transpose(np.asarray(numeric.function.point[numeric.name], dtype=np.float64), order)
    found = np.zeros(turned.shape, dtype=bool)
    rows = turned.reshape(structure.group_size, structure.batches)
    marks = found.reshape(rows.shape)
    count = max(1, _PART // structure.batches)
    for start in range(0, len(rows), count):  # a part at a time: it fits the cache, and memory counts
        _mark_repeated(rows[start : start + count], marks[start : start + count], structure.batches)
    return np.transpose(found, np.argsort(order))


def _mark_repeated(rows: FloatArray, marks: BoolArray, batches: int) -> None:
    values = np.sort(rows, axis=-1)
    gaps = np.diff(values)
    if not np.any(gaps <= _GAP * np.spacing(largest(values)) * batches):
        return  # not even as close as the largest values may be
    size = np.maximum(np.abs(values[:, 1:]), np.abs(values[:, :-1]))
    close = gaps <= np.where(size > 0, _GAP * np.spacing(size) * batches, 0.0)
    if close.any():
        tied = np.zeros(rows.shape, dtype=bool)
        tied[:, 1:] |= close
        tied[:, :-1] |= close
        np.put_along_axis(marks, np.argsort(rows, axis=-1), tied, axis=-1)


def _unit(numeric: Differentiator) -> float:
    point = np.abs(np.asarray(numeric.function.point[numeric.name], dtype=np.float64))
    return max(float(np.spacing(numeric.scale)), float(np.spacing(np.max(point, initial=0.0))))


def _rest(numeric: Differentiator) -> tuple[int, ...]:
    """The axes that are summed over at each place of a group."""
    return tuple(a for a in range(len(numeric.structure.shape)) if a not in numeric.structure.separable)


def _right_in_general(subject: Subject, numeric: Differentiator, cotangents: tuple[Array, ...]) -> BoolArray:
    """Places of a group where backward is not plainly wrong at a point without ties: there slopes show their
    digits, and a formula that is off is not excused by ties elsewhere."""
    gap = _FAR * numeric.scale / numeric.structure.batches
    ranks = numeric.rng.permutation(_ranks(numeric))
    point = numeric.function.point[numeric.name] + gap * _over_batches(numeric, ranks)
    gradient = gradient_at(subject, numeric.name, point, cotangents)
    if gradient is None:
        return np.zeros(numeric.structure.group_shape, dtype=bool)
    right, clear = bears_out(numeric, gradient, point, gap / 4, np.ones(point.shape, dtype=bool))
    return right | ~clear


def _orders(numeric: Differentiator) -> Iterator[FloatArray]:
    """Moves of all elements, in another order each time, a distance of 1 apart."""
    ranks = _ranks(numeric)
    yield from (_over_batches(numeric, ranks), _over_batches(numeric, -ranks))
    start = numeric.rng.permutation(len(ranks))
    turns = min(len(ranks), _ORDERS)
    for turn in range(turns):
        # Turning one order round brings each of the tied to each of their ranks.
        yield _over_batches(numeric, ranks[(start + turn * len(ranks) // turns) % len(ranks)])
    for _ in range(_ORDERS - turns):  # where two ties meet, it takes two of the tied at once
        yield _over_batches(numeric, numeric.rng.permutation(ranks))


def _ranks(numeric: Differentiator) -> FloatArray:
    """For those elements that can be tied: the batches, at each place of a group. None is 0.

    Not evenly spaced: weights of whole numbers would find kinks there too.
    """
    count = numeric.structure.batches
    return np.asarray(np.arange(count) - count // 2 + numeric.rng.uniform(0.3, 0.7, count))


def _over_batches(numeric: Differentiator, ranks: Array) -> FloatArray:
    structure = numeric.structure
    lengths = iter(structure.batch_shape)
    shape = [1 if a in structure.separable else next(lengths) for a in range(len(structure.shape))]
    return np.asarray(np.broadcast_to(ranks.reshape(shape), structure.shape))


def gradient_at(
    subject: Subject, name: str, point: FloatArray, cotangents: tuple[Array, ...]
) -> FloatArray | None:
    """What backward gives at another point."""
    return next(_gradients_at(subject, name, [point], cotangents))


def _gradients_at(
    subject: Subject, name: str, points: Iterable[FloatArray], cotangents: tuple[Array, ...]
) -> Iterator[FloatArray | None]:
    """What backward gives at one point after the other; None where it gives nothing to compare."""
    asked = (({**subject.problem.inputs, name: point}, cotangents) for point in points)
    for gradients in subject.gradients(asked):
        try:
            if isinstance(gradients, BrokenPromise):
                raise gradients
            found = comparable(subject.problem, gradients)
        except BrokenPromise:
            yield None
            continue
        yield found[name].astype(np.float64) if name in found else None


def bears_out(
    numeric: Differentiator, gradient: FloatArray, point: FloatArray, step: float, among: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """Whether slopes along random signs of some elements are those of a gradient, and whether they are known
    well enough to tell, for each place of a group.

    Where slopes on the two sides differ they tell nothing: a kink bends by as much over half the step, and a
    smooth function by half as much. Cost: 13 evaluations."""
    structure, name = numeric.structure, numeric.name
    axes = _rest(numeric)
    right, clear = np.ones(structure.group_shape, dtype=bool), np.ones(structure.group_shape, dtype=bool)
    try:
        function = numeric.function.elsewhere({name: point})
    except BrokenPromise:
        return ~right, ~clear

    draws = (numeric.rng.choice([-1.0, 1.0], among.shape) for _ in range(_DIRECTIONS))
    # Not signs alone: their sum over all may vanish.
    directions = [among * signs * numeric.rng.uniform(0.5, 1.0, among.shape) for signs in draws]
    sizes = (step, -step, step / 2, -step / 2)
    moved = ({name: point + size * direction} for direction in directions for size in sizes)
    nothing = np.full(structure.group_shape, np.nan)
    answers = [
        nothing if change is None else structure.contract(numeric.cotangents, change)
        for change in function.changes(moved)
    ]
    largest = float(np.max(np.abs(gradient), initial=0.0))
    for i, direction in enumerate(directions):
        plus, minus, half_plus, half_minus = answers[4 * i : 4 * i + 4]
        far, bend = (plus - minus) / (2 * step), (plus + minus) / step
        near, bend_near = (half_plus - half_minus) / step, (half_plus + half_minus) / (step / 2)
        expected = np.sum(gradient * direction, axis=axes)
        total = np.maximum(np.sqrt(np.sum(np.square(gradient * direction), axis=axes)), largest)
        with np.errstate(invalid="ignore"):
            doubt = np.abs(far - near) + np.abs(2 * bend_near - bend) + 4 * numeric.rounding / step
            clear &= doubt <= _KNOWN * total
            right &= np.abs(expected - near) <= _MARGIN * doubt + _EXACT * total
    return right & clear, clear
