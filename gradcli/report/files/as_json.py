"""`--report json`: everything, in one document. `version` grows when a key changes its meaning.

Numbers that JSON has no word for (NaN, infinities) are null.
"""

import math
import platform
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

import gradcli
from gradcli.report.files import Run
from gradcli.report.files.long_json import listed, streamed
from gradcli.report.files.places import relative
from gradcli.result import FAIL, INCONCLUSIVE, PASS, Blame, Gradient, Violation
from gradcli.suite.outcome import Outcome

VERSION = 1
_ERROR = "error"  # the status of a check that could not be run


def render(run: Run) -> Iterator[str]:
    """One JSON object, indented."""
    statuses = Counter(map(_status, run.outcomes))
    expected = sum(one.result is not None and one.result.expected is not None for one in run.outcomes)
    document = {
        "version": VERSION,
        "tool": {"name": "gradcli", "version": gradcli.__version__},
        "run": {
            "partial": run.partial,
            "interrupted": list(run.under_way),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "platform": platform.platform(),
        },
        "summary": {
            "checks": len(run.outcomes),
            **{status: statuses[status] for status in (PASS, FAIL, INCONCLUSIVE, _ERROR)},
            "xfail": expected,  # of those that fail
        },
        "checks": listed("checks"),
    }
    return streamed(document, {"checks": map(check, run.outcomes)})


def _status(outcome: Outcome) -> str:
    return _ERROR if outcome.result is None else outcome.result.verdict


def check(outcome: Outcome) -> dict[str, Any]:
    """One check as plain data."""
    result = outcome.result
    if result is None:
        return {"id": outcome.id, "status": _ERROR, "error": str(outcome.error), "output": outcome.output}
    return {
        "id": result.id,
        "target": result.target,
        "status": result.verdict,
        "interrupted": result.interrupted,
        "file": relative(result.file),
        "line": result.line,
        "seed": result.seed,
        "dtype": result.dtype,
        "seconds": _number(result.seconds),
        "evaluations": {"forward": result.evaluations, "backward": result.backward_evaluations},
        "rerun": result.rerun,
        "replay": outcome.replay,
        "known": outcome.known is not None,
        "xfail": result.expected,
        "gradients": [_gradient(gradient) for gradient in result.gradients.values()],
        "violations": [_violation(violation) for violation in result.violations],
        "blame": [_blame(blame) for blame in result.blames],
        "remarks": list(result.remarks),
        "output": outcome.output,
    }


def _gradient(gradient: Gradient) -> dict[str, Any]:
    at = gradient.worst_index
    analytic = np.asarray(gradient.analytic)
    shown = bool(gradient.size) and analytic.shape == gradient.shape and analytic.dtype.kind in "fiub"
    failing = 0 if gradient.failing is None else int(np.count_nonzero(gradient.failing))
    return {
        "name": gradient.name,
        "shape": list(gradient.shape),
        "dtype": str(analytic.dtype),
        "status": gradient.verdict,
        "note": gradient.note,
        "method": gradient.method,
        "evaluations": gradient.evaluations,
        "elements": gradient.size,
        "compared": gradient.compared,
        "failing": failing,
        "unresolved": gradient.unresolved,
        "at_kink": gradient.at_kink,
        "probes": gradient.probes,
        "detectable": _number(gradient.detectable),
        "worst_index": list(at) if shown else None,
        "analytic": _number(analytic[at]) if shown else None,
        "numeric": _number(gradient.numeric[at]) if shown else None,
        "uncertainty": _number(gradient.uncertainty[at]) if shown else None,
        "allowed": _number(gradient.allowed[at]) if shown else None,
        "relative_error": _number(gradient.relative_error),
    }


def _violation(violation: Violation) -> dict[str, Any]:
    return {
        "code": violation.code,
        "warning": violation.is_warning,
        "message": violation.message,
        "gradient": violation.gradient,
        "file": relative(violation.file),
        "line": violation.line,
    }


def _blame(blame: Blame) -> dict[str, Any]:
    return {
        "gradient": blame.gradient,
        "node": blame.node,
        "file": relative(blame.file),
        "line": blame.line,
        "source": blame.source,
        "diagnosis": blame.diagnosis,
        "downstream": list(blame.downstream),
        "gradients": list(blame.gradients),
    }


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None
