"""Planted bugs: every wrong backward is caught, no right one fails, at points chosen to be hard.

The corpus has far more checks than a test run has time for: a share of them is chosen by hash, each bug at
most once. `python -m tests.corpus --seeds 20` runs all of it.
"""

import pytest

from tests.corpus import generated, reference
from tests.corpus.bugs import LAYERS
from tests.corpus.case import Bug, Layer, build, inputs_for
from tests.corpus.run import CAUGHT, INVISIBLE, PASSED, gradcli_check, points, run, seen

SHARE = 0.05  # of (bug, hard case) pairs; contract bugs always run
CORRECT = 0.4  # of the hard cases of correct code


def check(layer: Layer, bug: Bug | None, case: str, seed: int):
    """What changes from call to call is looked at until the budget is spent; others take a fraction of it."""
    return gradcli_check(layer, bug, case, seed, budget=3.0 if bug is None or bug.code is None else 1.0)


by_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
needs_extended = pytest.mark.skipif(
    not reference.HAS_EXTENDED, reason="long double is no wider than double here, so there is no reference"
)


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(LAYERS) >= 25
    assert sum(len(layer.bugs) for layer in LAYERS) >= 150
    assert len({layer.name for layer in LAYERS}) == len(LAYERS)
    for layer in LAYERS:
        assert len({bug.name for bug in layer.bugs}) == len(layer.bugs), layer.name


@needs_extended
@by_layer
def test_the_reference_gradient_is_the_gradient(layer: Layer):
    """Proof by 8th-order differences in 80-bit arithmetic, at every point where there is a derivative."""
    for case in layer.cases:
        if case in ("at_kink", "zeros", "constant"):
            continue
        inputs = inputs_for(layer, case, 0)
        cotangents = reference.draw_cotangents(layer, inputs, 0)
        here = reference.point(layer, case, inputs, cotangents)
        for name, off in reference.disagreement(layer, inputs, cotangents).items():
            vanishes = abs(here.exact[name]).max(initial=0) <= 3 * here.rounding[name]
            assert off < 1e-8 or vanishes, f"{layer.name} {case} {name}"


@needs_extended
@by_layer
def test_correct_code_is_a_subgradient_where_there_is_no_derivative(layer: Layer):
    for case in {"at_kink", "zeros", "constant"}.intersection(layer.cases):
        inputs = inputs_for(layer, case, 0)
        cotangents = reference.draw_cotangents(layer, inputs, 0)
        for name, gradient in reference.truth(layer, inputs, cotangents).items():
            low, high = reference.subgradients(layer, inputs, cotangents, name)
            slack = 1e-6 * (abs(low) + abs(high)).max(initial=1e-9)
            assert ((low - slack <= gradient) & (gradient <= high + slack)).all(), f"{case} {name}"


@needs_extended
@by_layer
def test_every_bug_is_wrong_somewhere(layer: Layer):
    for bug in layer.bugs:
        build(layer, bug)
        if bug.code is None:
            assert any(
                sight.visible for case in layer.cases for sight in seen(layer, bug, case, 0).values()
            ), f"{bug.name} changes nothing"
    points.cache_clear()


@needs_extended
@by_layer
def test_correct_code_passes_and_planted_bugs_fail(layer: Layer):
    disagreements = [
        str(finding)
        for finding in run([layer], [0], check, share=SHARE, correct_share=CORRECT, once=True)
        if finding.outcome not in (PASSED, CAUGHT, INVISIBLE)
    ]
    points.cache_clear()
    assert not disagreements, "\n".join(disagreements)


@needs_extended
@pytest.mark.parametrize("number", range(3))
def test_random_pairs_pass_and_their_damaged_copies_fail(number: int):
    disagreements = [
        str(finding)
        for finding in run([generated.layer(number)], [0], share=SHARE, correct_share=CORRECT)
        if finding.outcome not in (PASSED, CAUGHT, INVISIBLE)
    ]
    points.cache_clear()
    assert not disagreements, "\n".join(disagreements)
