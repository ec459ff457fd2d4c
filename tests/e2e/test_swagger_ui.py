"""The documentation page in a real browser that can reach only this computer."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.local_run import local_run

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
METHODS: Final = {"get", "post", "put", "patch", "delete"}
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--enable-logging=stderr",
    "--virtual-time-budget=20000",
)


def page(url: str, profile: Path) -> tuple[str, list[str]]:
    """Return the page as the browser has built it, and what it wrote to the console."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, "a browser is needed: apt-get install chromium"
    seen = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return seen.stdout, re.findall(r":CONSOLE\S*\] (.*)", seen.stderr)


def test_swagger_ui_shows_every_operation_without_the_internet(tmp_path: Path) -> None:
    with local_run(tmp_path / "state") as run:
        paths = run.call("GET", "/api/openapi.json").json["paths"]
        dom, console = page(f"http://127.0.0.1:{run.port}/api/docs", tmp_path / "profile")
    wanted = sorted((method, path) for path, item in paths.items() for method in METHODS & set(item))
    blocks = re.findall(r'class="opblock opblock-(\w+)".*?data-path="([^"]+)"', dom, re.DOTALL)
    assert sorted(blocks) == wanted
    assert "Authorize" in dom
    assert console == [], "no script fails, and the page's content security policy has nothing to refuse"
