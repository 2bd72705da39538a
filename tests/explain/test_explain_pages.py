"""Every code has a page, and every page keeps its word: its example breaks that promise and no other."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import gradcli
from gradcli.explain import PAGES, Page
from gradcli.result import CheckResult

CODES = [f"GC{number}" for number in (*range(101, 113), *range(201, 206))]
pages = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def found_by(program: str) -> CheckResult:
    """Run a program as a user would; what it checked is its `result`."""
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(program, "example.py", "exec"), names)
    result = names["result"]
    assert printed.getvalue() == f"{result.violations}\n"
    return result


def test_every_code_of_the_contract_has_a_page():
    assert list(PAGES) == CODES


def test_every_code_that_the_program_can_report_has_a_page():
    files = Path(gradcli.__file__).parent.rglob("*.py")
    reported = {code for file in files for code in re.findall(r'"(GC\d{3})"', file.read_text("utf-8"))}
    assert reported == set(CODES)


@pages
def test_an_example_shows_its_code_and_no_other(page: Page):
    result = found_by(page.example)
    assert {violation.code for violation in result.violations} == {page.code}
    assert result.verdict == ("pass" if page.code.startswith("GC2") else "fail")


@pages
def test_the_example_put_right_has_nothing_to_report(page: Page):
    result = found_by(page.fixed)
    assert result.verdict == "pass"
    assert result.violations == ()


@pages
def test_the_fault_stands_in_its_example_exactly_once(page: Page):
    assert page.example.count(page.wrong) == 1
    assert page.wrong.endswith("\n") == page.right.endswith("\n")


@pages
def test_a_page_is_short_and_its_code_fits_eighty_columns(page: Page):
    assert max(map(len, page.example.splitlines())) <= 76
    assert len(page.example.splitlines()) <= 16
    assert len(page.title) <= 70
    assert len(page.meaning + page.cause + page.fix) < 900
    assert all(text.endswith(".") for text in (page.meaning, page.cause, page.fix))
