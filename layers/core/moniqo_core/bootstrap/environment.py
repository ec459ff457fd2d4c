"""Settings and logging of this execution environment."""

from __future__ import annotations

import os
from functools import cache

from moniqo_core import bootstrap, observability
from moniqo_core.config import Settings


@cache
def settings() -> Settings:
    """The settings of this execution environment."""
    return Settings.from_environment(os.environ)


def configure_logging() -> None:
    """Send log lines through the redacting formatter."""
    observability.configure(bootstrap.settings().service_name, bootstrap.settings().log_level)
