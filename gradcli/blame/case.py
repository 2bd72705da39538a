"""What blame is asked about: a problem, and what its check found."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gradcli.arrays import Array
from gradcli.problem import Problem
from gradcli.result import FAIL, CheckResult, Gradient


@dataclass(frozen=True, eq=False)
class Case:
    """A problem with its gradients, analytic and numeric, for these cotangents."""

    problem: Problem
    gradients: Mapping[str, Gradient]
    cotangents: tuple[Array, ...]

    @classmethod
    def of(cls, problem: Problem, result: CheckResult) -> "Case":
        """A problem after its check; without cotangents where the check did not get so far."""
        return cls(problem, result.gradients, result.cotangents)

    @property
    def wrong(self) -> list[str]:
        """The gradients that fail, by name."""
        return sorted(name for name, gradient in self.gradients.items() if gradient.verdict == FAIL)

    def split(self) -> tuple[list["Case"], "Case"]:
        """One for each gradient that has a backward of its own, and one for the others."""
        own = self.problem.source.of_gradient() if self.problem.source else {}
        alone = [
            replace(
                self, problem=replace(self.problem, source=own[name]), gradients={name: self.gradients[name]}
            )
            for name in self.gradients
            if name in own
        ]
        return alone, replace(self, gradients={n: g for n, g in self.gradients.items() if n not in own})
