"""The spine: a Problem goes in, a CheckResult comes out. It reads like a table of contents.

(The file is not called check.py: a submodule of that name would shadow the function `gradcli.check`.)
"""

import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcli import analytic, contract
from gradcli.arrays import Array, FloatArray
from gradcli.causes import Causes
from gradcli.clock import Clock, OutOfTime
from gradcli.comparing import Comparer
from gradcli.cotangents import upstream
from gradcli.differencing import Differencing, differencing
from gradcli.errors import BrokenPromise, UsageError
from gradcli.memory import keep_freed
from gradcli.nodes import Nodes
from gradcli.numeric import Noise
from gradcli.pace import JITTERS, Pace
from gradcli.plan import PROBE, Scope, plan
from gradcli.problem import Problem, Run
from gradcli.result import DECLARED, FAIL, INCONCLUSIVE, PASS, CheckResult, Gradient, Violation
from gradcli.spec import Settings
from gradcli.subject import Pass, Subject, copies
from gradcli.uncompared import incomparable, undecided

if TYPE_CHECKING:
    from gradcli.precision import Wide

Progress = Callable[[float, str], None]

_TOGETHER = 1 << 15  # elements of inputs and outputs whose rounding is measured by the same calls
_SWITCH = 0.1  # of a gradient's scale: by what rounding does not move it
_CALLS, _RELATIONS = 8, 20  # forwards and backwards that tests of promises take


def run(problem: Problem, settings: Settings, *, progress: Progress | None = None) -> CheckResult:
    """Check one problem.

    What the code under test does wrong is in the result. Raises UsageError where the problem itself makes no
    sense: no input with a gradient, a cotangent of another shape than the output. Ctrl-C gives the result so
    far, marked `interrupted`.
    Cost: some 40 forwards and 25 backwards, and what the numeric gradients take (`Gradient.evaluations`).
    """
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
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _Check(problem, settings, progress).run()


class _Check:
    """One check under way: whatever is known so far is in its attributes."""

    def __init__(self, problem: Problem, settings: Settings, progress: Progress | None) -> None:
        self.problem = problem
        self.settings = settings
        self.progress = progress
        self.rng = np.random.default_rng(
            [settings.seed, zlib.crc32(problem.id.encode("utf-8", "surrogatepass"))]
        )
        bounded = settings.elements in ("auto", PROBE)
        self.clock = Clock(settings.budget if bounded else None)
        self.subject = Subject(problem, self.clock)
        self.remarks: list[str] = list(problem.remarks)
        self.pace = Pace(self.subject, self.remarks)
        self.violations: list[Violation] = list(problem.noticed)
        self.gradients: dict[str, Gradient] = {}
        self.arrays: dict[str, Array] = {f"in/{name}": array for name, array in problem.inputs.items()}
        self.nodes: Callable[[], Mapping[str, Array]] = dict
        self.interrupted = False
        self.has_steps = False  # in forward, on purpose
        self.cotangents: tuple[Array, ...] = ()

    def run(self) -> CheckResult:
        try:
            self._check()
        except BrokenPromise as broken:
            self.violations.append(Violation(broken.code, broken.message, None, broken.file, broken.line))
        except OutOfTime:
            missing = [n for n in self.problem.differentiable if n not in self.gradients]
            if missing:
                self.remarks.append(f"not compared for lack of time: {', '.join(missing)}")
        except KeyboardInterrupt:
            self.interrupted = True
        self._excuse_surrogates()
        self._report_gradients()
        causes = Causes(self.problem, self.settings, self.subject, self.clock, self.rng, self.cotangents)
        return self._with_nodes(causes.told(self._result(self.clock.spent())))

    def _with_nodes(self, result: CheckResult) -> CheckResult:
        """Let a dump read the nodes, and show their table if it was asked for."""
        if not self.cotangents or result.interrupted:
            return result
        try:
            return Nodes(self.problem, result, self.cotangents, self.settings, self.nodes).attach()
        except KeyboardInterrupt:
            return replace(result, interrupted=True)

    def _check(self) -> None:
        run, repeatable = contract.observe_forward(self.subject, self.violations)
        outputs = run.outputs
        cotangents = upstream(self.problem, outputs, self.rng)
        self.cotangents = cotangents
        self._keep(outputs, cotangents)
        del run  # and with it what forward saved
        keep_freed(sum(array.nbytes for array in (*self.problem.inputs.values(), *outputs)))
        gradients = contract.observe_backward(self.subject, cotangents, self.violations)
        for name in self.problem.differentiable:
            if name not in gradients:
                self._add(incomparable(name, self.problem.inputs[name], self.violations))
        if self.pace.is_slow(cotangents):
            self._probe_few(outputs, cotangents, gradients, repeatable=repeatable)
            return
        one_cache = False  # whether a cache is known to serve any number of backwards
        if repeatable and self.pace.affords("repeated calls", _CALLS):
            called, repeatable = contract.calls(self.subject, outputs, cotangents, gradients, self.violations)
            outputs, gradients = called.run.outputs, dict(called.gradients)
            del called
            one_cache = not any(v.code in ("GC106", "GC107", "GC111") for v in self.violations)
        if not repeatable:
            self._not_deterministic(gradients)
            return
        self._stack(outputs, cotangents, gradients)
        fresh = any(v.code == "GC107" for v in self.violations)
        jittered, noise = self._jittered(outputs, cotangents, gradients)
        side = differencing(self.subject, outputs, self.rng, fresh=fresh, noise=noise)
        if side.digits_lost:
            jittered = None
        self.has_steps = side.digits_lost and bool(self.problem.declared.surrogates)
        contract.precision(side.digits_lost and not self.has_steps, self.violations)
        measured = cache(lambda: jittered or self._rounding(self.subject, cotangents, gradients, side))
        floor = analytic.floor(self.problem, outputs, cotangents)
        coarse: Mapping[str, FloatArray] = {}
        if self.pace.affords("other cotangents", _RELATIONS):
            # Rounding takes as much memory as the inputs, and mostly relations hold without.
            coarse, broken = self._relations(
                cotangents, gradients, lambda name: measured()[name], floor, one_cache
            )
            known = Pass(Run(outputs, None), gradients)
            told, repeatable = contract.unless_random(
                self.subject, cotangents, known, broken, self.violations
            )
            if not repeatable or told is not known:
                self._not_deterministic(gradients)
                return
            del known, told
        rounding = {n: np.maximum(width, coarse.get(n, width)) for n, width in measured().items()}
        jittered = None  # it takes as much memory as the inputs
        measured.cache_clear()
        if self._switches_at_random(cotangents, gradients, rounding):
            self._not_deterministic(gradients)
            return
        if any(v.code == "GC104" for v in self.violations):
            side = replace(side, digits_lost=True)  # its numbers are judged at the precision that is left
        wide = self._widened(outputs, cotangents, gradients, rounding, floor) if side.carries else None
        if wide is None:
            self._compare(self.subject, side, cotangents, gradients, rounding)
            return
        self._compare(
            wide.subject,
            side,
            wide.cotangents,
            wide.gradients,
            self._rounding(wide.subject, wide.cotangents, wide.gradients, side),
        )
        if any(self.gradients[name].verdict == FAIL for name in wide.unsure if name in self.gradients):
            # Backward drops to the lower precision inside, or computes something else in it: its numbers are
            # to be judged at that.
            self._compare(self.subject, side, cotangents, gradients, rounding)
            return
        judged = {name: self.gradients[name] for name in wide.gradients if name in self.gradients}

        def thorough() -> dict[str, FloatArray]:
            more = analytic.thorough(
                self.subject, cotangents, gradients, rounding, floor, self.rng, coarse=side.digits_lost
            )
            return {name: width + floor[name] for name, width in more.items()}

        self._narrow(wide, judged, cotangents, gradients, [lambda: rounding, thorough])

    def _stack(
        self, outputs: tuple[Array, ...], cotangents: tuple[Array, ...], gradients: Mapping[str, Array]
    ) -> None:
        """Ask for many points in one call, where the code says it takes them and they keep apart."""
        if self.problem.together is None or self.problem.hold is not None:
            return
        from gradcli.contract.mixed import mixed  # for programs alone, and start-up counts

        reason = mixed(self.subject, outputs, cotangents, gradients)
        self.subject.stacks = not reason
        if reason:
            self.remarks.append(f"asked for one point at a time: {reason}")

    def _widened(
        self,
        outputs: tuple[Array, ...],
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        rounding: Mapping[str, FloatArray],
        floor: Mapping[str, float],
    ) -> "Wide | None":
        if all(self.problem.inputs[name].dtype == np.float64 for name in self.problem.differentiable):
            return None
        from gradcli.precision import widen  # not needed in float64, and start-up counts

        beside_one = analytic.floor(self.problem, outputs, cotangents, least=1.0)
        return widen(self.subject, cotangents, gradients, rounding, floor, beside_one)

    def _narrow(
        self,
        wide: "Wide",
        judged: Mapping[str, Gradient],
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        roundings: Sequence[Callable[[], Mapping[str, FloatArray]]],
    ) -> None:
        """Judge the numbers of the lower precision, by roundings that take more and more effort."""
        from gradcli.precision import DROWNED, narrow, scattered  # not needed in float64, and start-up counts

        def last() -> Mapping[str, FloatArray]:
            return scattered(self.subject, wide, cotangents, gradients, self.rng)

        known: dict[str, FloatArray] = {}
        for measure in (*roundings, last):
            for name, width in measure().items():
                known[name] = np.maximum(known.get(name, width), width)
            for name, found in judged.items():
                dtype = self.problem.precision_of(name, gradients[name])
                drowned = DROWNED if measure is last else np.inf
                self._add(
                    narrow(found, gradients[name], known[name], self.settings.tol, dtype, drowned=drowned)
                )
            if all(self.gradients[name].verdict == found.verdict for name, found in judged.items()):
                return

    def _jittered(
        self, outputs: tuple[Array, ...], cotangents: tuple[Array, ...], gradients: Mapping[str, Array]
    ) -> tuple[dict[str, FloatArray] | None, Noise | None]:
        """The rounding of gradients and of outputs, where one jitter shows both.

        Not of large arrays: to know both at once takes memory.
        """
        arrays = (*self.problem.inputs.values(), *outputs)
        dtypes = {array.dtype for array in self.problem.inputs.values() if array.dtype.kind == "f"}
        apart = self.subject.stacks or self.problem.hold is not None or dtypes != {np.dtype(np.float64)}
        if apart or sum(array.size for array in arrays) > _TOGETHER or self.pace.jitters < JITTERS:
            return None, None
        return analytic.rounding_and_noise(
            self.subject, outputs, cotangents, gradients, self.rng, repeats=JITTERS
        )

    def _rounding(
        self,
        subject: Subject,
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        side: Differencing,
    ) -> dict[str, FloatArray]:
        return analytic.rounding(
            subject, cotangents, gradients, self.rng, repeats=self.pace.jitters, coarse=side.digits_lost
        )

    def _probe_few(
        self,
        outputs: tuple[Array, ...],
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        *,
        repeatable: bool,
    ) -> None:
        """A verdict about all elements at once; then whatever of the promises there still is time for."""
        if not repeatable:
            self._not_deterministic(gradients)
            return
        from gradcli.few import Few  # for slow code alone, and start-up counts

        Few(self.subject, outputs, cotangents, gradients, self.rng).run(self._add, self.violations)
        self.remarks.append(
            f"a call takes {self.pace.seconds:.2g} s: in {round(self.settings.budget, 1):g} s a few "
            "directions are looked at, no elements; --budget gives more time"
        )
        if any(v.code == "GC101" for v in self.violations):
            self.remarks.append("no line is looked for: that takes the elements of a gradient")
        if not self.clock.affords(_CALLS * self.pace.seconds):
            self.remarks.append("not tested for lack of time: repeated calls, other cotangents")
            return
        self.remarks.append("not tested for lack of time: other cotangents")
        _, repeatable = contract.calls(self.subject, outputs, cotangents, dict(gradients), self.violations)
        if not repeatable:
            self._not_deterministic(gradients)

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

    def _switches_at_random(
        self,
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        rounding: Mapping[str, FloatArray],
    ) -> bool:
        """Whether what moves far more than rounding is random code: a place of a tie that is drawn, and fell
        alike in the few calls so far. Cost: 8 forwards and backwards where something moves."""
        if any(v.code in ("GC106", "GC107", "GC111") for v in self.violations):
            return False
        moves = any(
            np.any(rounding[name] > _SWITCH * float(np.max(np.abs(gradient), initial=0.0)))
            for name, gradient in gradients.items()
            if np.any(gradient)
        )
        if not moves or not self.pace.affords("draws at random", _CALLS):
            return False
        return contract.in_a_row(self.subject, cotangents, self.violations) is not None

    def _relations(
        self,
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        rounding: Callable[[str], FloatArray],
        floor: Mapping[str, float],
        one_cache: bool,
    ) -> tuple[Mapping[str, FloatArray], list[Violation]]:
        """Promises about how calls relate; returns rounding that sums show, and what is broken."""
        found, coarse = list(self.violations), {}
        try:
            vjp = contract.Vjp(self.subject, one_cache=one_cache)
            coarse = contract.linearity(vjp, cotangents, gradients, rounding, floor, found)
            if not self.subject.stacks:  # else cotangents are copied before they get there
                contract.layout(vjp, cotangents, gradients, rounding, found)
        except BrokenPromise as broken:
            message = f"for another cotangent, {broken.message}"
            found.append(Violation(broken.code, message, None, broken.file, broken.line))
            coarse = {}
        return coarse, found[len(self.violations) :]

    def _not_deterministic(self, gradients: Mapping[str, Array]) -> None:
        for name, gradient in gradients.items():
            self._add(undecided(name, gradient, "not deterministic"))

    def _compare(
        self,
        subject: Subject,
        side: Differencing,
        cotangents: tuple[Array, ...],
        gradients: Mapping[str, Array],
        rounding: dict[str, FloatArray],
    ) -> None:
        """Compare every gradient; `rounding` is used up by that."""
        comparer = Comparer(
            subject, side, cotangents, gradients, rounding, self.settings, self.rng, self.clock
        )
        scopes = plan(comparer.differentiators(), self.settings.elements, self.clock, self.rng)
        tick = self._ticker(scopes)
        while scopes:
            scope = scopes.pop(0)  # what was measured is freed before the next is
            numeric, before = scope.numeric, side.function.evaluations
            try:
                gradient = self._compare_one(comparer, scope, tick)
            except KeyboardInterrupt:
                self._add(comparer.so_far(numeric, tick))
                raise
            # Structure and method were found for all gradients first; the rest is this one's own.
            spent = numeric.setup + side.function.evaluations - before
            self._add(replace(gradient, evaluations=spent))

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

    def _add(self, gradient: Gradient) -> None:
        self.gradients[gradient.name] = gradient

    def _excuse_surrogates(self) -> None:
        """What differs and is declared to, or cannot be told to agree; what is no gradient is not excused.

        Where forward has fine steps (quantisation to 8 bits), the surrogate is mostly its slope across them.
        """
        for name, reason in self.problem.declared.surrogates.items():
            gradient = self.gradients.get(name)
            if gradient is None or not (gradient.compared or gradient.probes):
                continue
            differs = gradient.verdict == FAIL and gradient.failing is not None
            if differs or gradient.verdict == INCONCLUSIVE or (self.has_steps and gradient.verdict == PASS):
                self._add(replace(gradient, verdict=DECLARED, note=f"surrogate: {reason}"))

    def _report_gradients(self) -> None:
        """Put the findings about gradients among the violations, with their codes."""
        for gradient in self.gradients.values():
            self.violations += contract.findings(gradient, self.violations)

    def _result(self, seconds: float) -> CheckResult:
        ordered = {name: self.gradients[name] for name in self.problem.inputs if name in self.gradients}
        return CheckResult(
            id=self.problem.id,
            target=self.problem.target,
            verdict=self._verdict(),
            gradients=ordered,
            violations=tuple(sorted(self.violations, key=lambda v: v.is_warning)),
            rerun=self.problem.rerun,
            seed=self.settings.seed,
            dtype=str(np.result_type(*(self.problem.inputs[n].dtype for n in self.problem.differentiable))),
            seconds=seconds,
            evaluations=self.subject.calls.forwards,
            backward_evaluations=self.subject.calls.backwards,
            interrupted=self.interrupted,
            remarks=tuple(self.remarks),
            file=self.problem.source.file if self.problem.source else None,
            line=_first_line(self.problem.source.backward) if self.problem.source else None,
            arrays=self.arrays,
            nodes=self.nodes,
            constants=self.problem.constants,
            spec=self.problem.spec,
        )

    def _verdict(self) -> str:
        verdicts = {gradient.verdict for gradient in self.gradients.values()}
        if FAIL in verdicts or any(not v.is_warning for v in self.violations):
            return FAIL
        complete = set(self.gradients) == set(self.problem.differentiable)
        compared = any(g.compared or g.probes for g in self.gradients.values())
        if INCONCLUSIVE in verdicts or not complete or not compared or self.interrupted:
            return INCONCLUSIVE
        return PASS


def _saved(problem: Problem, names: Callable[[Any], dict[str, Array]]) -> dict[str, Array]:
    """The arrays that forward saves, by name; none where it raises this time."""
    try:
        return names(Subject(problem, Clock(None)).forward(copies(problem.inputs)).saved)
    except BrokenPromise:
        return {}


def _first_line(function: Callable[..., object]) -> int | None:
    code = getattr(function, "__code__", None)
    return None if code is None else int(code.co_firstlineno)
