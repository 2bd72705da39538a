"""What the codes in a report mean: one short page each, with an example that really triggers it."""

from gradcli.explain.page import Page
from gradcli.explain.pages import PAGES

__all__ = ["PAGES", "Page"]
