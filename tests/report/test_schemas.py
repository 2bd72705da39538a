"""Reports against the schemas of those who read them."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from gradcli.report.files import FORMATS, Run
from gradcli.result import Violation
from gradcli.spec import CheckSpec
from tests.report.outcomes import failed, of_every_kind, right, wrong

SCHEMAS = Path(__file__).parent / "schemas"
SARIF = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))

# What GitLab's documentation asks of each issue, and the words that it knows.
TEXT = {"type": "string", "minLength": 1}
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": TEXT,
            "check_name": TEXT,
            "fingerprint": TEXT,
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}

RUNS = [
    pytest.param(Run([], False), id="nothing"),
    pytest.param(Run([right()], False), id="all-is-well"),
    pytest.param(Run(of_every_kind(), False), id="every-kind"),
    pytest.param(Run(of_every_kind(), True), id="interrupted"),
]


@pytest.fixture(scope="module")
def junit():
    return xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")


def rendered(name, run):
    text = "".join(FORMATS[name].render(run))
    assert text.encode("utf-8")
    return text


def without_places(text):
    """Jenkins's schema has no room for a test case's file and line, which GitLab and others read."""
    root = ElementTree.fromstring(text)
    for case in root.iter("testcase"):
        for name in ("file", "line"):
            case.attrib.pop(name, None)
    return root


@pytest.mark.parametrize("run", RUNS)
def test_junit_is_what_jenkins_reads(run, junit):
    junit.validate(without_places(rendered("junit", run)))


@pytest.mark.parametrize("run", RUNS)
def test_sarif_is_what_its_standard_says(run):
    document = json.loads(rendered("sarif", run))
    jsonschema.Draft4Validator(SARIF).validate(document)


@pytest.mark.parametrize("run", RUNS)
def test_gitlab_gets_what_it_asks_for(run):
    issues = json.loads(rendered("gitlab", run))
    jsonschema.Draft7Validator(GITLAB).validate(issues)
    prints = [issue["fingerprint"] for issue in issues]
    assert len(prints) == len(set(prints))  # of two alike it shows one


@pytest.mark.parametrize(
    ("old", "new"), [('tests="1"', ""), ("<failure ", "<fault "), ("</testcase>", "<x/></testcase>")]
)
def test_the_schema_of_junit_refuses_what_is_broken(old, new, junit):
    text = rendered("junit", Run([wrong()], False))
    assert old in text
    broken = text.replace(old, new).replace("</failure>", "</fault>" if "fault" in new else "</failure>")
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        junit.validate(without_places(broken))


@pytest.mark.parametrize(
    ("key", "value"), [("level", "fatal"), ("ruleIndex", "0"), ("message", {}), ("x", 1)]
)
def test_the_schema_of_sarif_refuses_what_is_broken(key, value):
    document = json.loads(rendered("sarif", Run([wrong()], False)))
    document["runs"][0]["results"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SARIF).validate(document)


def test_what_has_no_place_is_no_result_of_sarif_for_code_scanning_refuses_the_file():
    (run,) = json.loads(rendered("sarif", Run([failed()], False)))["runs"]
    assert run["results"] == []
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["level"], told["message"]["text"]) == ("error", "no such thing: h")


def test_what_has_no_place_in_code_is_put_on_its_line_of_the_config():
    outcome = wrong()
    spec = CheckSpec("exec:./layer", origin="configs/net.yaml:7")
    result = replace(outcome.result, file=None, blame=None, also=(), spec=spec)
    placed = replace(outcome, result=result)
    (run,) = json.loads(rendered("sarif", Run([placed], False)))["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "configs/net.yaml"}, "region": {"startLine": 7}}


def test_two_findings_that_differ_in_words_only_have_two_fingerprints():
    outcome = wrong()
    twice = (Violation("GC106", "forward is not deterministic"), Violation("GC106", "backward is not"))
    issues = json.loads(
        rendered("gitlab", Run([replace(outcome, result=replace(outcome.result, violations=twice))], False))
    )
    assert len({issue["fingerprint"] for issue in issues}) == 2
