"""The list of migrations only grows, and a changed index or definition has a migration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import pytest

from moniqo_core.migrations.listed import MIGRATIONS
from moniqo_core.migrations.run import STEPS
from moniqo_core.storage.indexes import INDEXES
from moniqo_core.storage.wallets.definition_seeds import SEEDS
from moniqo_core.storage.wallets.definitions import definition_document

RELEASED: Final = (
    "indexes",
    "definitions",
    "account fingerprints",
    "journal checkpoints",
    "trade totals",
    "indexes of lists",
    "indexes of live journals",
    "live journals",
)
"""The names of the migrations, in order. A release only adds to the end."""
LAST_CHANGE: Final[Mapping[str, tuple[int, str]]] = {
    "indexes": (7, "6b451fc0766766df"),
    "definitions": (2, "f3172c96d579784c"),
}
"""What migrations create, with the last migration that creates it and a digest of it."""


def _indexes() -> Any:
    return {name: [model.document for model in models] for name, models in INDEXES.items()}


def _definitions() -> Any:
    return [{**definition_document(seed), "_id": seed.slug} for seed in SEEDS]


@pytest.mark.parametrize(("kind", "content"), [("indexes", _indexes()), ("definitions", _definitions())])
def test_change_has_a_migration(kind: str, content: Any) -> None:
    number, digest = LAST_CHANGE[kind]
    found = sha256(json.dumps(content, default=str).encode()).hexdigest()[:16]

    assert found == digest, (
        f"The {kind} changed, and databases that exist have the former ones. Add a migration that runs the step of"
        f" migration {number} again to the end of MIGRATIONS, and note its number with the digest {found} here."
    )
    assert number in {each.number for each in MIGRATIONS}


def test_list_only_grows() -> None:
    assert [each.number for each in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert tuple(each.name for each in MIGRATIONS) == RELEASED
    assert list(STEPS) == [each.number for each in MIGRATIONS]
