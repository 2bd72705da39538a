"""`gradcli diff` names the first value in which two dumps part, and takes rounding for no difference."""

from pathlib import Path

import numpy as np
import pytest

from gradcli import archive
from gradcli.archive import Archive
from gradcli.diff import compare
from gradcli.errors import ArchiveError
from tests.cli.pairs import BATCHNORM

SHAPES = ("--input", "x=5x3", "--input", "gamma=3", "--input", "beta=3")
RNG = np.random.default_rng(0)


@pytest.fixture
def dump(invoke):
    """Check a version of batchnorm, and dump it into a file."""

    def dumped(name, right="", wrong="", *more):
        assert right in BATCHNORM
        Path("bn.py").write_text(BATCHNORM.replace(right, wrong) if right else BATCHNORM)
        result = invoke("check", "bn.py:batchnorm", *SHAPES, "--dump", name, *more)
        assert result.exit_code in (0, 1), result.output

    return dumped


def last(result):
    return result.stdout.splitlines()[-1]


def archived(**arrays):
    named = {key.replace("__", "/"): np.asarray(array) for key, array in arrays.items()}
    return Archive(Path("case.npz"), named, {})


def differing(one, other):
    return [row.key for row in compare(archived(**one), archived(**other)).rows if row.differs]


# --- the command


def test_a_dump_is_the_same_as_itself(invoke, dump):
    dump("a.npz")
    result = invoke("diff", "a.npz", "a.npz")
    assert result.exit_code == 0
    assert "DIFFERS" not in result.stdout
    assert last(result).startswith("SAME  a.npz, a.npz: ")
    assert last(result).endswith(" arrays agree to rounding in float64")


@pytest.mark.parametrize(
    ("right", "wrong", "first"),
    [
        ("x.mean(axis=0)", "x.mean(axis=0) * (1 + 1e-9)", "node/mu"),
        ("np.sqrt(var + eps)", "np.sqrt(var + 2 * eps)", "node/"),
        ("return gamma * x_hat + beta", "return gamma * x_hat + 1.001 * beta", "out"),
    ],
)
def test_the_first_value_that_differs_is_named(invoke, dump, right, wrong, first):
    dump("a.npz")
    dump("b.npz", right, wrong)
    result = invoke("diff", "a.npz", "b.npz")
    assert result.exit_code == 1
    assert last(result).startswith(f"DIFFERENT  a.npz, b.npz: {first}")
    assert invoke("diff", "-q", "a.npz", "b.npz").stdout == f"{last(result)}\n"


def test_the_same_in_another_order_of_operations_is_no_difference(invoke, dump):
    dump("a.npz")
    dump("b.npz", "x.mean(axis=0)", "np.sum(x[::-1] / len(x), axis=0)")
    result = invoke("diff", "a.npz", "b.npz")
    assert result.exit_code == 0, result.output


def test_float32_against_float64_is_judged_at_float32(invoke, dump):
    dump("a.npz")
    dump("b.npz", "", "", "--dtype", "float32")
    result = invoke("diff", "a.npz", "b.npz")
    assert result.exit_code == 0, result.output
    assert last(result).endswith("agree to rounding in float32")
    dump("c.npz", "x.mean(axis=0)", "x.mean(axis=0) * 1.001", "--dtype", "float32")
    assert last(invoke("diff", "a.npz", "c.npz")).startswith("DIFFERENT  a.npz, c.npz: node/mu")


def test_other_inputs_are_said_to_be_such(invoke, dump):
    dump("a.npz")
    dump("b.npz", "", "", "--seed", "5")
    assert last(invoke("diff", "a.npz", "b.npz")).endswith("; the two were not run on the same numbers")


def test_files_with_nothing_in_common_cannot_be_compared(invoke):
    for name, key in (("a.npz", "in/x"), ("b.npz", "in/y")):
        from gradcli.npz import write_arrays

        write_arrays(Path(name), {key: np.ones(2), "meta": np.array('{"format": 1}')})
    result = invoke("diff", "a.npz", "b.npz")
    assert (result.exit_code, result.stderr) == (
        2,
        "gradcli: error: a.npz and b.npz: hold no array of the same name\n",
    )


@pytest.mark.parametrize("width", [30, 80, 100, 160])
def test_nothing_is_cut_at_any_width(invoke, dump, monkeypatch, width):
    dump("a.npz")
    dump("b.npz", "x.mean(axis=0)", "x.mean(axis=0) * (1 + 1e-9)")
    monkeypatch.setenv("COLUMNS", str(width))
    shown = invoke("diff", "a.npz", "b.npz").stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("DIFFERS") and "node/mu" in line]
    assert "1.0e-09 @ " in line
    assert "…" not in shown


# --- the rule


def test_the_order_is_that_in_which_values_arise():
    one = {"grad__x": 1.0, "node__a": 1.0, "node__b": 1.0, "node_grad__a": 1.0, "node_grad__b": 1.0}
    one |= {"out": 1.0, "in__x": 1.0, "cotangent": 1.0}
    keys = [row.key for row in compare(archived(**one), archived(**one)).rows]
    assert keys == ["in/x", "node/a", "node/b", "out", "cotangent", "node_grad/b", "node_grad/a", "grad/x"]


def test_what_one_dump_lacks_is_listed_and_not_counted():
    found = compare(archived(in__x=1.0, node__a=1.0), archived(in__x=1.0, node__b=1.0))
    assert found.only == (("node/a",), ("node/b",))
    assert found.first is None


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        (np.nan, np.nan, False),
        (np.inf, np.inf, False),
        (np.inf, -np.inf, True),
        (np.nan, 1.0, True),
        (0.0, -0.0, False),
        (0.0, 1e-300, True),
        (1.0, 1.0 + 1e-15, False),
        (1.0, 1.0 + 1e-12, True),
        (np.float32(1.0), 1.0 + 1e-6, False),
        (np.float32(1.0), 1.0 + 1e-3, True),
        (np.array([1, 2]), np.array([1, 3]), True),
        (np.array([True]), np.array([True]), False),
        (np.ones((2, 3)), np.ones((3, 2)), True),
        (np.ones((0, 3)), np.ones((0, 3)), False),
        (np.ones(1), np.ones(()), True),
    ],
)
def test_single_values(one, other, differs):
    assert bool(differing({"out": one}, {"out": other})) == differs


def test_what_cancels_may_carry_the_rounding_of_what_it_came_from():
    x = 1e3 + RNG.standard_normal(100) * 1e-4
    noisy = x * (1 + 2e-16 * RNG.standard_normal(100))
    one = {"in__x": x, "node__c": x - x.mean()}
    assert differing(one, {"in__x": x, "node__c": noisy - noisy.mean()}) == []
    assert differing(one, {"in__x": x, "node__c": (x - x.mean()) * (1 + 1e-6)}) == ["node/c"]


def test_rounding_that_is_there_grows_and_an_error_of_its_own_shows():
    x = RNG.standard_normal(100)
    noisy = x * (1 + 1e-15)
    one = {"node__a": x, "node__b": x**20, "out": x}
    assert differing(one, {"node__a": noisy, "node__b": noisy**20, "out": x}) == []
    assert differing(one, {"node__a": noisy, "node__b": x**20 * (1 + 1e-9), "out": x}) == ["node/b"]


def test_a_gradient_may_differ_by_its_uncertainty():
    one = {"grad__x": np.ones(3), "unc__x": np.full(3, 1e-8)}
    assert differing(one, one | {"grad__x": 1.0 + 4e-8 * np.ones(3)}) == []
    assert differing(one, one | {"grad__x": 1.0 + 4e-7 * np.ones(3)}) == ["grad/x"]


def test_nothing_in_common_is_an_error():
    with pytest.raises(ArchiveError, match="hold no array of the same name"):
        compare(archived(in__x=1.0), archived(in__y=1.0))


def test_a_dump_without_nodes_is_compared_as_far_as_it_goes(invoke, dump):
    dump("a.npz", "return centred", "return 2 * centred")
    (left,) = Path(".gradcli/failures").glob("*.npz")
    assert not archive.read(left).group("node")
    assert invoke("diff", left, "a.npz").exit_code == 0
