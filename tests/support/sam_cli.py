"""SAM CLI's own code for parameters, run by the interpreter of its environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

Sent = tuple[dict[str, str], list[dict[str, Any]]]
SendParameters = Callable[[Mapping[str, Any], Path, str, Path | None], Sent]
_PROGRAM: Final = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.deploy_context import DeployContext
from samcli.lib.config.samconfig import SamConfig

for line in sys.stdin:
    template, folder, environment, overrides = json.loads(line)
    given = overrides or SamConfig(folder).get_all(["deploy"], "parameters", environment)["parameter_overrides"]
    chosen = CfnParameterOverridesType().convert(given, None, None)
    print(json.dumps([chosen, DeployContext.merge_parameters(template, chosen)]), flush=True)
"""


@contextmanager
def sam_cli() -> Iterator[SendParameters]:
    """Yield what returns the chosen parameters, and what `sam deploy` sends of them to CloudFormation.

    It takes the template, the folder of samconfig.toml, the environment, and a file of parameters to use instead.
    """
    python = Path(os.environ["SAM"]).parent / "python"
    with subprocess.Popen(
        [str(python), "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sam:

        def send(template: Mapping[str, Any], folder: Path, environment: str, overrides: Path | None) -> Sent:
            assert sam.stdin is not None
            assert sam.stdout is not None
            asked = [template, str(folder), environment, [f"file://{overrides}"] if overrides else []]
            sam.stdin.write(json.dumps(asked) + "\n")
            sam.stdin.flush()
            chosen, sent = json.loads(sam.stdout.readline())
            return chosen, sent

        yield send
