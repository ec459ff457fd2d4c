"""Searching texts for secrets: as they are, encoded, or in part."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

PART = 12
"""A part of a secret this long counts as the secret."""


def forms_of(secret: str) -> Iterator[str]:
    """Every text that discloses a secret: encodings of the whole, and all its parts."""
    raw = secret.encode()
    yield from (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    yield from (quote(secret), quote(secret, safe=""), quote(secret, safe="").lower(), quote_plus(secret))
    yield from (html.escape(secret), raw.hex(), raw.hex().upper(), repr(raw)[2:-1], secret[::-1])
    for shift in range(3):
        # Inside a longer text, base64 starts at any of three places. Its ends depend on the neighbours.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * shift + raw).decode()[4 if shift else 0 :].rstrip("=")[:-2]
    for start in range(max(1, len(secret) - PART + 1)):
        yield secret[start : start + PART]


def leaks(secret: str, text: str) -> list[str]:
    """Return the forms of a secret that a text contains."""
    return sorted({form for form in forms_of(secret) if form in text})


def texts_in(document: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every key and value of a document as text, with its path."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield f"{path}.{name}", str(name)
            yield from texts_in(value, f"{path}.{name}")
    elif isinstance(document, list | tuple):
        for value in document:
            yield from texts_in(value, path)
    else:
        yield path, document.decode("latin-1") if isinstance(document, bytes) else str(document)


def find_secrets(secrets: Iterable[str], places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the places of secrets, and their forms, among ``(place, text)``."""
    told = list(places)
    everything = "\n".join(text for _, text in told)
    # Most forms are nowhere. Looking for each in one long text takes a fraction of the time.
    forms = sorted(form for form in {form for secret in secrets for form in forms_of(secret)} if form in everything)
    return [(place, form) for place, text in told for form in forms if form in text]
