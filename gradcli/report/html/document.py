"""The page, filled in by Jinja2 with everything escaped that is not a drawing of ours."""

from collections import Counter
from collections.abc import Iterator

from jinja2 import Environment, PackageLoader, StrictUndefined

import gradcli
from gradcli.report.files import Run
from gradcli.report.html.errors import HIGHEST, LEVELS, LOWEST, NOT_COMPARED, NOT_FINITE
from gradcli.report.html.views import ORDER
from gradcli.report.plain import printable
from gradcli.report.tally import Tally


def document(run: Run) -> Iterator[str]:
    """The whole file, what is wrong first; otherwise in the order in which the checks ran.

    Cost: a few milliseconds and, depending on its shape, up to 40 kB for each gradient.
    """
    results = (outcome.result for outcome in run.outcomes if outcome.result is not None)
    not_run = sum(outcome.result is None for outcome in run.outcomes)
    statuses = [view.status for view in run.views]
    worst_first = sorted(range(len(statuses)), key=lambda number: ORDER.index(statuses[number]))
    counted = Counter(statuses)
    environment = Environment(
        loader=PackageLoader("gradcli.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").generate(
        version=gradcli.__version__,
        state=printable(run.state),
        summary=Tally(results, not_run=not_run).summary().plain,
        counts=[(status, counted[status]) for status in ORDER if status in counted],
        checks=map(run.views.__getitem__, worst_first),
        levels=(*LEVELS, NOT_FINITE, NOT_COMPARED),
        decades=range(LOWEST, HIGHEST + 1, 4),
        lowest=LOWEST,
    )
