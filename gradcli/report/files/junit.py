"""`--report junit`: the XML that Jenkins, GitLab and others read, one test case for each check.

A check that could not be decided is an error, not a failure: nothing wrong was found, and nothing was proved.
"""

import platform
import re
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np

import gradcli
from gradcli.report.files import Run
from gradcli.report.files.places import Finding, findings, relative
from gradcli.result import FAIL, INCONCLUSIVE
from gradcli.suite.outcome import Outcome

_SKIPPED, _ERROR, _FAILURE = "skipped", "error", "failure"
# What XML 1.0 has no way to write, not even as an entity.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(run: Run) -> Iterator[str]:
    """The whole document."""
    seconds = sum(outcome.result.seconds for outcome in run.outcomes if outcome.result is not None)
    kinds = Counter(map(_kind, run.outcomes))
    counts = {
        "tests": str(len(run.outcomes)),
        "failures": str(kinds[_FAILURE]),
        "errors": str(kinds[_ERROR]),
        "skipped": str(kinds[_SKIPPED]),
        "time": f"{seconds:.3f}",
    }
    above = {
        name: value for name, value in counts.items() if name != "skipped"
    }  # Jenkins knows no such there
    root = ElementTree.Element("testsuites", {"name": "gradcli", **above})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "gradcli", **counts})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(run).items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": value})
    ElementTree.indent(root)
    text = _text(root)
    end = text.rindex("\n  </testsuite>")
    yield text[:end]
    for outcome in run.outcomes:
        case = _case(outcome)
        ElementTree.indent(case, level=2)
        yield f"\n    {_text(case)}"
    yield f"{text[end:]}\n"


def _text(element: ElementTree.Element) -> str:
    return ElementTree.tostring(element, encoding="unicode", xml_declaration=False)


def _properties(run: Run) -> dict[str, str]:
    """With what the checks were run, and whether all of them were."""
    versions = {
        "gradcli": gradcli.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    return {**versions, "partial": _clean(run.state)} if run.partial else versions


def _kind(outcome: Outcome) -> str:
    """What becomes of a test case that is no plain success."""
    if outcome.excuse is not None:
        return _SKIPPED
    if outcome.result is None or outcome.result.verdict == INCONCLUSIVE:
        return _ERROR
    return _FAILURE if outcome.result.verdict == FAIL else ""


def _case(outcome: Outcome) -> ElementTree.Element:
    result = outcome.result
    attributes = {"name": _clean(outcome.id), "classname": _clean(outcome.id.partition("[")[0]), "time": "0"}
    if result is not None:
        attributes |= {"classname": _clean(result.target), "time": f"{result.seconds:.3f}"}
        if result.file is not None:
            attributes["file"] = _clean(relative(result.file) or "")
            attributes["line"] = str(result.line or 1)
    case = ElementTree.Element("testcase", attributes)
    found, kind = list(findings(outcome)), _kind(outcome)
    if kind == _SKIPPED:
        why = {"type": "pytest.xfail"} if result is not None and result.expected is not None else {}
        ElementTree.SubElement(case, kind, {**why, "message": _clean(outcome.excuse or "")})
    elif kind == _ERROR:
        case.append(_problem(kind, found, outcome))
    elif kind == _FAILURE:
        case.append(_problem(kind, [one for one in found if not one.is_warning], outcome))
    if outcome.output:
        ElementTree.SubElement(case, "system-out").text = _clean(outcome.output)
    return case


def _problem(tag: str, found: list[Finding], outcome: Outcome) -> ElementTree.Element:
    """What is wrong, in the attribute and in the content: some read only one of them."""
    first = (
        found[0] if found else Finding(outcome.id, "inconclusive", "nothing was compared", True, None, None)
    )
    element = ElementTree.Element(tag, {"type": first.code, "message": _clean(first.message)})
    lines = [_line(one) for one in found or [first]]
    if outcome.result is not None and outcome.result.rerun:
        lines.append(f"re-run: {outcome.result.rerun}")
    if outcome.replay:
        lines.append(f"replay: {outcome.replay}")
    element.text = _clean("\n".join(lines))
    return element


def _line(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}: " if finding.file and finding.line else ""
    return f"{place}{finding.code} {finding.message}"


def _clean(text: str) -> str:
    """Characters that XML cannot hold, written as escapes."""
    return _FORBIDDEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
