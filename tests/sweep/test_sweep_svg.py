"""Curves as SVG: one file that needs nothing else."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from gradcli.report.curve import LEGEND
from gradcli.report.svg import document
from tests.sweep.test_sweep_plot import CURVE

SVG = "{http://www.w3.org/2000/svg}"


def parsed(*curves):
    return ElementTree.fromstring(document(curves))


def by_class(root, name):
    return [element for element in root.iter() if element.get("class") == name]


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def test_it_is_well_formed_xml_with_a_title():
    root = parsed(CURVE)
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text == "Error against step: x[1,2] of demo"


def test_it_refers_to_nothing_outside():
    text = document([CURVE])
    assert re.findall(r"https?:[^\"']*", text) == ["http://www.w3.org/2000/svg"]
    for word in ("href", "url(", "@import", "@font-face", "<script", "<image"):
        assert word not in text


def test_it_has_colours_for_light_and_for_dark():
    style = parsed(CURVE).find(f"{SVG}style").text
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for kind in ("text", ".paper", ".second", ".fourth", ".chosen", ".level", ".frame", ".grid"):
        assert f".curves {kind}" in light
        assert f".curves {kind}" in dark


def test_its_style_reaches_nothing_outside_the_drawing():
    root = parsed(CURVE)
    assert root.get("class") == "curves"
    selectors = re.findall(r"^ *([^@{}\n]+) \{", root.find(f"{SVG}style").text, re.MULTILINE)
    assert all(part.strip().startswith(".curves ") for line in selectors for part in line.split(","))


def test_both_orders_the_chosen_step_and_the_uncertainty_are_drawn():
    root = parsed(CURVE)
    for kind in ("second", "fourth"):
        (path,) = [element for element in by_class(root, kind) if element.tag == f"{SVG}path"]
        assert len(re.findall(r"[ML][\d.]+ [\d.]+", path.get("d"))) == len(CURVE.steps)
    chosen = by_class(root, "chosen")[0]
    assert float(chosen.get("x1")) == float(chosen.get("x2")) == (72 + 736) / 2
    assert by_class(root, "level")[0].get("y1") == by_class(root, "level")[0].get("y2")


def test_it_says_the_same_as_the_terminal():
    words = texts(parsed(CURVE))
    assert LEGEND in words
    assert "gradcli used central differences here, step 1.0e-03: known to 3.0e-08" in words
    assert {"2nd order", "4th order", "chosen step", "uncertainty of the check"} <= set(words)
    assert {"1e-5", "1e-3", "1e-1", "1e-2", "1e-8"} <= set(words)


def test_what_is_drawn_lies_within_the_paper():
    root = parsed(
        replace(CURVE, errors2=np.array([1e90, 0, 1e-6, 1e-4, 1e-2]), relative=False, method="linear")
    )
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root.iter():
        assert all(0 <= float(element.get(x, 0)) <= width for x in ("x", "x1", "x2") if "%" not in x)
        assert all(0 <= float(element.get(y, 0)) <= height - 5 for y in ("y", "y1", "y2"))
    numbers = re.findall(r"[ML]([\d.]+) ([\d.]+)", " ".join(e.get("d", "") for e in root.iter()))
    assert all(72 <= float(x) <= 736 and 62 <= float(y) <= 352 for x, y in numbers)


def test_a_gap_interrupts_the_line():
    root = parsed(replace(CURVE, errors2=np.array([1e-6, np.nan, 1e-6, 1e-4, 1e-2])))
    (path,) = [element for element in by_class(root, "second") if element.tag == f"{SVG}path"]
    assert re.sub(r"[\d. ]", "", path.get("d")) == "MMLL"
    assert "nan" not in document([CURVE])


def test_several_curves_lie_below_each_other():
    root = parsed(CURVE, replace(CURVE, label="w of demo"))
    assert [group.get("transform") for group in root.iter(f"{SVG}g")] == [
        "translate(0 0)",
        "translate(0 490)",
    ]
    assert root.get("height") == "980"
    assert {"x[1,2] of demo", "w of demo"} <= set(texts(root))


def test_a_name_is_text_and_never_markup():
    root = parsed(replace(CURVE, label="<b>&x\x1b\x00\"'"))
    assert "<b>&x\\x1b\\x00\"'" in texts(root)
