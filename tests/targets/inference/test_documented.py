"""Shapes that a docstring, an annotation or the code itself states."""

import pytest

from gradcli.targets.inference.documented import by_annotation, by_docstring
from gradcli.targets.inference.guess import Drawn, drawn, sizes_for
from gradcli.targets.inference.indexed import by_indexing


def documented(text, *names):
    def function():
        pass

    function.__doc__ = text
    return by_docstring(function, names)


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("- x: inputs, of shape (N, D)", ("N", "D")),
        (
            "x -- data of size (size of the previous layer, number of examples)",
            ("size_of_previous_layer", "number_of_examples"),
        ),
        ("x (ndarray (m,n)): Data, m examples with n features", ("m", "n")),
        (":param x: gates (D, 4H)", ("D", "4*H")),
        ("x : array, shape (k,)", ("k",)),
        ("x -- weights of size (p * p * 3, 1)", ("p*p*3", "1")),
        ("x (scalar): a number", ()),
        ("x (np.ndarray): Nx3 array of positions", ("N", "3")),
        ("x: m x n_features matrix (see below)", ("m", "n_features")),
        (":param x: matrix [K, 2]", ("K", "2")),
        ("filter x (N, L // 2 + 1) by", ("N", "L//2+1")),
        ("x' A x, A (n, n) SPD, x (n,)", ("n",)),
        ("x (N, in)", ("N", "in_")),  # no word of Python's
        ("All of shape (N, D).", ("N", "D")),
        ("x a positive scalar", ()),
    ],
)
def test_a_docstring_states_shapes_in_many_ways(text, axes):
    assert documented(text, "x")["x"].axes == axes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x: inputs (see below)",
        "x: the vector x, or 2 x",
        "x: data [1]",
        "- x: of shape (N, d_1, ..., d_k)",
        "- y: of shape (N, D)",
    ],
)
def test_what_states_no_shape_is_left_to_the_names(text):
    assert documented(text, "x") == {}


def test_labels_are_integers_below_the_bound_that_is_told():
    told = documented("- y: labels, of shape (N,) where 0 <= y[i] < C", "y")
    assert told == {"y": Drawn(("N",), "int", "C")}


@pytest.mark.parametrize(
    ("text", "kind", "high"),
    [
        ("rows: (K,) ints below V", "int", "V"),
        ("rows (K,) ints in [0, q)", "int", "q"),
        ("rows: (K,), in {0, 1}", "normal", "2"),
        ("rows (K,) in {0, 1}", "int", "2"),
        ("rows (K,) in [0, 1)", "unit", "2"),
        ("rows (K,) in [-1, 1)", "normal", "2"),
    ],
)
def test_what_is_told_behind_a_shape_says_the_kind(text, kind, high):
    assert documented(text, "rows") == {"rows": Drawn(("K",), kind, high)}


def test_comments_tell_shapes_where_there_is_no_docstring():
    def function(x, b):  # x (N, D)
        # b (D,)
        return x + b  # y (N, M)

    assert by_docstring(function, ["x", "b", "y"]) == {"x": Drawn(("N", "D")), "b": Drawn(("D",))}


def test_annotations_of_jaxtypings_kind_state_shapes():
    def function(x: 'Float[Array, "n d"]', y: 'Int[Array, "n"]'):  # noqa: F722, F821
        pass

    assert by_annotation(function) == {"x": Drawn(("n", "d")), "y": Drawn(("n",), "int")}


def himmelblau(x, y):
    return x[0] ** 2 + x[1] + y[0] * y[1:]


def test_elements_that_are_taken_one_by_one_state_a_length_and_slices_do_not():
    assert by_indexing(himmelblau, ["x", "y"]) == {"x": Drawn(("2",))}


def test_all_dimensions_differ():
    sizes = sizes_for([drawn("N D"), drawn("D C"), drawn("N|int|C")], {})
    assert sorted(sizes) == ["C", "D", "N"]
    assert len(set(sizes.values())) == 3


def test_given_lengths_are_kept_and_avoided():
    assert sizes_for([drawn("N D")], {"D": 4}) == {"D": 4, "N": 3}


def test_what_is_said_of_the_next_argument_is_not_of_this_one():
    text = """Parameters
    ----------
    x : array of shape (N, D)
        The data.
    keep : bool
        Whether to keep them.
    """
    assert documented(text, "x")["x"] == Drawn(("N", "D"))
    assert documented("- x: of shape (N, D)\n- keep: a bool (yes, no)", "x")["x"] == Drawn(("N", "D"))
