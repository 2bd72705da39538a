"""What is said of a check whose process ended: the reason, and the line of the user's where it was."""

import sysconfig
from pathlib import Path

import numpy as np
import pytest

from gradcli.spec import CheckSpec
from gradcli.suite import lost
from gradcli.suite.lost import LastWords
from gradcli.suite.perform import check_of

CHECK = check_of(CheckSpec("layers.py:bn"))
STACK = f"""\
Fatal Python error: Segmentation fault

Current thread 0x00007f (most recent call first):
  File "{sysconfig.get_path("stdlib")}/ctypes/__init__.py", line 519 in string_at
  File "{Path(np.__file__).parent}/core.py", line 5 in wrapper
  File "<frozen importlib._bootstrap>", line 241 in _call
  File "/home/me/layers.py", line 12 in helper
  File "/home/me/layers.py", line 30 in bn_forward
  File "{lost.__file__}", line 7 in forward
"""


def told(outcome):
    (violation,) = outcome.result.violations
    return violation.message, violation.file, violation.line, outcome.result.rerun


@pytest.mark.parametrize(
    ("outcome", "message", "flags"),
    [
        (lost.ended(CHECK, 3), "the code under test ended its process: exit code 3", "--isolate"),
        (lost.ended(CHECK, -9), "… its process: killed by SIGKILL (out of memory?)", "--isolate"),
        (lost.ended(CHECK, -200), "… its process: killed by signal 200", "--isolate"),
        (lost.overdue(CHECK, 2.5), "not done after 2.5 s: stopped", "--timeout 2.5"),
        (lost.killed(CHECK, "4 workers died\nmore"), "… its process: 4 workers died", "--isolate"),
    ],
)
def test_the_reason_is_told_and_how_to_see_it_again(outcome, message, flags):
    whole = message.replace("…", "the code under test ended")
    assert told(outcome) == (whole, None, None, f"gradcli check layers.py:bn --seed 0 {flags}")
    assert outcome.result.verdict == "fail"


def test_the_place_is_the_innermost_line_that_is_neither_a_librarys_nor_ours():
    assert told(lost.ended(CHECK, -11, LastWords(STACK)))[1:3] == ("/home/me/layers.py", 12)
    library_only = "\n".join(STACK.splitlines()[:6])
    assert told(lost.ended(CHECK, -11, LastWords(library_only)))[1:3] == (None, None)
