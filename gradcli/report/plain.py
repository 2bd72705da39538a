"""Text of others, made safe to print."""


def printable(text: str) -> str:
    """The text with control characters and the like written as escapes: no name moves the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable_lines(text: str) -> list[str]:
    """The lines of a longer text, each safe to print."""
    return [printable(line) for line in text.expandtabs().splitlines()]
