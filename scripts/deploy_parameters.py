"""Print the value of every parameter of a deployment: ``python -m scripts.deploy_parameters TEMPLATE ENVIRONMENT``.

`make deploy` passes all of them, because SAM CLI leaves a parameter that it is not given at its previous value. So a
line that is removed from samconfig.toml brings the default back.
"""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from local import cloudformation
from local.errors import TemplateError
from scripts.built_template import RELEASE, DeploymentError, release_of

SETTINGS: Final = Path(__file__).parent.parent / "samconfig.toml"


def deploy_parameters(document: Mapping[str, Any], settings: Mapping[str, Any], environment: str) -> dict[str, str]:
    """Return the values for ``environment``: those of ``settings``, the content of samconfig.toml, else the defaults.

    ``document`` is a built template. ``ValueError`` tells why it cannot be deployed.
    """
    declared = {name: entry for name, entry in document["Parameters"].items() if name != RELEASE}
    chosen = dict(_chosen(settings, environment))
    unknown = sorted(set(chosen) - set(declared))
    if unknown:
        raise DeploymentError(f"samconfig.toml sets {unknown[0]}. The parameters are {', '.join(declared)}.")
    values = {name: str(chosen.get(name, entry["Default"])) for name, entry in declared.items()}
    return {**values, RELEASE: release_of(document)}


def deploy_options(settings: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """Return the options of `sam deploy` for ``environment``: its own, else those of all commands."""
    commands = settings.get(environment, {})
    shared, own = (commands.get(command, {}).get("parameters", {}) for command in ("global", "deploy"))
    return {**shared, **own}


def _chosen(settings: Mapping[str, Any], environment: str) -> Iterator[tuple[str, str]]:
    if not isinstance(settings.get(environment), dict):
        raise DeploymentError(f"samconfig.toml has no environment {environment}. It has {', '.join(_names(settings))}.")
    overrides = deploy_options(settings, environment).get("parameter_overrides", [])
    if not isinstance(overrides, str | list):
        raise DeploymentError('samconfig.toml: parameter_overrides must be a list of "Name=Value".')
    for entry in [overrides] if isinstance(overrides, str) else overrides:
        for word in shlex.split(str(entry)):
            name, equals, value = word.partition("=")
            if not equals:
                raise DeploymentError(f'samconfig.toml: parameter_overrides has {word!r}, not "Name=Value".')
            yield name, value


def _names(settings: Mapping[str, Any]) -> list[str]:
    return [name for name, commands in settings.items() if isinstance(commands, dict) and "deploy" in commands]


def main() -> None:
    """Print the parameters as SAM CLI reads them from a YAML file, which JSON is too."""
    template, environment = sys.argv[1:]
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    try:
        values = deploy_parameters(cloudformation.load(Path(template)), settings, environment)
    except (TemplateError, ValueError) as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(values, indent=2) + "\n")


if __name__ == "__main__":
    main()
