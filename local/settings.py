"""The settings of a local run, read from the environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError


@dataclass(frozen=True)
class LocalSettings:
    """The settings.

    ``mongodb_url`` is empty for the embedded database, ``workers`` is the number of worker processes, and
    ``parameters`` are those of the template that differ from their defaults.
    """

    port: int
    state_dir: Path
    mongodb_url: str
    workers: int
    parameters: Mapping[str, str]
    template: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], template: Path) -> LocalSettings:
        """Read PORT, STATE_DIR, MONGODB_URL, WORKERS and PARAMETERS. ``LocalError`` names an invalid one."""
        return cls(
            port=_number(environment, "PORT", 8000, 65535),
            state_dir=(template.parent / (environment.get("STATE_DIR") or ".local")).resolve(),
            mongodb_url=environment.get("MONGODB_URL", ""),
            workers=_number(environment, "WORKERS", 3, 64),
            parameters=_parameters(environment.get("PARAMETERS", "")),
            template=template,
        )


def _number(environment: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= highest:
        raise LocalError(f"{name} must be a whole number from 1 to {highest}, not {text!r}.")
    return int(text)


def _parameters(text: str) -> dict[str, str]:
    """Read ``Name=value Name='two words'``, the form `sam deploy --parameter-overrides` takes."""
    try:
        pairs = [word.partition("=") for word in shlex.split(text)]
    except ValueError as error:
        raise LocalError(f"PARAMETERS cannot be read ({error}): {text!r}.") from None
    for name, equals, _ in pairs:
        if not name or not equals:
            raise LocalError(f"PARAMETERS must be Name=value, separated by spaces, not {text!r}.")
    return {name: value for name, _, value in pairs}
