"""A field that a release added stays out of documents and hashes while it has its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from moniqo_core.domain.added_fields import ADDED, given_fields


@dataclass(frozen=True, slots=True)
class Before:
    amount: Decimal
    note: str | None = None


@dataclass(frozen=True, slots=True)
class After:
    amount: Decimal
    note: str | None = None
    level: str | None = field(default=None, metadata=ADDED)
    share: Decimal = field(default=Decimal(1), metadata=ADDED)


def test_defaults_of_added_fields_are_left_out() -> None:
    before, after = Before(Decimal(2)), After(Decimal(2))
    assert given_fields(after) == given_fields(before) == {"amount": Decimal(2), "note": None}
    assert given_fields(After(Decimal(2), level="full", share=Decimal("0.5"))) == {
        "amount": Decimal(2),
        "note": None,
        "level": "full",
        "share": Decimal("0.5"),
    }


def test_an_added_field_has_its_default() -> None:
    assert (After(Decimal(2)).level, After(Decimal(2)).share) == (None, Decimal(1))
