"""The page, filled in by Jinja2 with everything escaped that is not a drawing of ours."""

from jinja2 import Environment, PackageLoader, StrictUndefined

import gradcli
from gradcli.report.files import Run
from gradcli.report.html.errors import HIGHEST, LEVELS, LOWEST, NOT_COMPARED, NOT_FINITE
from gradcli.report.html.views import ORDER, views
from gradcli.report.plain import printable
from gradcli.report.tally import Tally


def document(run: Run) -> str:
    """The whole file. Cost: a few milliseconds and, depending on its shape, up to 40 kB for each gradient."""
    results = [outcome.result for outcome in run.outcomes if outcome.result is not None]
    checks = views(run.outcomes)
    statuses = [check.status for check in checks]
    environment = Environment(
        loader=PackageLoader("gradcli.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        version=gradcli.__version__,
        state=printable(run.state),
        summary=Tally(results, not_run=len(checks) - len(results)).summary().plain,
        counts=[(status, statuses.count(status)) for status in ORDER if status in statuses],
        checks=checks,
        levels=(*LEVELS, NOT_FINITE, NOT_COMPARED),
        decades=range(LOWEST, HIGHEST + 1, 4),
        lowest=LOWEST,
    )
