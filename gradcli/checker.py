"""The spine: a Problem goes in, a CheckResult comes out. It reads like a table of contents.

(The file is not called check.py: a submodule of that name would shadow the function `gradcli.check`.)
"""

import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from gradcli import analytic, contract
from gradcli.arrays import Array, FloatArray
from gradcli.causes import Causes
from gradcli.clock import Clock, OutOfTime
from gradcli.comparing import Comparer
from gradcli.cotangents import upstream
from gradcli.differencing import Differencing, differencing
from gradcli.errors import BrokenPromise, UsageError
from gradcli.generators import kept_generator
from gradcli.memory import keep_freed
from gradcli.nodes import Nodes
from gradcli.numeric import Noise
from gradcli.observed import Observed
from gradcli.outcome import Outcome
from gradcli.pace import JITTERS, Pace
from gradcli.plan import PROBE, Scope, plan
from gradcli.problem import Problem
from gradcli.promises import CALLS, Promises
from gradcli.result import CheckResult, Gradient, Violation
from gradcli.spec import Settings
from gradcli.subject import Subject, copies
from gradcli.uncompared import incomparable

Progress = Callable[[float, str], None]

_TOGETHER = 1 << 15  # elements of inputs and outputs whose rounding is measured by the same calls


def run(problem: Problem, settings: Settings, *, progress: Progress | None = None) -> CheckResult:
    """Check one problem, and say what makes gradients wrong.

    What the code under test does wrong is in the result. Raises UsageError where the problem itself makes no
    sense: no input with a gradient, a cotangent of another shape than the output. Ctrl-C gives the result so
    far, marked `interrupted`.
    Cost: some 40 forwards and 25 backwards, and what the numeric gradients take (`Gradient.evaluations`).
    """
    return measure(problem, settings, progress=progress).told(settings)


def measure(problem: Problem, settings: Settings, *, progress: Progress | None = None) -> "Measured":
    """Check one problem; causes are told when they are asked for. Raises as `run`."""
    if not problem.differentiable:
        raise UsageError(
            f"{problem.id}: no input has a gradient ({', '.join(problem.inputs) or 'there are no inputs'}): "
            "integer and boolean arrays have none, nor what is declared so; give at least one array of floats"
        )
    for name, array in problem.inputs.items():
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            raise UsageError(
                f"{problem.id}: the input {name} holds NaN or infinite values; "
                "there is no derivative at such a point"
            )
    check = _Check(problem, settings, progress)
    with _quietly():
        return Measured(check.run(), check)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings of the code under test, and with the caller's generators as they were after it."""
    with kept_generator(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def clock_for(settings: Settings) -> Clock:
    """A clock of the budget, where that bounds what is measured."""
    return Clock(settings.budget if settings.elements in ("auto", PROBE) else None)


class Measured:
    """A check whose verdict is known: `result`."""

    def __init__(self, result: CheckResult, check: "_Check") -> None:
        self.result = result
        self._check = check

    def told(self, settings: Settings, clock: Clock | None = None) -> CheckResult:
        """The result with what is found out about its wrong gradients.

        `settings` may differ from those of the check in whether lines are looked for, and in the budget.
        `clock`: the time for that; else what the check has left.
        """
        with _quietly():
            return self._check.told(self.result, settings, clock)


class _Check:
    """One check under way: whatever is known so far is in its attributes."""

    def __init__(self, problem: Problem, settings: Settings, progress: Progress | None) -> None:
        self.problem = problem
        self.settings = settings
        self.progress = progress
        self.rng = np.random.default_rng(
            [settings.seed, zlib.crc32(problem.id.encode("utf-8", "surrogatepass"))]
        )
        self.clock = clock_for(settings)
        self.subject = Subject(problem, self.clock)
        self.outcome = Outcome(problem)
        self.pace = Pace(self.subject, self.outcome.remarks)
        self.promises = Promises(self.subject, self.pace, self.outcome)
        self.arrays: dict[str, Array] = {f"in/{name}": array for name, array in problem.inputs.items()}
        self.nodes: Callable[[], Mapping[str, Array]] = dict
        self.cotangents: tuple[Array, ...] = ()

    def run(self) -> CheckResult:
        try:
            self._check()
        except BrokenPromise as broken:
            found = Violation(broken.code, broken.message, None, broken.file, broken.line)
            self.outcome.violations.append(found)
        except OutOfTime:
            self.outcome.out_of_time()
        except KeyboardInterrupt:
            self.outcome.interrupted = True
        self.outcome.close()
        return self._result(self.clock.spent())

    def told(self, result: CheckResult, settings: Settings, clock: Clock | None) -> CheckResult:
        causes = Causes(self.problem, settings, self.subject, clock or self.clock, self.rng, self.cotangents)
        return self._with_nodes(causes.told(result), settings)

    def _check(self) -> None:
        seen, repeatable = self._observe()
        slow = self.pace.is_slow(seen.cotangents)
        if slow and repeatable:
            self._probe_few(seen)
            return
        again = self.promises.repeated(seen) if repeatable else None
        if again is None:
            self._not_deterministic(seen)
            return
        seen = again
        del again
        self._stack(seen)
        fresh = self.outcome.has("GC107")
        jittered, noise = self._jittered(seen)
        side = differencing(self.subject, seen.outputs, self.rng, fresh=fresh, noise=noise)
        if side.digits_lost:
            jittered = None
        self.outcome.has_steps = side.digits_lost and bool(self.problem.declared.surrogates)
        contract.precision(side.digits_lost and not self.outcome.has_steps, self.outcome.violations)
        floor = analytic.floor(self.problem, seen.outputs, seen.cotangents)
        # Measured when it is asked for: it takes as much memory as the inputs, and mostly relations hold
        # without.
        measured = cache(lambda: jittered or self._rounding(seen, side))
        coarse = self.promises.related(seen, lambda name: measured()[name], floor)
        if coarse is None:
            self._not_deterministic(seen)
            return
        rounding = {n: np.maximum(width, coarse.get(n, width)) for n, width in measured().items()}
        jittered = None
        measured.cache_clear()
        if self.promises.switches_at_random(seen, rounding):
            self._not_deterministic(seen)
            return
        if self.outcome.has("GC104"):
            side = replace(side, grain=max(side.grain, seen.unit))  # judged at the precision that is left
        if not self._is_lower(seen, side, rounding, floor):
            self._compare(seen, side, rounding)

    def _observe(self) -> tuple[Observed, bool]:
        """A forward and a backward, and whether forward is deterministic."""
        run, repeatable = contract.observe_forward(self.subject, self.outcome.violations)
        outputs = run.outputs
        self.cotangents = cotangents = upstream(self.problem, outputs, self.rng)
        self._keep(outputs, cotangents)
        del run  # and with it what forward saved
        keep_freed(sum(array.nbytes for array in (*self.problem.inputs.values(), *outputs)))
        gradients = contract.observe_backward(self.subject, cotangents, self.outcome.violations)
        for name in self.problem.differentiable:
            if name not in gradients:
                self.outcome.add(incomparable(name, self.problem.inputs[name], self.outcome.violations))
        return Observed(self.subject, outputs, cotangents, gradients), repeatable

    def _keep(self, outputs: tuple[Array, ...], cotangents: tuple[Array, ...]) -> None:
        """What a dump holds beside the gradients."""
        several = len(outputs) > 1
        for i, (out, cotangent) in enumerate(zip(outputs, cotangents, strict=True)):
            self.arrays[f"out/{i}" if several else "out"] = out
            self.arrays[f"cotangent/{i}" if several else "cotangent"] = cotangent
        names = self.problem.saved_names
        if names is not None:
            # Only a dump asks for them: they take memory, and their names reading the user's source.
            self.nodes = partial(_saved, self.problem, names)

    def _not_deterministic(self, seen: Observed) -> None:
        self.outcome.add_undecided(seen.gradients, "not deterministic")

    def _probe_few(self, seen: Observed) -> None:
        """A verdict about all elements at once; then whatever of the promises there still is time for."""
        from gradcli.few import Few  # for slow code alone, and start-up counts

        outcome = self.outcome
        Few(seen, self.rng).run(outcome.add, outcome.violations)
        outcome.remarks.append(
            f"a call takes {self.pace.seconds:.2g} s: in {round(self.settings.budget, 1):g} s a few "
            "directions are looked at, no elements; --budget gives more time"
        )
        if outcome.has("GC101"):
            outcome.remarks.append("no line is looked for: that takes the elements of a gradient")
        if not self.clock.affords(CALLS * self.pace.seconds):
            outcome.remarks.append("not tested for lack of time: repeated calls, other cotangents")
            return
        outcome.remarks.append("not tested for lack of time: other cotangents")
        if self.promises.again(seen) is None:
            self._not_deterministic(seen)

    def _stack(self, seen: Observed) -> None:
        """Ask for many points in one call, where the code says it takes them and they keep apart."""
        if self.problem.together is None or self.problem.hold is not None:
            return
        from gradcli.contract.mixed import mixed  # for programs alone, and start-up counts

        reason = mixed(self.subject, seen.outputs, seen.cotangents, seen.gradients)
        self.subject.stacks = not reason
        if reason:
            self.outcome.remarks.append(f"asked for one point at a time: {reason}")

    def _jittered(self, seen: Observed) -> tuple[dict[str, FloatArray] | None, Noise | None]:
        """The rounding of gradients and of outputs, where one jitter shows both.

        Not of large arrays: to know both at once takes memory.
        """
        arrays = (*self.problem.inputs.values(), *seen.outputs)
        dtypes = {array.dtype for array in self.problem.inputs.values() if array.dtype.kind == "f"}
        apart = self.subject.stacks or self.problem.hold is not None or dtypes != {np.dtype(np.float64)}
        if apart or sum(array.size for array in arrays) > _TOGETHER or self.pace.jitters < JITTERS:
            return None, None
        return analytic.rounding_and_noise(seen, self.rng, repeats=JITTERS)

    def _rounding(self, seen: Observed, side: Differencing) -> dict[str, FloatArray]:
        return analytic.rounding(seen, self.rng, repeats=self.pace.jitters, coarse=side.grain)

    def _is_lower(
        self,
        seen: Observed,
        side: Differencing,
        rounding: Mapping[str, FloatArray],
        floor: Mapping[str, float],
    ) -> bool:
        """Whether the gradients were judged as those of a lower precision."""
        inputs = self.problem.inputs
        if not side.carries or all(inputs[n].dtype == np.float64 for n in self.problem.differentiable):
            return False
        from gradcli.lower import Lower  # not needed in float64, and start-up counts

        def compare(wide: Observed) -> None:
            self._compare(wide, side, self._rounding(wide, side))

        lower = Lower(seen, rounding, floor, self.rng, tol=self.settings.tol, coarse=side.grain)
        return lower.judge(compare, self.outcome)

    def _compare(self, seen: Observed, side: Differencing, rounding: dict[str, FloatArray]) -> None:
        """Compare every gradient; `rounding` is used up by that."""
        comparer = Comparer(seen, side, rounding, self.settings, self.rng, self.clock)
        scopes = plan(comparer.differentiators(), self.settings.elements, self.clock, self.rng)
        tick = self._ticker(scopes)
        while scopes:
            scope = scopes.pop(0)  # what was measured is freed before the next is
            numeric, before = scope.numeric, side.function.evaluations
            try:
                gradient = self._compare_one(comparer, scope, tick)
            except KeyboardInterrupt:
                self.outcome.add(comparer.so_far(numeric, tick))
                raise
            # Structure and method were found for all gradients first; the rest is this one's own.
            spent = numeric.setup + side.function.evaluations - before
            self.outcome.add(replace(gradient, evaluations=spent))

    def _compare_one(self, comparer: Comparer, scope: Scope, tick: Callable[[int], None]) -> Gradient:
        numeric = scope.numeric
        if scope.kind == PROBE:
            return comparer.probe(numeric, tick)
        with suppress(OutOfTime):  # what was measured is judged; the report says how much that is
            numeric.measure(partial(comparer.wanted, numeric.name), scope.positions, tick)
        return comparer.judge(numeric, tick)

    def _ticker(self, scopes: list[Scope]) -> Callable[[int], None]:
        """Told of evaluations, it reports progress and watches the clock."""
        expected = max(1, sum(scope.numeric.predicted() for scope in scopes if scope.kind != PROBE))
        done = 0

        def tick(evaluations: int) -> None:
            nonlocal done
            done += evaluations
            if self.progress is not None:
                self.progress(min(1.0, done / expected), self.problem.id)
            self.clock.check()

        return tick

    def _result(self, seconds: float) -> CheckResult:
        outcome = self.outcome
        return CheckResult(
            id=self.problem.id,
            target=self.problem.target,
            verdict=outcome.verdict(),
            gradients=outcome.ordered(),
            violations=tuple(sorted(outcome.violations, key=lambda v: v.is_warning)),
            rerun=self.problem.rerun,
            seed=self.settings.seed,
            dtype=str(np.result_type(*(self.problem.inputs[n].dtype for n in self.problem.differentiable))),
            seconds=seconds,
            evaluations=self.subject.calls.forwards,
            backward_evaluations=self.subject.calls.backwards,
            interrupted=outcome.interrupted,
            remarks=tuple(outcome.remarks),
            file=self.problem.source.file if self.problem.source else None,
            line=_first_line(self.problem.source.backward) if self.problem.source else None,
            arrays=self.arrays,
            nodes=self.nodes,
            constants=self.problem.constants,
            spec=self.problem.spec,
        )

    def _with_nodes(self, result: CheckResult, settings: Settings) -> CheckResult:
        """Let a dump read the nodes, and show their table if it was asked for."""
        if not self.cotangents or result.interrupted:
            return result
        try:
            return Nodes(self.problem, result, settings, self.nodes).attach()
        except KeyboardInterrupt:
            return replace(result, interrupted=True)


def _saved(problem: Problem, names: Callable[[Any], dict[str, Array]]) -> dict[str, Array]:
    """The arrays that forward saves, by name; none where it raises this time."""
    try:
        return names(Subject(problem, Clock(None)).forward(copies(problem.inputs)).saved)
    except BrokenPromise:
        return {}


def _first_line(function: Callable[..., object]) -> int | None:
    code = getattr(function, "__code__", None)
    return None if code is None else int(code.co_firstlineno)
