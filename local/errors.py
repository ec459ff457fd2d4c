"""What stops `make run`, said in one line."""

from __future__ import annotations


class LocalError(Exception):
    """Something the developer can put right; the text says what, and ``exit_code`` is the process's answer."""

    exit_code = 1


class TemplateError(LocalError):
    """template.yaml is broken, or uses something this run cannot imitate."""

    exit_code = 2
