"""What forward promises: finite outputs of full precision, the same every time, its inputs left alone."""

from collections.abc import Iterator

import numpy as np

from gradcli.arrays import Array
from gradcli.contract.equality import changed_names, same
from gradcli.problem import Problem, Run
from gradcli.result import Violation
from gradcli.subject import Subject, copies


def observe_forward(subject: Subject, violations: list[Violation]) -> tuple[Run, bool]:
    """Run forward at the point and test what can be tested without backward; raises BrokenPromise.

    Returns the run and whether forward is deterministic. Where only a fixed seed makes it so, the subject is
    told to reseed, so that the numbers can still be judged. Cost: 2 to 5 evaluations of forward.
    """
    inputs = subject.problem.inputs
    given = copies(inputs)
    run = subject.forward(given)
    violations += [
        Violation("GC107", f"forward changed its input {name} in place", name)
        for name in changed_names(inputs, given)
    ]
    outputs = tuple(np.array(out) for out in run.outputs)
    violations += _output_violations(subject.problem, outputs)
    again = subject.forward(copies(inputs)).outputs
    deterministic = same(outputs, again)
    if not deterministic:
        subject.reseed = True
        cured = same(
            tuple(np.array(out) for out in subject.forward(copies(inputs)).outputs),
            subject.forward(copies(inputs)).outputs,
        )
        reason = "it draws from the global random generator" if cured else "even with fixed random seeds"
        violations.append(Violation("GC106", f"forward is not deterministic: two calls differ ({reason})"))
        if not cured:
            return Run(outputs, run.saved), False
        run = subject.forward(copies(inputs))
    return Run(tuple(np.array(out) for out in run.outputs), run.saved), True


def _output_violations(problem: Problem, outputs: tuple[Array, ...]) -> Iterator[Violation]:
    names = output_names(problem, outputs)
    widest = max((problem.inputs[name].dtype.itemsize for name in problem.differentiable), default=0)
    for name, out in zip(names, outputs, strict=True):
        if not np.all(np.isfinite(out)):
            bad = int(np.sum(~np.isfinite(out)))
            yield Violation("GC105", f"forward: {bad} of {out.size} elements of {name} are not finite")
        if out.dtype.itemsize < widest:
            yield Violation(
                "GC104", f"forward: {name} is {out.dtype} for {_widest(problem)} inputs: digits are lost"
            )


def output_names(problem: Problem, outputs: tuple[Array, ...]) -> tuple[str, ...]:
    if len(problem.output_names) == len(outputs):
        return problem.output_names
    return tuple(f"out/{i}" for i in range(len(outputs))) if len(outputs) > 1 else ("out",)


def _widest(problem: Problem) -> str:
    return str(max((problem.inputs[n].dtype for n in problem.differentiable), key=lambda d: d.itemsize))
