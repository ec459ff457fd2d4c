"""What functions that answer HTTP import while they start, before any request.

They then have a full CPU, and nobody waits. Only modules are imported. Clients and connections are made by the first
request, because those in a snapshot would be shared by all environments that are restored from it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Final

SNAP_START: Final = "snap-start"
"""The value of ``AWS_LAMBDA_INITIALIZATION_TYPE`` while Lambda prepares the snapshot of a version."""

BEFORE_A_SNAPSHOT: Final = (
    # After a restore the environment has no credentials, so secrets are read with boto3.
    "aws_lambda_powertools.utilities.parameters",
    "boto3",
    "moniqo_core.secret_reader",
    "moniqo_core.services.orders.all_wallets.service",
    "moniqo_core.services.orders.service",
    "moniqo_core.services.portfolio.balances",
    "moniqo_core.services.portfolio.markets",
    "moniqo_core.services.portfolio.service",
    "moniqo_core.services.shared.user_quotas",
    "moniqo_core.services.wallets.catalogue.definitions",
    "moniqo_core.services.wallets.journal_balances",
    "moniqo_core.services.wallets.queries",
    "moniqo_core.storage.paper.orders.of_account",
    "moniqo_core.storage.wallets.sync_log",
    "moniqo_core.wallets.demo.history",
    "moniqo_core.wallets.live_connector",
)
"""What the first request of a demo wallet imports in one function or another. What talks to venues is left out."""


def preload() -> None:
    """Import the database driver, and for a SnapStart snapshot also what a first request would import.

    Without a snapshot the first request follows at once, so it imports only what it needs itself.
    """
    import_module("moniqo_core.storage.client")
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == SNAP_START:
        for name in BEFORE_A_SNAPSHOT:
            import_module(name)
