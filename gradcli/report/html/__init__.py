"""The HTML report: one file that needs nothing else, no network included."""

from gradcli.report.html.document import document

__all__ = ["document"]
