"""How a line of source is written: `layers.py:12`, or, in a notebook, `nb.ipynb: cell 3, line 2`."""

NOTEBOOK_CELL = ".ipynb: cell "


def written_line(file: str, line: int) -> str:
    """The place of a line; a cell of a notebook counts its own lines."""
    return f"{file}, line {line}" if NOTEBOOK_CELL in file else f"{file}:{line}"
