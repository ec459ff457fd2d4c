"""The layer as it is deployed: every binary is for the Lambda runtime, whatever machine built it, and it is small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lambda_runtime import make_runtime
from tests.support.layer import LAYER, ROOT, build

ELF_AARCH64 = 0xB7
EXTENSION = re.compile(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$")
LIMIT_BYTES = 40_000_000
IMPORT_ALL = """
import importlib, pkgutil, sys
for found in pkgutil.walk_packages([sys.argv[1]], onerror=print):
    try:
        importlib.import_module(found.name)
    except ImportError as error:
        print(found.name, error)
"""
LOCKS = [LAYER / "requirements.txt", *sorted((ROOT / "requirements").glob("*.txt"))]


@pytest.fixture(scope="module")
def deployed() -> Path:
    return build("aarch64") / "python"


def binaries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF")


def test_every_binary_is_for_the_runtime(deployed: Path) -> None:
    found = binaries(deployed)
    assert found
    for path in found:
        assert EXTENSION.search(path.name), path
        assert int.from_bytes(path.read_bytes()[18:20], "little") == ELF_AARCH64, path


def test_it_holds_the_package_and_nothing_the_runtime_carries(deployed: Path) -> None:
    assert (deployed / "moniqo" / "bootstrap.py").is_file()
    names = {path.name for path in deployed.iterdir()}
    assert not names & {"boto3", "botocore", "bin", "moniqo.egg-info", "secantus", "moto"}


@pytest.mark.parametrize("platform", ["aarch64", "host"])
def test_it_stays_small(platform: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = build(platform) / "python"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with capsys.disabled():
        print(f" [{size / 1e6:.1f} MB unzipped, {platform}]", end="")
    assert size <= LIMIT_BYTES


def test_nothing_left_in_it_misses_what_was_left_out(tmp_path: Path) -> None:
    """Events of tests do not reach all that is imported late: a database found by DNS, say."""
    layer = build("host") / "python"
    path = f"{layer}{os.pathsep}{make_runtime(tmp_path)}"
    command = [sys.executable, "-S", "-W", "ignore", "-c", IMPORT_ALL, str(layer)]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_no_requirement_depends_on_the_python_that_builds() -> None:
    """Pip evaluates markers for itself, not for --python-version, so such a marker would be decided wrongly."""
    lock = (LAYER / "requirements.txt").read_text(encoding="utf-8")
    assert not re.findall(r"python_(?:full_)?version|sys_platform|platform_machine", lock)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_requirement_is_pinned_by_hash_and_names_no_index(lock: Path) -> None:
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", "").splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.+-]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry
        assert "://" not in entry, entry
