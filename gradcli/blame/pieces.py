"""What consists of pieces is looked at piece by piece: a wrong one is wrong by itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from gradcli import checker
from gradcli.blame.case import Case
from gradcli.clock import Clock
from gradcli.problem import Problem
from gradcli.result import FAIL, Blame
from gradcli.spec import Settings

Find = Callable[[Case], Sequence[Blame]]


def in_pieces(
    pieces: Sequence[Problem], wrong: Sequence[str], settings: Settings, clock: Clock, find: Find
) -> list[Blame]:
    """The faults of those pieces whose own check fails, as faults of the whole.

    wrong: the whole's gradients that are wrong. Cost: a check of each piece, and blame for each that fails.
    """
    found: dict[tuple[str, int], Blame] = {}
    for piece in pieces:
        if not clock.affords(0.0):
            break
        budget = min(settings.budget, max(0.1, 0.5 * clock.left()))
        own = replace(settings, blame=False, nodes=False, elements="auto", budget=budget)
        result = checker.run(piece, own)
        if not any(gradient.verdict == FAIL for gradient in result.gradients.values()):
            continue
        for blame in find(Case.of(piece, result)):
            names = ", ".join(blame.gradients)
            said = f"{piece.id} alone has a wrong gradient of {names}: {blame.diagnosis}"
            whole = replace(blame, gradient=min(wrong), gradients=tuple(sorted(wrong)), diagnosis=said)
            found.setdefault((blame.file, blame.line), whole)
    return list(found.values())
