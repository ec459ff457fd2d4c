"""What the environment says about a local run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError


@dataclass(frozen=True)
class LocalSettings:
    """``mongodb_url`` is empty for the embedded database; ``workers`` is the number of worker processes."""

    port: int
    state_dir: Path
    mongodb_url: str
    workers: int
    template: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], template: Path) -> LocalSettings:
        """Read PORT, STATE_DIR, MONGODB_URL and WORKERS; ``LocalError`` names the one that is wrong."""
        return cls(
            port=_number(environment, "PORT", 8000, 65535),
            state_dir=(template.parent / (environment.get("STATE_DIR") or ".local")).resolve(),
            mongodb_url=environment.get("MONGODB_URL", ""),
            workers=_number(environment, "WORKERS", 3, 64),
            template=template,
        )


def _number(environment: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= highest:
        raise LocalError(f"{name} must be a whole number from 1 to {highest}, not {text!r}.")
    return int(text)
