"""Compression of answers with gzip, for clients that accept it.

An HTTP API does not compress by itself. An answer never holds a secret beside text that somebody else chose, so its
compressed length tells nothing. See docs/decisions/0059.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Final

SMALLEST: Final = 1024
"""Answers of up to this many bytes are sent as they are."""
TAG_SUFFIX: Final = "-gzip"
"""Ends the entity tag of a compressed answer, because its bytes differ from those of the plain one."""
_LEVEL: Final = 4
_GZIP_WINDOW: Final = 16 + 13
_MEMORY: Final = 6
"""Clearing the usual window of 32 KB takes four fifths of the time for a small answer. 8 KB compress ours as well."""
_MEDIA_TYPES: Final = ("application/json", "application/problem+json", "text/csv")
_CODING: Final = re.compile(r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]{1,5}))?\s*", re.IGNORECASE)


def compressed(body: bytes, headers: MutableMapping[str, str], accepted: str) -> bytes:
    """Return the body as it is sent, and complete ``headers`` to describe it.

    Args:
        body: The body of the answer.
        headers: The headers of the answer, by names in lower case.
        accepted: The header ``Accept-Encoding`` of the request. It may be empty.

    """
    if not headers.get("content-type", "").startswith(_MEDIA_TYPES) or "content-encoding" in headers:
        return body
    headers["vary"] = "Accept-Encoding"
    if len(body) <= SMALLEST or not accepts_gzip(accepted):
        return body
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW, _MEMORY)
    packed = packer.compress(body) + packer.flush()
    headers["content-encoding"], headers["content-length"] = "gzip", str(len(packed))
    if "etag" in headers:
        headers["etag"] = headers["etag"].removesuffix('"') + TAG_SUFFIX + '"'
    return packed


@lru_cache(maxsize=64)
def accepts_gzip(accepted: str) -> bool:
    """Tell whether a header ``Accept-Encoding`` allows gzip. A quality of 0 forbids it."""
    qualities: dict[str, bool] = {}
    for part in accepted.split(","):
        coding = _CODING.fullmatch(part)
        if coding is not None:
            qualities[coding[1].lower().removeprefix("x-")] = coding[2] is None or coding[2].strip("0.") != ""
    return qualities.get("gzip", qualities.get("*", False))
