"""The header ``Idempotency-Key``, with which a repeated request returns the first result."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,64}$",
        description="Up to 64 visible ASCII characters, chosen by the client for this request. "
        "A repeat with the same body returns the first result.",
        examples=["3f1f5c0e-6a0b-4b1b-9a53-0d2f7a0c9a51"],
    ),
]
