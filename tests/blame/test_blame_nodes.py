"""Every named value of forward stands in the table, beside what backward computes for it."""

import numpy as np
import pytest

import gradcli
from gradcli import archive
from tests.blame.damage import check_damaged, damaged


def table(pair, old="", new="", **settings):
    source = damaged(pair, old, new)[0]
    return check_damaged(pair, source, f"<nodes of {pair}: {new}>", blame=False, nodes=True, **settings)


def paired(result):
    return {row.name: row.backward for row in result.node_table}


def verdicts(result):
    return {row.name or row.backward: row.verdict for row in result.node_table}


def test_a_passing_check_has_a_node_for_every_name_and_all_pass():
    result = table("bn")
    expected = {
        "x": "dx",
        "gamma": "dgamma",
        "beta": "dbeta",
        "mu": "dmu",
        "xmu": "dxmu",
        "sq": "dsq",
        "var": "dvar",
        "sqrtvar": "dsqrtvar",
        "ivar": "divar",
        "xhat": "dxhat",
        "gammax": "dout",
        "out": "dout",
    }
    assert {name: back for name, back in paired(result).items() if name} == expected
    assert {row.verdict for row in result.node_table if row.name} == {"pass"}
    assert {row.backward for row in result.node_table if not row.name} == {"dxmu1", "dxmu2"}


def test_a_wrong_node_fails_and_with_it_what_is_computed_from_it():
    result = table("bn", "dvar = 0.5 /", "dvar = 1.0 /")
    failed = {name for name, verdict in verdicts(result).items() if verdict == "fail"}
    assert failed == {"x", "xmu", "sq", "var"}  # what is wrong in xmu adds up to nothing in mu
    row = next(row for row in result.node_table if row.name == "var")
    assert row.relative_error == pytest.approx(0.5)
    assert (row.line, row.backward_line) == (15, 33)


def test_parts_of_a_gradient_are_added_up():
    result = table(
        "bn",
        "dxmu = dxmu1 + dxmu2\n    dmu = -np.sum(dxmu, axis=0)\n    dx = dxmu + ",
        "dmu = -np.sum(dxmu1 + dxmu2, axis=0)\n    dx = dxmu1 + dxmu2 + ",
    )
    assert (paired(result)["xmu"], verdicts(result)["xmu"]) == ("dxmu1 + dxmu2", "pass")


def test_values_pair_where_names_say_nothing():
    result = table("ln")
    assert paired(result) == {"x": "dx", "g": "(dy * n).sum(0)", "b": "dy.sum(0)", "n": "dn", "r": ""}
    assert verdicts(result)["r"] == "unpaired"


def test_the_passes_of_a_loop_are_one_node():
    result = table("lstm")
    assert {row.verdict for row in result.node_table} == {"pass"}
    assert (paired(result)["a"], paired(result)["next_c"], paired(result)["prev_h_2"]) == (
        "da",
        "dc",
        "dnext_h_2",
    )
    assert result.nodes()["a"].shape == (3, 2, 8)


def test_what_a_loop_writes_into_is_one_finished_array():
    assert paired(table("conv")) == {"x": "dx", "w": "dw", "b": "db", "out": "dout"}


def test_attributes_of_self_are_nodes():
    result = table("Norm")
    assert {"ms": "dms", "inv": "dinv", "x_hat": "dx_hat"}.items() <= paired(result).items()


def unpacks_under_another_name(x):
    scaled = 3.0 * x
    return np.sin(scaled), (scaled,)


def of_another_name(g, cache):
    (s,) = cache
    ds = g * np.cos(s)
    return 3.0 * ds


def test_a_cache_that_is_unpacked_under_another_name_keeps_its_node():
    inputs = {"x": np.linspace(0.1, 0.9, 4)}
    result = gradcli.check(unpacks_under_another_name, of_another_name, inputs=inputs, nodes=True)
    assert (paired(result)["scaled"], verdicts(result)["scaled"]) == ("ds", "pass")


def test_without_source_there_is_a_remark_instead_of_a_table():
    namespace = {}
    exec("def forward(x): return x * x, x\ndef backward(g, x): return 2 * g * x", namespace)
    functions = namespace["forward"], namespace["backward"]
    result = gradcli.check(*functions, inputs={"x": np.ones(2)}, nodes=True)
    assert (result.passed, result.node_table) == (True, ())
    assert result.remarks == ("nodes cannot be read: the source of forward cannot be read",)


def test_a_dump_holds_every_node_and_every_gradient_that_backward_computed(tmp_path):
    result = check_damaged("bn", damaged("bn", "", "")[0], "<dumped>")
    archive.write(tmp_path / "a.npz", result)
    dumped = archive.read(tmp_path / "a.npz")
    nodes, gradients = dumped.group("node"), dumped.group("node_grad")
    assert {"mu", "xmu", "sq", "var", "sqrtvar", "ivar", "xhat", "gammax", "out"} <= nodes.keys()
    assert {"mu", "xmu", "sq", "var", "sqrtvar", "ivar", "xhat"} <= gradients.keys()
    np.testing.assert_array_equal(gradients["var"].shape, nodes["var"].shape)


def assigned_twice(x):
    h = 2.0 * x
    h = h * h
    return h.sum(), x


def backward_twice(g, x):
    dh = np.full(x.shape, g)
    dh = 2.0 * dh * (2.0 * x)
    return 2.0 * dh


def test_each_assignment_of_a_name_is_a_node_of_its_own():
    result = gradcli.check(assigned_twice, backward_twice, inputs={"x": np.arange(1.0, 4.0)}, nodes=True)
    assert (paired(result)["h"], paired(result)["h_2"]) == ("dh_2", "dh")
    assert set(result.nodes()) >= {"h", "h_2"}


def test_nothing_is_read_unless_it_is_asked_for():
    calls = []

    def forward(x):
        calls.append(1)
        y = x * x
        return y, x

    def backward(g, x):
        return 2 * g * x

    result = gradcli.check(forward, backward, inputs={"x": np.ones(3)})
    before = len(calls)
    assert result.node_table == ()
    assert "y" in result.nodes()
    assert len(calls) > before
