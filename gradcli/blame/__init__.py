"""From a wrong gradient to a line and a diagnosis."""

from gradcli.blame.finding import Found, find

__all__ = ["Found", "find"]
