"""A page in a real browser: headless Chromium, where there is one."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
)


_NOBODY = "not an origin"


@dataclass(frozen=True)
class Visit:
    """What became of a page."""

    dom: str
    console: list[str]
    requests: list[str]  # addresses that were asked for over a network


def visit(folder: Path, page: str, script: str = "") -> Visit:
    """Open a page, run a script at its end, and say what is left of it."""
    file, log = folder / "visited.html", folder / "net.json"
    flags = (*_FLAGS, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", "--dump-dom")
    file.write_text(page.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    done = subprocess.run(
        [PROGRAM, *flags, file],
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=True,
    )
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event["params"] for event in events if event.get("params", {}).get("url")]
    # The browser's own services ask for things, too; what a page asks for has an origin.
    urls = [one["url"] for one in asked if one.get("initiator", _NOBODY) != _NOBODY]
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Visit(done.stdout, console, [url for url in urls if url.startswith(("http", "ws"))])
