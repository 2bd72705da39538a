"""What a check has found so far, and the verdict that follows."""

from collections.abc import Mapping
from dataclasses import replace

from gradcli import contract
from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.result import DECLARED, FAIL, INCONCLUSIVE, PASS, Gradient, Violation
from gradcli.uncompared import undecided


class Outcome:
    """Gradients, broken promises and remarks of one check, as they come."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.gradients: dict[str, Gradient] = {}
        self.violations: list[Violation] = list(problem.noticed)
        self.remarks: list[str] = list(problem.remarks)
        self.has_steps = False  # in forward, on purpose
        self.interrupted = False

    def add(self, gradient: Gradient) -> None:
        self.gradients[gradient.name] = gradient

    def add_undecided(self, gradients: Mapping[str, Array], note: str) -> None:
        for name, gradient in gradients.items():
            self.add(undecided(name, gradient, note))

    def has(self, *codes: str) -> bool:
        """Whether a promise with one of these codes is known to be broken."""
        return any(violation.code in codes for violation in self.violations)

    def out_of_time(self) -> None:
        missing = [name for name in self._problem.differentiable if name not in self.gradients]
        if missing:
            self.remarks.append(f"not compared for lack of time: {', '.join(missing)}")

    def close(self) -> None:
        """Once nothing more is compared: excuse what is declared, and put the rest among the violations."""
        self._excuse_surrogates()
        for gradient in self.gradients.values():
            self.violations += contract.findings(gradient, self.violations)

    def ordered(self) -> dict[str, Gradient]:
        """The gradients in the order of the inputs."""
        return {name: self.gradients[name] for name in self._problem.inputs if name in self.gradients}

    def verdict(self) -> str:
        verdicts = {gradient.verdict for gradient in self.gradients.values()}
        if FAIL in verdicts or any(not v.is_warning for v in self.violations):
            return FAIL
        complete = set(self.gradients) == set(self._problem.differentiable)
        compared = any(g.compared or g.probes for g in self.gradients.values())
        if INCONCLUSIVE in verdicts or not complete or not compared or self.interrupted:
            return INCONCLUSIVE
        return PASS

    def _excuse_surrogates(self) -> None:
        """What differs and is declared to, or cannot be told to agree; what is no gradient is not excused.

        Where forward has fine steps (quantisation to 8 bits), the surrogate is mostly its slope across them.
        """
        for name, reason in self._problem.declared.surrogates.items():
            gradient = self.gradients.get(name)
            if gradient is None or not (gradient.compared or gradient.probes):
                continue
            differs = gradient.verdict == FAIL and gradient.failing is not None
            if differs or gradient.verdict == INCONCLUSIVE or (self.has_steps and gradient.verdict == PASS):
                self.add(replace(gradient, verdict=DECLARED, note=f"surrogate: {reason}"))
