"""The HTML report: what is wrong comes first, drawings are true, nothing is fetched, no name breaks it."""

import html
import importlib.util
import json
import re
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

import gradcli
from gradcli.cli import main
from gradcli.errors import UsageError
from gradcli.report.files import FORMATS, Run
from gradcli.suite.outcome import Outcome
from tests.report.browser import needs_browser, visit

pytest.importorskip("jinja2", reason="the page is filled in by Jinja2")

from gradcli.report.html.context import context
from gradcli.report.html.errors import level, relative_errors
from gradcli.report.html.graph import graph
from gradcli.report.html.heatmap import heatmap
from gradcli.report.html.histogram import histogram
from gradcli.report.html.scatter import scatter
from gradcli.report.html.views import view
from gradcli.result import Blame, NodeRow

HOSTILE = "a[b]:c,d\"e'<script>alert(1)</script>{{ 7*7 }}&g%h|i`j\n\x1b[31m\x00💥"
BROKEN = "def f_forward(x):\n    return x**2, x\n\n\ndef f_backward(dout, x):\n    return dout * x\n"


def checked(id, backward, shape=(4, 6)):
    x = np.random.default_rng(1).normal(size=shape)
    result = gradcli.check(lambda x: (x**3, x), backward, {"x": x})
    return Outcome(id, result=replace(result, id=id))


def right(id="right", shape=(4, 6)):
    return checked(id, lambda dout, x: 3 * dout * x**2, shape)


def wrong(id="wrong", shape=(4, 6), at=(1, 2)):
    def backward(dout, x):
        dx = 3 * dout * x**2
        dx[at] *= 1.01
        return dx

    return checked(id, backward, shape)


def not_run(id="not-run"):
    return Outcome(id, error=UsageError("no such thing"))


def page(*outcomes, partial=False):
    return "".join(FORMATS["html"].render(Run(outcomes, partial, views=[view(one) for one in outcomes])))


def gradient(outcome):
    return outcome.result.gradients["x"]


def test_what_is_wrong_comes_first_and_is_open():
    text = page(right(), not_run(), wrong())
    tags = re.findall(r'<details class="check (\w+)"[^>]*?( open)?>', text)
    assert tags == [("fail", " open"), ("error", " open"), ("pass", "")]


def test_an_interrupted_run_is_said_to_be_one():
    assert "Stopped: not all checks have run." in page(right(), partial=True)
    assert "Stopped" not in page(right())


def test_no_name_becomes_markup():
    text = page(wrong(HOSTILE), not_run(HOSTILE))
    assert "<script>alert" not in text
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text
    assert "\x00" not in text


def test_nothing_in_the_page_is_elsewhere():
    text = page(wrong(), right())
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text) == []
    assert "default-src 'none'" in text


def test_a_wrong_element_is_where_it_is_in_the_map():
    drawn = heatmap(gradient(wrong(at=(1, 2))))
    assert (drawn.rows, drawn.columns) == (4, 6)
    assert drawn.failing == "M2.25 1.25l.5 .5m0-.5l-.5 .5"
    (worst,) = [layer for layer in drawn.layers if layer.level == level(0.0099)]
    assert (worst.cells, worst.path) == (1, "M2 1h1v1h-1z")
    assert sum(layer.cells for layer in drawn.layers) == 24
    assert not heatmap(gradient(right())).failing


def test_a_large_array_is_binned_and_its_one_wrong_element_still_seen():
    drawn = heatmap(gradient(wrong(shape=(100, 100), at=(99, 0))))
    assert (drawn.rows, drawn.columns) == (25, 34)
    assert drawn.failing.startswith("M0.25 24.25")
    assert drawn.axes.endswith("a cell is the worst of 4 x 3 elements")


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 4, 5), (1, 500)])
def test_every_shape_is_drawn(shape):
    text = page(right(shape=shape))
    assert text.count('<svg class="map" role="img"') == 1
    assert sum(bar.elements for bar in histogram(gradient(right(shape=shape)))) == np.prod(shape)


def test_the_histogram_counts_wrong_elements_in_the_decade_of_their_error():
    found = [(bar.low, bar.elements, bar.wrong) for bar in histogram(gradient(wrong())) if bar.wrong]
    assert found == [(-3, 1, 1)]
    assert not any(bar.wrong for bar in histogram(gradient(right())))


def test_not_finite_and_not_compared_are_classes_of_their_own():
    outcome = checked("nan", lambda dout, x: np.where(x == x[0, 0], np.nan, 3 * dout * x**2))
    errors = relative_errors(gradient(outcome))
    assert np.isinf(errors[0, 0])
    assert np.isfinite(errors[1:]).all()
    assert level(errors[0, 0]).words == "not finite"
    assert level(np.nan).words == "not compared"


def test_a_scatter_shows_wrong_elements_apart_and_says_how_many_it_shows():
    drawn = scatter(gradient(wrong(shape=(50, 50))))
    assert drawn.wrong.count("M") == 1
    assert drawn.right.count("M") == 300
    assert drawn.words == "301 of 2500 elements"


def test_a_gradient_of_the_wrong_shape_is_said_to_have_nothing_to_draw():
    text = page(checked("shape", lambda dout, x: (3 * dout * x**2)[:1]))
    assert "GC103" in text
    assert '<svg class="map" role="img"' not in text


def test_the_blamed_line_is_shown_among_its_neighbours_unless_the_file_has_changed(tmp_path):
    file = tmp_path / "layer.py"
    file.write_text(BROKEN)
    blame = Blame("x", "", str(file), 6, "half", "return dout * x")
    assert [(line.number, line.blamed) for line in context(blame)] == [(n, n == 6) for n in range(2, 7)]
    changed = replace(blame, source="return 3 * dout * x")
    assert [(line.number, line.text) for line in context(changed)] == [(6, "return 3 * dout * x")]
    assert len(context(replace(blame, file=str(tmp_path / "gone.py")))) == 1


def test_the_command_writes_it_with_a_curve_for_what_failed_only(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.py").write_text(BROKEN)
    assert main(["check", "layer.py", "relu", "--input", "x=3x4", "--report", "html=out.html"]) == 1
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert text.count('class="curves"') == 1
    assert "<mark>    return dout * x</mark>" in text
    assert "2 checks: 1 passed, 1 FAILED" in capsys.readouterr().out


def test_without_jinja_it_is_refused_before_anything_runs(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["check", "relu", "--report", "html"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "--report html: jinja2 is not installed. Run: pip install 'gradcli[html]'" in err


@needs_browser
def test_a_browser_finds_what_failed_by_a_click_and_asks_nobody(tmp_path):
    clicks = """
    document.querySelector("input[value=pass]").click();
    const shown = checks.filter(check => !check.hidden).map(check => check.dataset.id);
    const gradient = document.querySelector("details.gradient");
    gradient.open = false;
    document.querySelector("tbody a").click();
    setTimeout(() => { document.title = JSON.stringify([shown, gradient.open]); }, 100);
    """
    seen = visit(tmp_path, page(right("a"), wrong(HOSTILE), right("b")), clicks)
    title = re.search("<title>(.*?)</title>", seen.dom, re.DOTALL)[1]
    assert title.startswith('[["a[b]:c')
    assert title.endswith('"],true]')
    assert seen.console == []
    assert seen.requests == []


def colours(block):
    return {name: tuple(int(c, 16) for c in re.findall("..", code)) for name, code in VARIABLE.findall(block)}


def contrast(one, other):
    """The ratio that WCAG 2 asks of text: at least 4.5."""

    def luminance(colour):
        linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return np.dot((0.2126, 0.7152, 0.0722), linear)

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


VARIABLE = re.compile(r"--(\w+): #(\w{6})")


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "quiet", "link", "good", "bad", "unsure"])
def test_text_can_be_read(scheme, ink):
    css = resources.files("gradcli.report.html").joinpath("templates/page.css").read_text("utf-8")
    found = colours(re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme])
    assert min(contrast(found[ink], found[ground]) for ground in ("paper", "card")) >= 4.5


@needs_browser
def test_a_node_is_found_by_a_click_and_the_page_fits_a_phone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.py").write_text(CHAIN)
    main(["check", "layer.py", "--input", "x=3x40", "--report", "html=out.html"])
    clicks = """
    document.body.style.width = "360px";
    const shown = name => document.querySelector(`li[id$=node-${name}]`).checkVisibility();
    const before = [shown(2), shown(3)];
    const node = document.querySelector("a.node[aria-label^='b:']");
    node.dispatchEvent(new MouseEvent("click", {bubbles: true}));
    setTimeout(() => {
      document.title = JSON.stringify([before, shown(3), document.body.scrollWidth <= 360,
        document.querySelector("a.at-fault").getAttribute("aria-label")]);
    }, 100);
    """
    seen = visit(tmp_path, (tmp_path / "out.html").read_text(encoding="utf-8"), clicks)
    assert json.loads(html.unescape(re.search("<title>(.*?)</title>", seen.dom, re.DOTALL)[1])) == [
        [True, False],
        True,
        True,
        "a: fail, here is the fault, layer.py:2",
    ]
    assert (seen.console, seen.requests) == ([], [])


@needs_browser
def test_the_browser_test_notices_an_error_and_a_request(tmp_path):
    page = "<body><img src='http://127.0.0.1:9/x.png'></body>"
    seen = visit(tmp_path, page, "console.error('seen');")
    assert any("seen" in line for line in seen.console)
    assert "http://127.0.0.1:9/x.png" in seen.requests


STEPS = """
def f_forward(x, w):
    a = x * w
    h = a + 1
    h = h * a
    return h, (x, w, a)
"""


def node(name, line, file, verdict="pass"):
    return NodeRow(name, str(file), line, f"d{name}", 9, verdict, 0.0)


def test_the_graph_joins_each_node_to_what_its_line_reads(tmp_path):
    file = tmp_path / "steps.py"
    file.write_text(STEPS)
    rows = [node("x", 2, file), node("w", 2, file), node("a", 3, file, "fail"), node("h", 4, file)]
    drawn = graph([*rows, node("h_2", 5, file), node("", None, file)])
    assert [(box.name, box.verdict) for box in drawn.boxes][2:4] == [("a", "fail"), ("h", "pass")]
    assert [box.y // 62 for box in drawn.boxes] == [0, 0, 1, 2, 3]
    assert drawn.edges.count("M") == 2 + 1 + 2  # a of x and w, h of a, the second h of the first and of a
    assert drawn.boxes[4].code == "h = h * a"
    assert drawn.boxes[2].place == "steps.py:3"


def test_without_nodes_there_is_no_graph_and_without_source_no_edge(tmp_path):
    assert graph([]) is None
    drawn = graph([node("a", 3, tmp_path / "gone.py"), node("b", 4, tmp_path / "gone.py")])
    assert (len(drawn.boxes), drawn.edges) == (2, "")


CHAIN = (
    "def f_forward(x):\n    a = x * 2\n    b = a**2\n    return b, a\n\n\n"
    "def f_backward(dout, a):\n    da = dout * a\n    return da * 2\n"
)


@pytest.mark.parametrize("words", [[], ["--nodes"], ["-j", "2"]])
def test_a_failing_node_leads_to_its_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.py").write_text(CHAIN)
    assert main(["check", "layer.py", "--input", "x=3", "--report", "html=out.html", *words]) == 1
    text = (tmp_path / "out.html").read_text()
    link = re.search(r'<a href="#(\S+)" class="node fail at-fault" aria-label="a: fail, here is', text)
    assert re.search(
        rf'<li id="{link[1]}" class="at-fault">.*<b>a</b> layer.py:2 <code>a = x \* 2</code>', text
    )
    assert "graph" not in page(right()).partition("</style>")[2]
