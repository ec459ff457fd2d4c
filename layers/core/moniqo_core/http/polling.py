"""Answers to clients that ask for the same thing again and again: entity tags, and 304 while nothing changed.

The tag of an answer is a hash of its bytes. Where a wallet tells the version of its state before anything is evaluated,
the tag is a hash of this version, and 304 needs no evaluation. Equal tags always mean equal answers. Answers that also
show when they were made have a weak tag, which leaves these times out. See docs/decisions/0063.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Annotated, Final

from fastapi import Header
from pydantic import BaseModel
from starlette.responses import Response

from moniqo_core import bootstrap
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

TIMES_OF_READ: Final = frozenset({"as_of", "evaluated_until"})
"""Fields that move with the clock, also while nothing happens."""

_HEADERS: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
_TAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_DIGEST_BYTES: Final = 16


class Poll:
    """One request for a view that clients poll, and the tags of the answers that the client already has."""

    def __init__(self, if_none_match: str | None, *view: object, ignored: frozenset[str] = frozenset()) -> None:
        """Take the header of the request.

        Args:
            if_none_match: The header. None if the client sent none.
            view: All that chooses the view: its name, its wallet and its parameters.
            ignored: Fields of the view that are no change by themselves. With any, tags are weak.

        """
        sent = _TAG.findall(if_none_match) if if_none_match else ()
        self._known = {tag.removesuffix(TAG_SUFFIX): tag for tag in sent}
        self._has_any = if_none_match is not None and if_none_match.strip() == "*"
        self._view = view
        self._ignored = ignored

    def knows(self, version: str) -> bool:
        """Tell whether the client has the answer that shows this version of the state."""
        return bool(self._known) and self._tag_of(version) in self._known

    def unchanged(self, version: str) -> Response:
        """Return 304 to a client that knows this version."""
        return self._not_modified(self._tag_of(version))

    def answer(self, view: BaseModel, version: str | None = None) -> Response:
        """Return the view as JSON, or 304 if the client has this answer.

        Args:
            view: What is shown.
            version: A text that is another one after every change that the view can show. None where the answer alone
                tells.

        """
        body = view.__pydantic_serializer__.to_json(view)
        tag = f"b-{_digest(self._compared(view, body))}" if version is None else self._tag_of(version)
        if tag in self._known or self._has_any:
            return self._not_modified(tag)
        return Response(body, 200, self._headers(tag), media_type="application/json")

    def _compared(self, view: BaseModel, body: bytes) -> bytes:
        return view.__pydantic_serializer__.to_json(view, exclude=set(self._ignored)) if self._ignored else body

    def _not_modified(self, tag: str) -> Response:
        """Return 304 with the tag in the form that the client sent, so that a cache finds its entry."""
        return Response(None, 304, self._headers(self._known.get(tag, tag)), media_type="application/json")

    def _headers(self, tag: str) -> dict[str, str]:
        return {**_HEADERS, "ETag": f'W/"{tag}"' if self._ignored else f'"{tag}"'}

    def _tag_of(self, version: str) -> str:
        """Return the tag of a version. Another release may show the same state differently."""
        release = bootstrap.settings().aws_lambda_function_version
        return f"v-{_digest(repr((release, self._view, version)).encode())}"


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
