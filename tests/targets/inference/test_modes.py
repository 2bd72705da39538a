"""Arguments that choose: the words and the gates that the code tells."""

from gradcli.targets.inference.guess import drawn
from gradcli.targets.inference.modes import by_comparison
from gradcli.targets.inference.recipes import by_function


def chooses(x, mode, kind, axis, unit):
    if mode.lower() == "train" or mode in ("test", "train"):
        return x
    if "seed" in x:
        return x
    match kind:
        case "mean" | "sum":
            return x.sum()
    return axis == 1 or unit == "cm"


def test_the_words_that_an_argument_is_compared_with_in_their_order():
    assert by_comparison(chooses, ["x", "mode", "kind", "axis", "unit"]) == {
        "mode": ["train", "test"],
        "kind": ["mean", "sum"],
        "unit": ["cm"],
    }


def test_a_function_without_source_compares_nothing():
    assert by_comparison(len, ["obj"]) == {}


def test_the_weights_of_a_gru_hold_three_gates():
    widths = [by_function("GRU", name)[0] for name in ("Wx", "Wh")]
    assert widths == [drawn("D 3*H|small"), drawn("H 3*H|small")]
