"""Building the layers as `sam build` does, once for each state of their sources, under .build/."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(platform: str, layer: str = "core") -> Path:
    """Return the folder that Lambda would unpack under /opt. ``platform`` is a CPU, or "host" for this interpreter."""
    folder = ROOT / "layers" / layer
    sources = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    state = hashlib.sha256(sys.version.encode())
    for path in sources:
        state.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    target = ROOT / ".build" / f"layer-{layer}-{platform}"
    target.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes. One builds, and the others wait for it.
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(folder, target, platform, state.hexdigest())
    return target


def _build(folder: Path, target: Path, platform: str, state: str) -> None:
    stamp = target / "built-from"
    if stamp.is_file() and stamp.read_text() == state:
        return
    stamp.unlink(missing_ok=True)
    # pip runs without this test's settings, and with the interpreter whose wheels a host build takes.
    settings = {"ARTIFACTS_DIR": str(target), "LAYER_PLATFORM": platform, "PYTHON": sys.executable}
    command = [
        "make",
        "--silent",
        f"build-{folder.name.capitalize()}Layer",
        *(f"{name}={value}" for name, value in settings.items()),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stamp.write_text(state)
