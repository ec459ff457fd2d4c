"""The version number stands in one place, and everything that names a version takes it from there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import moniqo_core
from moniqo_core import cli
from tests.support.stack import ROOT

PACKAGE = Path(moniqo_core.__file__).parent
LAYERS = sorted(path.parent for path in (ROOT / "layers").glob("*/pyproject.toml"))


def test_version_is_semantic() -> None:
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", moniqo_core.__version__)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: str(layer.name))
def test_layers_declare_no_version_of_their_own(layer: Path) -> None:
    project = tomllib.loads((layer / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert project["dynamic"] == ["version"]


def test_core_layer_is_built_with_the_version() -> None:
    core = PACKAGE.parent
    source = tomllib.loads((core / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["version"]["path"]
    assert (core / source).resolve() == PACKAGE / "__init__.py"


def test_openapi_document_has_the_version() -> None:
    document = json.loads((ROOT / "functions" / "get_docs" / "openapi.json").read_text(encoding="utf-8"))
    assert document["info"]["version"] == moniqo_core.__version__


def test_command_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{moniqo_core.__version__}\n"


def test_no_other_file_repeats_the_version() -> None:
    sources = [ROOT / "template.yaml", ROOT / "samconfig.toml", ROOT / "pyproject.toml"]
    for folder in ("layers", "functions", "local", "scripts", "benchmarks"):
        sources += [path for kind in ("*.py", "*.toml", "Makefile") for path in (ROOT / folder).rglob(kind)]
    repeated = [path for path in sources if f'"{moniqo_core.__version__}"' in path.read_text(encoding="utf-8")]
    assert repeated == [PACKAGE / "__init__.py"]


def test_no_code_reads_the_version_from_package_metadata() -> None:
    """The layer carries no metadata of our package, and reading metadata costs a cold start milliseconds."""
    for folder in (PACKAGE, ROOT / "functions"):
        for path in folder.rglob("*.py"):
            assert "importlib.metadata" not in path.read_text(encoding="utf-8"), path
