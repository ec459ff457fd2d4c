"""Writes the reference page on errors: ``python -m moniqo_core.error_reference docs/reference/errors.md``.

The ``type`` of every problem document ends in the anchor of its entry on this page.
"""

from __future__ import annotations

import inspect
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Final

from moniqo_core.http.problems import type_of
from moniqo_core.openapi.named_errors import errors_of, named_errors

_HEAD: Final = """\
# Errors

<!-- `make openapi` generates this page from moniqo_core/domain/errors.py. -->

Every refusal of the service is a problem document (RFC 9457, `application/problem+json`). Switch on its `code`, and
read its `hint` for what to do next. Repeat the call only if `retryable` is true, and wait as long as `Retry-After`
says. Other members hold the numbers that explain the refusal. `request_id` names the request in our logs.

The gateway may refuse a request before it reaches the service. Such an answer has another shape, `{"message": ...}`,
and the header `apigw-requestid`:

| Status | Reason |
| --- | --- |
| 401 | the token is missing, invalid or expired |
| 404 | there is no such route |
| 413 | the request is too large |
| 429 | there are too many requests |
| 503 | the function did not answer in time |

## Codes

| Status | Code | May succeed later |
| --- | --- | --- |
"""


def render() -> str:
    """Return the page in Markdown."""
    named = sorted(named_errors().values(), key=lambda kind: (kind.status, kind.code))
    rows = [
        f"| {kind.status} | [`{kind.code}`](#{_anchor(kind.code)}) | {'yes' if kind.retryable else 'no'} |"
        for kind in named
    ]
    entries = [_entry(kind.code) for kind in named]
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(entries)


def _entry(code: str) -> str:
    kinds = [kind for kind in errors_of() if kind.code == code]
    first = kinds[0]
    meaning = inspect.getdoc(first) or ""
    if code == "INTERNAL_ERROR":
        meaning = "An unexpected error occurred. Its cause is in the log under the request_id, and not in the answer."
    lines = [
        f"## {_anchor(code)}",
        "",
        f"`{code}`, {first.status} {HTTPStatus(first.status).phrase}: {first.title}.",
        "",
        meaning,
        "",
        f"What to do: {first.hint}",
        "",
    ]
    for kind in kinds[1:]:
        lines += [f"Also: {inspect.getdoc(kind)}" + (f" {kind.hint}" if kind.hint != first.hint else ""), ""]
    return "\n".join(lines)


def _anchor(code: str) -> str:
    return type_of(code).rpartition("/")[2]


def main(arguments: list[str]) -> int:
    """Write the page to the file that the first argument names."""
    Path(arguments[0]).write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
