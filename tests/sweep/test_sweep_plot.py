"""Curves on a terminal: what is drawn, and the words beside it."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from gradcli.report.curve import CurvePlot, remarks
from gradcli.sweep import Curve

NAN = float("nan")
STEPS = 10.0 ** np.arange(-5, 0)
CURVE = Curve(
    label="x[1,2] of demo",
    steps=STEPS,
    errors2=np.array([1e-6, 1e-7, 1e-6, 1e-4, 1e-2]),
    errors4=np.array([1e-6, 1e-7, 1e-8, 1e-8, 1e-4]),
    relative=True,
    chosen=1e-3,
    method="central",
    level=3e-8,
)


def drawn(curve: Curve, encoding: str = "utf-8", width: int = 80) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, markup=False, highlight=False, legacy_windows=False)
    console.print(CurvePlot(curve), crop=False)
    file.seek(0)
    return file.read()


BLOCKS = """\
x[1,2] of demo
relative error of a central difference against its step
 1e-2 ┤                    █
      │
      │
      │
 1e-4 ┤               █    ░
      │
      │
      │
 1e-6 ┤▓         █
      │
      │     ▓
      │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
 1e-8 ┤          ░    ░
      └┬────┬────▲────┬────┬
     1e-5      1e-3      1e-1
█ 2nd order   ░ 4th order   ▓ both   ▲ chosen step   ┄┄ uncertainty of the check
left: round-off grows as 1/step; right: truncation grows as step^2 / step^4
gradcli used central differences here, step 1.0e-03: known to 3.0e-08
"""

ASCII = """\
x[1,2] of demo
relative error of a central difference against its step
 1e-2 +                    2
      |
      |
      |
 1e-4 +               2    4
      |
      |
      |
 1e-6 +#         2
      |
      |     #
      |.....................
 1e-8 +          4    4
      ++----+----^----+----+
     1e-5      1e-3      1e-1
2 2nd order   4 4th order   # both   ^ chosen step   .. uncertainty of the check
left: round-off grows as 1/step; right: truncation grows as step^2 / step^4
gradcli used central differences here, step 1.0e-03: known to 3.0e-08
"""


def test_a_curve_in_block_characters():
    assert drawn(CURVE) == BLOCKS


def test_a_curve_in_ascii_where_the_terminal_knows_nothing_else():
    assert drawn(CURVE, "ascii") == ASCII
    assert ASCII.isascii()


def test_a_curve_over_all_decades_fits_eighty_columns_and_a_screen():
    steps = 10.0 ** np.linspace(-15, -1, 71)
    curve = replace(CURVE, steps=steps, errors2=1e-17 / steps, errors4=1e-16 / steps, level=1e-16)
    lines = drawn(curve).splitlines()
    assert max(map(len, lines)) == 80
    assert len(lines) <= 26
    assert sum("█" in line for line in lines) >= 14  # the slope runs over the whole height


def test_an_error_of_zero_is_drawn_at_the_floor():
    curve = replace(CURVE, errors2=np.zeros(5), errors4=np.zeros(5), level=0.0)
    plot = drawn(curve).splitlines()
    assert plot[-6] == "      │▓┄┄┄┄▓┄┄┄┄▓┄┄┄┄▓┄┄┄┄▓"
    assert not any("▓" in line for line in plot[:-6])


def test_there_is_nothing_where_the_code_could_not_be_evaluated():
    curve = replace(CURVE, errors2=np.full(5, NAN), errors4=np.full(5, NAN))
    assert "█" not in drawn(curve).split("2nd order")[0].removesuffix("█ ")
    assert drawn(curve).count("░") == drawn(curve).count("▓") == 1  # in the key


def test_errors_far_above_are_drawn_on_the_upper_edge():
    curve = replace(CURVE, errors2=np.array([1e90, 1e-7, 1e-6, 1e-4, 1e-2]))
    lines = drawn(curve).splitlines()
    assert lines[2] == " 1e10 ┤█"
    assert len(lines) <= 26


def test_the_step_is_not_marked_where_none_was_chosen():
    assert "▲" not in drawn(replace(CURVE, chosen=None))


def test_an_uncertainty_without_bounds_is_no_line():
    assert "┄" not in drawn(replace(CURVE, level=float("inf")))


def test_control_characters_in_a_name_do_not_reach_the_terminal():
    assert drawn(replace(CURVE, label="x\x1b[2J")).startswith("x\\x1b[2J\n")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["gradcli used central differences here, step 1.0e-03: known to 3.0e-08"]),
        (
            {"method": "complex", "level": 3e-16},
            [
                "gradcli used a complex step here: known to 3.0e-16, whatever the step",
                "a central difference would take step 1.0e-03",
            ],
        ),
        (
            {"method": "linear"},
            [
                "linear in this input: gradcli took one long step here, known to 3.0e-08",
                "a central difference would take step 1.0e-03",
            ],
        ),
        (
            {"method": "linear", "level": 0.0, "chosen": None},
            ["linear in this input: gradcli took one long step here, exact"],
        ),
        (
            {"method": "probe"},
            [
                "gradcli compared sums along random directions in this input, not single elements",
                "a central difference would take step 1.0e-03",
            ],
        ),
        (
            {"relative": False},
            [
                "gradcli used central differences here, step 1.0e-03: known to 3.0e-08",
                "the derivative cannot be told from 0 here, so errors are absolute",
            ],
        ),
        ({"chosen": None}, ["no step gave an estimate"]),
        (
            {"at_kink": True, "chosen": None},
            ["at a kink: the slopes on its two sides differ, and any step gives their mean"],
        ),
    ],
)
def test_the_words_say_how_gradcli_got_its_value(changes, words):
    curve = replace(CURVE, **changes)
    assert remarks(curve) == words
    assert drawn(curve).splitlines()[-len(words) :] == words


@pytest.mark.parametrize("width", [30, 40, 60])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_on_a_narrow_terminal_the_plot_is_narrower_and_words_are_wrapped(width, encoding):
    steps = 10.0 ** np.arange(-15, 0)
    wide = replace(CURVE, steps=steps, errors2=steps, errors4=steps, chosen=1e-3)
    lines = drawn(wide, encoding, width).splitlines()
    assert max(map(len, lines)) <= width
    (ticks,) = [line.split() for line in lines if line.split()[-1] == "1e-1"]
    assert ticks == [f"1e{n}" for n in sorted(int(label[2:]) for label in ticks)]
