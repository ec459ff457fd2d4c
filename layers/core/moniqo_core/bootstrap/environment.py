"""The settings and the logging of this execution environment."""

from __future__ import annotations

import os
from functools import cache

from moniqo_core import bootstrap, observability
from moniqo_core.config import Settings


@cache
def settings() -> Settings:
    """Return the settings of this execution environment."""
    return Settings.from_environment(os.environ)


def configure_logging() -> None:
    """Send every log line through the formatter that masks secrets."""
    observability.configure(bootstrap.settings().service_name, bootstrap.settings().log_level)
