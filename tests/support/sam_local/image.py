"""A stand-in for Amazon's image of Lambda's Python runtime, where that image cannot be downloaded.

It is Debian trixie, which has the same CPython as the runtime, with the runtime client and boto3 from PyPI. Its files
are kept in .build/, so that only the first run makes them.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.sam_local.docker import Docker, system_path

ROOT: Final = Path(__file__).resolve().parents[3]
LOCK: Final = ROOT / "requirements" / "lambda.txt"
BOOTSTRAP: Final = Path(__file__).with_name("bootstrap")
KEPT: Final = ROOT / ".build" / "sam-local"
PYTHON: Final = "3.13"
ARCHITECTURE: Final = "x86_64" if platform.machine() == "x86_64" else "arm64"
"""The name that Lambda gives to this machine's CPU."""
AMAZON: Final = f"public.ecr.aws/lambda/python:{PYTHON}-{ARCHITECTURE}"
"""The image that SAM CLI takes for functions of the template's runtime."""
STAND_IN: Final = f"moniqo/lambda-python:{PYTHON}"
_CERTIFICATE: Final = "/etc/moniqo-services.pem"
_SUITE: Final = "trixie"
_PLATFORMS: Final = [f"--platform={level}_{platform.machine()}" for level in ("manylinux2014", "manylinux_2_28")]
_UNUSED: Final = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")


@contextmanager
def runtime_image(docker: Docker, variables: Mapping[str, str], certificate: Path) -> Iterator[None]:
    """Give Amazon's name to an image that has ``variables`` and trusts ``certificate``, as long as the block lasts.

    `sam local --env-vars` sets only variables that the template declares. It is made from BASE_IMAGE, such as Amazon's
    own image, or else from the stand-in.
    """
    base = os.environ.get("BASE_IMAGE") or stand_in(docker)
    if not _id(docker, base):
        docker.run("pull", "--quiet", base)
    before = _id(docker, AMAZON)
    trusted = {"SSL_CERT_FILE": _CERTIFICATE, "AWS_CA_BUNDLE": _CERTIFICATE}
    with TemporaryDirectory() as folder:
        Path(folder, "certificate.pem").write_bytes(certificate.read_bytes())
        lines = [f"FROM {base}", f"COPY certificate.pem {_CERTIFICATE}"]
        lines += [f"ENV {name}={value}" for name, value in {**variables, **trusted}.items()]
        Path(folder, "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
        docker.run("build", "--quiet", "--tag", AMAZON, folder)
    try:
        yield
    finally:
        if before:
            docker.run("tag", before, AMAZON)
        else:
            docker.run("rmi", "--force", AMAZON)


def stand_in(docker: Docker) -> str:
    """Make the image, unless the daemon has it, and return its name."""
    state = hashlib.sha256(b"".join(path.read_bytes() for path in (LOCK, BOOTSTRAP, Path(__file__)))).hexdigest()[:16]
    name = f"{STAND_IN}-{state}"
    if not _id(docker, name):
        KEPT.mkdir(parents=True, exist_ok=True)
        files = KEPT / f"lambda-python-{state}.tar"
        if not files.is_file():
            _make(files)
        docker.run("import", "--change", "WORKDIR /var/task", "-", name, stdin=files)
    return name


def _id(docker: Docker, name: str) -> str:
    """Return the id of the image, or an empty text if the daemon has none of this name."""
    return docker.run("images", "--quiet", "--no-trunc", name).strip()


def _make(files: Path) -> None:
    if os.geteuid():
        raise PermissionError("debootstrap needs root. Run this as root, or name a base image: BASE_IMAGE=" + AMAZON)
    with TemporaryDirectory(prefix="root-", dir=KEPT) as folder:
        root = Path(folder)
        _run("debootstrap", "--variant=minbase", "--include=python3", _SUITE, str(root), _mirror())
        runtime = root / "var" / "runtime"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        target = ["--only-binary=:all:", f"--python-version={PYTHON}", *_PLATFORMS, "--target", str(runtime)]
        _run(*pip, "--require-hashes", "--requirement", str(LOCK), *target)
        (runtime / "bootstrap").write_bytes(BOOTSTRAP.read_bytes())
        (runtime / "bootstrap").chmod(0o755)
        root.chmod(0o755)
        _run("rm", "-rf", *(str(root / name) for name in _UNUSED))
        whole = files.with_suffix(".partial")
        _run("tar", "--create", "--numeric-owner", "--one-file-system", f"--file={whole}", f"--directory={root}", ".")
        for older in KEPT.glob("lambda-python-*.tar"):
            older.unlink()
        whole.rename(files)


def _mirror() -> str:
    """Return the mirror of Debian that this machine's apt uses."""
    listed = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    assert found, "apt knows no mirror of Debian: run `apt-get update` on Debian, or name a base image: BASE_IMAGE"
    return found[0]


def _run(*command: str) -> None:
    environment = {**os.environ, "PATH": system_path(), "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-3000:]}"
