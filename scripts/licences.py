"""Print the page on the licences of the packages in the layers, from the metadata of the installed packages."""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

LAYERS = Path(__file__).resolve().parents[1] / "layers"
HEAD = """# Licences

This page lists the packages that the `requirements.txt` of each layer pins. `make licences` writes it from the
metadata of the packages. A test compares the two, and allows no licence of the GPL family. `make sbom` writes the same
lists as CycloneDX documents.

Swagger UI, which the documentation page uses, is Apache-2.0
([notice](../../functions/get_docs/static/swagger-ui.NOTICE.txt)). The Lambda runtime adds boto3 (Apache-2.0).
"""
TABLE = """
## The layer `{layer}`

| package | version | licence |
| --- | --- | --- |
"""
# SPDX names of the licence titles in older metadata.
SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "ISC License": "ISC",
    "MIT License": "MIT",
}


def layers() -> list[str]:
    """Return the names of the layers."""
    return sorted(lock.parent.name for lock in LAYERS.glob("*/requirements.txt"))


def pinned(layer: str) -> dict[str, str]:
    """Return the packages in a layer's lock with their versions."""
    lock = (LAYERS / layer / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", lock, re.MULTILINE))


def licence(package: Distribution) -> str:
    """Return the licence that a package names.

    Raises:
        ValueError: it names none.

    """
    about = package.metadata
    named = next((about[field] for field in ("License-Expression", "License") if field in about), "")
    if not named or "\n" in named:
        classifiers = about.get_all("Classifier") or []
        titles = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
        named = " OR ".join(SPDX.get(title, title) for title in titles)
    if not named:
        message = f"{package.name} names no licence"
        raise ValueError(message)
    return SPDX.get(named, named)


def render() -> str:
    """Return the page."""
    page = HEAD
    for layer in layers():
        page += TABLE.format(layer=layer)
        for name, version in pinned(layer).items():
            page += f"| {name} | {version} | {licence(distribution(name))} |\n"
    return page


if __name__ == "__main__":
    sys.stdout.write(render())
