"""The errors that stop `make run`, each described in one line."""

from __future__ import annotations


class LocalError(Exception):
    """A problem that the developer can fix. The text explains it, and ``exit_code`` is the exit code of the process."""

    exit_code = 1


class TemplateError(LocalError):
    """template.yaml is broken, or uses a feature that `make run` does not support."""

    exit_code = 2
