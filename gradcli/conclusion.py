"""From what was measured of a gradient's elements to its verdict, and the numbers that are shown with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gradcli.arrays import BoolArray, FloatArray, everywhere
from gradcli.numeric import stands_still
from gradcli.result import FAIL, INCONCLUSIVE, PASS, TIES, Gradient
from gradcli.verdict import RESOLUTION, Comparison

if TYPE_CHECKING:
    from gradcli.judgement import Judgement
    from gradcli.probing import Probing

_ZERO, _JUMP = "zero", "a jump"


def conclude(judgement: Judgement) -> Gradient:
    """The verdict on a gradient from what is known of its elements now."""
    comparison = judgement.comparison()
    wrong = judgement.wrong()
    if judgement.tied_wrong.any():
        wrong = wrong | judgement.tied_wrong
    left = judgement.suspects()
    failing = wrong | left if wrong.any() else wrong
    open_ = judgement.undecided if wrong.any() or not left.any() else judgement.undecided | left
    unresolved = _unresolved(judgement, comparison, failing, open_)
    verdict, note = PASS, ""
    if failing.any():
        verdict = FAIL
    elif left.any():
        verdict, note = INCONCLUSIVE, f"{int(left.sum())} disagree, too many to look at"
    elif comparison.scale == 0 and _vanishes(judgement):
        note = _ZERO  # exactly
    elif judgement.value.size and not judgement.measured.any():
        verdict, note = INCONCLUSIVE, "not compared"
    elif _dominated_by(judgement, unresolved, comparison):
        verdict, note = _nothing_resolved(judgement, comparison, open_)
    unsettled = int(np.count_nonzero(unresolved))
    del unresolved  # memory counts
    at_kink = int(np.count_nonzero(judgement.kinked & judgement.measured)) if judgement.kinked.any() else 0
    if at_kink and not note:
        note = f"{at_kink} at a kink"
    if judgement.tied_wrong.any():
        note = TIES
    shown = judgement.measured if judgement.measured.any() else np.ones_like(judgement.measured)
    worst = comparison.most_urgent(failing if failing.any() else shown) if judgement.value.size else ()
    return Gradient(
        name=judgement.numeric.name,
        analytic=judgement.analytic,
        numeric=_known(judgement),
        uncertainty=judgement.whole_doubt(),
        tol=comparison.tol,
        verdict=verdict,
        worst_index=worst,
        relative_error=comparison.relative_error_at(worst) if judgement.value.size else 0.0,
        method=judgement.numeric.described,
        evaluations=judgement.numeric.setup,  # and what the spine adds
        compared=int(np.count_nonzero(judgement.measured)),
        at_kink=at_kink,
        failing=failing if failing.any() else None,
        unresolved=0 if note == _ZERO else unsettled,
        note=note,
    )


def _vanishes(judgement: Judgement) -> bool:
    """Whether all that was measured is zero, on both sides."""
    measured = judgement.measured
    return bool(measured.any()) and not any(
        np.any((side != 0) & measured) for side in (judgement.analytic, judgement.value)
    )


def _unresolved(
    judgement: Judgement, comparison: Comparison, failing: BoolArray, undecided: BoolArray
) -> BoolArray:
    """Elements that are not known to be wrong, nor well enough to be called right."""
    if comparison.is_resolved and not undecided.any():
        return everywhere(undecided.shape, value=False)
    known = comparison.resolved
    known |= judgement.kinked
    unresolved = np.logical_not(known, out=known)
    unresolved |= undecided
    return judgement.among_measured(unresolved, but=(failing,))


def _known(judgement: Judgement) -> FloatArray:
    """The numeric gradient, NaN where nothing was measured; no copy where all was."""
    if judgement.measured.all():
        return judgement.value
    return np.where(judgement.measured, judgement.value, np.nan)


def _dominated_by(judgement: Judgement, unresolved: BoolArray, comparison: Comparison) -> bool:
    """Whether what is not resolved is all there is, or the larger part of the gradient."""
    if not unresolved.any():
        return False
    size = comparison.size
    largest = float(np.max(size, initial=0.0, where=judgement.measured))
    return bool(np.any(unresolved & (size >= 0.5 * largest)))


def _nothing_resolved(judgement: Judgement, comparison: Comparison, undecided: BoolArray) -> tuple[str, str]:
    """A gradient that is zero to within rounding is a finding; one that drowns in noise is none."""
    agrees = bool(np.all(comparison.agrees[judgement.measured]))
    every = bool(undecided[judgement.measured].all())
    if agrees and not every and judgement.kinked[judgement.measured].any():
        return PASS, ""  # judged by their one-sided slopes
    if agrees and judgement.reason != _JUMP and _is_zero(judgement, comparison):
        return PASS, _ZERO
    if every:
        return INCONCLUSIVE, judgement.reason
    if judgement.comparer.settings.tol > RESOLUTION:
        return INCONCLUSIVE, f"tol is above {RESOLUTION:g}, too wide to tell"
    return INCONCLUSIVE, judgement.reason or "noise"


def _is_zero(judgement: Judgement, comparison: Comparison) -> bool:
    """Whether the whole gradient is zero: known far better than the outputs or a slope of one would make one
    expect, while backward claims no more than its own rounding, or than the last digit of the cotangent.

    From so near, nothing tells a zero from what drowns. But what is zero at this point and not at others, as
    where small numbers hide beside large ones, shows by far moves. Where they show something, backward is
    right if it says exactly zero of all that drowns, and that is known for certain.
    """
    allowed = float(np.max(comparison.allowed[judgement.measured]))
    size = float(np.max(comparison.size[judgement.measured]))
    natural = float(np.max(judgement.numeric.natural, initial=0.0))
    if size == allowed == 0.0 or (allowed <= RESOLUTION**4 * natural and _is_borne_out(judgement)):
        return True
    largest = max(float(np.max(np.abs(c), initial=0.0)) for c in judgement.numeric.cotangents)
    if max(size, allowed) > RESOLUTION**2 * max(natural, largest):
        return False
    judgement.comparer.be_thorough()
    last_digit = float(np.finfo(judgement.analytic.dtype).eps) * largest
    rounding = judgement.comparer.rounding(judgement.numeric.name)
    if np.any(np.abs(judgement.analytic) > np.maximum(16 * rounding, last_digit)):
        return False
    numeric = judgement.numeric
    return stands_still(
        numeric.function,
        numeric.name,
        numeric.structure,
        numeric.cotangents,
        numeric.noise,
        numeric.scale,
        numeric.rng,
    )


def _is_borne_out(judgement: Judgement) -> bool:
    """Whether backward says exactly zero wherever it is not right to far less than its own rounding: of a
    saturated softmax it gives the small numbers, and zero where they drown in the sum of one."""
    analytic, value = judgement.analytic, judgement.value
    numeric = Comparison(analytic, value, judgement.doubt, judgement.comparer.settings.tol)
    known = numeric.agrees & numeric.resolved
    return bool(np.all(known | (analytic == 0) | ~judgement.measured))


def conclude_probes(judgement: Judgement, probing: Probing) -> Gradient:
    """The verdict from probes; elements that were looked at decide where sums are off."""
    gradient, found = conclude(judgement), probing.found
    verdict, note = gradient.verdict, gradient.note
    if verdict != FAIL:
        verdict, note = _from_probes(judgement, probing)
    return replace(
        gradient,
        verdict=verdict,
        note=note,
        method="probe",
        probes=found.probes,
        detectable=found.detectable,
        at_kink=max(gradient.at_kink, probing.at_kink),
        unresolved=0,
    )


def _from_probes(judgement: Judgement, probing: Probing) -> tuple[str, str]:
    found = probing.found
    if not found.probes:
        return INCONCLUSIVE, "no time to compare"
    if found.worst > 1.0:
        looked = bool(found.suspects) and all(judgement.looked[index] for index in found.suspects)
        return INCONCLUSIVE, "probes are off, no element is" if looked else "probes are off"
    if not probing.clean:
        return INCONCLUSIVE, "noise"
    if probing.unexplained:
        return INCONCLUSIVE, f"{probing.unexplained} at a kink, too many to look at"
    if probing.scale == 0.0:
        return PASS, _ZERO
    return PASS, f"{probing.at_kink} at a kink" if probing.at_kink else ""
