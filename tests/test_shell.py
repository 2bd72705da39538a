"""Lines to paste: what a shell makes of them is what they were made of."""

import shutil
import subprocess

import pytest

from gradcli.shell import shell_line

WORDS = [
    "plain",
    "",
    "a b",
    "it's",
    'x="$(y)`z`"',
    "back\\slash",
    "new\nline",
    "\x1b[31m",
    "tab\t'",
    "💥ü",
    "\u2028",
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_a_shell_reads_the_words_back():
    words = [*WORDS, "bad\udcff"]
    line = shell_line(["printf", "%s\\0", *words])
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1] == words
