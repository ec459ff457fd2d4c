"""The composition root: every object of the service is made here, once, on first use. Nothing is made at import.

Each room of the services has a module of factories. A factory imports its class when it first makes an object of it.
All callers, even other factories, call a factory as an attribute, such as ``bootstrap.orders()``. So a test replaces it
in one place.
"""

from __future__ import annotations

from moniqo_core.bootstrap.connector import wallets
from moniqo_core.bootstrap.credentials import cipher, key_rotation, keys, reencryption
from moniqo_core.bootstrap.environment import configure_logging, settings
from moniqo_core.bootstrap.login_service import login
from moniqo_core.bootstrap.mongodb import check_database, database, is_outage, write_probe
from moniqo_core.bootstrap.order_services import (
    all_orders,
    buy_cancellation,
    evaluation_dispatch,
    live_placing,
    order_evaluation,
    order_reconciliation,
    orders,
)
from moniqo_core.bootstrap.portfolio_services import balances, markets, portfolio
from moniqo_core.bootstrap.preloading import preload
from moniqo_core.bootstrap.sync_services import balance_sync, sync_dispatch
from moniqo_core.bootstrap.wallet_services import (
    account_fingerprints,
    definitions,
    paper_wallets,
    resuming,
    user_wallets,
    wallet_changes,
    wallet_connection,
    wallet_creation,
    wallet_lifecycle,
)

__all__ = [
    "account_fingerprints",
    "all_orders",
    "balance_sync",
    "balances",
    "buy_cancellation",
    "check_database",
    "cipher",
    "configure_logging",
    "database",
    "definitions",
    "evaluation_dispatch",
    "is_outage",
    "key_rotation",
    "keys",
    "live_placing",
    "login",
    "markets",
    "order_evaluation",
    "order_reconciliation",
    "orders",
    "paper_wallets",
    "portfolio",
    "preload",
    "reencryption",
    "resuming",
    "settings",
    "sync_dispatch",
    "user_wallets",
    "wallet_changes",
    "wallet_connection",
    "wallet_creation",
    "wallet_lifecycle",
    "wallets",
    "write_probe",
]
