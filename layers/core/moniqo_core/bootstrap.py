"""The composition root: every object of the service is made here, once, on first use. Nothing happens at import."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from moniqo_core import observability
from moniqo_core.config import Settings
from moniqo_core.domain.errors import TemporarilyUnavailableError

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.credentials.key_source import SecretsManagerKeys
    from moniqo_core.credentials.rotation import KeyRotation
    from moniqo_core.services.login import Login
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.purchase_stop import PurchaseStop
    from moniqo_core.services.orders.live.reconciliation import OrderReconciliation
    from moniqo_core.services.orders.paper_evaluation import EvaluationDispatch, OrderEvaluation
    from moniqo_core.services.orders.service import Orders
    from moniqo_core.services.portfolio.balances import Balances
    from moniqo_core.services.portfolio.markets import Markets
    from moniqo_core.services.portfolio.service import Portfolio
    from moniqo_core.services.shared.limits import PerMinute, WalletLimit
    from moniqo_core.services.sync.balance_sync import BalanceSync
    from moniqo_core.services.sync.dispatch import SyncDispatch
    from moniqo_core.services.wallets.changes import WalletChanges
    from moniqo_core.services.wallets.connection import WalletConnection
    from moniqo_core.services.wallets.creation import WalletCreation
    from moniqo_core.services.wallets.definitions import Definitions
    from moniqo_core.services.wallets.lifecycle import WalletLifecycle
    from moniqo_core.services.wallets.paper import PaperWallets
    from moniqo_core.services.wallets.queries import UserWallets
    from moniqo_core.services.wallets.reencryption import Reencryption
    from moniqo_core.services.wallets.resuming import Resuming
    from moniqo_core.storage.wallets.definitions import DefinitionStore
    from moniqo_core.storage.wallets.due import DueWallets
    from moniqo_core.storage.wallets.user_wallets import UserWalletStore
    from moniqo_core.venues.polygon_http import PolygonHttp
    from moniqo_core.wallets.connector import WalletConnector


@cache
def settings() -> Settings:
    """The settings of this execution environment."""
    return Settings.from_environment(os.environ)


def configure_logging() -> None:
    """Send log lines through the redacting formatter."""
    observability.configure(settings().service_name, settings().log_level)


@cache
def database() -> AsyncDatabase[dict[str, Any]]:
    """The database; its client belongs to the loop of :mod:`moniqo_core.event_loop`."""
    from pymongo.errors import ConfigurationError

    from moniqo_core.storage.client import connect

    try:
        return connect(_database_url(), settings().mongodb_database)
    except (ConfigurationError, ValueError, LookupError, TypeError):
        # The text may hold a password: it is not quoted.
        raise TemporarilyUnavailableError("The address of the database cannot be read.", retry_after=60) from None


def _database_url() -> str:
    chosen = settings()
    if chosen.mongodb_url:
        return chosen.mongodb_url
    from moniqo_core.secret_reader import read_secret
    from moniqo_core.storage.client import url_from_secret

    return url_from_secret(read_secret(chosen.need("mongodb_secret_id"), os.environ))


async def check_database() -> None:
    """Ask the database for its version.

    Raises:
        TemporarilyUnavailableError: it is too old for this service.

    """
    from moniqo_core.storage.client import UnsupportedServerError, server_version

    try:
        await server_version(database())
    except UnsupportedServerError as error:
        raise TemporarilyUnavailableError(str(error), retry_after=60) from error


def _definition_store() -> DefinitionStore:
    from moniqo_core.storage.wallets.definitions import DefinitionStore

    return DefinitionStore(database())


def _user_wallet_store() -> UserWalletStore:
    from moniqo_core.storage.wallets.user_wallets import UserWalletStore

    return UserWalletStore(database())


def _due_wallets() -> DueWallets:
    from moniqo_core.storage.wallets.due import DueWallets

    return DueWallets(database())


@cache
def definitions() -> Definitions:
    """The catalogue of wallet definitions."""
    from moniqo_core.services.wallets.definitions import Definitions

    return Definitions(_definition_store())


@cache
def login() -> Login:
    """Logging in against the identity provider."""
    import boto3
    from botocore.config import Config

    from moniqo_core.services.login import WINDOW, Login
    from moniqo_core.storage.rate_counters import RateCounters

    patience = Config(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 2})
    cognito = boto3.client("cognito-idp", config=patience)
    return Login(cognito, settings().need("jwt_client_id"), RateCounters(database(), WINDOW))


def _per_minute(what: str, limit: int) -> PerMinute:
    from moniqo_core.services.shared.limits import MINUTE, PerMinute
    from moniqo_core.storage.rate_counters import RateCounters

    return PerMinute(what, limit, RateCounters(database(), MINUTE))


def _wallet_limit() -> WalletLimit:
    from moniqo_core.services.shared.limits import WalletLimit
    from moniqo_core.storage.wallets.slots import WalletSlots

    return WalletLimit(settings().wallets_per_user, WalletSlots(database()))


@cache
def wallets() -> WalletConnector:
    """Opens wallets of users."""
    from moniqo_core.wallets.connector import WalletConnector

    chosen = settings()
    return WalletConnector(
        database(),
        cipher=cipher,
        allow_loopback=chosen.loopback_venues,
        calls_from=chosen.egress_address,
        price_venues=tuple(filter(None, chosen.price_venues.replace(" ", "").split(","))),
        polygon=_polygon(),
    )


def _polygon() -> PolygonHttp | None:
    chosen = settings()
    if chosen.polygon_secret_id is None:
        return None
    from moniqo_core.secret_reader import read_secret
    from moniqo_core.venues.polygon_http import ADDRESS, PolygonHttp

    secret = chosen.polygon_secret_id
    return PolygonHttp(lambda: read_secret(secret, os.environ).strip(), chosen.polygon_url or ADDRESS)


@cache
def orders() -> Orders:
    """Orders of users' wallets."""
    from moniqo_core.services.orders.service import Orders

    return Orders(wallets(), _per_minute("orders", settings().orders_per_minute), live_placing)


@cache
def live_placing() -> LivePlacing:
    """Orders at venues."""
    from moniqo_core.services.orders.live.placing import LivePlacing

    return LivePlacing(database(), balance_sync(), live_trading=settings().live_trading)


@cache
def order_reconciliation() -> OrderReconciliation:
    """Finding out what became of orders at venues."""
    from moniqo_core.services.orders.live.reconciliation import OrderReconciliation

    return OrderReconciliation(database(), wallets())


@cache
def balances() -> Balances:
    """Balances of users' wallets."""
    from moniqo_core.services.portfolio.balances import Balances

    return Balances(wallets())


@cache
def markets() -> Markets:
    """Markets as users' wallets see them."""
    from moniqo_core.services.portfolio.markets import Markets

    return Markets(wallets())


@cache
def keys() -> SecretsManagerKeys:
    """The keys credentials are encrypted with; the key ring is read when it is first needed."""
    from moniqo_core.credentials.key_source import SecretsManagerKeys
    from moniqo_core.credentials.stored_ring import StoredRing
    from moniqo_core.secret_reader import read_secret

    def read(secret_id: str) -> str:
        return read_secret(secret_id, os.environ)

    return SecretsManagerKeys(StoredRing(settings().need("key_secret_id"), reader=read))


@cache
def cipher() -> CredentialCipher:
    """Encrypts and opens credentials."""
    from moniqo_core.credentials.cipher import CredentialCipher

    return CredentialCipher(keys())


@cache
def key_rotation() -> KeyRotation:
    """Rotating the key ring."""
    from moniqo_core.credentials.rotation import KeyRotation
    from moniqo_core.credentials.stored_ring import StoredRing

    return KeyRotation(StoredRing(settings().need("key_secret_id")), reencryption().needed)


@cache
def reencryption() -> Reencryption:
    """Moving stored credentials to the key in use."""
    from moniqo_core.services.wallets.reencryption import Reencryption
    from moniqo_core.storage.wallets.ciphertexts import CiphertextStore

    return Reencryption(CiphertextStore(database()), cipher(), keys())


@cache
def user_wallets() -> UserWallets:
    """Reads of users' wallets."""
    from moniqo_core.services.wallets.queries import UserWallets
    from moniqo_core.storage.wallets.sync_log import SyncLogStore

    return UserWallets(_user_wallet_store(), SyncLogStore(database()))


@cache
def wallet_creation() -> WalletCreation:
    """Connecting new wallets."""
    from moniqo_core.services.wallets.creation import WalletCreation

    return WalletCreation(_definition_store(), _user_wallet_store(), wallets(), cipher(), _wallet_limit())


@cache
def wallet_changes() -> WalletChanges:
    """Changing and deleting wallets."""
    from moniqo_core.services.wallets.changes import WalletChanges

    return WalletChanges(_user_wallet_store(), wallets(), lambda: live_placing().book)


@cache
def wallet_connection() -> WalletConnection:
    """Testing connections and replacing credentials."""
    from moniqo_core.services.wallets.connection import WalletConnection
    from moniqo_core.storage.wallets.ciphertexts import CiphertextStore

    ciphertexts = CiphertextStore(database())
    return WalletConnection(_definition_store(), _user_wallet_store(), ciphertexts, wallets(), cipher())


@cache
def wallet_lifecycle() -> WalletLifecycle:
    """Pausing, resuming, suspending and reinstating wallets."""
    from moniqo_core.services.wallets.lifecycle import WalletLifecycle

    return WalletLifecycle(_user_wallet_store(), wallets())


@cache
def balance_sync() -> BalanceSync:
    """Keeping balance snapshots true."""
    from moniqo_core.services.sync.balance_sync import BalanceSync
    from moniqo_core.storage.wallets.sync_log import SyncLogStore

    limit = _per_minute("syncs", settings().syncs_per_minute)
    return BalanceSync(_user_wallet_store(), _due_wallets(), SyncLogStore(database()), wallets(), limit, purchase_stop)


@cache
def purchase_stop() -> PurchaseStop:
    """Cancelling purchases of wallets that reached a loss limit."""
    from moniqo_core.services.orders.live.purchase_stop import PurchaseStop

    return PurchaseStop(database(), wallets())


@cache
def resuming() -> Resuming:
    """What is asked before a wallet is resumed."""
    from moniqo_core.services.wallets.resuming import Resuming

    return Resuming(wallets(), wallet_connection(), balance_sync(), purchase_stop())


@cache
def sync_dispatch() -> SyncDispatch:
    """Queueing the wallets whose sync is due."""
    from moniqo_core.services.shared.work_queue import WorkQueue
    from moniqo_core.services.sync.dispatch import SyncDispatch

    return SyncDispatch(_due_wallets(), WorkQueue(settings().need("sync_queue_url")))


@cache
def portfolio() -> Portfolio:
    """Positions, results and history of users' wallets."""
    from moniqo_core.services.portfolio.service import Portfolio
    from moniqo_core.storage.equity import EquityStore

    return Portfolio(wallets(), EquityStore(database()))


@cache
def paper_wallets() -> PaperWallets:
    """Resetting and forking demo wallets."""
    from moniqo_core.services.wallets.paper import PaperWallets

    return PaperWallets(_user_wallet_store(), wallets(), _wallet_limit())


@cache
def order_evaluation() -> OrderEvaluation:
    """Letting resting orders meet the market."""
    from moniqo_core.services.orders.paper_evaluation import OrderEvaluation

    return OrderEvaluation(wallets())


@cache
def evaluation_dispatch() -> EvaluationDispatch:
    """Queueing the wallets whose orders are to be evaluated."""
    from moniqo_core.services.orders.paper_evaluation import EvaluationDispatch
    from moniqo_core.services.shared.work_queue import WorkQueue

    return EvaluationDispatch(_due_wallets(), WorkQueue(settings().need("evaluation_queue_url")))
