"""Make a release of the template that `sam build` wrote: ``python -m scripts.built_template BUILD_DIR/template.yaml``.

The hash of the release becomes a literal. As the default of a parameter it would count for the first deployment only,
because SAM CLI asks for the previous value of every parameter that it is not given. The HTTP API gets an OpenAPI
document.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from local import cloudformation
from scripts.fingerprint import fingerprint
from scripts.http_definition import with_definition

ROOT: Final = Path(__file__).parent.parent
RELEASE: Final = "ReleaseHash"
_UNRELEASED: Final = "unreleased"
_FUNCTION: Final = "AWS::Serverless::Function"


class DeploymentError(ValueError):
    """Something that cannot be deployed. The text tells why."""


def released(document: Mapping[str, Any], release: str) -> dict[str, Any]:
    """Return the template as the release ``release``, a hash.

    Every function publishes a version for it, and the template refuses a deployment with another hash.
    """
    made = copy.deepcopy(dict(document))
    for resource in made["Resources"].values():
        if resource["Type"] == _FUNCTION:
            resource["Properties"]["AutoPublishCodeSha256"] = release
    _comparison(made)[1] = release
    return made


def release_of(document: Mapping[str, Any]) -> str:
    """Return the hash of the release. ``DeploymentError`` if the template is not built."""
    release = str(_comparison(document)[1])
    if release == _UNRELEASED:
        raise DeploymentError("The template is not built. Run `make build`.")
    return release


def _comparison(document: Mapping[str, Any]) -> list[Any]:
    """Return what the rule about releases compares: the parameter and the hash."""
    compared: list[Any] = document["Rules"]["Released"]["Assertions"][0]["Assert"]["Fn::Equals"]
    return compared


def main() -> None:
    """Rewrite the template in place and print the hash."""
    path, release = Path(sys.argv[1]), fingerprint(ROOT)
    document = with_definition(released(cloudformation.load(path), release))
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    sys.stdout.write(f"Release {release}\n")


if __name__ == "__main__":
    main()
