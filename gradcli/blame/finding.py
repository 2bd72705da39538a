"""Blame for one check: the entry point."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gradcli.blame import truth
from gradcli.blame.allowance import Allowance
from gradcli.blame.bench import Bench
from gradcli.blame.case import Case
from gradcli.blame.diagnosis import describe
from gradcli.blame.evidence import Evidence
from gradcli.blame.late import find_late
from gradcli.blame.pieces import in_pieces
from gradcli.blame.search import Search
from gradcli.blame.several import Several, Slip
from gradcli.blame.source import NotReadable
from gradcli.clock import OutOfTime
from gradcli.result import FAIL, Blame
from gradcli.spec import Settings

_RATIO = 15  # times as many calls as the check itself took
_LEAST = 3000  # calls, after a check of a few numbers
_LONGEST = 60.0  # seconds


@dataclass(frozen=True)
class Found:
    """The faults, and a remark where there is none."""

    faults: tuple[Blame, ...] = ()
    remark: str = ""


def find(case: Case, settings: Settings, *, calls: int, seconds: float = float("inf")) -> Found:
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
            source = case.problem.source
            if source is not None and (pieces := source.pieces()):
                find_in = partial(_faults_of, tol=settings.tol, clock=clock, rng=rng)
                faults = in_pieces(pieces, case.wrong, settings, clock, find_in)
                if faults:
                    return Found(tuple(faults))
            if source is not None and source.late:
                counted = replace(case, problem=clock.counted(case.problem))
                found, why = find_late(counted, source.late(), settings, clock)
                return Found(tuple(found), "" if found else f"no line can be named: {why}")
            parts = [_find(part, settings.tol, clock, rng) for part in _parts(case)]
            remarks = (part.remark for part in parts)
            return Found(tuple(f for part in parts for f in part.faults), next(filter(None, remarks), ""))
    except NotReadable as reason:
        return Found(remark=f"no line can be named: {reason}")
    except OutOfTime:
        return Found(remark="no line can be named in the time there is")
    except Exception as error:
        return Found(remark=f"no line can be named ({type(error).__name__} while looking for it)")


def _faults_of(case: Case, tol: float, clock: Allowance, rng: np.random.Generator) -> Sequence[Blame]:
    """Those of a piece: what cannot be read in it may be read in another."""
    try:
        return _find(case, tol, clock, rng).faults
    except NotReadable:
        return ()


def _parts(case: Case) -> Iterator[Case]:
    """Where each gradient has a backward of its own, those that are wrong; and what is left, if it is."""
    alone, rest = case.split()
    yield from (one for one in alone if one.wrong)
    if rest.wrong or not case.wrong:
        yield rest


def _find(case: Case, tol: float, clock: Allowance, rng: np.random.Generator) -> Found:
    wrong = frozenset(n for n, g in case.gradients.items() if g.verdict == FAIL and g.failing is not None)
    if not wrong:
        return Found()
    bench = Bench(case, tol, clock)
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
