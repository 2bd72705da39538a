"""What makes gradients wrong: an accident in forward, a line of backward, or a convention."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gradcli.arrays import Array
from gradcli.clock import Clock, OutOfTime
from gradcli.problem import Problem
from gradcli.result import FAIL, Blame, CheckResult, Gradient, Violation
from gradcli.spec import Settings
from gradcli.subject import Subject


@dataclass(frozen=True, eq=False)
class Causes:
    """Looks for the causes once the verdict is known, which it never changes.

    What it needs is imported where something is wrong: a check that passes pays nothing for it.
    """

    problem: Problem
    settings: Settings
    subject: Subject
    clock: Clock
    rng: np.random.Generator
    cotangents: tuple[Array, ...]

    def told(self, result: CheckResult) -> CheckResult:
        """The result with what is found out about its wrong gradients."""
        if self.cotangents and not result.interrupted:
            result = self._with_lines(self._blamed(self._with_accident(result)))
        return self._with_conventions(result)

    def _with_accident(self, result: CheckResult) -> CheckResult:
        """Where gradients are wrong because forward broadcasts by accident, that is the fault."""
        wrong = [name for name, gradient in result.gradients.items() if gradient.verdict == FAIL]
        if not wrong:
            return result
        from gradcli import broadcasting

        try:
            problem = replace(self.problem, reseed=self.subject.reseed)
            subject = Subject(problem, self.clock.after(), self.subject.calls)
            found = broadcasting.find(subject, self.cotangents, self.rng)
        except OutOfTime:
            found = None
        except KeyboardInterrupt:
            return replace(result, interrupted=True)
        calls = self.subject.calls
        result = replace(result, evaluations=calls.forwards, backward_evaluations=calls.backwards)
        if found is None or not (found.is_accident or not found.is_written):
            return result
        if not (found.is_accident and self.settings.blame):
            return replace(
                result, remarks=(*result.remarks, f"{Path(found.file).name}:{found.line}: {found}")
            )
        blame = Blame(
            wrong[0], "", found.file, found.line, str(found), source=found.source, gradients=tuple(wrong)
        )
        return replace(result, blame=blame)

    def _with_conventions(self, result: CheckResult) -> CheckResult:
        """Say which gradients are wrong by a tiny part, or by one factor: that may be a convention."""
        wrong = [gradient for gradient in result.gradients.values() if gradient.verdict == FAIL]
        if not wrong:
            return result
        from gradcli import ratio, slight

        told = [slight.remark(one, self.problem) or ratio.remark(one, self.problem) for one in wrong]
        return replace(result, remarks=(*result.remarks, *filter(None, told)))

    def _blamed(self, result: CheckResult) -> CheckResult:
        """Where gradients are wrong, look for the line: in the user's source, with a time of its own."""
        is_wrong = any(g.verdict == FAIL and g.failing is not None for g in result.gradients.values())
        if not (is_wrong and self.settings.blame) or result.interrupted:
            return result
        if result.blame is not None:  # it is known
            return result
        if self.problem.hold is not None:
            remark = "no line is looked for where values inside forward are declared constant"
            return replace(result, remarks=(*result.remarks, remark))
        from gradcli import blame

        try:
            found = blame.find(
                blame.Case(*self._where_wrong(result), self.cotangents),
                self.settings,
                calls=self.subject.calls.forwards + self.subject.calls.backwards,
                seconds=self.clock.grace_left(),
            )
        except KeyboardInterrupt:
            return replace(result, interrupted=True)
        from gradcli import ratio

        flat = {name for name, gradient in result.gradients.items() if ratio.is_flat(gradient)}
        wrong = {name for name, gradient in result.gradients.items() if gradient.verdict == FAIL}
        is_said = not found.remark or wrong <= flat
        remarks = result.remarks if is_said else (*result.remarks, found.remark)
        first, *more = [_without_repair(blame, flat) for blame in found.faults] or (None,)
        return replace(result, blame=first, also=tuple(b for b in more if b), remarks=remarks)

    def _with_lines(self, result: CheckResult) -> CheckResult:
        """Say at which lines promises are broken that are not about a value, and gradients forgotten."""
        result = replace(result, violations=tuple(_blamed_as_well(v, result) for v in result.violations))
        broken = [v for v in result.violations if not v.is_warning and v.code != "GC101" and v.line is None]
        wrong = [name for name, gradient in result.gradients.items() if gradient.failing is not None]
        nothing = result.blame is None and bool(wrong)
        nothing = nothing and not any(result.gradients[name].analytic.any() for name in wrong)
        if not (self.settings.blame and (broken or nothing)) or result.interrupted:
            return result
        from gradcli.blame import promises

        subject = Subject(self.problem, self.clock.after(), self.subject.calls)
        subject.reseed = self.subject.reseed and not any(v.code == "GC106" for v in broken)
        try:
            blame = promises.forgotten(subject, self.cotangents, wrong) if nothing else result.blame
            found, remark = promises.located(subject, self.cotangents, result.violations)
        except KeyboardInterrupt:
            return replace(result, interrupted=True)
        remarks = [r for r in result.remarks if not (nothing and blame and r.startswith("no line can be"))]
        remarks += [remark] if remark else []
        return replace(result, violations=tuple(found), remarks=tuple(remarks), blame=blame)

    def _where_wrong(self, result: CheckResult) -> tuple[Problem, Mapping[str, Gradient]]:
        """The problem and its gradients where they are wrong: at the point, or beside it for one of them."""
        beside = {n: g for n, g in result.gradients.items() if g.verdict == FAIL and g.beside is not None}
        here = {name: g for name, g in result.gradients.items() if name not in beside}
        if not beside or any(g.verdict == FAIL for g in here.values()):
            return self.problem, here
        name, gradient = next(iter(beside.items()))
        inputs = {**self.problem.inputs, name: np.asarray(gradient.beside)}
        return replace(self.problem, inputs=inputs), {name: gradient}


def _without_repair(blame: Blame, flat: set[str]) -> Blame:
    """Of a gradient where forward has no slope, no change of backward to 0 is advice: it may be meant."""
    if not set(blame.gradients) <= flat:
        return blame
    told = f"backward has a gradient of {' and '.join(blame.gradients)}, and forward does not change with it"
    return replace(blame, node="", diagnosis=told)


def _blamed_as_well(violation: Violation, result: CheckResult) -> Violation:
    """At the line that makes the values wrong, where it is they that do not follow the cotangent."""
    if violation.code == "GC109" and violation.line is None:
        for blame in (result.blame, *result.also):
            if blame is not None and violation.gradient in blame.gradients:
                return replace(violation, file=blame.file, line=blame.line)
    return violation
