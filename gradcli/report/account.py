"""Why a check did not pass, as plain text for a test's output."""

import numpy as np

from gradcli.result import FAIL, INCONCLUSIVE, CheckResult, Gradient


def account(result: CheckResult) -> str:
    """Every wrong gradient with its worst element, every broken promise, and how to run it again."""
    wrong = [gradient for gradient in result.gradients.values() if gradient.verdict == FAIL]
    undecided = [gradient for gradient in result.gradients.values() if gradient.verdict == INCONCLUSIVE]
    lines = [_headline(result, len(wrong), len(undecided))]
    lines += [f"  {_line(gradient)}" for gradient in wrong]
    lines += [
        f"  {gradient.name}: could not be decided: {gradient.note or 'too noisy'}" for gradient in undecided
    ]
    named = {gradient.name for gradient in wrong}
    for violation in result.violations:
        if violation.code == "GC101" and violation.gradient in named:
            continue  # said above, with more digits
        place = f" ({violation.file}:{violation.line})" if violation.file and violation.line else ""
        kind = " (warning)" if violation.is_warning else ""
        lines.append(f"  {violation.code}{kind}: {violation.message}{place}")
    lines += [f"  at fault: {blame.file}:{blame.line}: {blame.diagnosis}" for blame in result.blames]
    lines += [
        f"  node {row.name} ({row.file}:{row.line}): {row.backward} (line {row.backward_line}) is wrong"
        for row in result.node_table
        if row.verdict == FAIL
    ]
    lines.append(f"  run again: {result.rerun or f'the same call with seed={result.seed}'}")
    return "\n".join(lines)


def _headline(result: CheckResult, wrong: int, undecided: int) -> str:
    if result.verdict == FAIL and not wrong:
        return f"{result.id}: a promise is broken"
    count = len(result.gradients)
    noun = "gradient" if count == 1 else "gradients"
    if wrong:
        return f"{result.id}: {wrong} of {count} {noun} wrong"
    return f"{result.id}: {undecided} of {count} {noun} not decided"


def _line(gradient: Gradient) -> str:
    at = gradient.worst_index
    analytic = np.asarray(gradient.analytic)
    if analytic.shape != gradient.shape or not gradient.size:
        return f"{gradient.name}: {gradient.note or 'not compared'}"
    count = int(np.count_nonzero(gradient.failing)) if gradient.failing is not None else 0
    return (
        f"{gradient.name} at {at}: analytic {analytic[at]:.10g}, "
        f"numeric {gradient.numeric[at]:.10g} ± {gradient.uncertainty[at]:.1e}, "
        f"error {gradient.error[at]:.1e}, allowed {gradient.allowed[at]:.1e}; "
        f"{count} of {gradient.compared} elements disagree"
    )
