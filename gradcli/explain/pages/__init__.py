"""The pages, by code. An example is a program that prints what its page is about."""

from gradcli.explain.page import Page
from gradcli.explain.pages import calls, values, warnings

PAGES: dict[str, Page] = {page.code: page for page in (*values.PAGES, *calls.PAGES, *warnings.PAGES)}
