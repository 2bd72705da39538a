"""Blame for one check: the entry point."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcli.arrays import Array
from gradcli.blame import truth
from gradcli.blame.allowance import Allowance
from gradcli.blame.bench import Bench
from gradcli.blame.diagnosis import describe
from gradcli.blame.evidence import Evidence
from gradcli.blame.late import find_late
from gradcli.blame.pieces import in_pieces
from gradcli.blame.search import Search
from gradcli.blame.several import Several, Slip
from gradcli.blame.source import NotReadable
from gradcli.clock import OutOfTime
from gradcli.problem import Problem
from gradcli.result import FAIL, Blame, CheckResult, Gradient
from gradcli.spec import Settings

_RATIO = 15  # times as many calls as the check itself took
_LEAST = 3000  # calls, after a check of a few numbers
_LONGEST = 60.0  # seconds


@dataclass(frozen=True)
class Found:
    """The faults, and a remark where there is none."""

    faults: tuple[Blame, ...] = ()
    remark: str = ""


def find(
    problem: Problem,
    gradients: Mapping[str, Gradient],
    cotangents: tuple[Array, ...],
    settings: Settings,
    *,
    calls: int,
    seconds: float = float("inf"),
) -> Found:
    """The lines at fault for gradients that are wrong.

    Never raises: what cannot be read, rewritten or decided is a remark. Cost: fifteen times the `calls` that
    the check took, or 3000 after a small one; at most a minute, and no more than `seconds`.
    """
    # A clock gives a fifth of grace.
    clock = Allowance(max(_LEAST, _RATIO * calls), min(_LONGEST, seconds) / 1.2)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rng = np.random.default_rng([settings.seed, 4])
            pieces = problem.source.pieces() if problem.source else ()
            if pieces:
                wrong = [name for name, gradient in gradients.items() if gradient.verdict == FAIL]

                def find_in(piece: Problem, result: CheckResult) -> Sequence[Blame]:
                    own = tuple(a for name, a in result.arrays.items() if name.startswith("cotangent"))
                    return _found(piece, result.gradients, own, settings.tol, clock, rng).faults

                faults = in_pieces(pieces, wrong, settings, clock, find_in)
                if faults:
                    return Found(tuple(faults))
            if problem.source and problem.source.late:
                late = problem.source.late()
                found, why = find_late(clock.counted(problem), late, gradients, cotangents, settings, clock)
                return Found(tuple(found), "" if found else f"no line can be named: {why}")
            parts = [
                _find(*part, cotangents, settings.tol, clock, rng) for part in _parts(problem, gradients)
            ]
            remarks = (part.remark for part in parts)
            return Found(tuple(f for part in parts for f in part.faults), next(filter(None, remarks), ""))
    except NotReadable as reason:
        return Found(remark=f"no line can be named: {reason}")
    except OutOfTime:
        return Found(remark="no line can be named in the time there is")
    except Exception as error:
        return Found(remark=f"no line can be named ({type(error).__name__} while looking for it)")


def _found(
    problem: Problem,
    gradients: Mapping[str, Gradient],
    cotangents: tuple[Array, ...],
    tol: float,
    clock: Allowance,
    rng: np.random.Generator,
) -> Found:
    """As `_find`, for a piece: what cannot be read in it may be read in another."""
    try:
        return _find(problem, gradients, cotangents, tol, clock, rng)
    except NotReadable:
        return Found()


def _parts(
    problem: Problem, gradients: Mapping[str, Gradient]
) -> Iterator[tuple[Problem, Mapping[str, Gradient]]]:
    """The problem, or where each gradient has a backward of its own, one for each that is wrong."""
    own = problem.source.of_gradient() if problem.source else {}
    wrong = {name for name, gradient in gradients.items() if gradient.verdict == FAIL}
    for name in wrong & set(own):
        yield replace(problem, source=own[name]), {name: gradients[name]}
    if not wrong <= set(own) or not wrong:
        yield problem, {name: gradient for name, gradient in gradients.items() if name not in own}


def _find(
    problem: Problem,
    gradients: Mapping[str, Gradient],
    cotangents: tuple[Array, ...],
    tol: float,
    clock: Allowance,
    rng: np.random.Generator,
) -> Found:
    wrong = frozenset(n for n, g in gradients.items() if g.verdict == FAIL and g.failing is not None)
    if not wrong:
        return Found()
    bench = Bench(problem, gradients, cotangents, tol, clock)
    trace = bench.forward_trace()
    half = clock.part(0.5)
    sizes = {value.size for value in bench.backward_trace().values.values()}
    nodes = [*truth.inputs(bench), *truth.outputs(bench), *truth.measure(bench, trace, rng, half, sizes)]
    bench.refresh()
    evidence = Evidence(bench, nodes, trace, rng)
    search = Search(bench, evidence, rng)
    slips = [Slip(fault, search) for fault in search.run(wrong)]
    if len(slips) != 1 or not slips[0].fault.repairs:
        # Two values that are each wrong though computed from right ones are hardly one slip.
        together = Several(bench, nodes, trace, rng)
        slips = (together.run() if len(together.pins) > (1 if slips else 0) else []) or slips
    blames = [describe(s.search.bench, s.search.evidence, s.search.flow, s.fault) for s in slips]
    if blames:
        return Found(tuple(_merged(blames)))
    notes = dict.fromkeys(search.notes or ["no value of backward could be told to be the first wrong one"])
    return Found(remark="no line can be named: " + "; ".join(notes))


def _merged(blames: Sequence[Blame]) -> Iterator[Blame]:
    """One for what is said of several gradients in the same words."""
    alike: dict[tuple[int, str], list[Blame]] = {}
    for blame in blames:
        alike.setdefault((blame.line, blame.diagnosis), []).append(blame)
    for first, *others in alike.values():
        together = {*first.gradients, *(name for blame in others for name in blame.gradients)}
        yield replace(first, gradients=tuple(sorted(together)))
