"""The types of a document and of a database, and the stored form of optional amounts."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.money import plain

Document = dict[str, Any]
"""A document of MongoDB: amounts are plain strings, times are dates."""

Database = AsyncDatabase[Document]

WHOLE_RESULT: Final = 100_000
"""A batch size for results that are read whole. Without it the server sends 101 documents, and the rest only when the
driver asks again, which is one more round trip."""


USER_WALLETS: Final = "user_wallets"
"""The collection of users' wallets, which most rooms of the storage read."""


def optional_text(amount: Decimal | None) -> str | None:
    """Return the stored form of an amount that may be None."""
    return None if amount is None else plain(amount)


def optional_decimal(text: str | None) -> Decimal | None:
    """Return the amount of a form that :func:`optional_text` returned."""
    return None if text is None else Decimal(text)


def later_fields(document: Mapping[str, Any], known: AbstractSet[str]) -> Document:
    """Return the fields that are not ``known``. A later release stored them, and writers keep them."""
    return {} if document.keys() <= known else {name: document[name] for name in document.keys() - known}


def begins_with(prefix: str) -> Document:
    """Return the condition on a text to begin with ``prefix``. An index serves it."""
    condition: Document = {"$gte": prefix}
    if prefix:
        condition["$lt"] = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return condition


def document_key(name: str) -> str:
    """Return a symbol or asset as a document key."""
    return name.replace("%", "%25").replace(".", "%2E")


def read_document_key(text: str) -> str:
    """Return the symbol or asset of a key that :func:`document_key` returned."""
    return text.replace("%2E", ".").replace("%25", "%")
