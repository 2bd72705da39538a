"""Lines to paste: what a shell makes of them is what they were made of."""

import shutil
import subprocess

import pytest

from gradcli.shell import shell_line, shell_words

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


def test_on_windows_words_are_quoted_as_its_shells_know_it():
    words = ["gradcli", "check", "a b.py:f", "bn[batch=2]", r"C:\a\b.py", 'say "x"', ""]
    line = r'''gradcli check "a b.py:f" "bn[batch=2]" C:\a\b.py "say \"x\"" ""'''
    assert shell_line(words, windows=True) == line


def test_on_windows_a_command_keeps_its_backslashes():
    command = r""""C:\my layers\bn.exe" {in} .\{out} --eps 'a b' """
    assert shell_words(command, windows=True) == [r"C:\my layers\bn.exe", "{in}", r".\{out}", "--eps", "a b"]
    assert shell_words(r"./bn\ 1 '{in} {out}'", windows=False) == ["./bn 1", "{in} {out}"]
