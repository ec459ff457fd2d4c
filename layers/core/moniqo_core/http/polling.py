"""Answers to clients that ask for the same thing again and again: entity tags, and 304 while nothing changed.

The tag of an answer is a hash of its bytes. Equal tags always mean equal answers. See docs/decisions/0059.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Annotated, Final

from fastapi import Header
from pydantic import BaseModel
from starlette.responses import Response

from moniqo_core.http.gateway.compression import TAG_SUFFIX

IF_NONE_MATCH: Final = "If-None-Match"

IfNoneMatch = Annotated[
    str | None,
    Header(
        alias=IF_NONE_MATCH,
        description="The `ETag` of an earlier answer. If a new answer would be the same, the status is 304.",
        examples=['"b-3f1f5c0e6a0b4b1b9a530d2f7a0c9a51"'],
    ),
]

_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
_TAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_DIGEST_BYTES: Final = 16


class Poll:
    """One request for a view that clients poll, and the tags of the answers that the client already has."""

    def __init__(self, if_none_match: str | None) -> None:
        """Take the header of the request."""
        sent = _TAG.findall(if_none_match or "")
        self._known = {tag.removesuffix(TAG_SUFFIX): tag for tag in sent}
        self._has_any = if_none_match is not None and if_none_match.strip() == "*"

    def answer(self, view: BaseModel) -> Response:
        """Return the view as JSON, or 304 if the client has this answer."""
        body = view.__pydantic_serializer__.to_json(view)
        tag = f"b-{_digest(body)}"
        if tag in self._known or self._has_any:
            unchanged = {**_HEADERS, "ETag": f'"{self._known.get(tag, tag)}"'}
            return Response(None, 304, unchanged, media_type="application/json")
        return Response(body, 200, {**_HEADERS, "ETag": f'"{tag}"'}, media_type="application/json")


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
