"""`gradcli explain LAYER`: the shipped derivations are right, and a wrong one is told."""

import io
from dataclasses import replace
from functools import cache

import pytest
from rich.cells import cell_len
from rich.console import Console

from gradcli.cli import main
from gradcli.explain import derivations
from gradcli.explain.derivation import Derivation
from gradcli.explain.derivations import DERIVATIONS
from gradcli.explain.derive import derive
from gradcli.layers import LAYERS
from gradcli.report.derivation import DerivationReport
from gradcli.spec import CheckSpec, Settings
from gradcli.targets import resolve


def point(name, seed=0, **options):
    (problem,) = resolve(CheckSpec(name, options=options, settings=Settings(seed=seed)))
    return problem


@cache
def shipped(name, seed=0):
    """The derivation of a layer at the layer's default sizes."""
    return derive(DERIVATIONS[name], point(name, seed), seed)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_derivation_agrees_with_perturbation_and_with_its_layer(name, seed):
    derived = shipped(name, seed)
    assert [(p.node.name, p.edge.parent) for p in derived.partials if p.gradient.verdict != "pass"] == []
    assert derived.agrees
    assert {paths.name for paths in derived.paths} == set(derived.check.gradients)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("batchnorm", {"batch": 7, "features": 2, "eps": 0.5}),
        ("layernorm", {"batch": 1, "features": 4}),
        ("scaled_dot_product_attention", {"causal": True}),
        ("leaky_relu", {"slope": -0.5}),
        ("softmax_cross_entropy", {"batch": 5, "classes": 4}),
        ("groupnorm", {"batch": 1, "channels": 6, "groups": 3, "eps": 0.5}),
        ("conv2d", {"stride": 2, "padding": 0, "kernel_height": 2}),
        ("maxpool2d", {"kernel": 3, "stride": 1}),
        ("avgpool2d", {"kernel": 3, "stride": 2, "height": 5}),
        ("dropout", {"p": 0.0, "features": 7}),
        ("embedding", {"batch": 1, "vocabulary": 5}),
    ],
)
def test_dimensions_and_constants_apply(name, options):
    assert derive(DERIVATIONS[name], point(name, **options), 0).agrees


def damaged(name, node_name, parent):
    """The derivation with one partial a thousandth too large."""
    made: Derivation = DERIVATIONS[name]

    def edge(one):
        return replace(one, pull=lambda v, g: 1.001 * one.pull(v, g)) if one.parent == parent else one

    nodes = tuple(
        replace(node, edges=tuple(map(edge, node.edges))) if node.name == node_name else node
        for node in made.nodes
    )
    return replace(made, nodes=nodes)


@pytest.mark.parametrize(
    ("name", "node", "parent"),
    [
        ("batchnorm", "x_hat", "var"),
        ("affine", "product", "W"),
        ("lstm_step", "c", "f"),
        ("mse", "loss", "error"),
        ("groupnorm", "x_hat", "var"),
        ("conv2d", "columns", "framed"),
        ("conv2d", "rows", "W"),
        ("maxpool2d", "y", "windows"),
        ("avgpool2d", "windows", "x"),
        ("dropout", "y", "kept"),
        ("embedding", "y", "table"),
    ],
)
def test_a_wrong_partial_is_named(name, node, parent):
    derived = derive(damaged(name, node, parent), point(name), 0)
    wrong = [(p.node.name, p.edge.parent) for p in derived.partials if p.gradient.verdict != "pass"]
    assert wrong == [(node, parent)]
    assert not derived.agrees


def test_a_lost_path_is_told_by_the_sum():
    made = DERIVATIONS["batchnorm"]
    lost = [
        replace(node, edges=node.edges[:2]) if node.name == "x_hat" else node for node in made.nodes
    ]  # not through the variance
    kept = tuple(node for node in lost if node.name != "var")
    variance = next(node for node in lost if node.name == "var")
    derived = derive(
        replace(made, nodes=(kept[0], replace(variance, edges=()), *kept[1:])), point("batchnorm"), 0
    )
    assert [paths.name for paths in derived.paths if not paths.agrees] == ["x"]
    assert not derived.agrees


def test_the_page_shows_graph_partials_and_paths(capsys):
    assert main(["explain", "batchnorm", "--batch", "4", "--features", "2", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    for line in (
        "│   └── σ² = mean of (x - μ)²",
        "zero: the deviations from the mean add",
        "x 4x2, γ 2, β 2; eps = 1e-05; seed 3",
        "through σ²",
        "PASS  batchnorm[batch=4,features=2]",
        "9 of 9 partials agree, 3 of 3 gradients the sum of the paths",
    ):
        assert line in out
    assert out.splitlines()[4].startswith("The graph, from the output back to the inputs")
    (zero,) = (line for line in out.splitlines() if line.strip().startswith("∂σ²/∂μ  "))
    assert zero.split()[-3:] == ["0", "0", "zero"]


def test_a_page_that_does_not_agree_says_so_and_exits_with_1(capsys, monkeypatch):
    monkeypatch.setitem(derivations.DERIVATIONS, "batchnorm", damaged("batchnorm", "x_hat", "var"))
    assert main(["explain", "batchnorm"]) == 1
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert out.splitlines()[-2].startswith("FAIL  batchnorm")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("name", DERIVATIONS)
def test_a_derivation_fits_80_columns(name, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    Console(file=stream, width=120).print(DerivationReport(shipped(name)), crop=False)
    stream.seek(0)
    assert [line for line in stream.read().splitlines() if cell_len(line.rstrip()) > 80] == []


def test_every_layer_is_derived():
    assert set(DERIVATIONS) == set(LAYERS)


def test_numbers_of_paths_stand_below_each_other(capsys):
    assert main(["explain", "batchnorm"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("dx at (0, 2) ← 3 paths")
    rows = [line for line in lines[start + 1 : start + 8] if "." in line]
    assert len(rows) == 6
    assert len({cell_len(line.partition(".")[0]) for line in rows}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["batchnorm", "--batch", "0"], "gradcli: error: batchnorm: batch must be at least 1, got 0\n"),
        (["batchnorn"], "gradcli: error: no code or layer 'batchnorn'; did you mean 'batchnorm'? "),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert main(["explain", *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)
