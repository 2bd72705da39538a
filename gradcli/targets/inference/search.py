"""Trying candidates until forward and backward accept one."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from gradcli.errors import LackingError, UsageError
from gradcli.problem import Problem
from gradcli.spec import InputSpec
from gradcli.targets.convention import Checkable
from gradcli.targets.inference.algebra import by_algebra
from gradcli.targets.inference.candidates import Candidate, Shape, candidates, ranked
from gradcli.targets.inference.documented import by_annotation, by_docstring
from gradcli.targets.inference.flat import as_output, as_positive, deepened, in_range, resized, squared
from gradcli.targets.inference.guess import Drawn, Fixed, Layout
from gradcli.targets.inference.indexed import links
from gradcli.targets.inference.patience import Moment
from gradcli.targets.inference.relaxed import relaxed
from gradcli.targets.inference.transposed import transposes
from gradcli.targets.inference.trial import BOTH, FITS, FORWARD, REFUSED, Trial, attempt

_MOST_TRIES, _MOST_SECONDS = 1500, 6.0
_MORE_SECONDS = 1.0  # for lengths that do not all differ
_SLOW, _PART = 0.15, 0.6  # seconds of a slow try; the part of a check's budget that such tries may take
_MISFIT = 5  # by how much gradients of other shapes must be likelier than gradients that fit
_NONE_FITS = 8  # the same, where no gradient fits
_MADE_FOR = 0.5  # a length that the code is made for, beside small ones
_DOUBT = 8  # by how much a slope of what is not elementwise must be likelier than a cost
_SPREAD = 8  # by how much a cost that broadcasts by accident must be likelier than one that does not
_INDIFFERENT = 8  # by how much indices that are out of range must be likelier than those that are not
_FAR = 6  # a rank from which on gradients of other shapes say that the guess is wrong
_VECTORS = 5  # by how much vectors must be likelier than matrices where backward transposes
_LIKELY = 3  # up to this rank, lengths that the code is made for are tried
_MOST_PARTS = 12  # of a flat vector
_KNOWN = 1  # up to this rank, names and documentation have said what the arguments are

# How code refuses what it is given; what else it raises each time is a fault of its own.
_REFUSALS = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    TimeoutError,
)

# The Problem at these inputs and constants, beside what the user gave; raises UsageError.
Build = Callable[[Mapping[str, InputSpec], Mapping[str, object]], Problem]


@dataclass(frozen=True, eq=False)
class Found:
    """A candidate that was accepted."""

    candidate: Candidate
    names: tuple[str, ...]  # the arguments that it speaks for
    seconds: float = 0.0  # that slow code took to be tried: they count towards the budget of the check

    def inputs(self, sizes: Mapping[str, int], factors: Mapping[str, float]) -> dict[str, InputSpec]:
        """How to draw its arrays at these sizes."""
        layout = self.candidate.layout
        return {
            name: guess.spec(sizes, factors.get(name, 1.0))
            for name in self.names
            if isinstance(guess := layout[name], Drawn)
        }

    @property
    def constants(self) -> dict[str, object]:
        """Its values that are no arrays."""
        layout = self.candidate.layout
        return {name: guess.value for name in self.names if isinstance(guess := layout[name], Fixed)}


class NothingFits(Exception):
    """No candidate was accepted; the message is what the best of them raised, or empty."""


def infer(
    one: Checkable,
    missing: Sequence[str],
    given: Mapping[str, Shape],
    build: Build,
    *,
    optional: Sequence[str] = (),
    budget: float = 25.0,
) -> Found:
    """The likeliest shapes and values of the missing arguments that forward and backward accept.

    given: the shapes that are known; optional: arguments that are left out if they do not fit. Raises
    NothingFits, and LackingError for code that cannot run here at all. Code that at the likeliest ones raises
    what is no refusal of them (`sys.exit`, a name that is not there), and accepts no others, is taken at
    these: the check says what it does.
    Cost: up to three calls per try, up to 6 s of processor time, and no more than a part of the budget.
    """
    if optional:
        with suppress(NothingFits):
            found = infer(one, [*missing, *optional], given, build, budget=0.5 * budget)
            if _Tries(build)(found).level == FITS:
                return found
    names = [*dict.fromkeys([*missing, *given])]
    guesses = ranked(one.functions, (one.name, *one.symbols), names, numbers=one.numbers, moving=one.moving)
    best: tuple[float, Found | None, Trial] = (float("inf"), None, Trial(REFUSED))
    left: Found | None = None
    first: Found | None = None
    told: set[str] = set()  # what forward raised that may be no refusal of what it was given
    reason, patience, tries = Trial(REFUSED), _Patience(budget), _Tries(build)
    tried: list[Candidate] = []
    transposing = transposes(one.functions)
    documented = by_docstring(one.functions[0], names) or by_annotation(one.functions[0])
    likely = candidates(guesses, given, links(one.functions, names))
    computed = [] if given else by_algebra(one.functions[0], guesses)
    likely = _with(computed, likely)
    for number, candidate in enumerate(_at_its_lengths(likely, one, given)):
        if candidate.rank >= best[0] or number >= _MOST_TRIES or patience.is_over():
            break
        found = Found(candidate, tuple(missing))
        before = Moment()
        tried.append(candidate)
        found, trial = _as_long_as_asked(found, tries(found), tries)
        found, trial = _for_one_sample(found, trial, tries)
        found, trial = _spread_as_their_gradients(found, trial, tries, documented)
        candidate = found.candidate
        patience.tried(before)
        if left is None and trial.hopeless:
            left = found
        if trial.raised is not UsageError:
            first = first or found
            told.add("" if trial.raised is None or issubclass(trial.raised, _REFUSALS) else trial.reason)
        if not number or (trial.level, trial.fitting) > (reason.level, reason.fitting):
            reason = trial
        score = _score(candidate, trial) + _VECTORS * (transposing and candidate.has_only_vectors)
        score += _SPREAD * (trial.spread and not documented)
        score += _MISFIT * (candidate in computed and trial.level < FITS)  # `+ b` may broadcast
        if best[2].level == FITS > trial.level:
            continue  # what fits, if it broadcasts, is nearer than what does not
        if best[2].doubtful and not trial.is_cost:
            continue  # only what makes it a cost is an answer to the doubt
        if score < best[0]:
            best = (score, found, trial)
    if best[1] is None and left is None and len(told) == 1 and "" not in told:
        left = first  # one thing, whatever it is given
    if best[1] is None and left is None and not given:
        left = _relaxed(tried, missing, tries)
    if best[1] is None and left is not None:
        return left
    if best[1] is None:
        raise NothingFits(reason.reason)
    return replace(best[1], seconds=patience.slow)


def _with(told: Sequence[Candidate], likely: Iterator[Candidate]) -> Iterator[Candidate]:
    """The candidates by their ranks, with what the code itself says among them."""
    left = list(told)
    for candidate in likely:
        while left and candidate.rank > left[0].rank:
            yield left.pop(0)
        yield candidate


class _Patience:
    """Whether the time for guessing is up. A busy machine counts for less than code that takes its time: what
    is bounded by the budget are tries that worked for long, not those that had to wait."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.slow = 0.0
        self._start = Moment()

    def tried(self, since: Moment) -> None:
        now = Moment()
        taken = now.time - since.time
        its_own = now.worked - since.worked > 0.5 * taken
        self.slow += taken if taken > _SLOW and its_own else 0.0

    def is_over(self) -> bool:
        return self._start.spent() > _MOST_SECONDS or self.slow > _PART * self.budget


def _at_its_lengths(
    likely: Iterable[Candidate], one: Checkable, given: Mapping[str, Shape]
) -> Iterator[Candidate]:
    """After each of the likeliest candidates the same with a dimension of a length that the code is made for.

    Small lengths come first: they show the shapes best, where the code takes any.
    """
    lengths: Sequence[int] | None = None
    for candidate in likely:
        yield candidate
        if candidate.rank > _LIKELY or given:
            continue
        lengths = one.lengths if lengths is None else lengths
        for length in lengths:
            for symbol in candidate.sizes:
                sizes = {**candidate.sizes, symbol: length}
                yield replace(candidate, sizes=sizes, rank=candidate.rank + _MADE_FOR)


def _relaxed(tried: Sequence[Candidate], missing: Sequence[str], tries: "_Tries") -> Found | None:
    """A candidate that is accepted with a length of one, or with two lengths that are the same."""
    start = Moment()
    for candidate in relaxed(tried):
        if start.spent() > _MORE_SECONDS:
            break
        found = Found(candidate, tuple(missing))
        found, trial = _as_long_as_asked(found, tries(found), tries)
        if trial.level == FITS and not (trial.doubtful or trial.indifferent or trial.spread):
            return found
    return None


class _Tries:
    """What comes of candidates, each tried once: refusals of many of them ask for one and the same."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._known: dict[object, Trial] = {}

    def __call__(self, found: Found) -> Trial:
        inputs, constants = found.inputs(found.candidate.sizes, {}), found.constants
        typed = [(name, type(value), value) for name, value in constants.items()]  # 1 == True
        key = (*inputs.items(), *typed)
        try:
            known = self._known.get(key)
        except TypeError:  # a value without a hash
            return self._tried(inputs, constants)
        if known is None:
            known = self._known[key] = self._tried(inputs, constants)
        return known

    def _tried(self, inputs: Mapping[str, InputSpec], constants: Mapping[str, object]) -> Trial:
        try:
            return attempt(self._build(inputs, constants))
        except LackingError:
            raise
        except UsageError as error:
            return Trial(REFUSED, reason=str(error).splitlines()[0], raised=UsageError)


def _as_long_as_asked(found: Found, trial: Trial, tries: _Tries) -> tuple[Found, Trial]:
    """The same with what the code's refusal asks for, if it does."""
    for _ in range(_MOST_PARTS):
        if trial.level != REFUSED:
            break
        asks = (resized, in_range, squared, deepened, as_positive, as_output)
        others = (ask(found.candidate, trial.reason) for ask in asks)
        other = next((candidate for candidate in others if candidate is not None), None)
        if other is None:
            break
        found = replace(found, candidate=other)
        trial = tries(found)
    return found, trial


def _for_one_sample(found: Found, trial: Trial, tries: _Tries) -> tuple[Found, Trial]:
    """The same with one sample, where all that misfits are biases whose gradient has a column for each."""
    sizes = found.candidate.sizes
    symbols = [symbol for symbol, length in sizes.items() if length == trial.samples > 1]
    if len(symbols) != 1 or trial.level != BOTH:
        return found, trial
    layout = {
        name: replace(guess, axes=tuple("1" if axis == symbols[0] else axis for axis in guess.axes))
        if isinstance(guess, Drawn)
        else guess
        for name, guess in found.candidate.layout.items()
    }
    return _if_it_fits(layout, found, trial, tries)


def _spread_as_their_gradients(
    found: Found, trial: Trial, tries: _Tries, documented: Collection[str]
) -> tuple[Found, Trial]:
    """The same with parameters that are spread over the data, where all misfits are gradients summed so."""
    names = trial.sums.keys() - documented
    if trial.level != BOTH or len(names) != trial.misfits or next(iter(found.candidate.layout)) in names:
        return found, trial
    layout = dict(found.candidate.layout)
    for name in names:
        guess = layout[name]
        assert isinstance(guess, Drawn)
        kept = guess.axes[len(guess.axes) - len(trial.sums[name]) :]
        axes = tuple("1" if n == 1 else axis for n, axis in zip(trial.sums[name], kept, strict=True))
        layout[name] = replace(guess, axes=axes)
    return _if_it_fits(layout, found, trial, tries)


def _if_it_fits(layout: Layout, found: Found, trial: Trial, tries: _Tries) -> tuple[Found, Trial]:
    """The same with another layout where that fits; else as it was."""
    other = replace(found, candidate=replace(found.candidate, layout=layout))
    again = tries(other)
    return (other, again) if again.level == FITS else (found, trial)


def _score(candidate: Candidate, trial: Trial) -> float:
    """The rank with what speaks against it; infinite for what cannot be taken."""
    if trial.level == FITS:
        against = _DOUBT * trial.doubtful + _INDIFFERENT * trial.indifferent
        return candidate.rank + candidate.strangeness + against
    is_known = candidate.rank <= _KNOWN and not trial.outgrown
    if trial.level == BOTH and trial.misfits == 1 and (is_known or (trial.fitting and candidate.rank < _FAR)):
        return candidate.rank + (_MISFIT * (1.0 - trial.fitting / 2) if trial.fitting else _NONE_FITS)
    if trial.level in (FORWARD, BOTH) and is_known:
        return candidate.rank + 2 * _MISFIT
    return float("inf")
