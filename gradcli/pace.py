"""How long the calls of a check take, and which of its tests therefore fit into its budget."""

from contextlib import suppress

from gradcli.arrays import Array
from gradcli.errors import BrokenPromise
from gradcli.subject import Subject

JITTERS = 6  # by which rounding is measured where there is time
_FEWER = 2
_COLD = 8.0  # times as long as a forward: a backward that may be quicker the next time
_SLOW = 0.02  # seconds for a call: less, and a whole check is tried in any time
_ORDINARY, _FOR_EACH = 70, 12  # calls that an ordinary check takes at least: and more for each input


class Pace:
    """What a subject's calls have taken so far, beside the budget of its clock.

    What there is no time for is said among the `remarks`.
    """

    def __init__(self, subject: Subject, remarks: list[str]) -> None:
        self.subject = subject
        self.remarks = remarks

    @property
    def seconds(self) -> float:
        """What a call takes: of forward and of backward, the last ones on average."""
        calls = self.subject.calls
        return 0.5 * (calls.forward_seconds + calls.backward_seconds)

    @property
    def jitters(self) -> int:
        """How often rounding is measured."""
        return JITTERS if self.subject.clock.affords(10 * JITTERS * self.seconds) else _FEWER

    def affords(self, what: str, calls: int) -> bool:
        """Whether a test of promises fits beside the comparison itself, which comes first."""
        others = 4 if self.subject.problem.together is None else 1  # times as many calls
        if self.subject.clock.affords((1 + others) * calls * self.seconds):
            return True
        self.remarks.append(f"not tested for lack of time: {what}")
        return False

    def is_slow(self, cotangents: tuple[Array, ...]) -> bool:
        """Whether there is no time for more than a handful of calls.

        Cost: none, or a forward and a backward after a first backward that took surprisingly long.
        """
        problem, calls, clock = self.subject.problem, self.subject.calls, self.subject.clock
        if clock.budget is None or problem.together or problem.hold or problem.declared.surrogates:
            return False
        cold = calls.backward_seconds > _COLD * calls.forward_seconds
        if cold and calls.backward_seconds > _SLOW and clock.affords(4 * calls.backward_seconds):
            with suppress(BrokenPromise):  # the first backward may have loaded what it needs
                self.subject.both(problem.inputs, cotangents)
        wanted = _ORDINARY + _FOR_EACH * len(problem.differentiable)
        return self.seconds > _SLOW and not clock.affords(wanted * self.seconds)
