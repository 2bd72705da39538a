"""What a page about a code holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One code. The example is a whole program; with `right` in the place of `wrong`, nothing is reported."""

    code: str
    title: str  # one line, for the list
    meaning: str
    example: str
    cause: str
    fix: str
    wrong: str  # the line of the example at fault
    right: str  # what belongs in its place

    @property
    def fixed(self) -> str:
        """The example, put right."""
        return self.example.replace(self.wrong, self.right)


def program(definitions: str, inputs: str, keywords: str = "") -> str:
    """The example of most pages: forward and backward, checked at some inputs."""
    more = f", {keywords}" if keywords else ""
    return (
        f"import gradcli, numpy as np\n\n{definitions}\ninputs = {{{inputs}}}\n"
        f"result = gradcli.check(forward, backward, inputs{more})\nprint(result.violations)\n"
    )
