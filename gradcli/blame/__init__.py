"""From a wrong gradient to a line and a diagnosis."""

from gradcli.blame.case import Case
from gradcli.blame.finding import Found, find

__all__ = ["Case", "Found", "find"]
